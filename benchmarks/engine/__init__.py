"""How fast the engine is, beside upstream's packages and the machine's own limit: `python -m benchmarks.engine`."""
