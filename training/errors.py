"""What can go wrong in the recipe."""


class TrainingError(Exception):
    """The recipe cannot go on: the message says what is missing or wrong."""
