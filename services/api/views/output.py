"""Base of all answers. No field has a default: what is not there is `null`, never left out by accident."""

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict


class Output(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(frozen=True)


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
