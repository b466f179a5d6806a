"""Our people in a random walk: they take calls owed, say what came of them by every way there is, ring from their own.

What they say by key is pressed in the exchange (`Person.presses`). What cannot be done is refused; that is no fault.
"""

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from random import Random

from commsd.channels.channel import Means
from commsd.core import key
from commsd.core.callback import Callback, State
from commsd.core.entry import Entry, Hand, Result, Said
from commsd.core.interaction import Channel, Direction, Interaction, Kind
from commsd.core.link import LASTS, Act, Link, link_of, link_token
from commsd.crm.actions import Decide, record_entry
from commsd.crm.call_actions import callback_result, claim_callback, close_callback, number_callback, talk_result
from commsd.crm.contact_actions import set_calls
from commsd.crm.link_action import act_of
from commsd.errors import CommsdError
from commsd.store import query

HANDS = (
    Hand(by="anna", agent_id="anna", agent="Anna Berg"),
    Hand(by="bo", agent_id="bo", agent="Bo Lind"),
    Hand(by="cai", agent_id="cai", agent="Cai Tan"),
    Hand(by="key:crm"),
)
LINKS = (*(Act.CLAIM, Act.REACHED, Act.AGAIN, Act.VOICEMAIL, Act.WRONG, Act.DECLINED), *([Act.RELEASE] * 4))


@dataclass(frozen=True, slots=True)
class Colleagues:
    """Who acts at random. numbers: whom a person may ring or find out; unwanted: since when they want no calls."""

    chance: Random
    numbers: Sequence[str]
    unwanted: MutableMapping[str, datetime]

    async def act(self, means: Means, callbacks: Sequence[Callback], talks: Sequence[Interaction]) -> str:
        """One thing that one of us does; what it was, with "refused" where it could not be done."""
        of_talk = bool(talks) and self.chance.random() < 0.1
        if of_talk:
            talk = self.chance.choice(talks)
            keys = await means.log.read(lambda c: query.keys_of_interaction(c, talk.id))
            return await self._done(means, "talk", keys, partial(talk_result, talk.id, self._said(means)))
        if self.chance.random() < 0.05:
            return await self._wished(means)
        if not callbacks or self.chance.random() < 0.1:
            number = self.chance.choice(self.numbers)
            return await self._done(
                means, "entry", key.of_addresses(number), partial(record_entry, self._entry(number))
            )
        return await self._to(self.chance.choice(callbacks), means)

    async def _wished(self, means: Means) -> str:
        """A customer wants no calls, or wants them again; noted by one of us. Until it is committed, either holds."""
        number, wanted = self.chance.choice(self.numbers), self.chance.random() < 0.3
        decide = set_calls(number, self.chance.choice(HANDS), wanted=wanted)
        if wanted:
            self.unwanted.pop(number, None)
        what = await self._decided(means, "calls" if wanted else "no calls", key.of_addresses(number), decide)
        if not wanted:
            self.unwanted.setdefault(number, means.world.now())
        return what

    async def _to(self, callback: Callback, means: Means) -> str:
        keys = await means.log.read(lambda c: query.keys_of_callback(c, callback.id))
        if callback.state is State.NEEDS_NUMBER and self.chance.random() < 0.5:
            number = self.chance.choice(self.numbers)
            more = (*keys, *key.of_addresses(number))
            return await self._done(means, "number", more, partial(number_callback, callback.id, number))
        kind = self.chance.choice(("claim", "result", "result", "link", "link", "link", "close"))
        match kind:
            case "claim":
                hand = self.chance.choice(HANDS)
                return await self._decided(means, "claim", keys, claim_callback(callback.id, hand))
            case "result":
                return await self._done(means, kind, keys, partial(callback_result, callback.id, self._said(means)))
            case "link":
                return await self._pressed(callback, keys, means)
        return await self._done(means, kind, keys, partial(close_callback, callback.id, note="settled by letter"))

    async def _pressed(self, callback: Callback, keys: Sequence[str], means: Means) -> str:
        """A link of a notice, which carries nothing but its token."""
        hand, now = self.chance.choice(HANDS), means.world.now()
        made = Link(
            act=Act.RELEASE if callback.state is State.HELD else self.chance.choice(LINKS),
            thing=callback.id,
            agent=hand.agent_id or "",
            until=(now + LASTS).replace(microsecond=0),
        )
        link = link_of(means.key, link_token(means.key, made))
        assert link == made
        due = self._due(now) if link.act is Act.AGAIN else None
        decide = act_of(link, hand, means.rules.terms, due)
        return await self._decided(means, f"link {link.act}", keys, decide)

    def _said(self, means: Means) -> Said:
        result = self.chance.choice(tuple(Result))
        timed = result in (Result.CALL_AGAIN, Result.PARTLY)
        return Said(result=result, due=self._due(means.world.now()) if timed else None)

    def _due(self, now: datetime) -> datetime:
        return now + timedelta(minutes=self.chance.choice((2, 20, 70, 60 * 9)))

    def _entry(self, number: str) -> Entry:
        """A talk of one of us by the own telephone, or face to face."""
        met = self.chance.random() < 0.3
        return Entry(
            channel=Channel.IN_PERSON if met else Channel.PHONE,
            kind=Kind.MEETING if met else Kind.CALL,
            direction=Direction.OUTBOUND,
            customer=number,
            said=Said(result=Result.REACHED) if self.chance.random() < 0.5 else None,
        )

    async def _done(self, means: Means, what: str, keys: Sequence[str], made: "Made") -> str:
        return await self._decided(means, what, keys, made(hand=self.chance.choice(HANDS), terms=means.rules.terms))

    async def _decided(self, means: Means, what: str, keys: Sequence[str], decide: Decide) -> str:
        try:
            await means.log.decide(tuple(keys), decide)
        except CommsdError:
            return f"{what} refused"
        return what


Made = partial[Decide]
"""An action that only wants to know whose hand it is, and the rules."""
