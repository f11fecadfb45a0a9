"""`client.voices`: the recordings that are kept to be spoken with again."""

import json
from collections.abc import AsyncGenerator, Mapping
from typing import TypedDict, Unpack

from timbre_client.blocking import Blocking, blocking, blocking_items
from timbre_client.listing import Page, read_page, walk
from timbre_client.session import Call, Session, path_of
from timbre_client.uploads import Recording, opened
from timbre_client.voice import Voice, voice_id_of


class VoiceChange(TypedDict, total=False):
    """What is left out stays; None takes transcript or language away. `labels` are all there are to be."""

    name: str
    ref_text: str | None
    language: str | None
    labels: Mapping[str, str]


class AsyncVoices:
    """Calls that take a `Voice` take its id too, and raise `NotFoundError` where there is none of yours."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def create(
        self,
        name: str,
        *,
        consent: str,
        sample: Recording | None = None,
        upload_id: str | None = None,
        consent_recording: Recording | None = None,
        ref_text: str | None = None,
        language: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> Voice:
        """Store a voice, of a `sample` or of what was stored by `uploads.create`.

        Its `report` says what is good and bad in the sample.

        Raises `InvalidRequestError`, `ConflictError` where another has the name, `OSError` for a recording that
        cannot be read.
        """
        noted = None if labels is None else json.dumps(dict(labels))
        given = {"name": name, "consent": consent, "ref_text": ref_text, "language": language, "labels": noted}
        given["upload_id"] = upload_id
        fields = {key: value for key, value in given.items() if value is not None}
        with opened({"sample": sample, "consent_recording": consent_recording}) as files:
            return await self._session.read(Voice, Call("POST", "/voices", fields=fields, files=files))

    async def get(self, voice: Voice | str) -> Voice:
        """The voice as it is now."""
        return await self._session.read(Voice, Call("GET", path_of("voices", voice_id_of(voice)), repeatable=True))

    def list(self, *, name: str | None = None, page_size: int = 100) -> AsyncGenerator[Voice, None]:
        """Your voices, newest first, all of them; with `name`, the one that is called so, if there is one."""
        return walk(lambda cursor: self.page(name=name, limit=page_size, cursor=cursor))

    async def page(self, *, name: str | None = None, limit: int = 20, cursor: str | None = None) -> Page[Voice]:
        """One page of them; `cursor` is the `next_cursor` of the page before."""
        return await read_page(self._session, Voice, "/voices", "voices", limit=limit, cursor=cursor, name=name)

    async def update(self, voice: Voice | str, **change: Unpack[VoiceChange]) -> Voice:
        """Change what is given. A new transcript is held against the sample."""
        document = {name: dict(value) if isinstance(value, Mapping) else value for name, value in change.items()}
        return await self._session.read(Voice, Call("PATCH", path_of("voices", voice_id_of(voice)), json=document))

    async def delete(self, voice: Voice | str, *, delete_jobs: bool = False) -> None:
        """Its recordings are gone for good; with `delete_jobs`, so is all that was made with it."""
        params = {"delete_jobs": "true"} if delete_jobs else {}
        await self._session.request(Call("DELETE", path_of("voices", voice_id_of(voice)), params))


class Voices(Blocking[AsyncVoices]):
    """Calls that take a `Voice` take its id too, and raise `NotFoundError` where there is none of yours."""

    create = blocking(AsyncVoices.create)
    get = blocking(AsyncVoices.get)
    list = blocking_items(AsyncVoices.list)
    page = blocking(AsyncVoices.page)
    update = blocking(AsyncVoices.update)
    delete = blocking(AsyncVoices.delete)
