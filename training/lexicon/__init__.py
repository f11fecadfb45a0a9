"""Makes the lexicon of the phoneme front end from CMUdict, and measures it."""
