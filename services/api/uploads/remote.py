"""What a request asks us to reach elsewhere: its voice now, its webhook once the job has ended."""

from services.api.errors import FieldRefused, WebhooksOff
from services.api.uploads.spool import Spool, Upload
from services.shared.errors import ContentTooLarge, UrlNotServed, UrlRefused, UrlUnreachable
from services.shared.outbound.urls import parse_bucket_url
from services.shared.parts import Parts

_REFUSALS = (UrlRefused, UrlUnreachable, UrlNotServed, ContentTooLarge)


class Remote:
    """Blocking, thread-safe. Raises `FieldRefused` for the field that named the place."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._settings = parts.settings

    def check_webhook(self, url: str, field: str) -> None:
        """Whether an end can be told there, as far as it shows today. Raises `WebhooksOff` too."""
        if self._settings.webhook_secret is None:
            raise WebhooksOff(field)
        try:
            self._parts.outbound.check(url)
        except UrlRefused as error:
            raise FieldRefused(field, error) from error

    def fetch_voice(self, url: str) -> Upload:
        """What lies under `url`, within an upload's bounds. Raises `Unavailable` where our object store is away."""
        spool = Spool()
        try:
            self._fetch(url, spool)
        except BaseException as error:
            spool.close()
            if isinstance(error, _REFUSALS):
                raise FieldRefused("voice_url", error) from error
            raise
        return spool.finish()

    def _fetch(self, url: str, spool: Spool) -> None:
        max_bytes = self._settings.max_upload_bytes
        place = parse_bucket_url(url)
        if place is None:
            seconds = self._settings.voice_url_timeout_seconds
            self._parts.outbound.fetch(url, spool.write, max_bytes=max_bytes, seconds=seconds)
            return
        bucket, key = place
        if bucket not in self._settings.voice_url_buckets:
            raise UrlRefused("The URL's bucket is not among those that this service reads from.")
        self._parts.buckets.fetch(bucket, key, spool.write, max_bytes=max_bytes)
