"""What is said of a store that does not answer, and what the operator does next. Pure."""

from typing import NamedTuple

from commsd.store.file_watch import StoreFileLost

PUT_BACK = (
    "put the same file back and delete nothing: its -wal holds what is not in it yet; only where another file, a copy, "
    "is to be used: stop the daemon, put it there, delete the -wal and -shm of the former, and start"
)
LOG_LOST = (
    "put the same file back; or stop the daemon with `systemctl stop`, which saves into the store what only this log "
    "held, and start; never kill it before"
)
_SQLITE = (
    "nothing if it passes; else look whether the file of [store] url is there, this user may read and write it and its "
    "folder, the disk is not full, and no other program holds it"
)
_SERVER = "nothing if it passes; else check [store] url, that the server runs and that this user may connect"


class Silence(NamedTuple):
    """what: in a line, without anything of the statement. remedy: what is done next."""

    what: str
    remedy: str


def silence_of(error: BaseException, dialect: str) -> Silence:
    """The words for an error that `engine.is_unavailable` knows. dialect: "sqlite" or "postgresql"."""
    what = f"the {dialect} store does not answer ({type(error).__name__})"
    if isinstance(error, StoreFileLost):
        return Silence(f"{what}: {error}", LOG_LOST if "-wal " in str(error) else PUT_BACK)
    return Silence(what, _SQLITE if dialect == "sqlite" else _SERVER)
