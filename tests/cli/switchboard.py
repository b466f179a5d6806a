"""A house that has a telephone and no mailbox, with an exchange that runs beside the command under test."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from commsd.demo.exchange import Call, Exchange, IncomingNumber
from commsd.world import real_world
from tests.cli.office import Ran, commsd

ACCOUNT, TOKEN = "AC" + "0" * 32, "twilio-signs-with-this"
HOTLINE, JANE, JOHN, ANNA = "+493023125010", "+442079460123", "+493023125099", "+493023125011"
PUBLIC = "https://calls.example.com"

CONFIG = """
[service]
name = "Example Ltd"
timezone = "Europe/Berlin"
hours = "mon-sun 00:00-24:00"
[store]
url = "sqlite:///{folder}/commsd.db"
[agent.anna]
name = "Anna Berg"
phone = "+493023125011"
[twilio]
account_sid = "{account}"
auth_tokens = [{{ env = "TWILIO_TOKEN" }}]
{reach}
api_base_url = "{api}"
[line.hotline]
number = "+493023125010"
{line}
"""


@dataclass(slots=True)
class Switchboard:
    """The house."""

    folder: Path
    exchange: Exchange
    ago: Callable[[timedelta], datetime] = field(default=lambda back: real_world().now() - back)

    def configured(self, reach: str = f'public_url = "{PUBLIC}"', line: str = "") -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        values = {"account": ACCOUNT, "api": self.exchange.api_base_url, "reach": reach, "line": line}
        (self.folder / "commsd.toml").write_text(CONFIG.format(folder=self.folder, **values), "utf-8")

    def commsd(self, *words: str) -> Ran:
        return commsd("--config", str(self.folder), *words)

    def past(
        self, ago: timedelta, *, to: str = HOTLINE, from_: str = JANE, talked: int = 0, of: Call | None = None
    ) -> Call:
        """A call of so long ago, as it lies in Twilio's list: a customer's, or a leg of one; talked: seconds."""
        way = "outbound-dial" if of else "inbound" if to == HOTLINE else "outbound-api"
        call = self.exchange.office.new_call(from_=from_, to=to, direction=way, parent_sid=of.sid if of else None)
        began = self.ago(ago)
        call.created_at = call.started_at = began
        call.answered_at = began if talked else None
        call.ended_at = began + timedelta(seconds=max(talked, 30))
        call.status = "completed" if talked or way == "inbound" else "no-answer"
        return call


@contextmanager
def switchboard(folder: Path) -> Iterator[Switchboard]:
    """The exchange answers in a thread of its own, for the command has a loop of its own too."""
    exchange = Exchange(
        world=real_world(),
        account_sid=ACCOUNT,
        auth_token=TOKEN,
        public_url=PUBLIC,
        numbers={HOTLINE: IncomingNumber(fallback_url="https://static.example.net/fallback.xml")},
    )
    up, loop, leave = threading.Event(), asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        async with exchange:
            up.set()
            await leave.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert up.wait(10)
    try:
        yield Switchboard(folder, exchange)
    finally:
        loop.call_soon_threadsafe(leave.set)
        thread.join(10)
        loop.close()
