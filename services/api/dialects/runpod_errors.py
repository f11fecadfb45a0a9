"""Our problems where RunPod's clients look: they read `error` alone, and know the fields that they sent."""

import re
from collections.abc import Mapping
from typing import Any, Final

from fastapi import Request

from services.api.dialects.dialect import in_words, path_of

_ROUTES: Final = re.compile(r"(/v2/[^/]+)?/(run|runsync|(status|cancel)(/.*)?)")


def speaks_runpod(request: Request) -> bool:
    return _ROUTES.fullmatch(path_of(request)) is not None


def as_runpod(request: Request, problem: dict[str, Any]) -> dict[str, Any]:
    """`their_names`, in the request's state, are theirs for our fields; none before its body was read."""
    names: Mapping[str, str] = getattr(request.state, "their_names", {})
    told = {**problem, "detail": in_words(problem["detail"], names)}
    if "accepted" in told:
        told["accepted"] = in_words(told["accepted"], names)
    if "field" in told:
        told["field"] = names.get(told["field"], told["field"])
    return {**told, "error": told["detail"]}
