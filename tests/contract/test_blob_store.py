"""What every `BlobStore` must do."""

import io
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import pytest

from services.shared.adapters.s3_blobs import S3BlobStore, connect_s3
from services.shared.errors import BlobNotFound, BlobStoreUnavailable
from services.shared.ports import BlobStore
from services.shared.settings import Settings
from services.shared.testing import START, ManualClock, MemoryBlobStore
from tests.s3_server import S3Server


@dataclass(frozen=True)
class Harness:
    store: BlobStore
    clock: ManualClock
    #: What a client gets under a URL; raises `PermissionError` where it is refused.
    fetch: Callable[[str], bytes]


@pytest.fixture(params=["memory", "s3"])
def harness(request: pytest.FixtureRequest) -> Iterator[Harness]:
    clock = ManualClock(START)
    if request.param == "memory":
        memory = MemoryBlobStore(clock)
        yield Harness(memory, clock, memory.fetch)
    else:
        store = s3_store(request.getfixturevalue("settings"), clock)
        store.ensure_bucket()
        store.delete_prefix("")
        yield Harness(store, clock, fetch)


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


def test_a_prefix_is_deleted_and_nothing_else(store: BlobStore) -> None:
    for key in ("outputs/1/1.wav", "outputs/1/2.flac", "outputs/10/1.wav", "inputs/1/reference"):
        _put(store, key, b"audio")
    store.delete_prefix("outputs/1/")
    for key in ("outputs/1/1.wav", "outputs/1/2.flac"):
        with pytest.raises(BlobNotFound):
            store.get(key)
    assert store.get("outputs/10/1.wav") == store.get("inputs/1/reference") == b"audio"


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


def _now() -> float:
    """The server's time: signatures hold by its clock, not by ours."""
    return time.time()


def test_a_store_that_is_away(harness: Harness) -> None:
    down = _down(harness.store)
    for call in (
        down.ping,
        lambda: down.get("a"),
        lambda: _put(down, "a", b"audio"),
        lambda: down.delete("a"),
        lambda: down.delete_prefix("a"),
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
