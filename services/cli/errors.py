"""What the command line says when it cannot go on: one line, and what to do."""


class CliError(Exception):
    """Ends the command with `message` on stderr and `exit_code`; `hint` is a second line with the way out."""

    def __init__(self, message: str, *, hint: str = "", exit_code: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exit_code = exit_code
