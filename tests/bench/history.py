"""Makes a big store fast: `history.py [--cases N] [--url URL] [--keep FILE] [--waiting N]`.

Rows are those that `store.rows.write` would write, taken from it and put in by bulk; clocks are the engine's, under two
versions of the shipped rules, so that a replay under its own versions gives the log again. Feed and deliveries stay
empty. The config folder beside the file makes every command work on it.
"""

import argparse
import asyncio
import os
import shutil
import sqlite3
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import orjson
from sqlalchemy import JSON, Column, Table, create_engine, select

if __name__ == "__main__":  # run as a file: the repository is beside it
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from commsd.config.load import load
from commsd.core.change import Change
from commsd.core.policy import Version, as_json
from commsd.store import rows, schema
from commsd.store.column import Instant
from commsd.store.engine import open_engine
from commsd.store.migrate import upgrade
from tests.bench.stories import case, waiting
from tests.bench.traffic import CASES_EACH, SINCE, UNTIL, Arrivals, World

ROOT = Path(__file__).resolve().parents[2]
CHUNK = 400 * CASES_EACH
"""Cases of a few hours, whose rows lie together as they would have come."""

SECOND_VERSION = datetime(2026, 2, 16, 7, tzinfo=UTC)
Rows = dict[str, list[tuple[Any, ...]]]
Begun = dict[str, list[tuple[datetime, str]]]
"""The clocks of a case, since when each runs and its record. An interaction's record has those that had begun; they
stand there as at the end, which a log's own do not, but nothing reads them."""

TABLES: tuple[Table, ...] = (
    schema.interactions,
    schema.personal,
    schema.external_ids,
    schema.contacts,
    schema.identities,
    schema.cases,
    schema.clocks,
    schema.callbacks,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a worker makes: which cases of how many, and of which sort. waits: they came just before `now`."""

    first: int
    last: int
    cases: int
    postgres: bool
    waits: bool
    now: datetime


@dataclass(slots=True)
class Made:
    """What is in the store."""

    config: Path
    url: str
    cases: int = 0
    interactions: int = 0
    clocks: int = 0
    seconds: float = 0.0


def versions(now: datetime) -> tuple[Version, ...]:
    """The shipped rules from the beginning; since February the first answer within 3 h, and callbacks within 90 min."""
    shipped = load(ROOT / "config", now=SINCE.astimezone(UTC)).version
    first = replace(shipped, effective_from=now - timedelta(days=3650), applies="new")
    standard = shipped.policies["standard"]
    faster = {
        kind: replace(target, duration=timedelta(hours=3) if kind == "first_response" else timedelta(minutes=90))
        for kind, target in standard.targets.items()
        if kind in ("first_response", "callback")
    }
    policies = {**shipped.policies, "standard": replace(standard, targets={**standard.targets, **faster})}
    second = replace(shipped, id="2" * 64, policies=policies, effective_from=SECOND_VERSION, applies="new")
    return first, second


def _as_written(changes: Sequence[Change], now: datetime) -> dict[str, list[dict[str, Any]]]:
    """The rows the store makes of these changes, by table."""
    engine = create_engine("sqlite://", json_serializer=lambda value: orjson.dumps(value).decode())
    with engine.begin() as connection:
        schema.metadata.create_all(connection)
        rows.write(connection, changes, now, lambda: "")
        return {table.name: [dict(row._mapping) for row in connection.execute(select(table)).all()] for table in TABLES}


def work(task: Task) -> tuple[Rows, int, int, int]:
    """The rows of some cases, ready for the database, in the order of time."""
    world = _world(task)
    make = waiting if task.waits else case
    changes = [make(number, world) for number in range(task.first, task.last)]
    written = _as_written(changes, task.now)
    written["interactions"].sort(key=lambda row: (row["recorded_at"], row["id"]))
    begun: Begun = defaultdict(list)
    for row in written["clocks"]:
        row["record"] = orjson.dumps(row["record"]).decode()
        begun[row["case_id"]].append((row["started_at"], row["record"]))
    found = {table.name: [*_tuples(table, written[table.name], begun, task.postgres)] for table in TABLES}
    current = sum(row["current"] for row in written["interactions"])
    return found, len(changes), current, len(written["clocks"])


_worlds: dict[tuple[int, bool, datetime], World] = {}


def _world(task: Task) -> World:
    key = (task.cases, task.waits, task.now)
    if key not in _worlds:
        arrivals = Arrivals(task.cases)
        step = timedelta(minutes=9) / task.cases
        just = task.now - timedelta(minutes=10)
        at = (lambda n: _whole(just + n * step)) if task.waits else arrivals.at
        _worlds[key] = World(versions(task.now), task.now, at)
    return _worlds[key]


def _whole(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _tuples(table: Table, found: Iterable[dict[str, Any]], begun: Begun, postgres: bool) -> Iterator[tuple[Any, ...]]:
    columns = [(column.name, _written(column, postgres)) for column in table.columns]
    for row in found:
        if table is schema.interactions:
            text = orjson.dumps(row["record"]).decode()
            inside = ",".join(clock for since, clock in begun[row["case_id"]] if since <= row["recorded_at"])
            row["record"] = text.replace('"clocks":[]}', f'"clocks":[{inside}]}}')
        yield tuple(write(row.get(name)) for name, write in columns)


def _written(column: Column[Any], postgres: bool) -> Callable[[Any], Any]:
    """How the driver takes a value of this column."""
    if isinstance(column.type, JSON):
        return lambda value: value if value is None or isinstance(value, str) else orjson.dumps(value).decode()
    if isinstance(column.type, Instant) and not postgres:
        return lambda at: None if at is None else f"{at.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
    return _as_it_is


def _as_it_is(value: Any) -> Any:
    return value


def make(config: Path, url: str, cases: int, *, waits: bool = False, now: datetime | None = None) -> Made:
    """Fill an empty store. waits: every case came just before `now` and has one open clock."""
    began = time.perf_counter()
    now = now or UNTIL.astimezone(UTC) + timedelta(hours=1)
    postgres = not url.startswith("sqlite")
    asyncio.run(_prepared(url))
    made = Made(config, url)
    sink = Copy(url) if postgres else File(url)
    tasks = [
        Task(first=n, last=min(n + CHUNK, cases), cases=cases, postgres=postgres, waits=waits, now=now)
        for n in range(0, cases, CHUNK)
    ]
    with ProcessPoolExecutor(os.cpu_count() or 2, mp_context=get_context("spawn")) as pool:
        for found, some, interactions, clocks in _in_order(pool, tasks):
            sink.put(found)
            made.cases += some
            made.interactions += interactions
            made.clocks += clocks
            _progress(made, cases)
    sink.done(versions(now), now)
    made.seconds = time.perf_counter() - began
    return made


def _in_order(pool: ProcessPoolExecutor, tasks: list[Task]) -> Iterator[tuple[Rows, int, int, int]]:
    """The results as they come in their order, with no more than a few waiting in memory."""
    ahead: list[Future[tuple[Rows, int, int, int]]] = []
    left = iter(tasks)
    for task in left:
        ahead.append(pool.submit(work, task))
        if len(ahead) > 4:
            yield ahead.pop(0).result()
    for future in ahead:
        yield future.result()


def _progress(made: Made, cases: int) -> None:
    if sys.stderr.isatty():
        end = "\n" if made.cases == cases else ""
        print(f"\r{made.cases:,} of {cases:,} cases, {made.interactions:,} interactions", end=end, file=sys.stderr)


async def _prepared(url: str) -> None:
    engine = open_engine(url)
    await engine.commit(upgrade)
    await engine.close()


def _version_rows(found: tuple[Version, ...], now: datetime) -> list[tuple[Any, ...]]:
    files = {path.name: path.read_text("utf-8") for path in sorted((ROOT / "config" / "sla").glob("*.toml"))}
    return [
        (
            number,
            version.id,
            version.effective_from,
            version.effective_from,
            version.applies,
            orjson.dumps(files).decode(),
            orjson.dumps(as_json(version)).decode(),
            None,
        )
        for number, version in enumerate(found, 1)
    ]


class File:
    """An SQLite file that is filled without its indexes, which are made at the end."""

    def __init__(self, url: str) -> None:
        self._db = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.execute("PRAGMA cache_size = -200000")
        names = ",".join(f"'{table.name}'" for table in TABLES)
        indexes = f"SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql NOT NULL AND tbl_name IN ({names})"
        self._indexes = self._db.execute(indexes).fetchall()
        for name, _ in self._indexes:
            self._db.execute(f"DROP INDEX {name}")

    def put(self, found: Rows) -> None:
        self._db.execute("BEGIN")
        for name, some in found.items():
            if some:
                names = _columns(name)  # a migrated store has them in another order than the schema
                values = f"({','.join(names)}) VALUES ({','.join('?' * len(names))})"
                self._db.executemany(f"INSERT OR IGNORE INTO {name} {values}", some)
        self._db.execute("COMMIT")

    def done(self, found: tuple[Version, ...], now: datetime) -> None:
        self.put({"rule_versions": [tuple(_plain(v) for v in row) for row in _version_rows(found, now)]})
        for _, sql in self._indexes:
            self._db.execute(sql)
        self._db.execute("ANALYZE")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.close()


def _plain(value: Any) -> Any:
    return value.isoformat(timespec="microseconds")[:-6] + "Z" if isinstance(value, datetime) else value


class Copy:
    """A PostgreSQL database that is filled by COPY."""

    def __init__(self, url: str) -> None:
        asyncpg: Any = import_module("asyncpg")
        self._runner = asyncio.Runner()
        self._db = self._runner.run(asyncpg.connect(url.replace("postgresql+asyncpg", "postgresql")))

    def put(self, found: Rows) -> None:
        for name, some in found.items():
            if some:
                self._runner.run(self._db.copy_records_to_table(name, records=some, columns=_columns(name)))

    def done(self, found: tuple[Version, ...], now: datetime) -> None:
        self.put({"rule_versions": _version_rows(found, now)})
        self._runner.run(self._db.execute("SELECT setval('rule_versions_number_seq', 2)"))
        self._runner.run(self._db.execute("ANALYZE"))
        self._runner.run(self._db.close())
        self._runner.close()


def _columns(name: str) -> list[str]:
    return [column.name for column in schema.metadata.tables[name].columns]


def folder(place: Path, url: str) -> Path:
    """The shipped config with this store in it, so that every command works on it."""
    config = place / "config"
    if not config.exists():
        shutil.copytree(ROOT / "config", config)
    main = config / "commsd.toml"
    lines = [f'url = "{url}"' if line.startswith("url = ") else line for line in main.read_text("utf-8").split("\n")]
    main.write_text("\n".join(lines), "utf-8")
    return config


def main() -> None:
    """Make a store and say where it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=170_000)
    parser.add_argument("--url", default="", help="an empty database; a new SQLite file unless given")
    parser.add_argument("--keep", type=Path, help="the SQLite file to make")
    parser.add_argument("--waiting", action="store_true", help="cases of just now, one open clock each, none due")
    args = parser.parse_args()
    place = args.keep.resolve().parent if args.keep else Path(mkdtemp(prefix="commsd-bench-"))
    place.mkdir(parents=True, exist_ok=True)
    url = args.url or f"sqlite:///{args.keep.resolve() if args.keep else place / 'commsd.db'}"
    now = datetime.now(UTC) if args.waiting else None
    made = make(folder(place, url), url, args.cases, waits=args.waiting, now=now)
    print(f"{made.cases:,} cases, {made.interactions:,} interactions, {made.clocks:,} clocks in {made.seconds:.0f} s")
    print(f"commsd --config {made.config} sla whatif {ROOT / 'config' / 'sla'} --from {SINCE:%Y-%m-%d} --to 2026-04-05")


if __name__ == "__main__":
    main()
