"""`client.batches`: many texts at once."""

import json
import uuid
from collections.abc import AsyncGenerator, Callable, Iterable
from functools import partial
from io import BytesIO
from typing import TypedDict, Unpack

from timbre_client.batch import Batch, BatchResult, batch_id_of
from timbre_client.blocking import Blocking, blocking, blocking_items
from timbre_client.errors import BatchTimeout
from timbre_client.listing import Page, read_page, walk
from timbre_client.polling import Polling, watch
from timbre_client.session import Call, Session, path_of
from timbre_client.tts import AudioOptions, SharedOptions, form_fields
from timbre_client.uploads import Recording, opened
from timbre_client.voice import Voice, voice_id_of


class _Text(TypedDict):
    text: str


class BatchItem(_Text, AudioOptions, total=False):
    """A text, and how it is spoken where that is not how all are."""

    #: Where it is not the batch's: a stored voice, its name or id, or `sample`.
    voice_id: Voice | str | None
    #: Your own name for it, told with its result.
    custom_id: str | None


class AsyncBatches:
    """Every call takes a `Batch` or its id, and raises `NotFoundError` where there is none of yours."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def create(
        self,
        items: Iterable[BatchItem | str],
        *,
        voice: Recording | None = None,
        voice_id: Voice | str | None = None,
        batch_webhook_url: str | None = None,
        idempotency_key: str | None = None,
        **options: Unpack[SharedOptions],
    ) -> Batch:
        """Queue many texts, all or none: each bare, or with options of its own.

        `batch_webhook_url`, an https URL, is told once when the last of its jobs has ended.

        Raises `InvalidRequestError` where any is wrong, whose `problem["errors"]` tells of each by its `line`, from
        1; else what `tts.create` raises.
        """
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        lines = "".join(f"{json.dumps(_item(one))}\n" for one in items)
        with opened({"voice": voice}) as files:
            files["items"] = ("items.jsonl", BytesIO(lines.encode()))
            fields = form_fields(options, voice_id)
            if batch_webhook_url is not None:
                fields["batch_webhook_url"] = batch_webhook_url
            call = Call("POST", "/batches", fields=fields, files=files, headers=headers, repeatable=True)
            return await self._session.read(Batch, call)

    async def get(self, batch: Batch | str) -> Batch:
        """The batch as it is now."""
        return await self._session.read(Batch, self._look(batch))

    def list(self, *, page_size: int = 100) -> AsyncGenerator[Batch, None]:
        """Your batches, newest first, all of them: the next page is fetched when it is come to."""
        return walk(lambda cursor: self.page(limit=page_size, cursor=cursor))

    async def page(self, *, limit: int = 20, cursor: str | None = None) -> Page[Batch]:
        """One page of them; `cursor` is the `next_cursor` of the page before."""
        return await read_page(self._session, Batch, "/batches", "batches", limit=limit, cursor=cursor)

    def results(self, batch: Batch | str, *, page_size: int = 100) -> AsyncGenerator[BatchResult, None]:
        """What became of each item, in the order in which they were given, at any time."""
        path = path_of("batches", batch_id_of(batch), "results")
        turn = partial(read_page, self._session, BatchResult, path, "results", limit=page_size)
        return walk(lambda cursor: turn(cursor=cursor))

    async def wait(
        self,
        batch: Batch | str,
        *,
        timeout: float | None = None,
        on_progress: Callable[[Batch], object] | None = None,
        patience: float = 30.0,
        longest_pause: float = 5.0,
    ) -> Batch:
        """The batch once all of its jobs have ended, however they did; else as `jobs.wait`.

        Raises `BatchTimeout` after `timeout` seconds: the batch goes on then.
        """
        polling = Polling(self._session.clock, timeout=timeout, patience=patience, longest_pause=longest_pause)
        look = partial(self._session.read, Batch, self._look(batch), max_retries=0)
        current = batch if isinstance(batch, Batch) else await self.get(batch)
        current = await watch(self._session, polling, current, look, is_over=_is_over, on_progress=on_progress)
        if not current.is_over:
            raise BatchTimeout(current, timeout or 0.0)
        return current

    async def cancel(self, batch: Batch | str) -> Batch:
        """Its queued jobs end at once, those that are spoken within two solver steps; what is made stays. Raises
        `ConflictError` where all have ended."""
        return await self._session.read(Batch, Call("POST", path_of("batches", batch_id_of(batch), "cancel")))

    async def delete(self, batch: Batch | str) -> None:
        """The batch, its jobs and all their audio are gone for good."""
        await self._session.request(Call("DELETE", path_of("batches", batch_id_of(batch))))

    def _look(self, batch: Batch | str) -> Call:
        return Call("GET", path_of("batches", batch_id_of(batch)), repeatable=True)


class Batches(Blocking[AsyncBatches]):
    """Every call takes a `Batch` or its id, and raises `NotFoundError` where there is none of yours."""

    create = blocking(AsyncBatches.create)
    get = blocking(AsyncBatches.get)
    list = blocking_items(AsyncBatches.list)
    page = blocking(AsyncBatches.page)
    results = blocking_items(AsyncBatches.results)
    wait = blocking(AsyncBatches.wait)
    cancel = blocking(AsyncBatches.cancel)
    delete = blocking(AsyncBatches.delete)


def _is_over(batch: Batch) -> bool:
    return batch.is_over


def _item(item: BatchItem | str) -> dict[str, object]:
    """As the server reads it."""
    if isinstance(item, str):
        return {"text": item}
    given = {name: value for name, value in item.items() if value is not None}
    voice = item.get("voice_id")
    return given if voice is None else given | {"voice_id": voice_id_of(voice)}
