"""What a caller has left of its limits, as the IETF's draft of `RateLimit` headers tells it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.requests import HTTPConnection
from starlette.types import Scope

POLICY_HEADER: Final = "RateLimit-Policy"
HEADER: Final = "RateLimit"
_NOTED: Final = "allowances"


@dataclass(frozen=True)
class Allowance:
    #: The limit's name: `requests`, `jobs` or `audio`.
    name: str
    quota: float
    left: float
    #: Seconds that the quota is for, and until it is there again; None where time alone brings nothing back.
    window: int | None = None
    resets_in: int | None = None
    #: What is counted, where it is not requests.
    unit: str | None = None

    def policy(self) -> str:
        unit = None if self.unit is None else f'"{self.unit}"'
        return _item(self.name, q=int(self.quota), qu=unit, w=self.window)

    def state(self) -> str:
        return _item(self.name, r=max(0, int(self.left)), t=self.resets_in)


def note(connection: HTTPConnection, *allowances: Allowance) -> None:
    """Have the answer to this request tell of these, in place of what was noted of the same limits before."""
    noted = connection.scope.setdefault("state", {}).setdefault(_NOTED, {})
    noted.update((one.name, one) for one in allowances)


def headers(scope: Scope) -> dict[str, str]:
    """Of the answer to a request: none where nothing was counted."""
    noted: Mapping[str, Allowance] = scope.get("state", {}).get(_NOTED, {})
    if not noted:
        return {}
    policies = ", ".join(one.policy() for one in noted.values())
    states = ", ".join(one.state() for one in noted.values())
    return {POLICY_HEADER: policies, HEADER: states}


def _item(name: str, **parameters: int | str | None) -> str:
    """A structured field's item (RFC 9651)."""
    return f'"{name}"' + "".join(f";{key}={value}" for key, value in parameters.items() if value is not None)
