"""F5-TTS inference, fast and independent of who shares the batch. Importing this is light: no torch."""
