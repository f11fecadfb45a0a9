"""`/admin/keys`: the API keys of all tenants, for who may manage them. `timbre keys` does the same beside the store."""

from functools import partial
from typing import Annotated, Final

import structlog
from fastapi import APIRouter, Depends, Path, Query, Request, Security
from starlette.concurrency import run_in_threadpool

from services.api import documentation
from services.api.callers.auth import authenticate
from services.api.forms.fields import read_json
from services.api.http.bodies import request_body
from services.api.http.listing import PageCursor, PageLimit, forbid_keeping, refusing_cursors
from services.api.state import State
from services.api.views.key import KeyDraft, KeyList, KeyView, NewKeyView, key_view, new_key_view
from services.shared.scopes import ADMIN

router = APIRouter(
    prefix="/admin/keys",
    tags=["keys"],
    dependencies=[Security(authenticate, scopes=[ADMIN]), Depends(forbid_keeping)],
)
log = structlog.get_logger(__name__)

KeyId = Annotated[str, Path(max_length=64, examples=["0f6b1c2d3e4f5a6b"])]

_problems = partial(
    documentation.problems,
    examples={
        404: ("key-not-found", "No such API key", "There is no key 0f6b1c2d3e4f5a6b.", None),
        422: ("field-invalid", "A field of the request is not valid", "`tenant` is missing.", "tenant"),
    },
    instance="/admin/keys",
)
_DRAFT: Final = request_body(KeyDraft)


@router.post(
    "",
    status_code=201,
    responses=_problems(400, 401, 408, 413, 415, 422, 500, 503),
    openapi_extra=_DRAFT,
    summary="Make an API key",
)
async def add_key(request: Request, state: State) -> NewKeyView:
    """A new key for a tenant. This answer alone holds the key itself."""
    draft = await read_json(request, KeyDraft)
    secret, key = draft.draw(state.parts.clock())
    await run_in_threadpool(state.parts.keys.add, key)
    log.info("key_added", key_id=key.id, owner=key.owner, scopes=key.scopes)
    return new_key_view(key, secret)


@router.get("", responses=_problems(401, 422, 500, 503), summary="List API keys")
def list_keys(
    *,
    state: State,
    limit: PageLimit = 20,
    cursor: PageCursor = None,
    tenant: Annotated[str | None, Query(max_length=128, description="Only the keys of this tenant.")] = None,
) -> KeyList:
    """Keys in the store, newest first. Those that `API_KEYS` names are not among them."""
    with refusing_cursors():
        page = state.parts.keys.page(tenant, limit=limit, cursor=cursor)
    return KeyList(keys=[key_view(key) for key in page.keys], next_cursor=page.next_cursor)


@router.get("/{key_id}", responses=_problems(401, 404, 422, 500, 503), summary="Read an API key")
def read_key(key_id: KeyId, state: State) -> KeyView:
    """What is known of a key; the key itself is not."""
    return key_view(state.parts.keys.get(key_id))


@router.delete("/{key_id}", status_code=204, responses=_problems(401, 404, 422, 500, 503), summary="Revoke an API key")
async def revoke_key(key_id: KeyId, state: State) -> None:
    """It opens nothing from now on; other processes may know it for `KEY_CACHE_SECONDS` more.

    What was made with it stays its tenant's.
    """
    await run_in_threadpool(state.parts.keys.remove, key_id)
    state.authenticator.cache.forget(key_id)
    log.info("key_revoked", key_id=key_id)
