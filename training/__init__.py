"""The recipe that makes the bundled model `timbre-tiny` from nothing. `python -m training --help` lists its steps."""
