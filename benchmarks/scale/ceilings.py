"""What breaks first in a large cluster: what each shared part can carry, by its measured cost of a job."""

from typing import Any, Final

from benchmarks.engine.tables import Table
from benchmarks.scale.costs import Costs
from benchmarks.scale.scenarios import Outcome, capacity

_WORKERS: Final = 1_000


def ceilings(costs: Costs) -> Outcome:
    """Cores of each part for a thousand workers that are always busy, and how many workers one core carries."""
    jobs = capacity(_WORKERS)
    cores = {
        "Valkey (one core runs its commands)": costs.store_cores(jobs, _WORKERS),
        "the object store": jobs * costs.blobs_job,
        "the API": jobs * costs.api_job,
    }
    rows = [(part, f"{needed:.1f}", f"{_WORKERS / needed:,.0f}") for part, needed in cores.items()]
    note = f"{jobs:,.0f} jobs a second, each of 15 s of speech, ten times faster than real time."
    columns = ("part", f"cores for {_WORKERS:,} workers", "workers a core carries")
    data: dict[str, Any] = {"jobs_a_second": jobs, "cores": cores}
    return Outcome(Table("What breaks first", columns, rows, note), data)
