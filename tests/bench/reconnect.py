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

from commsd.demo.smtp import SmtpSink  # noqa: E402
from tests.end_to_end.house import ADDRESS, Daemon, let_run, letter, write_config  # noqa: E402
from tests.eventually import eventually  # noqa: E402
from tests.fakes.rough_road import RoughRoad  # noqa: E402
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
    user, daemon, chance = dovecot.user(ADDRESS), Daemon(place), Random(1)
    seconds = []
    async with SmtpSink() as sink, RoughRoad(dovecot.port, chance, longest=1, rough=False) as road:
        write_config(place, dovecot, user, smtp=sink.port, store=f"sqlite:///{place}/commsd.db")
        main = place / "commsd.toml"
        main.write_text(main.read_text("utf-8").replace(f"port = {dovecot.port}", f"port = {road.port}"), "utf-8")
        await daemon.start()
        try:
            await daemon.watching()
            await asyncio.to_thread(dovecot.deliver_all, user, [letter(number) for number in range(WARM_UP)])
            await eventually(lambda: len(sink.accepted) >= WARM_UP, within=60)
            for number in range(WARM_UP, WARM_UP + cuts):
                await let_run(chance.uniform(0.0, LONGEST_REST))
                await road.cut()
                began = asyncio.get_running_loop().time()
                await asyncio.to_thread(dovecot.deliver, user, letter(number))
                await eventually(lambda: len(sink.accepted) > number, within=180)  # noqa: B023
                seconds.append(asyncio.get_running_loop().time() - began)
            await daemon.stop()
        finally:
            if daemon.up:
                await daemon.kill()
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
