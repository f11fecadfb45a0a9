"""Compiles the GPU's kernels, which takes no GPU: writes each one's name, and what shared memory its blocks take.

In a process of its own: what Triton's interpreter runs, as in the tests, can no longer be compiled.
"""

import sys
from typing import Any

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from f5_tts_core.network import kernels

WEIGHTS = "*bf16"
#: Of each kernel its arguments' types, its constants at the base size, and how it is launched.
BASE: tuple[tuple[Any, dict[str, str], dict[str, Any], dict[str, int]], ...] = (
    (
        kernels._norm_kernel,
        dict.fromkeys(("x", "change", "gate", "scale", "shift", "summed", "normed"), WEIGHTS)
        | {"frames": "i32", "stride": "i32"},
        {"EPS": 1e-6, "DIM": 1024, "BLOCK": 1024, "GATED": True},
        {},
    ),
    (
        kernels._rotate_kernel,
        {"qkv": WEIGHTS, "rotary": "*fp32", "frames": "i32"},
        {"WIDTH": 3072, "DIM_HEAD": 64, "TURNED": 1024, "BLOCK": 1024},
        {},
    ),
    (
        kernels._attend_kernel,
        {"qkv": WEIGHTS, "joined": WEIGHTS, "lengths": "*i64", "frames": "i32"},
        {"HEADS": 16, "DIM_HEAD": 64, "QUERIES": kernels.BLOCKS.queries, "KEYS": kernels.BLOCKS.keys},
        {"num_warps": kernels.BLOCKS.warps, "num_stages": kernels.BLOCKS.stages},
    ),
    (
        kernels._convolve_kernel,
        dict.fromkeys(("x", "weight", "bias"), WEIGHTS) | {"lengths": "*i64", "convolved": WEIGHTS, "frames": "i32"},
        {"DIM": 1024, "CHANNELS": 64, "TAPS": 31, "FRAMES": kernels.CONVOLVED, "BLOCK": 64},
        {"num_warps": 4, "num_stages": 3},
    ),
)


def main() -> None:
    target = GPUTarget("cuda", int(sys.argv[1]), 32)
    for kernel, arguments, constants, launch in BASE:
        aligned = {(place,): [["tt.divisibility", 16]] for place in range(len(arguments))}
        source = ASTSource(kernel, arguments | dict.fromkeys(constants, "constexpr"), constants, aligned)
        compiled = triton.compile(source, target=target, options=launch)
        sys.stdout.write(f"{kernel.__name__} {compiled.metadata.shared}\n")


if __name__ == "__main__":
    main()
