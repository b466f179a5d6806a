"""Whether somebody is saving files of the config: what changed, and whether it has come to rest."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

Stamps = Mapping[Path, tuple[int, int]]


class Files:
    """Which files were taken in, and how they looked last."""

    def __init__(self, stamps: Stamps) -> None:
        self.taken = self.seen = stamps

    @property
    def changed(self) -> bool:
        """Whether they were others than taken in at the last look."""
        return self.seen != self.taken

    def at_rest(self, stamps: Stamps) -> bool:
        """Whether they have changed and were the same at two looks; until then they are being saved."""
        rested = stamps != self.taken and stamps == self.seen
        self.seen = stamps
        return rested


def stamps_of(folder: Path) -> Stamps:
    """When each file was written, and how long it is; of what cannot be looked at, nothing."""
    stamps = {}
    patterns = ("*.toml", "sla/*.toml", "templates/*", "templates/letter/*")
    for path in (path for pattern in patterns for path in folder.glob(pattern)):
        with suppress(OSError):
            about = path.stat()
            stamps[path] = (about.st_mtime_ns, about.st_size)
    return stamps
