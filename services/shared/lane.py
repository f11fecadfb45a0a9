"""A job's way to workers: how urgent it is, and which model is to speak it. Each lane has a line and a queue."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from services.shared.priority import PRIORITIES, Priority

#: Between a priority and a model's name, which has none.
SEPARATOR: Final = "@"


@dataclass(frozen=True)
class Lane:
    priority: Priority = Priority.DEFAULT
    #: None: whichever there is, as in installations that hold one.
    model: str | None = None

    @property
    def name(self) -> str:
        return with_model(self.priority, self.model)

    @classmethod
    def parse(cls, name: str) -> "Lane":
        priority, _, model = name.partition(SEPARATOR)
        return cls(Priority(priority), model or None)


#: Of jobs that say nothing.
USUAL: Final = Lane()


def with_model(name: str, model: str | None) -> str:
    return name if model is None else f"{name}{SEPARATOR}{model}"


def lanes_of(models: Iterable[str | None], priorities: Iterable[Priority] = PRIORITIES) -> tuple[Lane, ...]:
    """The most urgent first, and of each priority in the order of the models."""
    names = tuple(models)
    return tuple(Lane(priority, model) for priority in priorities for model in names)


#: Of jobs for whichever model.
UNNAMED: Final = lanes_of([None])
