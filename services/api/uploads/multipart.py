"""Reading one multipart form within bounds: files spooled to disk and hashed, fields small and strictly UTF-8.

Stricter than a framework's form: a part that is unknown, repeated, too large or of the wrong kind is refused by
name, as soon as its headers or bytes show it.
"""

from collections.abc import AsyncIterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool

from services.api.errors import InvalidField, MalformedForm, PayloadTooLarge, UnsupportedMediaType
from services.api.uploads.spool import Spool, Upload


@dataclass(frozen=True)
class FormShape:
    """The parts a form may have, each at most once, with the bytes each may hold."""

    fields: Mapping[str, int]
    files: Mapping[str, int]


@dataclass
class Form(AbstractContextManager["Form"]):
    """What was sent. Closes its files when left."""

    fields: dict[str, str] = field(default_factory=dict)
    files: dict[str, Upload] = field(default_factory=dict)
    #: False: the fields came as JSON, and what is fetched for them is kept here.
    was_sent: bool = False

    def __exit__(self, *_: object) -> None:
        for upload in self.files.values():
            upload.file.close()


def is_form(content_type: str | None) -> bool:
    """Whether the body is to be read as a form, be it one that we can read."""
    return (content_type or "").strip().lower().startswith("multipart/")


async def read_form(content_type: str | None, stream: AsyncIterable[bytes], shape: FormShape) -> Form:
    """The whole form. Raises `ApiError`, and whatever `stream` raises; nothing is left open then."""
    builder = _Builder(shape)
    parser = _parser(content_type, builder)
    try:
        async for piece in stream:
            if piece:  # The last one is empty.
                # Hashing and writing to disk are not for the event loop.
                await run_in_threadpool(_feed, parser, piece)
        return builder.finish()
    except BaseException:
        builder.discard()
        raise


def _parser(content_type: str | None, builder: "_Builder") -> MultipartParser:
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data":
        raise UnsupportedMediaType("The request's body is not a multipart form.", accepted="multipart/form-data")
    boundary = options.get(b"boundary")
    if not boundary:
        raise MalformedForm("The content type names no boundary.")
    try:
        return MultipartParser(
            boundary,
            {
                "on_part_begin": builder.on_part_begin,
                "on_header_field": builder.on_header_field,
                "on_header_value": builder.on_header_value,
                "on_header_end": builder.on_header_end,
                "on_headers_finished": builder.on_headers_finished,
                "on_part_data": builder.on_part_data,
                "on_part_end": builder.on_part_end,
                "on_end": builder.on_end,
            },
        )
    except FormParserError as error:
        raise MalformedForm("The content type's boundary is too long.") from error


def _feed(parser: MultipartParser, piece: bytes) -> None:
    try:
        parser.write(piece)
    except FormParserError as error:
        raise MalformedForm("The body is not a well-formed multipart form.") from error


class _FieldPart:
    def __init__(self, name: str) -> None:
        self._name = name
        self._data = bytearray()

    def write(self, data: bytes) -> None:
        self._data += data

    def deliver(self, form: Form) -> None:
        try:
            form.fields[self._name] = self._data.decode()
        except UnicodeDecodeError as error:
            raise InvalidField(f"`{self._name}` is not UTF-8.", field=self._name, accepted="UTF-8 text") from error

    def close(self) -> None:
        self._data.clear()


class _FilePart:
    def __init__(self, name: str, *, has_filename: bool) -> None:
        self._name = name
        self._has_filename = has_filename
        self._spool = Spool()

    def write(self, data: bytes) -> None:
        self._spool.write(data)

    def deliver(self, form: Form) -> None:
        upload = self._spool.finish()
        if upload.size or self._has_filename:
            form.files[self._name] = upload
        else:
            upload.file.close()  # A browser's, where nobody chose a file.

    def close(self) -> None:
        self._spool.close()


class _BlankPart:
    """In a file's place: empty, as a page sends it that has no file, it counts as left out."""

    def __init__(self, name: str) -> None:
        self._name = name

    def write(self, data: bytes) -> None:
        if data:
            raise InvalidField(f"`{self._name}` must be a file.", field=self._name, accepted="a file")

    def deliver(self, form: Form) -> None: ...

    def close(self) -> None: ...


class _Builder:
    """The parser's callbacks: one part at a time, delivered to the form when it ends."""

    def __init__(self, shape: FormShape) -> None:
        self._shape = shape
        self._known = {**shape.fields, **shape.files}
        self._form = Form(was_sent=True)
        self._seen: set[str] = set()
        self._headers: dict[bytes, bytes] = {}
        self._header_name = b""
        self._header_value = b""
        self._name = ""
        self._room = 0
        self._part: _FieldPart | _FilePart | _BlankPart | None = None
        self._ended = False

    def on_part_begin(self) -> None:
        self._headers = {}

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def on_header_end(self) -> None:
        self._headers[self._header_name.lower()] = self._header_value
        self._header_name = self._header_value = b""

    def on_headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        self._name = options.get(b"name", b"").decode(errors="replace")
        filename = options.get(b"filename")
        self._refuse_unexpected(self._name, is_file=filename is not None)
        self._seen.add(self._name)
        self._room = self._known[self._name]
        self._part = self._begin(filename)

    def _begin(self, filename: bytes | None) -> "_FieldPart | _FilePart | _BlankPart":
        if self._name not in self._shape.files:
            return _FieldPart(self._name)
        return _BlankPart(self._name) if filename is None else _FilePart(self._name, has_filename=bool(filename))

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._room -= end - start
        if self._room < 0:
            raise self._too_large()
        if self._part is not None:
            self._part.write(data[start:end])

    def on_part_end(self) -> None:
        if self._part is not None:
            self._part.deliver(self._form)
            self._part = None

    def on_end(self) -> None:
        self._ended = True

    def finish(self) -> Form:
        if not self._ended:
            raise MalformedForm("The form breaks off before its closing boundary.")
        return self._form

    def discard(self) -> None:
        if self._part is not None:
            self._part.close()
        self._form.__exit__()

    def _refuse_unexpected(self, name: str, *, is_file: bool) -> None:
        if name not in self._known:
            accepted = ", ".join(self._known)
            raise InvalidField(f"There is no field `{name[:64]}`.", field=name[:64], accepted=accepted)
        if name in self._seen:
            raise InvalidField(f"`{name}` is given more than once.", field=name, accepted="one value")
        if is_file and name not in self._shape.files:
            raise InvalidField(f"`{name}` must be text.", field=name, accepted="text")

    def _too_large(self) -> PayloadTooLarge:
        limit = self._known[self._name]
        detail = f"`{self._name}` has more than {limit} bytes."
        return PayloadTooLarge(detail, field=self._name, accepted=f"at most {limit} bytes")
