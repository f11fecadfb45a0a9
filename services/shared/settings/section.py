"""What all sections of the settings have in common."""

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict


class Section(BaseModel):
    """Settings that belong together; a comment `#:` above each says what it means."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=False)

    #: What the section is called in the documentation.
    TITLE: ClassVar[str]


def _split(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


#: Of a field that is a tuple: it may be written as one text.
COMMA_SEPARATED = BeforeValidator(_split)
Listed = Annotated[tuple[str, ...], COMMA_SEPARATED]
