"""What is measured, against whom, and the last results. See README.md."""
