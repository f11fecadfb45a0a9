"""`/problems`: what the `type` of an error stands for."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path

from services.api.documentation import problems
from services.api.problems import Problem, problem_types
from services.api.views.problem import ProblemType, ProblemTypes
from services.shared.links import problem_path

router = APIRouter(prefix="/problems", tags=["problems"])


@router.get("", summary="List the types of errors")
async def list_problems() -> ProblemTypes:
    """All that the `type` of an error may be, by status."""
    return ProblemTypes(problems=[_view(problem) for problem in problem_types().values()])


@router.get("/{slug}", responses=problems(404, 422), summary="Look up an error's type")
async def read_problem(slug: Annotated[str, Path(max_length=64, examples=["audio-silent"])]) -> ProblemType:
    """The last part of a problem's `type`, explained."""
    problem = problem_types().get(slug)
    if problem is None:
        raise HTTPException(404)
    return _view(problem)


def _view(problem: Problem) -> ProblemType:
    return ProblemType(type=problem_path(problem.type), title=problem.title, status=problem.status)
