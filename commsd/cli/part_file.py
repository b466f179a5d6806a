"""A long file in the making: what is written can be gone on with after a kill, and nothing is ever overwritten.

`NAME.part` grows; beside it `NAME.part.json` says up to where it is known to be on the disk and what comes next. At
the end the part gets its name. A kill between two marks leaves bytes behind the last one: they are cut off again.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from commsd.errors import Refused, TryAgain

PART, MARK = ".part", ".part.json"
PRIVATE = 0o600


@dataclass(slots=True, kw_only=True)
class PartFile:
    """The file under its name to be, open. mark: what was noted last; empty at the beginning."""

    path: Path
    mark: Mapping[str, Any]
    _file: BinaryIO

    def write(self, data: bytes) -> None:
        """Append."""
        self._file.write(data)

    def note(self, mark: Mapping[str, Any]) -> None:
        """What is written so far is on the disk, and `mark` is what to know to go on from there."""
        self._file.flush()
        os.fsync(self._file.fileno())
        beside = _beside(self.path, MARK)
        fresh = beside.with_name(beside.name + ".new")
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE), "wb") as file:
            file.write(orjson.dumps({**mark, "bytes": self._file.tell()}))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(beside)
        _settle(self.path.parent)
        self.mark = mark

    def finish(self) -> int:
        """Give it its name; its size in bytes. Raises Refused where something has that name by now."""
        self._file.flush()
        os.fsync(self._file.fileno())
        size = self._file.tell()
        publish(_beside(self.path, PART), self.path)
        _beside(self.path, MARK).unlink(missing_ok=True)
        return size


@contextmanager
def part_file(path: Path, *, resume: bool) -> Iterator[PartFile]:
    """The file of this name in the making, ours alone. Raises Refused or TryAgain with what to do."""
    part, beside = _beside(path, PART), _beside(path, MARK)
    if path.exists():
        raise Refused(f"{path} is there already", remedy="nothing is overwritten: name another file, or move it away")
    if resume and not beside.exists():
        raise Refused(f"no broken-off {path} lies here to go on with", remedy="leave out --resume")
    if not resume and part.exists():
        remedy = "go on with --resume, or delete it" if beside.exists() else "delete it"
        raise Refused(f"{part} lies here, of an export that was broken off", remedy=remedy)
    with _mended(path), open(os.open(part, os.O_RDWR | os.O_CREAT, PRIVATE), "r+b") as file:
        _alone(file, path)
        mark = _known(file, part, beside) if resume else {}
        file.seek(mark.pop("bytes", 0))
        file.truncate()
        yield PartFile(path=path, mark=mark, _file=file)


def broken_off(folder: Path) -> list[Path]:
    """The names to be of the files in the making that lie in a folder."""
    return sorted(each.with_name(each.name.removesuffix(MARK)) for each in folder.glob(f"*{MARK}"))


def publish(part: Path, path: Path) -> None:
    """Give a finished file its name, durably. Raises Refused where something has it: nothing is overwritten."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE))
    except FileExistsError:
        raise Refused(
            f"{path} has come to be there meanwhile", remedy=f"move it away; what was made is whole in {part}"
        ) from None
    part.replace(path)
    _settle(path.parent)


def _known(file: BinaryIO, part: Path, beside: Path) -> dict[str, Any]:
    size = os.fstat(file.fileno()).st_size
    try:
        mark: dict[str, Any] = orjson.loads(beside.read_bytes())
        whole = 0 <= mark["bytes"] <= size
    except (ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        raise Refused(
            f"{part} and {beside.name} do not belong together", remedy="delete both and begin without --resume"
        )
    return mark


def _alone(file: BinaryIO, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise TryAgain(f"another export writes {path}", remedy="wait for it, or name another file") from None


@contextmanager
def _mended(path: Path) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        raise Refused(
            f"{path} cannot be written: {error.strerror}", remedy="name a file in a folder that you may write in"
        ) from error
    except BrokenPipeError:
        raise
    except OSError as error:
        raise TryAgain(
            f"{path} cannot be written: {error.strerror}",
            remedy="make room, then "
            + (
                "go on with --resume"
                if _beside(path, MARK).exists()
                else f"delete {_beside(path, PART)} and begin again"
            ),
        ) from error


def _settle(folder: Path) -> None:
    """The names in a folder are on the disk too."""
    held = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(held)
    finally:
        os.close(held)


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)
