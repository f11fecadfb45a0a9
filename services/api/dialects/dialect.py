"""In which service's manner a route is, told by its path, so that one that does not exist has one too; its words."""

from collections.abc import Mapping

from fastapi import Request


def path_of(request: Request) -> str:
    """Below the root path that a proxy has put us under."""
    path: str = request.scope["path"]
    return path.removeprefix(request.scope.get("root_path", ""))


def is_under(prefix: str, request: Request) -> bool:
    path = path_of(request)
    return path == prefix or path.startswith(f"{prefix}/")


def in_words(said: str, names: Mapping[str, str]) -> str:
    """What is said of our fields, by their `names` there."""
    for ours, theirs in names.items():
        said = said.replace(f"`{ours}`", f"`{theirs}`")
    return said
