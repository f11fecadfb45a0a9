"""How the platform scales: measured on real servers as far as one machine goes, and simulated beyond."""
