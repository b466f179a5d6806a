"""How soon a mail is acknowledged that came when the line was cut: mail.md A10, p99 under 60 s.

    python tests/bench/reconnect.py [--cuts 100] [--json]

Real Dovecot behind a road that is cut on demand, `commsd run` in a process of its own. Nobody's test suite.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from statistics import median, quantiles

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from tests.bench.cut_line import watched  # noqa: E402
from tests.end_to_end.house import let_run, letter  # noqa: E402
from tests.neighbours.dovecot import Dovecot, dovecot_running  # noqa: E402

WARM_UP = 5
LONGEST_REST = 1.5
"""Seconds at most between an acknowledgement and the next cut, so that cuts hit a waiting line and one just opened."""


@dataclass(kw_only=True)
class Figures:
    """Seconds from the cut to the 250."""

    cuts: int
    median: float
    p99: float
    worst: float


async def measured(dovecot: Dovecot, place: Path, cuts: int) -> Figures:
    """One daemon, one mail a cut."""
    chance, seconds = Random(1), []
    async with watched(dovecot, place, chance, WARM_UP) as house:
        for number in range(WARM_UP, WARM_UP + cuts):
            await let_run(chance.uniform(0.0, LONGEST_REST))
            await house.road.cut()
            began = asyncio.get_running_loop().time()
            await house.delivered(letter(number))
            await house.acknowledged(number + 1)
            seconds.append(asyncio.get_running_loop().time() - began)
    p99 = quantiles(seconds, n=100)[-1] if len(seconds) > 1 else max(seconds)
    worst = max(seconds)
    return Figures(cuts=cuts, median=round(median(seconds), 2), p99=round(min(p99, worst), 2), worst=round(worst, 2))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cuts", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with dovecot_running() as dovecot, tempfile.TemporaryDirectory() as name:
        found = asyncio.run(measured(dovecot, Path(name), asked.cuts))
    if asked.json:
        print(json.dumps(asdict(found)))
        return
    for name, value in asdict(found).items():
        print(f"{name:10}{value:>10}")


if __name__ == "__main__":
    main()
