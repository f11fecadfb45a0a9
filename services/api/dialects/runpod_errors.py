"""Our problems where RunPod's clients look: they read `error` alone."""

import re
from typing import Any, Final

from fastapi import Request

from services.api.dialects.dialect import path_of

_ROUTES: Final = re.compile(r"(/v2/[^/]+)?/(run|runsync|(status|cancel)(/.*)?)")
#: What our fields are called there.
_FIELDS: Final = {"webhook_url": "webhook"}


def speaks_runpod(request: Request) -> bool:
    return _ROUTES.fullmatch(path_of(request)) is not None


def as_runpod(problem: dict[str, Any]) -> dict[str, Any]:
    field = problem.get("field")
    named = {"field": _FIELDS.get(field, field)} if field is not None else {}
    return {**problem, **named, "error": problem["detail"]}
