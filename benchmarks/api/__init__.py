"""What the platform adds around the engine, on real processes: `python -m benchmarks.api`."""
