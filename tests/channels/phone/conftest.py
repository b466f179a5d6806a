"""The telephone as it runs: our routes behind HTTP, a store, and an exchange that rings them, on a clock that jumps."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from commsd.channels.channel import Means
from commsd.channels.phone.channel import PHONE
from commsd.channels.phone.line import Dialling, PhoneSettings
from commsd.channels.phone.rest import Rest
from commsd.channels.phone.switch import Switch
from commsd.channels.phone.verdict import Verdict
from commsd.config.secret import SecretSource
from commsd.core.callback import Callback
from commsd.core.interaction import Interaction
from commsd.demo.exchange import Call, Caller, Exchange
from commsd.sla.rules.in_force import Rules
from commsd.store import schema
from commsd.store.claims import Claims
from commsd.store.engine import open_engine
from commsd.store.journal import Journal
from commsd.store.log import Log
from commsd.store.migrate import upgrade
from commsd.store.open_items import records
from commsd.telemetry import Metrics
from commsd.web.pulse import Pulse
from tests.channels.phone.hotline import ACCOUNT, CUSTOMER, FIRM, HOTLINE, PUBLIC, TUESDAY, settings, twilio
from tests.channels.phone.listener import listening
from tests.demo.clockwork import Clockwork
from tests.demo.contract import Contract
from tests.eventually import eventually
from tests.house import TERMS
from tests.world import ScriptedWorld

TOKEN = "gehoert-niemand"


@dataclass(slots=True)
class Phone:
    """Everything a test of the telephone holds in its hand."""

    exchange: Exchange
    clockwork: Clockwork
    settings: PhoneSettings
    means: Means
    url: str

    @property
    def verdict(self) -> Verdict:
        assert self.settings.twilio
        return Verdict(Switch(self.settings, self.means), Rest(self.settings.twilio))

    async def rung(self, caller: Caller | None = None, from_: str = CUSTOMER) -> Call:
        """A call to the hotline, from ring to its last webhook."""
        return await self.exchange.ended(await self.exchange.ring(from_=from_, to=HOTLINE, caller=caller))

    async def passes(self, seconds: float) -> None:
        await self.means.world.sleep(seconds)

    async def judged(self) -> None:
        """Time passes until every call has its verdict."""
        for _ in range(10):
            if not await self.count(schema.call_timers):
                return
            await self.passes(60)
            await self.verdict.once()
        raise AssertionError("a call never gets its verdict")

    async def count(self, table: Any) -> int:
        found = await self.means.log.read(lambda c: c.execute(select(func.count()).select_from(table)).scalar_one())
        return int(found)

    async def calls(self) -> list[Interaction]:
        table = schema.interactions
        return await self.means.log.read(lambda c: records(c, Interaction, table, table.c.current))

    async def callbacks(self) -> list[Callback]:
        return await self.means.log.read(lambda c: records(c, Callback, schema.callbacks))

    async def settled(self) -> None:
        """Until every webhook that was noted is decided on too."""

        async def consumed() -> bool:
            open_ones = select(func.count()).select_from(schema.journal).where(schema.journal.c.consumed.is_(False))
            return not await self.means.log.read(lambda c: c.execute(open_ones).scalar_one())

        await eventually(consumed)


async def opened(url: str, clockwork: Clockwork | ScriptedWorld, folder: Path = Path()) -> Means:
    engine = open_engine(url)
    await engine.commit(upgrade)
    log = Log(engine, clockwork.world)
    log.start()
    rules = Rules(log)
    await rules.bring_in(TERMS.versions[0], {}, clockwork.now)
    return Means(
        firm=FIRM,
        rules=rules,
        log=log,
        claims=Claims(log, clockwork.world, "test"),
        journal=Journal(log),
        world=clockwork.world,
        key=b"k" * 32,
        folder=folder,
        pulse=Pulse(Metrics(), clockwork.world),
    )


@pytest.fixture(scope="session")
def contract(shared: Path) -> Contract:
    """Twilio's description of its REST API."""
    return Contract(shared / "twilio/openapi/twilio_api_v2010.json")


@pytest.fixture
def dialling() -> Dialling:
    """What the machine may dial; a module with other wishes has a fixture of its own."""
    return Dialling()


@pytest.fixture
async def phone(tmp_path: Path, sqlite_url: str, contract: Contract, dialling: Dialling) -> AsyncIterator[Phone]:
    (tmp_path / "token").write_text(TOKEN)
    clockwork = Clockwork(TUESDAY)
    exchange = Exchange(
        world=clockwork.world, account_sid=ACCOUNT, auth_token=TOKEN, public_url=PUBLIC, numbers=[HOTLINE]
    )
    means = await opened(sqlite_url, clockwork)
    async with exchange, clockwork.running(lambda: exchange.post.busy > 0):
        secret = SecretSource("file", str(tmp_path / "token"))
        known = replace(settings(twilio(secret, exchange.api_base_url), languages=("en",)), dialling=dialling)
        async with listening(PHONE.routes(known, means)) as url:
            exchange.app_url = url
            yield Phone(exchange, clockwork, known, means, url)
            assert contract.faults(exchange.rest_requests) == []
    await means.log.close()
