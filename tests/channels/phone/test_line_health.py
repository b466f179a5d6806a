"""A line that does not do its work is told of like a mailbox, with all its parts: calls, list, set-up."""

from contextlib import suppress
from datetime import timedelta

from sqlalchemy import select

from commsd.channels.mail.watchman import Watchman
from commsd.demo.exchange import IncomingNumber, Tamper
from commsd.errors import ConfigError
from commsd.sla.notice.alarm import Exits
from commsd.sla.notice.post import Post
from commsd.store import schema
from tests.channels.phone.conftest import Phone
from tests.channels.phone.hotline import FIRM, HOTLINE
from tests.channels.phone.test_sweep import sweep_of

TEN = timedelta(minutes=10)


class Watch:
    """The watchman of a house without mailboxes, beside its sweep."""

    def __init__(self, phone: Phone) -> None:
        means = phone.means
        for part in ("", "list", "setup"):
            means.pulse.watch("hotline", "line", part)
        exits = Exits(posts={}, hosts={}, preferred=Post(via=None, render=lambda _: b""))
        self.phone, self.sweep = phone, sweep_of(phone.settings, means)
        self.watchman = Watchman({}, TEN, False, exits, FIRM, means.log, means.claims, means.world, means.pulse)

    async def goes_on(self, minutes: int) -> None:
        """Time passes; the sweep looks each five minutes, the watchman too."""
        for _ in range(0, minutes, 5):
            await self.phone.passes(300)
            with suppress(ConfigError):
                await self.sweep.once()
            await self.watchman.once()

    async def told(self) -> list[tuple[str, str, str | None]]:
        table = schema.outbox
        channels = select(table).where(table.c.thing == "channel").order_by(table.c.id)
        rows = await self.phone.means.log.read(lambda c: c.execute(channels).all())
        return [(row.type, row.record["channel"], row.record["reason"]) for row in rows]


FELL, ROSE = ("channel.degraded", "hotline", "failing"), ("channel.recovered", "hotline", None)


async def test_a_number_sent_elsewhere_degrades_its_line_and_setting_it_right_mends_it(phone: Phone) -> None:
    watch = Watch(phone)
    phone.exchange.numbers[HOTLINE] = IncomingNumber(voice_url="https://elsewhere.example.com/voice")
    await watch.goes_on(60)
    assert await watch.told() == [FELL]
    phone.exchange.numbers[HOTLINE] = IncomingNumber()
    await watch.goes_on(120)
    assert await watch.told() == [FELL, ROSE]


async def test_one_part_that_works_does_not_hide_another_that_fails(phone: Phone) -> None:
    watch = Watch(phone)
    await watch.goes_on(10)
    phone.exchange.tamper_rest = lambda _: Tamper(refused=(401, 20003))
    for _ in range(6):
        await phone.rung()  # calls come in as ever
        await watch.goes_on(5)
    assert await watch.told() == [FELL]
    phone.exchange.tamper_rest = lambda _: Tamper()
    await watch.goes_on(15)
    assert await watch.told() == [FELL, ROSE]


async def test_a_webhook_lost_once_among_many_alarms_nobody(phone: Phone) -> None:
    watch = Watch(phone)
    await watch.goes_on(10)
    phone.exchange.tamper = lambda _: Tamper(lost=True)
    await phone.rung()
    phone.exchange.tamper = lambda _: Tamper()
    await watch.goes_on(5)
    await phone.rung()
    await watch.goes_on(60)
    assert await watch.told() == []
