"""Ids of records as paths name them."""

from typing import Annotated, Final

from fastapi import Path

EXAMPLE_ID: Final = "019342a5b3c04f6e1a2b3c4d5e6f7a8b"
#: Of a job, batch, voice: longer than any is, so that what is looked for is bounded.
RecordId = Annotated[str, Path(max_length=64, examples=[EXAMPLE_ID])]
