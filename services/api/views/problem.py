"""What the API answers about a type of problem."""

from pydantic import Field

from services.api.views.output import Output


class ProblemType(Output):
    type: str = Field(examples=["/problems/audio-silent"])
    title: str = Field(examples=["The reference audio is silent"])
    status: int = Field(description="What it is answered with.", examples=[400])


class ProblemTypes(Output):
    problems: list[ProblemType]
