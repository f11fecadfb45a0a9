"""`python -m benchmarks.chaos`: have clients ask while parts die, then count what became of what was promised."""

import argparse
import json
import os
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.chaos.deeds import rows, strike
from benchmarks.chaos.stack import running_stack
from benchmarks.chaos.traffic import Ledger, Traffic
from benchmarks.chaos.verdict import Verdict, judge, settle
from benchmarks.engine import tables
from benchmarks.engine.spread import percentile
from benchmarks.engine.tables import Table
from benchmarks.surroundings import machine
from timbre_client import Timbre

#: What may still be under way when the last part is back: leases have to run out, and long texts to be spoken.
_SETTLE_SECONDS: Final = 300.0
_STEP_SECONDS: Final = 0.01


def main() -> int:
    arguments = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is stopped
    report: dict[str, Any] = {"started_at": datetime.now(UTC).isoformat(timespec="seconds")}
    report["machine"] = {**machine(), "load_average": os.getloadavg()}
    report["options"] = {"minutes": arguments.minutes, "clients": arguments.clients, "seed": arguments.seed}
    ledger = Ledger()
    with tempfile.TemporaryDirectory(prefix="timbre-bench-") as scratch:
        done, verdict = _torment(Path(scratch), ledger, arguments)
    for table in _tables(done, ledger, verdict):
        tables.draw(table)
    report |= {"deeds": done, "accepted": ledger.accepted, "refused": ledger.refused, **asdict(verdict)}
    _save(report, arguments.out)
    return 0 if verdict.is_kept else 1


def _torment(scratch: Path, ledger: Ledger, arguments: argparse.Namespace) -> tuple[Counter[str], Verdict]:
    with running_stack(scratch, step_seconds=_STEP_SECONDS) as stack:
        with Traffic(stack.url, ledger, clients=arguments.clients, seed=arguments.seed):
            done = strike(stack, arguments.seed, arguments.minutes * 60)
        with Timbre(stack.url, max_retries=8) as client:
            settle(client, _SETTLE_SECONDS)
            return done, judge(client, ledger)


def _tables(done: Counter[str], ledger: Ledger, verdict: Verdict) -> Sequence[Table]:
    kinds = sorted({*ledger.accepted, *ledger.refused})
    return [
        Table("What was done", ("part", "killed", "hung"), [*rows(done)]),
        Table(
            "What was asked for",
            ("request", "accepted", "refused"),
            [(kind, str(ledger.accepted[kind]), str(ledger.refused[kind])) for kind in kinds],
            "Refused: answered 503, or not at all, after three tries.",
        ),
        Table("What became of it", ("what", "jobs"), [*_outcome(verdict)], f"Of {verdict.jobs} jobs."),
    ]


def _outcome(verdict: Verdict) -> Sequence[tuple[str, str]]:
    waits = verdict.waits
    return [
        *((status, str(count)) for status, count in sorted(verdict.statuses.items())),
        ("more than one attempt", str(sum(count for tries, count in verdict.attempts.items() if tries > 1))),
        ("seconds until done, P50", f"{percentile(waits, 50):.2f}" if waits else "–"),
        ("seconds until done, P99", f"{percentile(waits, 99):.2f}" if waits else "–"),
        ("promised and not kept", str(len(verdict.broken))),
        ("made twice", str(len(verdict.doubled))),
        ("audio damaged or gone", str(len(verdict.damaged))),
    ]


def _save(report: dict[str, Any], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    written = out / "chaos.json"
    written.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"\nFigures: {written}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description="Whether any job is lost.")
    parser.add_argument("--minutes", type=float, default=5.0, help="for which parts die")
    parser.add_argument("--clients", type=int, default=4, help="who ask at once")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("out/benchmarks"), help="folder of the JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
