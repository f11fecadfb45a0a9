"""The recipe at its smallest, run once for all tests here: texts, speech, both networks, export."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from training.__main__ import main


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The build folder after `python -m training all --size smoke`."""
    folder = tmp_path_factory.mktemp("training")
    arguments = ["--size", "smoke", "--build", str(folder), "--device", "cpu", "--threads", "1", "--processes", "1"]
    assert main(["all", *arguments, "--adversarial"]) == 0
    return folder
