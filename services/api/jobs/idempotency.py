"""A submission that its client may repeat: the same key makes one job, however often it is sent."""

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Annotated, Final, TypeVar

import structlog
from fastapi import Header
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from f5_tts_core.errors import TimbreError
from services.api.errors import IdempotencyKeyInUse, IdempotencyKeyReused
from services.api.uploads.multipart import Form
from services.shared.errors import BatchNotFound, JobNotFound, Unavailable
from services.shared.job import new_id
from services.shared.parts import Parts
from services.shared.ports import KeptKey

log = structlog.get_logger(__name__)

HEADER: Final = "Idempotency-Key"
REPLAYED_HEADER: Final = "Idempotency-Replayed"
#: Longer than any submission takes, beside fetching a reference; after so long the key's process has died.
RESERVED_SECONDS: Final = 60.0

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias=HEADER,
        min_length=1,
        max_length=255,
        pattern=r"^[!-~]+$",
        description=(
            "Repeating a request with the same key answers the job that the first one made, with "
            f"`{REPLAYED_HEADER}: true`. 409 while the first is being submitted; 422 for another request. "
            "Keys are yours alone, and are kept for a day (`IDEMPOTENCY_SECONDS`)."
        ),
        examples=["0f8fad5b-d9cb-469f-a165-70867728950e"],
    ),
]


def fingerprint(form: Form) -> str:
    """One for each content: all fields, and the hashes of all files."""
    files = {name: upload.sha256 for name, upload in form.files.items()}
    return hashlib.sha256(json.dumps([form.fields, files], sort_keys=True).encode()).hexdigest()


def document_fingerprint(document: BaseModel) -> str:
    """The same of a JSON document, by what it gives."""
    return hashlib.sha256(document.model_dump_json(exclude_unset=True).encode()).hexdigest()


#: What a request makes: a job or a batch.
Made = TypeVar("Made")


class Idempotency:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def once(
        self,
        owner: str,
        key: str | None,
        content: str,
        submit: Callable[[str], Awaitable[Made]],
        find: Callable[[str], Made],
    ) -> tuple[Made, bool]:
        """What this key made and whether it was there before; `submit` makes it if not. Without a key it always does.

        `submit` is given the id of what it makes, which the key holds from the beginning: who dies in between, or
        hears nothing from a store that has written, leaves a job behind that the same request finds.

        Raises `IdempotencyKeyInUse`, `IdempotencyKeyReused`, what `find` raises where it has been deleted meanwhile,
        and whatever `submit` raises, which leaves the key free where nothing was made.
        """
        new = new_id(self._parts.clock())
        if key is None:
            return await submit(new), False
        reservation = KeptKey(content, new, made=False)
        reserve = self._parts.idempotency.reserve
        ttl = RESERVED_SECONDS + self._parts.settings.voice_url_timeout_seconds
        kept = await run_in_threadpool(reserve, owner, key, reservation, ttl)
        if kept is not None:
            return await run_in_threadpool(self._first_made, owner, key, kept, content, find), True
        try:
            made = await submit(new)
        except Exception as error:
            if _is_refusal(error) or await run_in_threadpool(_is_absent, new, find):
                await run_in_threadpool(self._free, owner, key, reservation)
            raise
        await run_in_threadpool(self._keep, owner, key, replace(reservation, made=True))
        return made, False

    def _first_made(self, owner: str, key: str, kept: KeptKey, content: str, find: Callable[[str], Made]) -> Made:
        if kept.fingerprint != content:
            raise IdempotencyKeyReused("The key came with another request before.", field=HEADER, accepted="a new key")
        if kept.job_id is None:
            raise _in_use()
        try:
            made = find(kept.job_id)
        except (JobNotFound, BatchNotFound):
            if kept.made:
                raise
            raise _in_use() from None
        if not kept.made:
            # Who made it may have died before it noted that, and the reservation is about to lapse.
            self._keep(owner, key, replace(kept, made=True))
        return made

    def _keep(self, owner: str, key: str, kept: KeptKey) -> None:
        """What was made is safe by now: a store that went away is no reason to refuse it."""
        try:
            self._parts.idempotency.keep(owner, key, kept, self._parts.settings.idempotency_seconds)
        except Unavailable as error:
            log.warning("idempotency.not_kept", job_id=kept.job_id, error=error.type)

    def _free(self, owner: str, key: str, reservation: KeptKey) -> None:
        try:
            self._parts.idempotency.free(owner, key, reservation)
        except Unavailable as error:
            log.warning("idempotency.not_freed", error=error.type)  # It lapses on its own.


def _in_use() -> IdempotencyKeyInUse:
    return IdempotencyKeyInUse("The first request with this key is still being taken in. Try again shortly.")


def _is_refusal(error: Exception) -> bool:
    """Whether it says by itself that nothing was made."""
    return isinstance(error, TimbreError) and not isinstance(error, Unavailable)


def _is_absent(new: str, find: Callable[[str], Made]) -> bool:
    """Whether nothing was made; False where nobody can tell."""
    try:
        find(new)
    except (JobNotFound, BatchNotFound):
        return True
    except Unavailable:
        return False
    return False
