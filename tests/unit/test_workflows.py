"""The workflows for GitHub: of the right form, bounded in time, and naming only what is there."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

WORKFLOWS = sorted(Path(".github/workflows").glob("*.yml"))
BIN = Path(sys.executable).parent


@pytest.mark.parametrize("schema", ["vendor.github-workflows", "custom.github-workflows-require-timeout"])
def test_they_keep_to_the_schema(schema: str) -> None:
    command = [BIN / "check-jsonschema", "--builtin-schema", schema, *WORKFLOWS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_the_targets_that_they_make_exist(workflow: Path) -> None:
    wanted = set(re.findall(r"\bmake ([a-z]+)$", workflow.read_text(), re.MULTILINE))
    targets = set(re.findall(r"^([a-z]+):", Path("Makefile").read_text(), re.MULTILINE))
    assert wanted <= targets


def test_pull_requests_run_what_every_change_has_to_pass() -> None:
    assert "run: .ci/run" in Path(".github/workflows/ci.yml").read_text()


def test_a_release_builds_every_image() -> None:
    release = Path(".github/workflows/release.yml").read_text()
    built = set(re.findall(r"\{image: (\w+)(?:, target: (\w+))?", release))
    files = {path.name.removesuffix(".Dockerfile"): path.read_text() for path in Path("deploy/images").iterdir()}
    targets = {
        name: re.findall(r"^FROM \S+ AS (cuda|cpu)$", text, re.MULTILINE) or [""] for name, text in files.items()
    }
    assert built == {(name, target) for name, each in targets.items() for target in each}


def test_a_release_tells_of_its_own_version_alone(tmp_path: Path) -> None:
    assert '.ci/notes "${GITHUB_REF_NAME#v}" > notes.md' in Path(".github/workflows/release.yml").read_text()
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## Unreleased\n\n- next\n\n## [1.10.0] - 2026-11-25\n\n- this\n\n## 1.1.0\n\n- before\n"
    )
    assert told_of(tmp_path, "1.10.0").stdout.strip() == "- this"
    assert told_of(tmp_path, "1.1.0").stdout.strip() == "- before"
    missing = told_of(tmp_path, "1.1")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "expected a section `## 1.1`" in missing.stderr


def told_of(folder: Path, version: str) -> subprocess.CompletedProcess[str]:
    """What `.ci/notes` says beside the changelog in `folder`."""
    script = folder / ".ci" / "notes"
    script.parent.mkdir(exist_ok=True)
    shutil.copy(Path(".ci/notes"), script)
    return subprocess.run([script, version], capture_output=True, text=True, check=False)
