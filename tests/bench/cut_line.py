"""A daemon that watches a mailbox over a road that is cut on demand, warm and ready to be measured."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from commsd.demo.smtp import SmtpSink
from tests.end_to_end.house import ADDRESS, Daemon, letter, write_config
from tests.eventually import eventually
from tests.fakes.rough_road import RoughRoad
from tests.neighbours.dovecot import Dovecot


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """user: the mailbox's. sink: where acknowledgements arrive. road: between mailbox and daemon."""

    dovecot: Dovecot
    user: str
    sink: SmtpSink
    road: RoughRoad
    daemon: Daemon

    async def delivered(self, raw: bytes) -> None:
        """A mail is in the mailbox."""
        await asyncio.to_thread(self.dovecot.deliver, self.user, raw)

    async def acknowledged(self, count: int) -> None:
        """So many acknowledgements, all in all, have left."""
        await eventually(lambda: len(self.sink.accepted) >= count, within=180)


@asynccontextmanager
async def watched(dovecot: Dovecot, place: Path, chance: Random, warm_up: int) -> AsyncIterator[Watched]:
    """`commsd run` in a process of its own, from so many acknowledged mails on."""
    user, daemon = dovecot.user(ADDRESS), Daemon(place)
    async with SmtpSink() as sink, RoughRoad(dovecot.port, chance, longest=1, rough=False) as road:
        write_config(place, dovecot, user, smtp=sink.port, store=f"sqlite:///{place}/commsd.db")
        main = place / "commsd.toml"
        main.write_text(main.read_text("utf-8").replace(f"port = {dovecot.port}", f"port = {road.port}"), "utf-8")
        await daemon.start()
        try:
            await daemon.watching()
            house = Watched(dovecot=dovecot, user=user, sink=sink, road=road, daemon=daemon)
            await asyncio.to_thread(dovecot.deliver_all, user, [letter(number) for number in range(warm_up)])
            await house.acknowledged(warm_up)
            yield house
            await daemon.stop()
        finally:
            if daemon.up:
                await daemon.kill()
