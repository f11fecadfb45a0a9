import pytest
import torch

from f5_tts_core import errors
from f5_tts_core.devices import (
    Placement,
    available_devices,
    choose_device,
    choose_dtype,
    is_out_of_memory,
    placements,
    precision_name,
)

CUDA, CPU = torch.device("cuda"), torch.device("cpu")


def test_the_best_device_there_is_is_chosen() -> None:
    assert choose_device("auto").type == available_devices()[0]
    assert choose_device("cpu") == CPU


def test_a_device_that_is_not_there_is_refused_by_name() -> None:
    missing = next(name for name in ("xpu", "mps", "cuda") if name not in available_devices())
    with pytest.raises(errors.EngineError, match=missing):
        choose_device(missing)  # type: ignore[arg-type]


def test_the_ladder_ends_on_the_cpu_and_repeats_nothing() -> None:
    ladder = placements(CUDA, torch.bfloat16, allow_cpu=True)
    assert ladder == [
        Placement(CUDA, torch.bfloat16),
        Placement(CUDA, torch.float32),
        Placement(CPU, torch.float32),
    ]
    assert placements(CPU, torch.float32, allow_cpu=True) == [Placement(CPU, torch.float32)]
    assert placements(CUDA, torch.float32, allow_cpu=False) == [Placement(CUDA, torch.float32)]


def test_precisions_go_by_their_names() -> None:
    assert choose_dtype("fp32", CPU) is torch.float32
    assert precision_name(choose_dtype("bf16", CPU)) == "bf16"
    assert str(Placement(CPU, torch.float16)) == "cpu in fp16"


def test_int8_is_for_cpus() -> None:
    assert str(Placement(CPU, choose_dtype("int8", CPU))) == "cpu in int8"
    assert placements(CPU, torch.qint8, allow_cpu=True) == [Placement(CPU, torch.qint8), Placement(CPU, torch.float32)]
    with pytest.raises(errors.EngineError, match="int8"):
        choose_dtype("int8", CUDA)


def test_running_out_of_memory_is_recognised() -> None:
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert not is_out_of_memory(RuntimeError("shapes do not fit"))
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**46)
    assert is_out_of_memory(caught.value)


@pytest.mark.parametrize(
    "words",
    ["CUDA error: out of memory", "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"],
)
def test_running_out_of_memory_is_recognised_where_it_is_told_in_words(words: str) -> None:
    assert is_out_of_memory(RuntimeError(words))
    assert not is_out_of_memory(ValueError(words))


def test_running_out_of_memory_is_recognised_behind_the_capture_that_it_ended() -> None:
    with pytest.raises(RuntimeError) as caught:
        _end_a_capture(torch.OutOfMemoryError("CUDA out of memory"))
    assert is_out_of_memory(caught.value)
    with pytest.raises(RuntimeError) as caught:
        _end_a_capture(RuntimeError("shapes do not fit"))
    assert not is_out_of_memory(caught.value)


def _end_a_capture(error: Exception) -> None:
    try:
        raise error
    finally:
        raise RuntimeError("CUDA error: operation failed due to a previous error during capture")
