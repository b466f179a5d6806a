"""A callback that is due, a dialler, and people with telephones: the stand-in rings, our routes answer."""

from dataclasses import dataclass

import pytest

from commsd.channels.phone.dial.dialler import Dialler
from commsd.channels.phone.dial.exchange import Exchange as Attempts
from commsd.channels.phone.rest import Rest
from commsd.core.callback import Callback, State
from commsd.core.interaction import Direction, Interaction
from commsd.demo.exchange import Call, Caller, Person
from tests.channels.phone.conftest import Phone
from tests.channels.phone.hotline import ANNA, CUSTOMER
from tests.eventually import eventually

GONE = Caller(hangs_up_after=1.0)
TAKES = Person(answers_after=3, presses=("1", "1"))
"""Takes the call, and says afterwards that the customer was reached."""

TALKS = Person(answers_after=4, talks_for=30)


@dataclass(slots=True)
class Desk:
    """One who makes callbacks in a test."""

    phone: Phone
    dialler: Dialler

    def again(self) -> Dialler:
        """A new process on the same store."""
        self.dialler = dialler(self.phone)
        return self.dialler

    async def missed(self, from_: str = CUSTOMER) -> Callback:
        """A customer rang in vain: the callback that is owed."""
        await self.phone.rung(GONE, from_)
        await self.phone.settled()
        await self.phone.judged()
        return next(each for each in await self.phone.callbacks() if each.number == from_)

    async def at_once(self) -> None:
        """One turn of the duty while time stands."""
        self.phone.clockwork.held = True
        await self.dialler.once()
        self.phone.clockwork.held = False

    async def turn(self) -> None:
        """One turn of the duty, and everything that comes of it, until nobody is on the telephone."""
        await self.dialler.once()
        await self.quiet()

    async def quiet(self) -> None:
        for call in list(self.phone.exchange.calls.values()):
            await self.phone.exchange.ended(call)
        await self.phone.settled()

    def orders(self) -> list[Call]:
        """The calls that commsd had placed."""
        return [call for call in self.phone.exchange.calls.values() if call.direction == "outbound-api"]

    def posted(self) -> int:
        """How often a call was ordered of Twilio."""
        sent = self.phone.exchange.rest_requests
        return sum(1 for each in sent if each.method == "POST" and each.path.endswith("/Calls.json"))

    async def callback(self) -> Callback:
        (found,) = await self.phone.callbacks()
        return found

    async def attempts(self) -> list[Interaction]:
        """Our attempts as interactions, the oldest first."""
        found = [each for each in await self.phone.calls() if each.direction is Direction.OUTBOUND]
        return sorted(found, key=lambda each: each.occurred_at)

    async def until(self, state: State) -> Callback:
        """The callback once it is in this state."""

        async def there() -> Callback | None:
            found = await self.callback()
            return found if found.state is state else None

        found = await eventually(there)
        assert found
        return found


def dialler(phone: Phone) -> Dialler:
    assert phone.settings.twilio
    return Dialler(Attempts(phone.settings, phone.means), Rest(phone.settings.twilio))


@pytest.fixture
async def desk(phone: Phone) -> Desk:
    phone.exchange.people[ANNA] = TAKES
    phone.exchange.people[CUSTOMER] = TALKS
    return Desk(phone, dialler(phone))
