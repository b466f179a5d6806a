"""The words of a spoken message, by a command of the operator's: it gets the file and prints the text. Off by default.

What it prints is taken for what a stranger said: text, cut to a length, without control characters.
"""

import asyncio
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from commsd.errors import Unreachable

WITHIN = 120.0
"""Seconds; a message lasts three minutes at most."""

LONGEST = 16 * 1024


async def words_of(command: Sequence[str], sound: bytes, media_type: str, within: float = WITHIN) -> str:
    """What was said; "" for silence. Raises Unreachable where the command fails, is not there, or takes too long."""
    with tempfile.TemporaryDirectory(prefix="commsd-") as folder:
        file = Path(folder) / f"message.{_ENDING.get(media_type, 'audio')}"
        await asyncio.to_thread(file.write_bytes, sound)
        return _plain(await _printed((*command, str(file)), within))


_ENDING = {"audio/mpeg": "mp3", "audio/wav": "wav", "audio/x-wav": "wav", "audio/ogg": "ogg"}


async def _printed(command: Sequence[str], within: float) -> bytes:
    quiet = asyncio.subprocess.DEVNULL
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=quiet, stdout=asyncio.subprocess.PIPE, stderr=quiet
        )
    except OSError as error:
        raise _failed(type(error).__name__) from None
    try:
        async with asyncio.timeout(within):
            assert process.stdout
            printed = await process.stdout.read(LONGEST)
            while await process.stdout.read(LONGEST):
                pass
            status = await process.wait()
    except TimeoutError:
        raise _failed(f"not done within {within:g} s") from None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if status != 0:
        raise _failed(f"exit code {status}")
    return printed


def _failed(what: str) -> Unreachable:
    remedy = "run the command of twilio.transcriber by hand on a sound file; the message is kept and can be heard"
    return Unreachable(f"the transcriber gave no text ({what})", remedy=remedy)


def _plain(printed: bytes) -> str:
    text = printed.decode(errors="replace")
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
