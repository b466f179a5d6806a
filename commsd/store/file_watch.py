"""Whether an SQLite store is still the file that was opened: one that was deleted or replaced takes commits silently.

The system keeps a file that is open when its name goes, so that SQLite writes on where nobody will ever read. Looked at
before each read and at both ends of each commit; what is done in the moment between that look and the commit is lost.
"""

from pathlib import Path
from threading import Lock


class StoreFileLost(OSError):
    """The store, or its write-ahead log, is no longer the file we hold open. Put back, it is; else a restart is due."""


class FileWatch:
    """One store as it was when it was first opened: some file systems make another file of it then.

    Its write-ahead log is known from the first connection of this process to the last: as long as one is open, SQLite
    neither removes the log nor makes another, whoever else opens the store. Connections come and go in any thread.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._wal = path, path.with_name(f"{path.name}-wal")
        self._known: tuple[int, int] | None = None
        self._known_wal: tuple[int, int] | None = None
        self._connections, self._turn = 0, Lock()

    def opened(self) -> None:
        """A connection was opened and has read, which makes the write-ahead log where there was none."""
        with self._turn:
            self._connections += 1
            self._known = self._known or _named(self._path)
            self._known_wal = self._known_wal or (found if (found := _named(self._wal)) != _NOBODY else None)

    def closing(self) -> None:
        """A connection is about to be closed: SQLite removes the write-ahead log with the last."""
        with self._turn:
            self._connections -= 1
            if not self._connections:
                self._known_wal = None

    def must_be_there(self) -> None:
        """Raises StoreFileLost where a name is another file's, or nobody's: what is written would never be found."""
        for path, known in ((self._path, self._known), (self._wal, self._known_wal)):
            if known and _named(path) != known:
                raise StoreFileLost(f"{path.name} was moved, deleted or replaced")


_NOBODY = (0, 0)


def _named(path: Path) -> tuple[int, int]:
    """What the system knows the file of this name by."""
    try:
        known = path.stat()
    except FileNotFoundError:
        return _NOBODY
    return known.st_dev, known.st_ino
