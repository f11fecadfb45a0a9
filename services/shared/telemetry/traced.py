"""Parts whose work shows in traces. Whoever uses them does not notice."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, BinaryIO

from services.shared.parts import Parts
from services.shared.ports import BlobStore, Sink, Tracer
from services.shared.telemetry.silent import SilentTracer
from services.shared.telemetry.standing import Standing


def traced(parts: Parts, tracer: Tracer) -> Parts:
    """The same parts, and the tracer, which they take along when they are closed."""
    if isinstance(tracer, SilentTracer):
        return parts
    blobs: Any = TracedBlobs(parts.blobs, tracer)  # All else that the port has, it has by standing for the part.
    return replace(parts, tracer=tracer, blobs=blobs, closers=(*parts.closers, tracer.close))


class TracedBlobs(Standing):
    """`BlobStore`. Audio on its way is a span."""

    def __init__(self, blobs: BlobStore, tracer: Tracer) -> None:
        super().__init__(blobs)
        self._tracer = tracer

    def put(self, key: str, data: BinaryIO, length: int, content_type: str) -> None:
        with self._tracer.span("upload", kind="client", attributes={"timbre.blob": key, "timbre.bytes": length}):
            self._part.put(key, data, length, content_type)

    def get(self, key: str) -> bytes:
        with self._tracer.span("download", kind="client", attributes={"timbre.blob": key}) as span:
            content: bytes = self._part.get(key)
            span.set({"timbre.bytes": len(content)})
        return content

    def read(self, key: str, sink: Sink, *, max_bytes: int) -> None:
        read = 0

        def pass_on(piece: bytes) -> None:
            nonlocal read
            read += len(piece)
            sink(piece)

        with self._tracer.span("download", kind="client", attributes={"timbre.blob": key}) as span:
            try:
                self._part.read(key, pass_on, max_bytes=max_bytes)
            finally:
                span.set({"timbre.bytes": read})

    def stream(self, key: str) -> Iterator[bytes]:
        """Until the store answers: how long the rest takes is up to whom it is sent to."""
        with self._tracer.span("download", kind="client", attributes={"timbre.blob": key}):
            pieces: Iterator[bytes] = self._part.stream(key)
        return pieces

    def copy(self, source: str, target: str) -> None:
        with self._tracer.span("copy", kind="client", attributes={"timbre.blob": target}):
            self._part.copy(source, target)
