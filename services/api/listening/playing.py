"""Audio over a WebSocket: in binary messages, between messages of JSON that tell what it is."""

from contextlib import aclosing
from typing import Any, Final

from fastapi import WebSocket
from starlette.concurrency import run_in_threadpool

from f5_tts_core.audio.streaming import StreamEncoder
from f5_tts_core.formats import FORMATS, Encoding
from services.api.errors import ApiError, SpeechBrokenOff
from services.api.jobs.speaking import require_output, stored_audio
from services.api.listening.hearing import hear
from services.api.listening.streamed import SpeechCut
from services.api.listening.streaming import encoded, first_samples
from services.api.state import ApiState
from services.shared.job import Job

#: Bytes of one message of audio: what clients take without being told to take more.
FRAME_BYTES: Final = 32 * 1024


async def play(websocket: WebSocket, state: ApiState, job: Job) -> None:
    """A job's speech from its beginning, as it is made; of one that has ended, its audio as it is stored.

    Raises `JobFailed`, `AudioNotReady`, `AudioExpired`, `JobNotFound`, `NotInTime`, `SpeechBrokenOff`, `Unavailable`,
    `WebSocketDisconnect`.
    """
    await websocket.send_json(started(job.input.encoding, job_id=job.id))
    try:
        async with aclosing(hear(state.parts, job)) as speech:
            if first := await first_samples(speech, state.parts.settings.max_wait_seconds):
                async with aclosing(encoded(first, speech, StreamEncoder(job.input.encoding))) as audio:
                    async for piece in audio:
                        await send_audio(websocket, piece)
            else:
                ended = await run_in_threadpool(state.parts.jobs.get, job.id)
                async with aclosing(await stored_audio(state, ended)) as audio:
                    async for piece in audio:
                        await send_audio(websocket, piece)
    except SpeechCut as cut:
        raise await why_cut(state, job, cut) from cut
    await websocket.send_json({"event": "done", "job_id": job.id})
    await websocket.close()


def started(encoding: Encoding, **more: Any) -> dict[str, Any]:
    """What comes before all audio."""
    return {
        "event": "started",
        "format": encoding.format,
        "content_type": FORMATS[encoding.format].content_type,
        "sample_rate": encoding.sample_rate,
        **more,
    }


async def send_audio(websocket: WebSocket, audio: bytes) -> None:
    for start in range(0, len(audio), FRAME_BYTES):
        await websocket.send_bytes(audio[start : start + FRAME_BYTES])


async def why_cut(state: ApiState, job: Job, cut: SpeechCut) -> ApiError:
    """Raises what an ended job's record says, where it says anything."""
    latest = await run_in_threadpool(state.parts.jobs.get, job.id)
    if latest.status.is_terminal:
        require_output(latest)
    return SpeechBrokenOff(str(cut))
