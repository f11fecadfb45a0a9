"""How Celery is set up, as far as a mistake would be costly."""

import ssl

import pytest

from services.shared.adapters.celery_queue import create_celery
from services.shared.testing import make_settings


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("rediss://:pw@redis:6379/0", ssl.CERT_REQUIRED),
        ("rediss://:pw@redis:6379/0?ssl_ca_certs=/ca.pem", ssl.CERT_REQUIRED),
        ("rediss://:pw@redis:6379/0?ssl_cert_reqs=none", ssl.CERT_NONE),
    ],
)
def test_certificates_are_checked_unless_told_otherwise(url: str, expected: ssl.VerifyMode) -> None:
    connection = create_celery(make_settings(redis_url=url)).connection_for_write()
    assert connection.ssl["ssl_cert_reqs"] is expected


def test_a_broker_of_its_own() -> None:
    app = create_celery(make_settings(broker_url="amqp://user:pw@rabbit:5672//"))
    connection = app.connection_for_write()
    assert (connection.hostname, connection.transport_cls) == ("rabbit", "amqp")
    # Options of the Redis transport would be arguments that AMQP's connection does not take.
    assert set(connection.transport_options) == {"confirm_publish"}


def test_messages_are_json_and_nothing_is_kept_of_results() -> None:
    conf = create_celery(make_settings()).conf
    assert (conf.task_serializer, list(conf.accept_content), conf.task_ignore_result) == ("json", ["json"], True)
    assert conf.result_backend is None


def test_every_application_stands_for_itself() -> None:
    first, second = create_celery(make_settings()), create_celery(make_settings(redis_url="redis://elsewhere:6379/1"))
    assert first.connection_for_read().hostname != second.connection_for_read().hostname
