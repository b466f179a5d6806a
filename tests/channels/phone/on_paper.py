"""A call in progress on paper: webhooks go in, what is heard and what is recorded comes out. No store, no server."""

from datetime import datetime, timedelta
from typing import Any

from commsd.channels.phone.intake import answer, settle
from commsd.channels.phone.seen import House
from commsd.channels.phone.step import step_of
from commsd.core import key
from commsd.core.change import Change
from tests.channels.phone.documents import Document, read
from tests.channels.phone.hotline import (
    ANNA,
    CUSTOMER,
    DANE,
    HOTLINE,
    HOUSE,
    JAKARTAN,
    LONDONER,
    SID,
    TUESDAY,
    Books,
    Told,
    dialled,
    fields,
    leg_fields,
)

KEYS = (key.of_call(SID), *key.of_addresses(CUSTOMER, LONDONER, DANE, JAKARTAN, ANNA, HOTLINE, "+493023125088"))


class Line:
    """A call in progress against books on paper."""

    def __init__(
        self, house: House = HOUSE, start: datetime = TUESDAY, caller: str = CUSTOMER, books: Books | None = None
    ):
        self.house, self.caller = house, caller
        self.books = books or Books(start)
        self.books.now = start
        self.told = Told(start)
        self.change = Change()

    def asks(self, step: str, after: float = 0, **said: str) -> Document:
        """A webhook that wants TwiML; what is heard next."""
        return self._asks(
            step, fields("in-progress", self.caller, **said) if step != "voice" else fields(caller=self.caller), after
        )

    def agent_asks(self, step: str, after: float = 0, **said: str) -> Document:
        return self._asks(step, leg_fields("in-progress", **said), after)

    def dial_over(
        self, round_: int, bridged: bool, after: float = 20, status: str = "no-answer", **said: str
    ) -> Document:
        told = dialled(bridged, status, **said) | {"From": self.caller}
        return self._asks(f"dial-{round_}", told, after)

    def _asks(self, text: str, said: dict[str, str], after: float) -> Document:
        self.told.told(text, said, after)
        self.books.now = self.told.start + timedelta(seconds=after)
        step = step_of(text)
        assert step
        items = self.books.items(self.told.entries)
        self.change = self.books.take(answer(SID, step, said, items, self.house, KEYS))
        assert isinstance(self.change.result, bytes)
        return read(self.change.result)

    def over(self, after: float = 60, status: str = "completed") -> Change:
        self.told.told("status", fields(status, self.caller), after)
        return self.passes(after)

    def passes(self, after: float) -> Change:
        self.books.now = self.told.start + timedelta(seconds=after)
        return self.books.take(settle(SID, self.books.items(self.told.entries), self.house, KEYS))

    @property
    def call(self) -> Any:
        return next(i for i in self.books.interactions.values() if i.external("twilio.call-sid") == SID)

    @property
    def callback(self) -> Any:
        (callback,) = self.books.callbacks.values()
        return callback
