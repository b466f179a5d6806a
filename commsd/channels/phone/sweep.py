"""Duty: the calls in Twilio's list that we never heard of, every five minutes and at start; R6 of telephony.md.

While we were down, or where a webhook was lost, a customer rang all the same. Without webhooks this is how calls come
in at all, every half minute. Now and then it looks whether Twilio still sends the calls of our numbers to us.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from commsd.channels.phone.call_list import numbers, pages_of_calls
from commsd.channels.phone.line import Line, Twilio
from commsd.channels.phone.number_setup import Fault, faults
from commsd.channels.phone.rest import Rest
from commsd.channels.phone.step import Stage, Step
from commsd.channels.phone.swept import OVERLAP, fields_of, is_over, mark_after, of_lines
from commsd.channels.phone.switch import Switch
from commsd.core.past_calls import ListedCall
from commsd.errors import CommsdError
from commsd.store import sweeps

log = structlog.get_logger()

EVERY, POLLED = 300.0, 30.0
"""Seconds from one look at the list to the next: as a net below webhooks, and in their place."""

SPARE = 60.0
"""Seconds that a lease outlives two looks: so long after a node died, another looks."""

DEADLINE = 60.0
LOOKED_AT = timedelta(hours=1)
"""From one look at how our numbers are set up to the next."""

LINE = "line"
PARTS = CALLS, LIST, SETUP = "", "list", "setup"
"""Parts of a line's health: whether calls reach us, whether Twilio lets us read, whether it sends the calls to us."""


class Sweep:
    """Reads the list. One node does; done twice, it changes nothing."""

    name = "phone.sweep"

    def __init__(self, switch: Switch, rest: Rest, twilio: Twilio) -> None:
        self._switch, self._rest, self._twilio = switch, rest, twilio
        self._lines = {line.number.e164: line for line in switch.settings.lines.values()}
        self._began = switch.means.world.now()
        self._every = EVERY if twilio.webhooks else POLLED
        self._looked_at: datetime | None = None
        self._met: frozenset[str] = frozenset()
        self.working = False

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.once()
            await self._switch.means.world.sleep(self._every)

    async def once(self) -> bool:
        """Look through what is new in the list. True where it held a call that nobody had told of."""
        means = self._switch.means
        async with asyncio.timeout(DEADLINE):
            fence = await means.claims.lease(self.name, timedelta(seconds=2 * self._every + SPARE))
        if not self._lines or fence is None:
            return False
        try:
            found = await self._swept()
            await self._look_at_numbers()
        except CommsdError as error:
            self._fail(LIST, error.what)
            raise
        for line in self._lines.values():
            means.pulse.beat(line.name, LINE, LIST)
            if not self._twilio.webhooks:
                means.pulse.beat(line.name, LINE, CALLS)
        self.working = True
        return found > 0

    async def _swept(self) -> int:
        means, now = self._switch.means, self._switch.means.world.now()
        mark = f"calls:{self._twilio.account_sid}"
        since = {number: f"line:{number}" for number in self._lines}
        marks = await self._marks((mark, *since.values()), now)
        enrolled = {number: marks[name] for number, name in since.items()}
        calls = await self._listed(max(marks[mark] - OVERLAP, min(enrolled.values())))
        ours = of_lines(calls, enrolled)
        async with asyncio.timeout(DEADLINE):
            unknown = await means.log.read(lambda c: sweeps.unknown_calls(c, [call.sid for call in ours]))
        strangers = [call for call in ours if call.sid in unknown]
        over = [call for call in strangers if is_over(call, now, self._met)]
        self._met = frozenset(call.sid for call in strangers if call.ended_at is not None) - {c.sid for c in over}
        legs = _by_parent(calls)
        for call in over:
            async with asyncio.timeout(DEADLINE):
                await self._take(call, legs.get(call.sid, ()), now)
        reached = mark_after(marks[mark], calls, [call for call in strangers if call not in over])
        async with asyncio.timeout(DEADLINE):
            await means.log.writer.write(lambda c: sweeps.advance(c, mark, reached))
        return len(over)

    async def _marks(self, names: Sequence[str], now: datetime) -> Mapping[str, datetime]:
        """How far the list is looked through, and since when we have each line: what was before is the past."""
        log = self._switch.means.log
        async with asyncio.timeout(DEADLINE):
            known = await log.read(lambda c: sweeps.marks(c, names))
            if len(known) == len(names):
                return known
            await log.writer.write(lambda c: sweeps.begin(c, names, now))
            return await log.read(lambda c: sweeps.marks(c, names))

    async def _listed(self, since: datetime) -> Sequence[ListedCall]:
        return [call async for page in pages_of_calls(self._rest, since) for call in page]

    async def _take(self, call: ListedCall, legs: Sequence[ListedCall], now: datetime) -> None:
        """Note it, and decide on it as on any call. A crash between the two is made good by the verdict's duty."""
        line = self._lines[call.called]
        fields = fields_of(call, legs, now, whispered=self._twilio.webhooks)
        await self._switch.note(call.sid, Step(Stage.SWEPT), "", fields, None, now)
        await self._switch.settle(call.sid, fields)
        log.info("sweep.found", call_sid=call.sid, line=line.name, waited_s=(now - call.started_at).total_seconds())
        if self._twilio.webhooks and call.started_at > self._began:
            said = "a call came to this number and no webhook of it to us"
            self._switch.means.pulse.fail(line.name, LINE, said, CALLS)

    async def _look_at_numbers(self) -> None:
        now = self._switch.means.world.now()
        if self._looked_at is not None and now - self._looked_at < LOOKED_AT:
            return
        setups = {setup.number: setup for setup in await numbers(self._rest)}
        self._looked_at = now
        for line in self._lines.values():
            self._judge(line, next((each for each in faults(line, setups, self._twilio) if each.grave), None))

    def _judge(self, line: Line, fault: Fault | None) -> None:
        pulse = self._switch.means.pulse
        if fault is None:
            pulse.beat(line.name, LINE, SETUP)
            return
        log.warning("line.misrouted", line=line.name, what=fault.said, remedy=fault.remedy)
        pulse.fail(line.name, LINE, fault.said, SETUP)

    def _fail(self, part: str, said: str) -> None:
        for line in self._lines.values():
            self._switch.means.pulse.fail(line.name, LINE, said, part)


def _by_parent(calls: Iterable[ListedCall]) -> Mapping[str, Sequence[ListedCall]]:
    found: dict[str, list[ListedCall]] = {}
    for call in calls:
        if call.parent_sid:
            found.setdefault(call.parent_sid, []).append(call)
    return found
