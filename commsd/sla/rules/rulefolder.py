"""Puts a set of rule files in the place of another, as a whole: whoever reads the folder finds one set or the other.

What the files say is judged before, elsewhere. Files that are not rules stay as they are. What a killed exchange leaves
behind is found by its name; whether it is to be finished, `handover` knows.
"""

import ctypes
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

from commsd.errors import Refused

_NEW, _FORMER = ".new-", ".former-"
"""Between the folder's name and some letters: made ready beside it; and what stood there while it is exchanged, where
the system cannot do that in one step."""

_HERE = -100
_EXCHANGE = 2
"""renameat2(2): AT_FDCWD, RENAME_EXCHANGE."""


class Exchange:
    """A folder made ready beside the one it is to replace. `swap` puts it there, `drop` removes what is left."""

    def __init__(self, place: Path, files: Mapping[str, str]) -> None:
        """place: the folder of the rules; missing, or a link, is fine. Raises Refused where nothing can be written."""
        self.place = _real(place)
        if self.place.exists() and not self.place.is_dir():
            raise Refused(f"the files cannot be put into {place}: it is no folder", remedy="move it away")
        try:
            self.place.parent.mkdir(parents=True, exist_ok=True)
            self._ready = Path(tempfile.mkdtemp(prefix=f".{self.place.name}{_NEW}", dir=self.place.parent))
            self._fill(files)
            _to_disk(self._ready)
            _to_disk(self.place.parent)
        except OSError as error:
            raise Refused(
                f"the files cannot be put into {place}: {error.strerror}",
                remedy="do this as a user who may write there, or let it be a folder of its own",
            ) from error

    @property
    def ready(self) -> str:
        """The name of the folder made ready: while one of this name lies there, the exchange has not been done."""
        return self._ready.name

    def swap(self) -> None:
        """The new set in place of the former. Raises OSError where the system refuses; then the former stands."""
        if not self.place.exists():
            self._ready.rename(self.place)
        elif not _exchanged(self._ready, self.place):
            former = self._ready.with_name(self.ready.replace(_NEW, _FORMER))
            self.place.rename(former)
            try:
                self._ready.rename(self.place)
            except OSError:
                former.rename(self.place)
                raise
            former.rename(self._ready)
        _to_disk(self.place.parent)

    def drop(self) -> None:
        """Remove what is not needed: the former files after a swap, the new ones without it."""
        shutil.rmtree(self._ready, ignore_errors=True)

    def _fill(self, files: Mapping[str, str]) -> None:
        if self.place.is_dir():
            self._keep_others()
        for name, text in files.items():
            path, former = self._ready / name, self.place / name
            with path.open("w", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            _like(path, former if former.is_file() else None, 0o644)
        _like(self._ready, self.place if self.place.is_dir() else None, 0o755)

    def _keep_others(self) -> None:
        """What lies there besides rules: notes, settings of an editor."""
        for path in self.place.iterdir():
            if path.suffix == ".toml" and not path.name.startswith("."):
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.copytree(path, self._ready / path.name, symlinks=True)
            else:
                shutil.copy2(path, self._ready / path.name, follow_symlinks=False)


def kept(place: Path, name: str, accepted: Collection[str]) -> Path | None:
    """Where a folder's rules were copied under this name, since no version holds them; None where one does.

    To be called before the folder is replaced, so that no kill can lose them. accepted: the prints of the versions'
    files. Raises Refused where they cannot be copied.
    """
    texts = texts_in(place)
    if not texts or print_of(texts) in accepted:
        return None
    copy = _real(place).with_name(name)
    try:
        shutil.copytree(_real(place), copy, symlinks=True)
    except OSError as error:
        raise Refused(
            f"what stands in {place} is in no version and cannot be copied: {error.strerror or 'some of it'}",
            remedy=f"move {place} away by hand",
        ) from error
    return copy


def cut(place: Path) -> Path | None:
    """The former folder, where an exchange was cut between its two steps: it is what is to be read then."""
    place = _real(place)
    return None if os.path.lexists(place) else next(iter(_beside(place, _FORMER)), None)


def texts_in(place: Path) -> Mapping[str, str]:
    """The files of rules in a folder by name, as `config.load` reads them; of what cannot be read, nothing."""
    found: dict[str, str] = {}
    with suppress(OSError):
        for path in sorted(place.iterdir()):
            if path.suffix == ".toml" and not path.name.startswith("."):
                with suppress(OSError):
                    found[path.name] = path.read_bytes().decode("utf-8-sig", "replace")
    return found


def print_of(texts: Mapping[str, str]) -> str:
    """The same for the same files, letter by letter."""
    return hashlib.sha256(json.dumps(sorted(texts.items())).encode()).hexdigest()


def restore(place: Path) -> None:
    """Put the former folder back where an exchange was cut between its two steps. Raises OSError."""
    if former := cut(place):
        former.rename(_real(place))


def leftovers(place: Path) -> tuple[Path, ...]:
    """What exchanges of this folder that were killed left beside it; also of one that is at work."""
    place = _real(place)
    return (*_beside(place, _NEW), *_beside(place, _FORMER))


def sweep(place: Path) -> None:
    """Remove what killed exchanges left behind. For whoever holds the folder, once nothing of it is needed."""
    for path in leftovers(place):
        shutil.rmtree(path, ignore_errors=True)


def _real(place: Path) -> Path:
    """Behind links; unlike `resolve`, also of a link to itself."""
    return Path(os.path.realpath(place))


def _beside(place: Path, kind: str) -> list[Path]:
    try:
        return sorted(path for path in place.parent.glob(f".{place.name}{kind}*") if path.is_dir())
    except OSError:
        return []


def _to_disk(folder: Path) -> None:
    """Names in a folder outlive a loss of power only once the folder itself is written."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _like(path: Path, former: Path | None, mode: int) -> None:
    """Mode and owner of what it replaces; where that is nothing, `mode`, and whoever made it."""
    if former is None:
        path.chmod(mode)
        return
    shutil.copymode(former, path)
    about = former.stat()
    with suppress(PermissionError):
        os.chown(path, about.st_uid, about.st_gid)


def _exchanged(one: Path, other: Path) -> bool:
    """Both names in one step, so that a crash leaves either; False where this system or file system cannot."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    return bool(rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0)
