"""Settings: what is read, what is refused and how, what is shown."""

import base64
import hashlib
import json
from pathlib import Path

import pytest

from services.shared.lane import Lane, lanes_of
from services.shared.priority import Priority
from services.shared.settings import Settings, SettingsError, load_settings
from services.shared.testing import make_settings

REQUIRED = {
    "REDIS_URL": "redis://user:redis-secret@localhost:6379/0",
    "S3_ENDPOINT": "http://localhost:9000",
    "S3_ACCESS_KEY": "access-secret",
    "S3_SECRET_KEY": "key-secret",
}
HASH = hashlib.sha256(b"a key").hexdigest()
SIGNING = f"whsec_{base64.b64encode(bytes(range(32))).decode()}"
OTHER = hashlib.sha256(b"another key").hexdigest()


def _load(**variables: str) -> Settings:
    return load_settings(REQUIRED | variables)


def _refusal(**variables: str) -> str:
    with pytest.raises(SettingsError) as refused:
        _load(**variables)
    return str(refused.value)


def test_the_environment_is_all_there_is() -> None:
    settings = _load(API_PORT="9000", NFE_STEP=" 32 ", DETERMINISTIC="true", CKPT_PATH="/models/a.pt", HOME="/nobody")
    assert (settings.api_port, settings.nfe_step, settings.deterministic) == (9000, 32, True)
    assert settings.ckpt_path == Path("/models/a.pt")


def test_an_empty_variable_counts_as_not_set() -> None:
    settings = _load(API_PORT="", CKPT_PATH=" ", API_KEYS="", CORS_ORIGINS="")
    assert (settings.api_port, settings.ckpt_path, settings.api_keys, settings.cors_origins) == (8000, None, {}, ())


def test_engine_config_carries_every_setting_of_the_engine() -> None:
    config = _load(MODEL_NAME="F5TTS_Base", TORCH_THREADS="2", MAX_CONCURRENCY="3", DEVICE="cpu").engine_config()
    assert (config.model_name, config.threads, config.max_concurrency, config.device) == ("F5TTS_Base", 2, 3, "cpu")


def test_models_have_names_and_shares() -> None:
    settings = _load(MODELS=" base = 9, candidate=0.5,old=0", SERVED_MODEL_NAME="candidate")
    assert settings.models == {"base": 9.0, "candidate": 0.5, "old": 0.0}
    assert settings.known_models == ("base", "candidate", "old")
    assert settings.public_view()["models"] == settings.models
    assert settings.served_model == "candidate"
    assert settings.taken_lanes == lanes_of([None, "candidate"])


def test_one_model_is_called_as_it_is() -> None:
    settings = _load(MODEL_NAME="F5TTS_Base", WORKER_PRIORITIES="bulk")
    assert (settings.served_model, settings.known_models) == ("F5TTS_Base", ("F5TTS_Base",))
    assert settings.taken_lanes == (Lane(Priority.BULK), Lane(Priority.BULK, "F5TTS_Base"))


def test_what_is_missing_is_named_all_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings({})
    lines = str(refused.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == list(REQUIRED)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("API_PORT", "hunter2", "integer"),
        ("API_PORT", "65536", "65535"),
        ("LOG_LEVEL", "hunter2", "'debug', 'info', 'warning' or 'error'"),
        ("DEVICE", "hunter2", "'cuda'"),
        ("S3_ENDPOINT", "hunter2", "valid URL"),
        ("S3_ENDPOINT", "http://user:hunter2@localhost:9000", "S3_ACCESS_KEY"),
        ("S3_PUBLIC_ENDPOINT", "https://cdn.example.com/hunter2", "host:port alone"),
        ("S3_BUCKET", "Hunter2", "pattern"),
        ("REDIS_URL", "http://hunter2", "redis://"),
        ("CKPT_SHA256", "hunter2", "pattern"),
        ("SPEED", "2.5", "less than or equal to 2"),
        ("TRANSCRIBER", "hunter2", "'pocketsphinx'"),
        ("HEARTBEAT_SECONDS", "5", "half of LEASE_SECONDS"),
        ("OUTPUT_TTL_SECONDS", "604801", "at most JOB_TTL_SECONDS"),
        ("OUTPUT_TTL_SECONDS", "0", "greater than 0"),
        ("INPUT_TTL_SECONDS", "86400", "more than QUEUE_TTL_SECONDS"),
        ("ORPHAN_TTL_SECONDS", "60", "3600"),
        ("CORS_ORIGINS", "*", "https://app.example.com"),
        ("CORS_ORIGINS", "https://a.example.com, hunter2", "https://app.example.com"),
        ("CORS_ORIGINS", "https://a.example.com/hunter2", "no path"),
        ("OUTBOUND_ALLOWED_HOSTS", "http://hunter2", "10.0.0.0/8"),
        ("OUTBOUND_ALLOWED_HOSTS", "10.0.0.1/8, hunter2.test", "10.0.0.0/8"),
        ("VOICE_URL_BUCKETS", "hunter2-a, timbre", "other buckets"),
        ("WORKER_PRIORITIES", "bulk, hunter2", "interactive"),
        ("SERVED_MODEL_NAME", "hunter2/large", "letters, digits"),
        ("SERVED_MODEL_NAME", "tts-1", "OpenAI"),
        ("MODELS", "hunter2", "name=weight"),
        ("MODELS", "base=1,candidate=hunter2", "entry 2: expected name=weight"),
        ("MODELS", "base=1,hunter2@home=1", "entry 2"),
        ("MODELS", "base=1,base=2", "twice"),
        ("MODELS", "base=1,candidate=-1", "0 (only by name)"),
        ("MODELS", "base=nan", "0 (only by name)"),
        ("MODELS", "base=0,candidate=0", "above 0"),
        ("MODELS", "eleven_hunter2=1", "ElevenLabs"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:hunter2@collector:4318", "OTEL_EXPORTER_OTLP_HEADERS"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318?token=hunter2", "OTEL_EXPORTER_OTLP_HEADERS"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "hunter2:4318", "http"),
        ("WEBHOOK_SECRET", "hunter2", "whsec_"),
        ("WEBHOOK_SECRET", "whsec_hunter2", "24 to 64 bytes"),
        ("WEBHOOK_SECRET", SIGNING.removeprefix("whsec_"), "whsec_"),
        ("API_KEYS", "alice=hunter2", "timbre keys new"),
        ("API_KEYS", "hunter2", "timbre keys new"),
        ("API_KEYS", f"alice={HASH.upper()}", "lower-case"),
        ("API_KEYS", f"={HASH}", "name"),
        ("API_KEYS", f"al ice={HASH}", "name"),
        ("API_KEYS", f"anonymous={HASH}", "anonymous"),
        ("API_KEYS", f"alice={HASH},bob={HASH}", "key of its own"),
        ("API_KEYS", f"alice={HASH},alice={OTHER}", "twice"),
    ],
)
def test_a_wrong_value_is_refused_by_name_and_never_shown(name: str, value: str, expected: str) -> None:
    message = _refusal(**{name: value})
    assert message.startswith(f"{name}: ")
    assert expected in message
    assert len(message.splitlines()) == 1
    assert "hunter2" not in message.lower()
    assert HASH not in message


def test_every_wrong_variable_has_its_line() -> None:
    lines = _refusal(API_PORT="x", NFE_STEP="0", LOG_LEVEL="loud").splitlines()
    assert sorted(line.partition(":")[0] for line in lines) == ["API_PORT", "LOG_LEVEL", "NFE_STEP"]


def test_keys_and_origins_are_lists() -> None:
    settings = _load(API_KEYS=f" alice = {HASH} , bob={OTHER},", CORS_ORIGINS="https://a.example.com, http://b:8080")
    assert settings.api_keys == {"alice": HASH, "bob": OTHER}
    assert settings.cors_origins == ("https://a.example.com", "http://b:8080")


@pytest.mark.parametrize("half", [{"S3_ENCRYPTION": "sse-kms"}, {"S3_KMS_KEY_ID": "hunter2"}])
def test_a_key_and_encryption_with_it_come_together(half: dict[str, str]) -> None:
    message = _refusal(**half)
    assert message.startswith("S3_ENCRYPTION, S3_KMS_KEY_ID: ")
    assert "hunter2" not in message


def test_hosts_and_buckets_are_lists() -> None:
    settings = _load(OUTBOUND_ALLOWED_HOSTS="hooks.internal, 10.0.0.0/8 ,fd00::1", VOICE_URL_BUCKETS="a,b")
    assert settings.outbound_allowed_hosts == ("hooks.internal", "10.0.0.0/8", "fd00::1")
    assert settings.voice_url_buckets == ("a", "b")


def test_audio_is_kept_as_long_as_the_record_unless_told_otherwise() -> None:
    assert _load(JOB_TTL_SECONDS="3600").audio_seconds == 3_600
    assert _load(OUTPUT_TTL_SECONDS="60").audio_seconds == 60


def test_records_outlive_their_webhooks_retries() -> None:
    day = "86400"  # The last try comes later than that.
    assert "JOB_TTL_SECONDS" in _refusal(JOB_TTL_SECONDS=day, WEBHOOK_SECRET=SIGNING)
    assert _load(JOB_TTL_SECONDS=day).job_ttl_seconds == 86_400
    _load(JOB_TTL_SECONDS="172800", OUTPUT_TTL_SECONDS="60", WEBHOOK_SECRET=SIGNING)


def test_a_misspelt_setting_in_code_is_refused() -> None:
    with pytest.raises(ValueError, match="no_such_setting"):
        make_settings(no_such_setting=1)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "::1", "[::1]"])
def test_loopback_needs_no_keys(host: str) -> None:
    make_settings(api_host=host).check_exposure()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.com", "localhost.example.com"])  # noqa: S104
def test_elsewhere_keys_or_a_word_are_needed(host: str) -> None:
    with pytest.raises(SettingsError, match="API_KEYS"):
        make_settings(api_host=host).check_exposure()
    make_settings(api_host=host, api_keys={"alice": HASH}).check_exposure()
    make_settings(api_host=host, allow_anonymous=True).check_exposure()


def test_no_secret_is_shown() -> None:
    broker = "amqp://user:broker-secret@rabbit:5672/vhost"
    settings = _load(API_KEYS=f"alice={HASH}", BROKER_URL=broker, WEBHOOK_SECRET=SIGNING)
    for shown in (repr(settings), str(settings), json.dumps(settings.public_view())):
        assert "secret" not in shown.replace("s3_secret_key", "").replace("webhook_secret", "")
        assert HASH not in shown
        assert SIGNING not in shown


def test_the_public_view_tells_the_rest() -> None:
    view = _load(API_KEYS=f"alice={HASH}", BROKER_URL="amqp://user:pw@rabbit:5672/vhost").public_view()
    assert view["redis_url"] == "redis://localhost:6379/0"
    assert view["broker_url"] == "amqp://rabbit:5672/vhost"
    assert view["api_keys"] == 1
    assert view["lease_seconds"] == 10.0
    assert set(Settings.model_fields) - set(view) == {"s3_access_key", "s3_secret_key", "webhook_secret"}
