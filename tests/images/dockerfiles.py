"""The Dockerfiles, as far as one can read them without an engine."""

import re
import shlex
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATHS = sorted((ROOT / "deploy/images").glob("*.Dockerfile"))


@dataclass(frozen=True)
class Stage:
    base: str
    name: str
    #: Keyword and the rest of the line, continued lines joined.
    lines: tuple[tuple[str, str], ...]

    def of(self, keyword: str) -> list[str]:
        return [rest for word, rest in self.lines if word == keyword]


@dataclass(frozen=True)
class Dockerfile:
    path: Path

    @cached_property
    def stages(self) -> list[Stage]:
        joined = re.sub(r"\\\n\s*", " ", re.sub(r"^#.*\n", "", self.path.read_text(), flags=re.MULTILINE))
        found: list[tuple[str, str, list[tuple[str, str]]]] = []
        for line in filter(None, map(str.strip, joined.splitlines())):
            keyword, _, rest = line.partition(" ")
            if keyword == "FROM":
                base, _, name = rest.partition(" AS ")
                found.append((base, name, []))
            else:
                found[-1][2].append((keyword, rest))
        return [Stage(base, name, tuple(lines)) for base, name, lines in found]

    @property
    def final(self) -> list[Stage]:
        """The stages that become images, each behind the stage it stands on."""
        images = [stage for stage in self.stages if not any(other.base == stage.name for other in self.stages)]
        return [stage for stage in images if not any(f"--from={stage.name}" in copy for copy in self.copies)]

    @property
    def copies(self) -> list[str]:
        return [copy for stage in self.stages for copy in stage.of("COPY")]

    def whole(self, image: Stage) -> list[tuple[str, str]]:
        """An image's lines, with those of the stage it stands on."""
        below = [stage for stage in self.stages if stage.name and stage.name == image.base]
        return [line for stage in (*below, image) for line in stage.lines]

    @cached_property
    def installs(self) -> list[list[str]]:
        """The words of every `pip … install`."""
        commands = [part for stage in self.stages for run in stage.of("RUN") for part in run.split("&&")]
        return [shlex.split(one) for one in commands if one.strip().startswith("pip ")]


DOCKERFILES = [Dockerfile(path) for path in PATHS]
