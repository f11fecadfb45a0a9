"""What every `BlobStore` must do."""

import base64
import hashlib
import io
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from minio import Minio

from services.shared.adapters.s3_blobs import S3BlobStore, connect_s3
from services.shared.errors import BlobNotFound, BlobStoreUnavailable, ContentTooLarge, LifetimesRefused
from services.shared.ports import BlobStore, UploadOffer
from services.shared.settings import Settings
from services.shared.testing import START, ManualClock, MemoryBlobStore
from tests.s3_server import S3Server, s3_client


@dataclass(frozen=True)
class Harness:
    store: BlobStore
    clock: ManualClock
    #: What a client gets under a URL; raises `PermissionError` where it is refused.
    fetch: Callable[[str], bytes]
    #: What a client does with an offer; raises `PermissionError` where it is refused.
    post: Callable[[UploadOffer, bytes], None]
    #: After how many seconds the store by itself deletes what lies under which prefix.
    lifetimes: Callable[[], dict[str, float]]
    #: The server's time, which is not ours.
    server_clock: Callable[[], float]


@pytest.fixture(params=["memory", "s3"])
def harness(request: pytest.FixtureRequest) -> Iterator[Harness]:
    clock = ManualClock(START)
    if request.param == "memory":
        memory = MemoryBlobStore(clock)
        yield Harness(memory, clock, memory.fetch, memory.post, lambda: dict(memory.lifetimes or {}), clock)
    else:
        store = s3_store(request.getfixturevalue("settings"), clock)
        store.ensure_bucket()
        store.delete_prefix("")
        client = s3_client(request.getfixturevalue("settings"))
        client.delete_bucket_lifecycle("contract")
        yield Harness(store, clock, fetch, post, lambda: s3_lifetimes(client), time.time)


@pytest.fixture
def store(harness: Harness) -> BlobStore:
    return harness.store


def s3_store(settings: Settings, clock: Callable[[], float], **overrides: str) -> S3BlobStore:
    values = {
        "endpoint": str(settings.s3_endpoint),
        "access_key": settings.s3_access_key.get_secret_value(),
        "secret_key": settings.s3_secret_key.get_secret_value(),
        "region": "us-east-1",
    }
    bucket, public = overrides.pop("bucket", "contract"), overrides.pop("public_base_url", None)
    client = connect_s3(**values | overrides)
    return S3BlobStore(client, client, bucket=bucket, clock=clock, public_base_url=public)


def post(offer: UploadOffer, content: bytes) -> None:
    answer = httpx.post(offer.url, data=dict(offer.fields), files={"file": ("audio", content)})
    if answer.is_error:
        raise PermissionError(answer.text)


def s3_lifetimes(client: Minio) -> dict[str, float]:
    found = client.get_bucket_lifecycle("contract")
    assert found is not None
    return {rule.rule_filter.prefix: rule.expiration.days * 86_400 for rule in found.rules}


def fetch(url: str) -> bytes:
    return read(url)[0]


def read(url: str) -> tuple[bytes, dict[str, str]]:
    try:
        with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310 (a URL we signed)
            return response.read(), {name.lower(): value for name, value in response.headers.items()}
    except urllib.error.HTTPError as error:
        with error:
            if error.code != 403:
                raise
        raise PermissionError(url) from error


def _put(store: BlobStore, key: str, content: bytes) -> None:
    store.put(key, io.BytesIO(content), len(content), "audio/wav")


def test_what_was_put_comes_back(store: BlobStore) -> None:
    _put(store, "inputs/1/reference", b"RIFF\x00\xff")
    assert store.get("inputs/1/reference") == b"RIFF\x00\xff"


def test_empty_and_large_blobs(store: BlobStore) -> None:
    large = bytes(range(256)) * 32_768  # 8 MiB: more than one part
    for content in (b"", large):
        _put(store, "inputs/1/reference", content)
        assert store.get("inputs/1/reference") == content


def test_a_large_blob_comes_piece_by_piece(store: BlobStore) -> None:
    large = bytes(range(256)) * 1_024
    _put(store, "outputs/1/1.wav", large)
    pieces = list(store.stream("outputs/1/1.wav"))
    assert b"".join(pieces) == large
    assert max(map(len, pieces)) <= 65_536
    with pytest.raises(BlobNotFound):
        store.stream("outputs/none/1.wav")


def test_the_last_put_counts(store: BlobStore) -> None:
    _put(store, "outputs/1/1.wav", b"first")
    _put(store, "outputs/1/1.wav", b"second")
    assert store.get("outputs/1/1.wav") == b"second"


def test_only_the_length_that_was_said_is_stored(store: BlobStore) -> None:
    store.put("inputs/1/reference", io.BytesIO(b"audio and more"), 5, "audio/wav")
    assert store.get("inputs/1/reference") == b"audio"


def test_data_that_ends_early_stores_nothing(store: BlobStore) -> None:
    with pytest.raises(ValueError, match="ended"):
        store.put("inputs/1/reference", io.BytesIO(b"short"), 6, "audio/wav")
    with pytest.raises(BlobNotFound):
        store.get("inputs/1/reference")


def test_a_missing_blob(store: BlobStore) -> None:
    with pytest.raises(BlobNotFound):
        store.get("inputs/none/reference")
    store.delete("inputs/none/reference")
    store.delete_prefix("inputs/none/")


def test_deleted_is_gone(store: BlobStore) -> None:
    _put(store, "inputs/1/reference", b"audio")
    store.delete("inputs/1/reference")
    with pytest.raises(BlobNotFound):
        store.get("inputs/1/reference")


def test_a_copy_is_a_blob_of_its_own(store: BlobStore) -> None:
    _put(store, "outputs/1/1.wav", b"audio")
    store.copy("outputs/1/1.wav", "outputs/2/1.wav")
    store.delete("outputs/1/1.wav")
    assert store.get("outputs/2/1.wav") == b"audio"
    _put(store, "outputs/3/1.wav", b"other")
    store.copy("outputs/3/1.wav", "outputs/2/1.wav")
    assert store.get("outputs/2/1.wav") == b"other"


def test_nothing_is_copied_of_a_missing_blob(store: BlobStore) -> None:
    for missing in ("outputs/1/1.wav", "outputs/none at all/1.wav"):
        with pytest.raises(BlobNotFound):
            store.copy(missing, "outputs/2/1.wav")
    with pytest.raises(BlobNotFound):
        store.get("outputs/2/1.wav")


def test_a_prefix_is_deleted_and_nothing_else(store: BlobStore) -> None:
    for key in ("outputs/1/1.wav", "outputs/1/2.flac", "outputs/10/1.wav", "inputs/1/reference"):
        _put(store, key, b"audio")
    store.delete_prefix("outputs/1/")
    for key in ("outputs/1/1.wav", "outputs/1/2.flac"):
        with pytest.raises(BlobNotFound):
            store.get(key)
    assert store.get("outputs/10/1.wav") == store.get("inputs/1/reference") == b"audio"


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_pages_hold_every_blob_once_in_order(store: BlobStore, limit: int) -> None:
    keys = ["outputs/1/1.wav", "outputs/1/2.flac", "outputs/10/1.wav", "outputs/2/1.wav"]
    for key in (*reversed(keys), "inputs/1/reference", "outputs2/1.wav"):
        _put(store, key, b"audio")
    seen: list[str] = []
    while len(page := store.page("outputs/", limit=limit, after=seen[-1] if seen else None)) == limit:
        seen += [blob.key for blob in page]
    assert [*seen, *(blob.key for blob in page)] == keys


def test_a_page_goes_on_behind_what_was_deleted_meanwhile(store: BlobStore) -> None:
    for number in range(4):
        _put(store, f"outputs/{number}/1.wav", b"audio")
    store.delete_prefix("outputs/1/")
    assert [blob.key for blob in store.page("outputs/", limit=1, after="outputs/1/1.wav")] == ["outputs/2/1.wav"]


def test_a_page_says_when_a_blob_was_stored(harness: Harness) -> None:
    before = harness.server_clock()
    _put(harness.store, "outputs/1/1.wav", b"audio")
    (blob,) = harness.store.page("outputs/", limit=10)
    assert before - 2 < blob.stored_at < harness.server_clock() + 2
    assert list(harness.store.page("nothing/", limit=10)) == []


def test_the_store_never_deletes_early_by_itself(harness: Harness) -> None:
    asked = {"inputs/": 3_600.0, "outputs/": 7 * 86_400.0}
    for _ in range(2):
        harness.store.set_lifetimes(asked)
        found = harness.lifetimes()
        assert found.keys() == asked.keys()
        assert all(seconds <= found[prefix] <= seconds + 86_400 for prefix, seconds in asked.items())


def test_the_latest_lifetimes_count(harness: Harness) -> None:
    harness.store.set_lifetimes({"outputs/": 7 * 86_400.0})
    harness.store.set_lifetimes({"outputs/": 20 * 86_400.0})
    assert 20 * 86_400 <= harness.lifetimes()["outputs/"] <= 21 * 86_400


def test_anybody_can_fetch_a_signed_url(harness: Harness) -> None:
    _put(harness.store, "outputs/1/1.wav", b"audio")
    harness.clock.now = _now()
    assert harness.fetch(harness.store.sign("outputs/1/1.wav", expires_seconds=60, filename="a.wav")) == b"audio"


def test_a_changed_url_is_refused(harness: Harness) -> None:
    for key in ("outputs/1/1.wav", "outputs/2/1.wav"):
        _put(harness.store, key, b"audio")
    harness.clock.now = _now()
    url = harness.store.sign("outputs/1/1.wav", expires_seconds=60, filename="a.wav")
    unsigned = url.partition("?")[0]
    for other in (url[:-1] + ("0" if url[-1] != "0" else "1"), url.replace("/1/1.wav", "/2/1.wav"), unsigned):
        with pytest.raises(PermissionError):
            harness.fetch(other)


def test_an_expired_url_is_refused(harness: Harness) -> None:
    _put(harness.store, "outputs/1/1.wav", b"audio")
    harness.clock.now = _now() - 120
    url = harness.store.sign("outputs/1/1.wav", expires_seconds=60, filename="a.wav")
    harness.clock.now = _now()
    with pytest.raises(PermissionError):
        harness.fetch(url)


OFFERED = "uploads/a/1"


def _offer(harness: Harness, seconds: int = 60) -> UploadOffer:
    harness.clock.now = _now()
    return harness.store.offer(OFFERED, max_bytes=1_000, expires_seconds=seconds)


@pytest.mark.parametrize("size", [1, 1_000])
def test_anybody_can_store_what_was_offered(harness: Harness, size: int) -> None:
    harness.post(_offer(harness), b"x" * size)
    assert harness.store.get(OFFERED) == b"x" * size


@pytest.mark.parametrize("size", [0, 1_001, 2_000_000])
def test_an_offer_holds_for_its_size(harness: Harness, size: int) -> None:
    with pytest.raises(PermissionError):
        harness.post(_offer(harness), b"x" * size)
    assert list(harness.store.page("uploads/", limit=10)) == []


@pytest.mark.parametrize("change", [{"key": "uploads/a/2"}, {"key": "outputs/1/1.wav"}, {"signature": "0" * 64}])
def test_an_offer_that_was_changed_is_none(harness: Harness, change: dict[str, str]) -> None:
    offer = _offer(harness)
    changed = {name: change.get(name.removeprefix("x-amz-"), value) for name, value in offer.fields.items()}
    assert changed != offer.fields
    with pytest.raises(PermissionError):
        harness.post(UploadOffer(offer.url, changed), b"audio")
    assert list(harness.store.page("", limit=10)) == []


def test_an_offer_runs_out(harness: Harness) -> None:
    offer = _offer(harness, seconds=-1)
    with pytest.raises(PermissionError):
        harness.post(offer, b"audio")


def test_a_blob_is_read_up_to_a_size(store: BlobStore) -> None:
    _put(store, "uploads/a/1", b"audio" * 100_000)
    read = bytearray()
    store.read("uploads/a/1", read.extend, max_bytes=500_000)
    assert bytes(read) == b"audio" * 100_000
    with pytest.raises(ContentTooLarge):
        store.read("uploads/a/1", read.extend, max_bytes=499_999)
    with pytest.raises(BlobNotFound):
        store.read("uploads/a/2", read.extend, max_bytes=1)


def _now() -> float:
    """The server's time: signatures hold by its clock, not by ours."""
    return time.time()


def test_a_store_that_is_away(harness: Harness) -> None:
    down = _down(harness.store)
    for call in (
        down.ping,
        lambda: down.get("a"),
        lambda: down.read("a", print, max_bytes=1),
        lambda: down.offer("a", max_bytes=1, expires_seconds=60),
        lambda: _put(down, "a", b"audio"),
        lambda: down.copy("a", "b"),
        lambda: down.delete("a"),
        lambda: down.delete_prefix("a"),
        lambda: down.page("a", limit=1),
        lambda: down.set_lifetimes({"a": 1.0}),
    ):
        with pytest.raises(BlobStoreUnavailable):
            call()


def _down(store: BlobStore) -> BlobStore:
    if isinstance(store, MemoryBlobStore):
        store.down = True
        return store
    client = connect_s3("http://127.0.0.1:1", access_key="key", secret_key="secret", region="us-east-1")
    return S3BlobStore(client, client, bucket="contract", clock=ManualClock())


# --- S3 alone -----------------------------------------------------------------------------------


@pytest.fixture
def s3_harness(settings: Settings) -> S3BlobStore:
    return s3_store(settings, time.time)


def test_browsers_save_under_the_name_that_was_given(s3_harness: S3BlobStore) -> None:
    _put(s3_harness, "outputs/1/1.wav", b"audio")
    for filename, expected in (
        ("hello.wav", 'attachment; filename="hello.wav"'),
        ('ü"\r\n.wav', "attachment; filename=\"____.wav\"; filename*=UTF-8''%C3%BC%22%0D%0A.wav"),
    ):
        headers = read(s3_harness.sign("outputs/1/1.wav", expires_seconds=60, filename=filename))[1]
        assert headers["content-disposition"] == expected
        assert headers["content-type"] == "audio/wav"


def test_a_copy_is_of_the_same_type(s3_harness: S3BlobStore) -> None:
    _put(s3_harness, "outputs/1/1.wav", b"audio")
    s3_harness.copy("outputs/1/1.wav", "outputs/2/1.wav")
    headers = read(s3_harness.sign("outputs/2/1.wav", expires_seconds=60, filename="a.wav"))[1]
    assert headers["content-type"] == "audio/wav"


def test_urls_name_the_public_endpoint(settings: Settings) -> None:
    keys = {"access_key": "key", "secret_key": "secret", "region": "us-east-1"}
    store = S3BlobStore(
        connect_s3("http://127.0.0.1:1", **keys),
        connect_s3("https://audio.example.com", **keys),
        bucket="contract",
        clock=ManualClock(),
    )
    url = urlsplit(store.sign("outputs/1/1.wav", expires_seconds=61, filename="a.wav"))
    assert (url.scheme, url.netloc, url.path) == ("https", "audio.example.com", "/contract/outputs/1/1.wav")
    assert parse_qs(url.query)["X-Amz-Expires"] == ["61"]


def test_a_cdn_takes_the_place_of_the_signature(settings: Settings) -> None:
    store = s3_store(settings, time.time, public_base_url="https://cdn.example.com/audio/")
    assert store.sign("outputs/1/1.wav", expires_seconds=60, filename="a.wav") == (
        "https://cdn.example.com/audio/outputs/1/1.wav"
    )


def test_a_cdn_is_for_finished_audio_alone(settings: Settings) -> None:
    store = s3_store(settings, time.time, public_base_url="https://cdn.example.com/audio/")
    _put(store, "voices/1/sample", b"audio")
    url = store.sign("voices/1/sample", expires_seconds=60, filename="a.wav")
    assert "X-Amz-Signature" in url
    assert fetch(url) == b"audio"


def test_the_bucket_is_made_when_first_needed(settings: Settings) -> None:
    for number, use in enumerate((lambda store: _put(store, "a", b"audio"), lambda store: store.ping())):
        store = s3_store(settings, time.time, bucket=f"fresh-{number}-{time.time_ns()}")
        use(store)
        store.delete("a")


def test_many_processes_make_one_bucket(settings: Settings) -> None:
    bucket = f"shared-{time.time_ns()}"
    stores = [s3_store(settings, time.time, bucket=bucket) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(S3BlobStore.ensure_bucket, stores))
    _put(stores[0], "a", b"audio")
    assert stores[1].get("a") == b"audio"


def test_other_rules_stay_to_the_letter(settings: Settings) -> None:
    """Also what the client's own model of a rule does not know of."""
    client, store = s3_client(settings), s3_store(settings, time.time)
    store.ensure_bucket()
    others = (
        "<Rule><ID>large-ones</ID><Status>Enabled</Status><Filter><And><Prefix>outputs/</Prefix>"
        "<ObjectSizeGreaterThan>1048576</ObjectSizeGreaterThan></And></Filter>"
        "<Expiration><Days>30</Days></Expiration></Rule>",
        "<Rule><Status>Disabled</Status><Filter><Prefix>voices/</Prefix></Filter>"
        "<Expiration><Days>3</Days></Expiration></Rule>",
    )
    ours = (
        "<Rule><ID>timbre-outputs</ID><Status>Disabled</Status><Filter><Prefix>outputs/</Prefix></Filter>"
        "<Expiration><Days>8</Days></Expiration></Rule>"
    )
    namespace = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
    _put_lifecycle(client, f"<LifecycleConfiguration {namespace}>{others[0]}{ours}{others[1]}</LifecycleConfiguration>")
    store.set_lifetimes({"outputs/": 7 * 86_400.0})
    written = _lifecycle(client)
    assert all(rule in written for rule in others)
    assert (written.count("<Rule>"), written.count("timbre-outputs"), written.count("Disabled")) == (3, 1, 1)
    assert written.count(namespace) == 1


def _lifecycle(client: Minio) -> str:
    return client._execute("GET", "contract", query_params={"lifecycle": ""}).data.decode()


def _put_lifecycle(client: Minio, document: str) -> None:
    headers = {"Content-MD5": base64.b64encode(hashlib.md5(document.encode(), usedforsecurity=False).digest()).decode()}
    client._execute("PUT", "contract", body=document.encode(), headers=headers, query_params={"lifecycle": ""})


def test_a_server_without_lifecycle_rules_says_so() -> None:
    with _answering(501, "NotImplemented") as endpoint:
        client = connect_s3(endpoint, access_key="key", secret_key="secret", region="us-east-1")
        store = S3BlobStore(client, client, bucket="contract", clock=ManualClock())
        with pytest.raises(LifetimesRefused, match="NotImplemented"):
            store.set_lifetimes({"outputs/": 1.0})


def test_a_server_that_cannot_encrypt_counts_as_away_where_that_was_asked_for() -> None:
    with _answering(501, "NotImplemented") as endpoint:
        client = connect_s3(endpoint, access_key="key", secret_key="secret", region="us-east-1")
        store = S3BlobStore(client, client, bucket="contract", clock=ManualClock(), encryption="sse-s3")
        for call in (store.ping, lambda: _put(store, "a", b"audio")):
            with pytest.raises(BlobStoreUnavailable, match="NotImplemented"):
                call()


@contextmanager
def _answering(status: int, code: str) -> Iterator[str]:
    """An S3 server that has every bucket, and no more to say than this."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(200)
            self.end_headers()

        def do_GET(self) -> None:
            body = f"<Error><Code>{code}</Code><Message>No.</Message></Error>".encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_wrong_credentials_are_an_outage_for_us(settings: Settings) -> None:
    store = s3_store(settings, time.time, secret_key="wrong")
    for call in (store.ping, lambda: store.get("a"), lambda: _put(store, "a", b"audio")):
        with pytest.raises(BlobStoreUnavailable):
            call()


def test_the_filer_behind_s3_serves_nobody(s3: S3Server, s3_harness: S3BlobStore) -> None:
    """SeaweedFS keeps objects in a filer with an HTTP port of its own, which must not be a back door."""
    _put(s3_harness, "inputs/1/reference", b"audio")
    request = urllib.request.Request(f"http://127.0.0.1:{s3.filer_port}/buckets/contract/inputs/1/reference")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)  # noqa: S310 (our own server)
    refused.value.close()
    assert refused.value.code == 401
