"""How much arithmetic a request is. Free of torch."""

from f5_tts_core.architecture import Architecture

_POSITION_KERNEL = 31
_POSITION_GROUPS = 16


def per_frame_parameters(architecture: Architecture) -> int:
    """Parameters that every frame passes in every step: not the text embedding, nor what the time alone passes."""
    a = architecture
    inner = a.heads * a.dim_head
    attention = 3 * _linear(a.dim, inner) + _linear(inner, a.dim)
    feed_forward = _linear(a.dim, a.dim * a.ff_mult) + _linear(a.dim * a.ff_mult, a.dim)
    position = a.dim * a.dim // _POSITION_GROUPS * _POSITION_KERNEL + a.dim
    joined = _linear(2 * a.mel_dim + a.text_dim, a.dim)
    skip = 2 * a.dim * a.dim if a.long_skip_connection else 0
    return a.depth * (attention + feed_forward) + joined + 2 * position + skip + _linear(a.dim, a.mel_dim)


def request_flops(architecture: Architecture, frames: float, nfe_step: int, *, guided: bool = True) -> float:
    """Floating-point operations of one solve of `frames` mel frames; guidance doubles the rows."""
    both = product_flops(architecture, frames) + attention_flops(architecture, frames)
    return nfe_step * both / (1 if guided else 2)


def product_flops(architecture: Architecture, frames: float) -> float:
    """Of what every frame is multiplied with, in one guided step."""
    return 2 * 2.0 * per_frame_parameters(architecture) * frames


def attention_flops(architecture: Architecture, frames: float) -> float:
    """Of what every frame does with every other, in one guided step."""
    a = architecture
    return 2 * 4.0 * a.heads * a.dim_head * a.depth * frames**2


def _linear(inputs: int, outputs: int) -> int:
    return inputs * outputs + outputs
