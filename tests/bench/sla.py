"""The SLA engine beside its bars: a replay of a quarter, one live interaction, a sweep, a reload under 100,000 clocks.

    python tests/bench/sla.py [--cases 170000] [--open 100000] [--store FILE] [--only replay,live,open] [--json]

Each figure is taken in a process of its own or on a store of its own; nobody's test suite.
"""

import argparse
import asyncio
import json
import logging
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, timedelta
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

import structlog  # noqa: E402
from sqlalchemy import create_engine, func, select  # noqa: E402

from commsd.config.load import load  # noqa: E402
from commsd.core import key  # noqa: E402
from commsd.core.case import Case, CaseFile  # noqa: E402
from commsd.core.change import Change, change_of  # noqa: E402
from commsd.core.clock import clocks  # noqa: E402
from commsd.core.interaction import (  # noqa: E402
    Actor,
    Channel,
    Direction,
    Interaction,
    Kind,
    Outcome,
    Party,
    Role,
)
from commsd.core.open_items import OpenItems, Terms  # noqa: E402
from commsd.core.policy import Version  # noqa: E402
from commsd.core.recompute import clocks_after  # noqa: E402
from commsd.core.touch import touches_of  # noqa: E402
from commsd.sla.notice.escalation import Escalation  # noqa: E402
from commsd.sla.notice.post import Post  # noqa: E402
from commsd.sla.rules.in_force import Rules  # noqa: E402
from commsd.store import schema  # noqa: E402
from commsd.store.claims import Claims  # noqa: E402
from commsd.store.engine import open_engine  # noqa: E402
from commsd.store.log import Log  # noqa: E402
from commsd.world import real_world  # noqa: E402
from tests.bench.history import folder, make, versions  # noqa: E402
from tests.bench.plain_clock import plain_clocks  # noqa: E402
from tests.bench.stories import case  # noqa: E402
from tests.bench.traffic import SINCE, UNTIL, Arrivals, World  # noqa: E402

PAGE = os.sysconf("SC_PAGE_SIZE")
LIVE_CASES = 400
MAILS_APART = 0.05


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured thing. bar: at most this; None: for comparison only."""

    name: str
    value: float
    unit: str
    bar: float | None = None


def candidate(place: Path, first: str = "2h") -> Path:
    """The shipped rules with a first answer within 2 h, callbacks within 1 h, and longer Fridays."""
    rules = place / f"candidate-{first}"
    shutil.rmtree(rules, ignore_errors=True)
    shutil.copytree(ROOT / "config" / "sla", rules)
    for path in rules.glob("*.toml"):
        text = path.read_text("utf-8").replace('{ target = "4h", objective', f'{{ target = "{first}", objective')
        text = text.replace('callback       = "2h"', 'callback       = "1h"').replace("09:00-15:00", "09:00-17:00")
        path.write_text(text, "utf-8")
    return rules


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that ended. cpu: seconds of all its processes; peak: MB of all of them together."""

    code: int
    out: str
    err: str
    seconds: float
    cpu: float
    peak: float


def run(*command: str, within: float) -> Ran:
    """A commsd command to its end."""
    before = _cpu_of_children()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        began, peak = time.perf_counter(), 0.0
        words = [sys.executable, "-m", "commsd", *command]
        with subprocess.Popen(words, stdout=out, stderr=err, text=True, cwd=ROOT) as child:
            while child.poll() is None:
                peak = max(peak, _resident(child.pid))
                try:
                    child.wait(0.1)
                except subprocess.TimeoutExpired:
                    if time.perf_counter() - began > within:
                        child.kill()
        seconds = time.perf_counter() - began
        out.seek(0)
        err.seek(0)
        return Ran(child.returncode, out.read(), err.read(), seconds, _cpu_of_children() - before, peak)


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _resident(pid: int) -> float:
    """MB of a process and all below it; pages they share are counted once for each."""
    total, left = 0, [pid]
    while left:
        one = left.pop()
        try:
            total += int(Path(f"/proc/{one}/statm").read_text().split()[1])
            for task in Path(f"/proc/{one}/task").iterdir():
                left += [int(child) for child in (task / "children").read_text().split()]
        except OSError:  # it has ended meanwhile
            continue
    return total * PAGE / 1e6


def replay(config: Path, url: str, rules: Path) -> list[Figure]:
    """`commsd sla whatif` over the whole store."""
    done = run(
        "--config", str(config), "sla", "whatif", str(rules), "--from", f"{SINCE:%Y-%m-%d}", "--to", "2026-04-05",
        "--json", within=1800,
    )  # fmt: skip
    if done.code not in (0, 1):
        raise SystemExit(f"sla whatif ended with {done.code}\n{done.err[-2000:]}")
    if done.code == 1:
        print(f"the replay differs from the log: {str(json.loads(done.out)['log'])[:500]}", file=sys.stderr)
    table = schema.interactions
    engine = create_engine(url)
    with engine.connect() as connection:
        count = connection.execute(select(func.count()).select_from(table).where(table.c.current)).scalar_one()
    engine.dispose()
    return [
        Figure("replay of the quarter", done.seconds, "s", 60.0 * count / 1_000_000),
        Figure("  CPU of all its processes", done.cpu, "s"),
        Figure("  interactions", count, ""),
        Figure("  interactions replayed per second", count / done.seconds, "/s"),
        Figure("  peak of all its processes", done.peak, "MB"),
    ]


def live() -> list[Figure]:
    """One interaction in the pure core, in cases that hold six or more; and the engine alone beside a plain one."""
    now = UNTIL.astimezone(UTC) + timedelta(hours=1)
    found = versions(now)
    terms = Terms(versions=found)
    world = World(found, now, Arrivals(100_000).at)
    changes = [case(number, world) for number in range(0, 100_000, 50)]
    facts = {change.cases[0].id: tuple({fact.id: fact for fact in change.interactions}.values()) for change in changes}
    files = [
        _as_of_then(change.cases[0], facts[change.cases[0].id][:6], found)
        for change in changes
        if len(facts[change.cases[0].id]) >= 6
    ][:LIVE_CASES]
    spent = []
    for file in files:
        at = file.interactions[-1].recorded_at + timedelta(minutes=5)
        items = OpenItems(now=at, new_id=iter(f"id-{n}" for n in range(100)).__next__, files={file.case.id: file})
        fact = _mail(items, f"c@{file.case.id}", case_id=file.case.id)
        change_of(fact, items, terms)
        began = time.thread_time()
        change_of(fact, items, terms)
        spent.append((time.thread_time() - began) * 1000)
    return [
        Figure("one live interaction, median", median(spent), "ms", 0.5),
        Figure("one live interaction, p95", quantiles(spent, n=20)[-1], "ms"),
        *_beside_plain_ones(facts, {change.cases[0].id: change.cases[0].attrs for change in changes}, world),
    ]


def _as_of_then(opened: Case, facts: tuple[Interaction, ...], found: tuple[Version, ...]) -> CaseFile:
    file = CaseFile(case=opened, interactions=facts)
    ids = (f"clock-{number}" for number in range(100))
    told, _ = clocks_after(file, found, facts[-1].recorded_at, ids.__next__, "machine")
    return replace(file, clocks=told.all)


def _beside_plain_ones(
    facts: dict[str, tuple[Interaction, ...]], attrs: dict[str, Any], world: World
) -> Sequence[Figure]:
    touches = {case_id: [t for fact in inside for t in touches_of(fact)] for case_id, inside in facts.items()}
    ids, found, now = list(touches), world.versions, world.now
    ours = _cases_per_second(lambda c: clocks(touches[c], found, attrs[c], now), ids)
    alone = _cases_per_second(lambda c: clocks(touches[c], _with_fresh_calendars(found), attrs[c], now), ids[:200])
    plain = _cases_per_second(lambda c: plain_clocks(touches[c], found[0], attrs[c], now), ids)
    return (
        Figure("the engine alone, cases per second on one core", ours, "/s"),
        Figure("  the same, sharing no hours between cases", alone, "/s"),
        Figure("  a plain one: day by day, four clocks, one version", plain, "/s"),
    )


def _with_fresh_calendars(found: tuple[Version, ...]) -> tuple[Version, ...]:
    return tuple(
        replace(version, calendars={name: replace(each) for name, each in version.calendars.items()})
        for version in found
    )


def _cases_per_second(count: Any, ids: list[str]) -> float:
    """In CPU time, so that a busy machine tells nearly the same."""
    for case_id in ids[:100]:
        count(case_id)
    began = time.thread_time()
    for case_id in ids:
        count(case_id)
    return len(ids) / (time.thread_time() - began)


def _mail(items: OpenItems, sender: str, *, case_id: str | None = None) -> Interaction:
    return Interaction(
        id=items.new_id(),
        channel=Channel.EMAIL,
        kind=Kind.MESSAGE,
        direction=Direction.INBOUND,
        actor=Actor.CUSTOMER,
        outcome=Outcome.REACHED,
        occurred_at=items.now,
        recorded_at=items.now,
        mailbox="support",
        team="service",
        subject="Where is it?",
        parties=(Party(Role.FROM, sender),),
        case_id=case_id,
    )


class PostOffice:
    """Mails that come while something else happens, and how long each decision takes."""

    def __init__(self, log: Log, rules: Rules) -> None:
        self._log, self._rules = log, rules
        self._count = 0
        self.took: list[float] = []

    async def run(self) -> None:
        while True:
            self._count += 1
            sender = f"new-{self._count}@example.net"
            began = time.perf_counter()
            await self._log.decide(key.of_addresses(sender), partial(self._taken, sender))
            self.took.append((time.perf_counter() - began) * 1000)
            await asyncio.wait({asyncio.get_running_loop().create_future()}, timeout=MAILS_APART)

    def _taken(self, sender: str, items: OpenItems) -> Change:
        return change_of(_mail(items, sender), items, self._rules.terms)

    def so_far(self) -> tuple[float, float]:
        """Median and longest, in ms, since the last time; then from the beginning."""
        some, self.took = self.took or [0.0], []
        return median(some), max(some)


async def under_load(config: Path, url: str, rules_folder: Path) -> list[Figure]:
    """A sweep with nothing due, and rules that apply to running clocks, while mails are decided."""
    settings, world = load(config), real_world()
    log = Log(open_engine(url), world)
    log.start()
    rules = Rules(log)
    try:
        await rules.load()
        claims = Claims(log, world, "bench")
        await claims.lease("bench", timedelta(seconds=600))  # a daemon is at work
        duty = Escalation(
            settings.firm,
            Post(via="support", render=lambda _: b"", fallback=("post@example.com",)),
            log,
            claims,
            rules,
            world,
        )
        while await duty.once():
            pass
        sweeps = []
        for _ in range(30):
            began = time.perf_counter()
            busy = await duty.once()
            sweeps.append((time.perf_counter() - began) * 1000)
            assert not busy, "something was due: make the store anew"
        office = PostOffice(log, rules)
        running = asyncio.ensure_future(office.run())
        await asyncio.wait({running}, timeout=5)
        calm, calm_worst = office.so_far()
        began = time.perf_counter()
        other = await asyncio.to_thread(load, config, rules=candidate(rules_folder.parent, "3h"))
        await rules.take_files(other.version, other.sla_files, world.now(), "bench")
        reload, (_, reload_worst) = time.perf_counter() - began, office.so_far()
        words = (
            "--config",
            str(config),
            "sla",
            "apply",
            str(rules_folder),
            "--applies",
            "running",
            "--confirm",
            "--json",
        )
        done = await asyncio.to_thread(partial(run, *words, within=600))
        if done.code:
            raise SystemExit(f"sla apply ended with {done.code}\n{done.out[-500:]}{done.err[-2000:]}")
        busy_median, busy_worst = office.so_far()
        while not await rules.follow(world.now()):
            await asyncio.wait({running}, timeout=0.2)
        began, turns = time.perf_counter(), 0
        while time.perf_counter() - began < 20 and (await duty.once() or turns == 0):
            turns += 1
        per_second = turns * 200 / (time.perf_counter() - began)
        after_median, after_worst = office.so_far()
        running.cancel()
        await asyncio.wait({running})
    finally:
        await log.close()
    told = json.loads(done.out)
    return [
        Figure("open clocks", told["impact"]["open_clocks"], ""),
        Figure("a sweep with nothing due, median", median(sweeps), "ms", 100),
        Figure("a reload: other files read, judged, in force", reload, "s", 10),
        Figure("  a mail's decision meanwhile, longest", reload_worst, "ms"),
        Figure("rules for running clocks: count, swap, all told", done.seconds, "s"),
        Figure("  CPU of all its processes", done.cpu, "s"),
        Figure("  due times that move", told["impact"]["earlier"] + told["impact"]["later"], ""),
        Figure("  peak of all its processes", done.peak, "MB"),
        Figure("a mail's decision in peace, median", calm, "ms"),
        Figure("  longest", calm_worst, "ms"),
        Figure("a mail's decision while rules are counted, median", busy_median, "ms"),
        Figure("  longest", busy_worst, "ms"),
        Figure("cases looked at again afterwards, per second", per_second, "/s"),
        Figure("a mail's decision meanwhile, median", after_median, "ms"),
        Figure("  longest", after_worst, "ms"),
    ]


def show(figures: Sequence[Figure]) -> None:
    """A table: what, how much, at most how much, and whether that holds."""
    for figure in figures:
        value = f"{figure.value:,.0f}" if figure.value >= 100 else f"{figure.value:,.2f}"
        bar = "" if figure.bar is None else f"{'<=':>4} {figure.bar:,.1f} {figure.unit}".ljust(18)
        verdict = "" if figure.bar is None else "ok" if figure.value <= figure.bar else "OVER"
        print(f"{figure.name:<52}{value:>12} {figure.unit:<3}{bar}{verdict}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=170_000)
    parser.add_argument("--open", type=int, default=100_000)
    parser.add_argument("--store", type=Path, help="an SQLite file that history.py made with --keep")
    parser.add_argument("--only", default="replay,live,open")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    structlog.configure(  # figures alone go to stdout
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
    )
    parts, figures = args.only.split(","), []
    with tempfile.TemporaryDirectory(prefix="commsd-bench-") as temporary:
        place = Path(temporary)
        if "live" in parts:
            figures += live()
        if "replay" in parts:
            file = (args.store or place / "history" / "commsd.db").resolve()
            url = f"sqlite:///{file}"
            file.parent.mkdir(exist_ok=True)
            config = folder(file.parent, url)
            if not file.exists():
                make(config, url, args.cases)
            figures += replay(config, url, candidate(place))
        if "open" in parts:
            url = f"sqlite:///{place / 'open' / 'commsd.db'}"
            (place / "open").mkdir()
            config = folder(place / "open", url)
            make(config, url, args.open, waits=True, now=real_world().now())
            figures += asyncio.run(under_load(config, url, candidate(place)))
    print(json.dumps([[f.name, f.value, f.unit, f.bar] for f in figures], indent=1)) if args.json else show(figures)


if __name__ == "__main__":
    main()
