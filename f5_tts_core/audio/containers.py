"""Which container a file is, by its first bytes. What is not listed here is never handed to a decoder.

Playlists, manifests and session descriptions make a demuxer open other files and addresses; they have no place
in this table, whatever the file is called.
"""

from typing import BinaryIO, Final

ACCEPTED: Final = "WAV, FLAC, MP3, OGG (Vorbis, Opus), M4A/MP4, AAC, WebM/Matroska, AIFF, AU and CAF"

#: (offset, bytes there) of each container, and libavformat's name of its demuxer.
_SIGNATURES: Final = (
    (((0, b"RIFF"), (8, b"WAVE")), "wav"),
    (((0, b"RF64"), (8, b"WAVE")), "wav"),
    (((0, b"FORM"), (8, b"AIF")), "aiff"),
    (((0, b"fLaC"),), "flac"),
    (((0, b"OggS"),), "ogg"),
    (((0, b"\x1aE\xdf\xa3"),), "matroska"),
    (((0, b"ID3"),), "mp3"),
    (((0, b"caff"),), "caf"),
    (((0, b".snd"),), "au"),
    (((4, b"ftyp"),), "mov"),
    (((4, b"moov"),), "mov"),
    (((4, b"mdat"),), "mov"),
    (((4, b"wide"),), "mov"),
)


def sniff(head: bytes) -> str | None:
    """The demuxer for a file that starts with `head` (12 bytes are enough), or None."""
    for signature, demuxer in _SIGNATURES:
        if all(head[offset:].startswith(magic) for offset, magic in signature):
            return demuxer
    return _sniff_frame_sync(head)


def extension_of(file: BinaryIO) -> str:
    """What the name of a file that is decoded here would end in. Leaves the file at its start."""
    file.seek(0)
    demuxer = sniff(file.read(16)) or "bin"
    file.seek(0)
    return {"matroska": "webm", "mov": "m4a"}.get(demuxer, demuxer)


def _sniff_frame_sync(head: bytes) -> str | None:
    """Bare MPEG audio has no magic number, only frames that start with eleven set bits."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    is_adts = head[1] & 0xF6 == 0xF0
    return "aac" if is_adts else "mp3"
