"""Whether an SQLite store is still the file that was opened: one that was deleted or replaced takes commits silently.

The system keeps a file that is open when its name goes, so that SQLite writes on where nobody will ever read. Looked at
before each read and at both ends of each commit; what is done in the moment between that look and the commit is lost.
"""

from pathlib import Path


class StoreFileLost(OSError):
    """The store, or its write-ahead log, is no longer the file we hold open. Put back, it is; else a restart is due."""


class FileWatch:
    """One store as it was when it was first opened to be written: some file systems make another file of it then."""

    def __init__(self, path: Path) -> None:
        self._path, self._wal = path, path.with_name(f"{path.name}-wal")
        self._known: tuple[int, int] | None = None
        self._known_wal = _NOBODY

    def opened(self) -> None:
        """A connection that writes was opened and began: while it stays, nobody makes another write-ahead log."""
        self._known = self._known or _named(self._path)
        self._known_wal = _named(self._wal)

    def must_be_there(self) -> None:
        """Raises StoreFileLost where the name is another file's, or nobody's."""
        if self._known and _named(self._path) != self._known:
            raise StoreFileLost(f"{self._path.name} was moved, deleted or replaced")

    def must_be_written(self) -> None:
        """Raises StoreFileLost where what this transaction wrote would go where nobody finds it."""
        self.must_be_there()
        if _named(self._wal) != self._known_wal:
            raise StoreFileLost(f"{self._wal.name} was moved, deleted or replaced")


_NOBODY = (0, 0)


def _named(path: Path) -> tuple[int, int]:
    """What the system knows the file of this name by."""
    try:
        known = path.stat()
    except FileNotFoundError:
        return _NOBODY
    return known.st_dev, known.st_ino
