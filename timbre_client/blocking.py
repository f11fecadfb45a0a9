"""How each call is written once: the asynchronous one runs, without an event loop, over a line that never suspends."""

from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from functools import wraps
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

Inner = TypeVar("Inner")
Inner_co = TypeVar("Inner_co", covariant=True)
P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")


class Blocking(Generic[Inner_co]):
    """Base of what has the calls of an asynchronous `Inner`, and blocks in each until it is done."""

    def __init__(self, inner: Inner_co) -> None:
        self._inner = inner


def run(work: Coroutine[Any, Any, T]) -> T:
    """What `work` returns, or raises. It must have nothing to wait for that is not waited for within it."""
    try:
        work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    work.close()
    raise RuntimeError("A blocking call was suspended.")


def iterate(items: AsyncGenerator[T, None]) -> Iterator[T]:
    """The items of `items`, which is closed with the iterator."""
    try:
        while True:
            try:
                item = run(items.__anext__())
            except StopAsyncIteration:
                return
            yield item
    finally:
        run(items.aclose())


def blocking(
    call: Callable[Concatenate[Inner, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Blocking[Inner], P], T]:
    @wraps(call)
    def wait(self: Blocking[Inner], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return run(call(self._inner, *args, **kwargs))

    return wait


def blocking_into(
    wrap: Callable[[T], R], call: Callable[Concatenate[Inner, P], Coroutine[Any, Any, T]]
) -> Callable[Concatenate[Blocking[Inner], P], R]:
    """The same for a call whose result is itself asynchronous, and `wrap` makes it blocking."""

    @wraps(call)
    def wait(self: Blocking[Inner], /, *args: P.args, **kwargs: P.kwargs) -> R:
        return wrap(run(call(self._inner, *args, **kwargs)))

    return wait


def blocking_items(
    call: Callable[Concatenate[Inner, P], AsyncGenerator[T, None]],
) -> Callable[Concatenate[Blocking[Inner], P], Iterator[T]]:
    @wraps(call)
    def walk(self: Blocking[Inner], /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        return iterate(call(self._inner, *args, **kwargs))

    return walk
