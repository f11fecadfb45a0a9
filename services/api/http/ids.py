"""Ids of records as paths name them."""

from typing import Annotated

from fastapi import Path

#: Of a job, batch, voice: longer than any is, so that what is looked for is bounded.
RecordId = Annotated[str, Path(max_length=64, examples=["019342a5b3c04f6e1a2b3c4d5e6f7a8b"])]
