"""Versions of webhook secrets in memory."""

import threading

from services.shared.errors import JobStoreUnavailable
from services.shared.ports import SecretVersion


class MemorySecretVersions:
    """`SecretVersions` in a dict."""

    def __init__(self) -> None:
        self.down = False
        self._versions: dict[str, SecretVersion] = {}
        self._lock = threading.Lock()

    def current(self, owner: str) -> SecretVersion:
        if self.down:
            raise JobStoreUnavailable("The job store does not answer.")
        return self._versions.get(owner, SecretVersion())

    def rotate(self, owner: str, now: float) -> SecretVersion:
        with self._lock:
            self._versions[owner] = SecretVersion(self.current(owner).number + 1, now)
            return self._versions[owner]
