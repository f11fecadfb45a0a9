"""What the API answers about a type of problem."""

from services.api.views.output import Output


class ProblemType(Output):
    type: str
    title: str
    status: int
