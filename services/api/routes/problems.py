"""`/problems`: what the `type` of an error stands for."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path

from services.api.documentation import problems
from services.api.problems import describe
from services.api.views.problem import ProblemType
from services.shared.links import problem_path

router = APIRouter(tags=["problems"])


@router.get("/problems/{slug}", responses=problems(404, 422), summary="Look up an error's type")
async def read_problem(slug: Annotated[str, Path(max_length=64, examples=["audio-silent"])]) -> ProblemType:
    """The last part of a problem's `type`, explained."""
    problem = describe(slug)
    if problem is None:
        raise HTTPException(404)
    return ProblemType(type=problem_path(slug), title=problem.title, status=problem.status)
