"""Processes that write and number at once, to be killed: `python -m tests.crm.house_of_processes URL`.

It reads lines such as `writer 3` or `sequencer 1`, forks what they name, and answers with the process id.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random

import orjson
from sqlalchemy.ext.asyncio import create_async_engine

from commsd.core.change import Change
from commsd.core.event import Event
from commsd.core.open_items import OpenItems
from commsd.crm.sequencer import Sequencer
from commsd.store import rows
from commsd.store.claims import Claims
from commsd.store.engine import open_engine
from commsd.store.log import Log
from commsd.world import real_world
from tests.crm.serving import mail_from

ROOT = Path(__file__).resolve().parent.parent.parent
TURNS = 60
LONGEST = 0.01
ROLLED_BACK = 0.2


def said(name: str, items: OpenItems) -> Change:
    """An interaction with two events."""
    fact = mail_from(f"{name}@example.org", name)(items)
    event = Event("interaction.recorded", fact, fact.recorded_at, "machine")
    return Change(interactions=(fact,), events=(event, event))


async def write(url: str, number: int) -> None:
    """Transactions of up to ten milliseconds; some are given up."""
    engine = create_async_engine(
        url.replace("postgresql:", "postgresql+asyncpg:", 1), json_serializer=lambda value: orjson.dumps(value).decode()
    )
    world, dice = real_world(), Random(number)
    for turn in range(TURNS):
        async with engine.connect() as connection:
            items = OpenItems(now=world.now(), new_id=world.new_id)
            change = said(f"writer.{number}.{turn}", items)
            await connection.run_sync(rows.write, [change], world.now(), world.new_id, ahead=timedelta())
            await world.sleep(dice.uniform(0, LONGEST))
            await (connection.rollback() if dice.random() < ROLLED_BACK else connection.commit())
    await engine.dispose()


async def sequence(url: str, number: int) -> None:
    """As the daemon does it, until killed."""
    log = Log(open_engine(url), real_world())
    log.start()
    duty = Sequencer(log, Claims(log, real_world(), f"node{number}/1"), real_world())
    while True:
        with suppress(Exception):  # a duty's turn that fails is repeated
            await duty.run()
        await real_world().sleep(0.1)


@dataclass(slots=True)
class House:
    """The processes, as the test has them in hand."""

    process: asyncio.subprocess.Process
    writers: dict[int, int] = field(default_factory=dict)
    sequencers: dict[int, int] = field(default_factory=dict)
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def start(self, role: str, number: int) -> None:
        """A further process; its number is new."""
        assert self.process.stdin
        assert self.process.stdout
        async with self._asking:  # who kills and who leads start processes at the same time
            self.process.stdin.write(f"{role} {number}\n".encode())
            pid = int(await asyncio.wait_for(self.process.stdout.readline(), 60))
        (self.writers if role == "writer" else self.sequencers)[number] = pid

    def send(self, to: Mapping[int, int], number: int, what: signal.Signals) -> None:
        """A signal; to one that has ended it is none."""
        with suppress(ProcessLookupError):
            os.kill(to[number], what)

    @property
    def writing(self) -> list[int]:
        """The writers that still run."""
        return [number for number, pid in self.writers.items() if _runs(pid)]


@asynccontextmanager
async def house(url: str) -> AsyncIterator[House]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        __name__,
        url,
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    here = House(process)
    try:
        yield here
    finally:
        for pids in (here.writers, here.sequencers):
            for number in pids:
                here.send(pids, number, signal.SIGKILL)
        process.kill()
        await process.wait()


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the ended are forgotten at once
    roles = {"writer": write, "sequencer": sequence}
    for line in sys.stdin:
        role, number = line.split()
        pid = os.fork()
        if not pid:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what it says is no answer
            try:
                asyncio.run(roles[role](sys.argv[1], int(number)))
            finally:
                os._exit(0)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
