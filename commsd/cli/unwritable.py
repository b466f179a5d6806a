"""What a command could not write: the disk, the folder or whoever reads is at fault, and not the store."""

import errno

from commsd.errors import TryAgain

NOT_OURS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EPIPE})


def unwritable(error: BaseException) -> TryAgain | None:
    """What to tell of an error that came of writing a file or the output; None where it came of something else."""
    if not isinstance(error, OSError) or error.errno not in NOT_OURS:
        return None
    what = error.filename or "the output"
    return TryAgain(f"{what} cannot be written: {error.strerror}", remedy="look at room and rights there, and again")
