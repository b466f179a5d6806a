"""`log show --raw`: an original byte for byte, or why there is none."""

import os
import sys
from pathlib import Path

import typer

from commsd.cli.house import House
from commsd.cli.output import shown
from commsd.cli.part_file import PRIVATE
from commsd.core.interaction import Kind
from commsd.errors import NotFound, Refused
from commsd.store.originals import is_owed, original
from commsd.store.query import Row

_SPOKEN = frozenset(range(32)) - frozenset(b"\t\r\n\f") | {0x7F, 0x9B}
"""Bytes that steer a terminal; a stranger wrote what is shown."""

_WITHOUT = frozenset({Kind.CALL, Kind.ATTEMPT, Kind.MEETING, Kind.NOTE, Kind.PROMISE, Kind.ACK})


async def show_raw(house: House, row: Row, to: Path | None) -> None:
    """Write the original of an interaction to a file or to stdout. Raises NotFound, Refused."""
    content = await _content(house, row)
    if to is not None:
        _write(to, content)
    elif sys.stdout.isatty() and not _SPOKEN.isdisjoint(content):
        raise Refused(
            "this original holds bytes that steer a terminal", remedy="write it to a file: --to FILE, or pipe it on"
        )
    else:
        typer.echo(content, nl=False)


async def _content(house: House, row: Row) -> bytes:
    record = shown("interaction", row)
    interaction_id, kept = record["id"], record.get("raw")
    if record["privacy"]["erased_at"]:
        what = f"the original of {interaction_id} was erased with all that was personal in it"
        raise NotFound(what, remedy="nothing brings it back; a backup from before still has it")
    if kept is None:
        raise NotFound(f"no original is kept of {interaction_id}", remedy=await _why(house, record))
    try:
        return await original(house.log, kept["sha256"])
    except NotFound:
        days = house.config.retention.originals.days
        raise NotFound(
            f"the original of {interaction_id} is kept no longer",
            remedy=f"[retention] originals = {days}d let it go; a backup from before still has it",
        ) from None


async def _why(house: House, record: dict[str, object]) -> str:
    if record["kind"] in _WITHOUT:
        return f"it is of kind {record['kind']}; mails, texts and recordings have one"
    if await house.log.read(lambda connection: is_owed(connection, str(record["id"]))):
        return "it is still to be fetched from the mailbox: try again, and look at `commsd ledger`"
    return "it was entered by hand, or came before originals were kept"


def _write(path: Path, content: bytes) -> None:
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE), "wb") as file:
            file.write(content)
    except FileExistsError:
        raise Refused(f"{path} is there already", remedy="nothing is overwritten: name another file") from None
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}", remedy="name a file you may write") from error
