"""A copy of an SQLite store beside a daemon that writes: one moment of it, whole and checked. Synchronous.

SQLite's own backup begins anew whenever somebody else commits, and beside a busy daemon would never end. Held within
one reading transaction it copies that moment, and in WAL mode holds nobody up; the WAL grows meanwhile. The copy has a
life of its own: its feed gets another epoch, so that whoever followed the original and finds the copy in its place is
told so (`feed-epoch-changed`) instead of reading on at a number that meanwhile means something else.
"""

import os
import shlex
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from sqlalchemy import make_url

from commsd.errors import CommsdError

STEP = 4096
"""Pages copied at a time, 16 MiB: between two of them one sees how far it is."""


class NotWhole(CommsdError):
    """A store, or its copy, that is damaged."""


def file_of(url: str) -> Path | None:
    """The file of an SQLite store; None for another kind."""
    address = make_url(url)
    return Path(address.database or "") if address.get_backend_name() == "sqlite" else None


def dump_line(url: str, target: Path) -> str:
    """What to type for a copy of a PostgreSQL store, without its password."""
    address = make_url(url).set(drivername="postgresql", password=None)
    words = ("pg_dump", "--format=custom", f"--file={target}", address.render_as_string())
    return shlex.join(words)


def copy(source: Path, target: Path, epoch: str, told: Callable[[int, int], None]) -> None:
    """Copy a store into a file that is empty or not there. epoch: of the copy's feed; told: pages done, pages in all.

    Raises NotWhole where the copy does not hold together; sqlite3.Error where one of the files fails.
    """
    with closing(_reading(source)) as from_, closing(sqlite3.connect(target, isolation_level=None)) as to:
        from_.execute("BEGIN")
        from_.execute("SELECT count(*) FROM sqlite_master").fetchone()  # from here on it is one moment
        from_.backup(to, pages=STEP, progress=lambda _status, left, pages: told(pages - left, pages), sleep=0)
        from_.execute("ROLLBACK")
        to.execute("PRAGMA journal_mode=DELETE").fetchone()  # one file, without a WAL beside it
        to.execute("PRAGMA synchronous=FULL")
        if to.execute("SELECT 1 FROM sqlite_master WHERE name = 'feed_head'").fetchone():
            to.execute("UPDATE feed_head SET epoch = ?", (epoch,))
        if found := damage(to):
            raise NotWhole(f"the copy is damaged: {found[0]}", remedy="look at the store itself: commsd db check")
    held = os.open(target, os.O_RDONLY)
    try:
        os.fsync(held)
    finally:
        os.close(held)


def damage(connection: sqlite3.Connection) -> list[str]:
    """What SQLite finds wrong with the file's pages and indices; empty where it is whole."""
    found = [row[0] for row in connection.execute("PRAGMA integrity_check(20)")]
    return [] if found == ["ok"] else found


def damage_of(source: Path) -> list[str]:
    """As `damage`, of a store that may be in use."""
    with closing(_reading(source)) as connection:
        return damage(connection)


def _reading(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=30)
