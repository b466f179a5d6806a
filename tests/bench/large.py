"""What a mail of 50 MB adds to the daemon's memory, how soon it is acknowledged, and how soon mail is after a cut.

    python tests/bench/large.py [--megabytes 50] [--mails 3] [--cuts 20] [--json]

Real Dovecot behind a road that is cut on demand, `commsd run` in a process of its own. Nobody's test suite.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from statistics import median

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from tests.bench.cut_line import watched  # noqa: E402
from tests.end_to_end.house import let_run, letter  # noqa: E402
from tests.neighbours.dovecot import Dovecot, dovecot_running  # noqa: E402

WARM_UP = 60
QUIET = 3.0
"""Seconds in which the daemon lets go of what it needs no more."""


@dataclass(kw_only=True)
class Figures:
    """Megabytes of RSS: at rest before, the highest while the large ones came, at rest after. Seconds from the end of
    the delivery to the 250: of the large ones, and of mails that came while the line was cut.
    """

    before: float
    highest: float
    after: float
    added: float
    large_median: float
    cut_median: float
    cut_worst: float


def large(number: int, megabytes: int) -> bytes:
    """A person's few words and an attachment."""
    small = letter(number).replace(b'text/plain; charset="utf-8"', b"multipart/mixed; boundary=b")
    head, _, words = small.partition(b"\r\n\r\n")
    line = bytes(Random(number).choices(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", k=76)) + b"\r\n"
    text = b"--b\r\nContent-Type: text/plain\r\n\r\n" + words + b"\r\n--b\r\nContent-Type: application/pdf\r\n\r\n"
    return head + b"\r\n\r\n" + text + line * (megabytes * 1_000_000 // len(line)) + b"--b--\r\n"


def resident(pid: int, field: str = "VmRSS") -> float:
    """Megabytes."""
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field + ":"))


def forget_the_peak(pid: int) -> None:
    """From now on VmHWM is the highest since now; proc(5)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", "ascii")


async def measured(dovecot: Dovecot, place: Path, megabytes: int, mails: int, cuts: int) -> Figures:
    """One daemon."""
    async with watched(dovecot, place, Random(1), WARM_UP) as house:

        async def took(raw: bytes, meanwhile: Callable[[], Awaitable[None]] | None = None) -> float:
            count = len(house.sink.accepted)
            await house.delivered(raw)
            began = asyncio.get_running_loop().time()
            if meanwhile:
                await meanwhile()
            await house.acknowledged(count + 1)
            return asyncio.get_running_loop().time() - began

        await let_run(QUIET)
        before = resident(house.daemon.pid)
        forget_the_peak(house.daemon.pid)
        big = [await took(large(WARM_UP + number, megabytes)) for number in range(mails)]
        await let_run(QUIET + megabytes / 10)
        highest, after = resident(house.daemon.pid, "VmHWM"), resident(house.daemon.pid)
        late = [await took(letter(1000 + number), house.road.cut) for number in range(cuts)]
    return Figures(
        before=round(before, 1),
        highest=round(highest, 1),
        after=round(after, 1),
        added=round(highest - before, 1),
        large_median=round(median(big), 2),
        cut_median=round(median(late), 2) if late else 0.0,
        cut_worst=round(max(late, default=0.0), 2),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--megabytes", type=int, default=50)
    parser.add_argument("--mails", type=int, default=3)
    parser.add_argument("--cuts", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with dovecot_running() as dovecot, tempfile.TemporaryDirectory() as name:
        found = asyncio.run(measured(dovecot, Path(name), asked.megabytes, asked.mails, asked.cuts))
    if asked.json:
        print(json.dumps(asdict(found)))
        return
    for name, value in asdict(found).items():
        print(f"{name.replace('_', ' '):16}{value:>10}")


if __name__ == "__main__":
    main()
