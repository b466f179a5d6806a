"""One random walk: customers ring, people answer or not and act, webhooks go astray, the daemon dies; time jumps.

Everything is drawn from one seed. What must hold is looked at after every turn of the duties: invariants.py.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from commsd.channels.channel import Means
from commsd.channels.phone.channel import PHONE
from commsd.channels.phone.line import PhoneSettings
from commsd.channels.phone.sweep import Sweep
from commsd.config.secret import SecretSource
from commsd.core.change import Change
from commsd.core.interaction import Outcome
from commsd.demo.exchange import Caller, Exchange, IncomingNumber, Person, RestRequest, Tamper, Webhook
from commsd.duty import Duty
from commsd.errors import CommsdError
from commsd.world import World
from tests.channels.phone.colleagues import Colleagues
from tests.channels.phone.conftest import TOKEN, opened
from tests.channels.phone.hotline import ACCOUNT, ANNA, BO, HOTLINE, PUBLIC, settings, twilio
from tests.channels.phone.invariants import NOTHING, Books, Limits, Witness, orphans, read, unknown
from tests.channels.phone.listener import Mortal
from tests.channels.phone.replay import Journal, journal
from tests.demo.clockwork import Clockwork, turn

PREMIUM, LATVIAN, WITHHELD = "+499001234567", "+37120123456", "anonymous"
OTHER_LINE = "+493023125020"
"""A number of our account that leads elsewhere: its calls are none of ours."""

CHAUFFEUR = "+493023125090"
"""One of the firm whom we never ring: a foreign call to one whom we do ring may be taken for an order of ours."""

CUSTOMERS = (*(f"+4930231251{n:02}" for n in range(12)), "+442079460123", PREMIUM, LATVIAN, WITHHELD)
FALLBACK, ELSEWHERE = "https://bins.example.net/fallback", "https://bins.example.net/elsewhere"
STATIC = b"<Response><Say>We will ring you back.</Say><Hangup/></Response>"

KEYS = ("", "", "", "1", "2", "3", "4", "9", "#", "0", "493023125077#", "09001234567#", "12#", "yes", "a number")
GRAIN = 0.5
"""Seconds: what lies closer together happens at once."""

GAPS = ((0, 0, 0.5, 1, 2, 4, 8, 200), (0, 0, 0, 0.5, 1, 2, 4, 60))
"""Seconds between calls, at most: a rush now and then, and between them time to ring back; or hardly any."""

COPIES = (*([1] * 8), 2, 3)
"""How often a webhook comes that is not lost."""

LIVE_STEPS, QUIET_STEPS = (5.0, 15.0, 30.0), (60.0, 200.0)
CALM = timedelta(minutes=90)
"""After the last call: long enough for every timer of a call."""

SWEEPS = timedelta(seconds=300)

BEGINNINGS = (
    datetime(2026, 3, 10, 8, 30, tzinfo=UTC),  # Tuesday, 9:30 in Berlin
    datetime(2026, 3, 10, 15, 40, tzinfo=UTC),  # twenty minutes before we close
    datetime(2026, 3, 13, 15, 50, tzinfo=UTC),  # Friday, ten minutes before
    datetime(2026, 3, 9, 7, 40, tzinfo=UTC),  # Monday, twenty minutes before we open
    datetime(2026, 3, 11, 6, 45, tzinfo=UTC),  # before customers may be rung
)


@dataclass(slots=True, weakref_slot=True)
class Walk:
    """A house, its customers, and what went wrong. alone: none of our people acts, and nothing is dialled."""

    chance: Random
    clockwork: Clockwork
    exchange: Exchange
    settings: PhoneSettings
    url: str
    witness: Witness
    faults: list[str] = field(default_factory=list)
    alone: bool = False
    stormy: bool = True
    restarts: int = 0
    acts: Counter[str] = field(default_factory=Counter)
    awake: int = 0
    gaps: Sequence[float] = GAPS[0]
    books: Books = NOTHING
    journal: Journal | None = None
    _house: "_House | None" = None
    _news: bool = True
    _swept_at: datetime | None = None

    async def run(self, calls: int) -> None:
        """So many calls, then calm, then the last look."""
        self.exchange.tamper, self.exchange.tamper_rest = self._tamper, self._tamper_rest
        await self._open()
        try:
            for duty in self._duties():  # a line's past ends with its first minute of life
                await self._turn(duty)
            ringing = asyncio.create_task(self._customers(calls))
            while not (ringing.done() and all(call.over.is_set() for call in self.exchange.calls.values())):
                await self._go_on()
            ringing.result()
            self.stormy = False
            calm_until = self.clockwork.now + CALM
            while self.clockwork.now < calm_until:
                await self._go_on()
            await self._last_look()
        finally:
            await self._kill()

    async def _go_on(self) -> None:
        self._people_come_and_go()
        await self._somebody_acts()
        await self._turns()
        await self._look()
        await self.clockwork.world.sleep(self.chance.choice(LIVE_STEPS if self._live() else QUIET_STEPS))

    def _live(self) -> bool:
        return any(not call.finished for call in self.exchange.calls.values())

    async def _customers(self, calls: int) -> None:
        for _ in range(calls):
            await self.clockwork.world.sleep(self.chance.choice(self.gaps) * self.chance.random())
            await self.exchange.ring(from_=self.chance.choice(CUSTOMERS), to=HOTLINE, caller=self._caller())
            if self.chance.random() < 0.05:
                await self._others_call()

    async def _others_call(self) -> None:
        """What else goes on in our account: a call to a number that leads elsewhere, one that another program makes."""
        who = self.chance.choice(CUSTOMERS[:12])
        if self.chance.random() < 0.5:
            call = await self.exchange.ring(from_=who, to=OTHER_LINE, caller=self._caller())
        else:
            to = self.chance.choice((who, CHAUFFEUR))
            call = self.exchange.place({"From": HOTLINE, "To": to, "Url": ELSEWHERE}, ())
        self.witness.foreign.add(call.sid)

    def _caller(self) -> Caller:
        patience = self.chance.choice((None, None, 0.5, 2, 8, 25, 60, 90))
        return Caller(
            hangs_up_after=patience and patience * (0.5 + self.chance.random()),
            keys=[self.chance.choice(KEYS) for _ in range(self.chance.randrange(6))],
            says=self.chance.choice(("", "", "It is broken")),
            speaks_for=self.chance.choice((1, 5, 200)),
            confidence=self.chance.choice((0.3, 0.9)),
        )

    async def _somebody_acts(self) -> None:
        if self._house is None or self.alone or self.chance.random() > 0.3:
            return
        talks = [call for call in self.books.calls if call.outcome is not Outcome.PENDING]
        self.awake += 1
        try:
            owed = [callback for callback in self.books.callbacks if callback.open]
            colleagues = Colleagues(self.chance, CUSTOMERS[:-1], self.witness.unwanted)
            self.acts[await colleagues.act(self._house.means, owed, talks)] += 1
        except Exception as error:
            self._note([f"what one of us did raised {type(error).__name__}: {error}"])
        finally:
            self.awake -= 1

    def _people_come_and_go(self) -> None:
        for phone in (ANNA, BO, *CUSTOMERS):
            if self.chance.random() < 0.2:
                self.exchange.people[phone] = self._person()

    def _person(self) -> Person:
        return Person(
            answers_after=self.chance.choice((None, 1, 4, 12, 24, 50)),
            presses=(self.chance.choice(("1", "1", "1", "", "5")), self.chance.choice(("1", "2", "3", "4", ""))),
            talks_for=self.chance.choice((0.5, 4, 30, 300)),
            hangs_up_after=self.chance.choice((None, None, None, 3, 20)),
            voicemail=self.chance.random() < 0.2,
            busy=self.chance.random() < 0.1,
            unreachable=self.chance.random() < 0.05,
        )

    def _tamper(self, hook: Webhook) -> Tamper:
        if hook.fields.get("Digits") or hook.fields.get("SpeechResult"):
            self.witness.spoke[hook.fields.get("From", "")] = self.clockwork.now
        if not self.stormy:
            return Tamper()
        drawn = self.chance.random()
        if drawn < 0.05:
            return Tamper(lost=True)
        if drawn < 0.10:
            return Tamper(answer_lost=True)
        delay = self.chance.choice((0.2, 3, 30, 400)) * self.chance.random() if drawn < 0.25 else 0.0
        return Tamper(delay=delay, copies=self.chance.choice(COPIES))

    def _tamper_rest(self, _request: RestRequest) -> Tamper:
        if not self.stormy:
            return Tamper()
        drawn = self.chance.random()
        faults = (
            Tamper(lost=True),
            Tamper(answer_lost=True),
            Tamper(refused=(429, 20429)),
            Tamper(refused=(503, 20503)),
            Tamper(refused_after=(503, 20503)),
        )
        return self.chance.choice(faults) if drawn < 0.2 else Tamper()

    def _duties(self) -> Sequence[Duty]:
        """Those whose turn it is: in a storm not each comes to it; the list is swept every few minutes."""
        duties, now = self._house.duties if self._house else (), self.clockwork.now
        if self.stormy:
            duties = [duty for duty in duties if duty.name == Sweep.name or self.chance.random() < 0.5]
        if self._swept_at is None or now - self._swept_at >= SWEEPS:
            self._swept_at = now
            return duties
        return [duty for duty in duties if duty.name != Sweep.name]

    async def _turns(self) -> None:
        for duty in self._duties():
            if self.stormy and self.chance.random() < 0.01:
                await self._dies_in(duty)
                return
            await self._turn(duty)

    async def _turn(self, duty: Duty) -> None:
        self.awake += 1
        try:
            async with asyncio.timeout(20):
                for _ in range(self.chance.choice((1, 1, 20)) if self.stormy else 20):
                    if not await duty.once():
                        return
        except CommsdError as error:  # the supervisor begins it again; but without a storm there is no reason
            if not self.stormy:
                self._note([f"{duty.name}: {error}"])
        except Exception as error:
            self._note([f"{duty.name} raised {type(error).__name__}: {error}"])
        finally:
            self.awake -= 1

    async def _dies_in(self, duty: Duty) -> None:
        """The process ends somewhere in the middle of a turn, and a new one begins a while later."""
        self.awake += 1
        task = asyncio.create_task(duty.once())
        for _ in range(self.chance.randrange(400)):
            await turn()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        self.awake -= 1
        await self._kill()
        self.restarts += 1
        await self.clockwork.world.sleep(self.chance.choice((0.1, 20, 200)) * self.chance.random())
        await self._open()

    async def _open(self) -> None:
        self.awake += 1
        try:
            self._house = await _House.opened(self.url, self.settings, self.clockwork, self._duties_world())
        finally:
            self.awake -= 1
        self._house.means.log.listen(self._hear)
        self.exchange.app_url = self._house.listener.url
        self._swept_at = None

    def _duties_world(self) -> World:
        return replace(self.clockwork.world, sleep=self._sleep)

    async def _sleep(self, seconds: float) -> None:
        """A duty that waits lets time pass."""
        self.awake -= 1
        try:
            await self.clockwork.world.sleep(seconds)
        finally:
            self.awake += 1

    async def _kill(self) -> None:
        house, self._house = self._house, None
        self.exchange.app_url = "http://127.0.0.1:9"
        self.awake += 1
        try:
            if house:
                await house.killed()
        finally:
            self.awake -= 1

    async def _look(self) -> None:
        if self._house is None:
            return
        self.awake += 1
        try:
            if self._news:
                self._news, self.books = False, await self._house.means.log.read(read)
            self._note(self.witness.faults(self.books, self.exchange.calls.values()))
        finally:
            self.awake -= 1

    def _hear(self, _change: Change) -> None:
        self._news = True

    async def _last_look(self) -> None:
        log, calls = self._house.means.log if self._house else None, list(self.exchange.calls.values())
        assert log
        self.books, self.journal = await log.read(read), await log.read(journal)
        self._note(
            [
                *unknown(self.books, calls, self.witness.foreign),
                *orphans(self.books, calls, self.witness.foreign),
            ]
        )

    def _note(self, faults: Sequence[str]) -> None:
        self.faults += [fault for fault in faults if fault not in self.faults]


@dataclass(frozen=True, slots=True)
class _House:
    """The telephone of one process: its duties, its listener, its hold on the store."""

    means: Means
    duties: Sequence[Duty]
    listener: Mortal

    @classmethod
    async def opened(cls, url: str, known: PhoneSettings, clockwork: Clockwork, world: World) -> "_House":
        means = replace(await opened(url, clockwork), world=world)
        return cls(means, PHONE.duties(known, means), Mortal(PHONE.routes(known, means)))

    async def killed(self) -> None:
        await self.listener.kill()
        await self.means.log.close()


@asynccontextmanager
async def walking(seed: int, folder: Path, url: str, *, alone: bool = False) -> AsyncIterator[Walk]:
    """A walk that may begin. Its exchange speaks to nobody after this."""
    chance, clockwork = Random(seed), Clockwork(BEGINNINGS[seed % len(BEGINNINGS)], GRAIN)
    (folder / "token").write_text(TOKEN)
    exchange = Exchange(
        world=clockwork.world,
        account_sid=ACCOUNT,
        auth_token=TOKEN,
        public_url=PUBLIC,
        numbers={
            HOTLINE: IncomingNumber(fallback_url=FALLBACK),
            OTHER_LINE: IncomingNumber(voice_url=ELSEWHERE, status_callback=ELSEWHERE),
        },
        words_per_second=20,
    )
    exchange.post.static |= {FALLBACK: STATIC, ELSEWHERE: STATIC}
    exchange.office.action_after_hangup = chance.random() < 0.5
    witness = Witness(Limits(agents=frozenset({ANNA, BO}), forbidden=frozenset({PREMIUM, LATVIAN})))
    secret = SecretSource("file", str(folder / "token"))
    async with exchange:
        known = settings(twilio(secret, exchange.api_base_url))
        known = replace(known, dialling=replace(known.dialling, enabled=not alone))
        walk = Walk(chance, clockwork, exchange, known, url, witness, alone=alone)
        walk.gaps = chance.choice(GAPS)
        async with clockwork.running(lambda: exchange.post.busy > 0 or walk.awake > 0):
            yield walk
