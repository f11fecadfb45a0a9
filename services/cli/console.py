"""The two streams: results go to `out`, everything said about the work goes to `err`."""

from rich.console import Console

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)
