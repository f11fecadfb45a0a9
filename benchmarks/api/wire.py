"""A client that costs little: on the machine that it measures, its own work counts too."""

from dataclasses import dataclass
from typing import Final

import urllib3

from f5_tts_core.testing import speech_like, wav_bytes

#: The longest that an answer may take.
_TIMEOUT_SECONDS: Final = 60.0
_VOICE_SECONDS: Final = 5.0


@dataclass(frozen=True)
class Form:
    """A request of `POST /tts`, encoded once for all times that it is sent."""

    body: bytes
    content_type: str

    @classmethod
    def make(cls, number: int = 0) -> "Form":
        """A sentence and five seconds of a voice, its transcript known. Another `number` is another recording."""
        speech = speech_like(_VOICE_SECONDS)
        speech.samples[-1] = number / 32_767
        fields: dict[str, str | bytes | tuple[str, str | bytes] | tuple[str, str | bytes, str]] = {
            "text": "The children walked to school in the snow.",
            "ref_text": "We will meet at the old station tomorrow morning.",
            "voice": ("voice.wav", wav_bytes(speech), "audio/wav"),
        }
        return cls(*urllib3.encode_multipart_formdata(fields))


@dataclass(frozen=True)
class Answer:
    job_id: str
    body: bytes


class Client:
    """Thread-safe, over connections that stay open."""

    def __init__(self, url: str, connections: int = 1) -> None:
        timeout = urllib3.Timeout(_TIMEOUT_SECONDS)
        self._pool = urllib3.connection_from_url(
            url, maxsize=connections, block=True, timeout=timeout, retries=urllib3.Retry(False)
        )

    def close(self) -> None:
        self._pool.close()

    def get(self, path: str) -> Answer:
        return self._ask("GET", path, 200)

    def post(self, form: Form) -> Answer:
        """Have it accepted."""
        return self._ask("POST", "/tts", 202, form.body, {"Content-Type": form.content_type})

    def speak(self, form: Form) -> Answer:
        """Wait for the audio."""
        headers = {"Content-Type": form.content_type, "Prefer": f"wait={_TIMEOUT_SECONDS - 10:g}"}
        return self._ask("POST", "/tts", 200, form.body, headers)

    def _ask(
        self, method: str, path: str, expected: int, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        answer = self._pool.request(method, path, body=body, headers=headers)
        assert answer.status == expected, f"{method} {path}: {answer.status} {answer.data[:500]!r}"
        return Answer(answer.headers.get("X-Job-Id", ""), answer.data)
