"""Which service's manner a route is in, told by its path, so that routes which do not exist have one too."""

from fastapi import Request


def path_of(request: Request) -> str:
    """Below the root path that a proxy has put us under."""
    path: str = request.scope["path"]
    return path.removeprefix(request.scope.get("root_path", ""))


def is_under(prefix: str, request: Request) -> bool:
    path = path_of(request)
    return path == prefix or path.startswith(f"{prefix}/")
