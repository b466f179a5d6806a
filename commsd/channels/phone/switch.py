"""Takes decisions about calls: a webhook into the journal, the decision behind it, again where it needs more keys."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial

from commsd.channels.channel import Means
from commsd.channels.phone import intake
from commsd.channels.phone.intake import AskTwilio, MoreKeys
from commsd.channels.phone.line import PhoneSettings
from commsd.channels.phone.rest import KnownCall
from commsd.channels.phone.seen import House
from commsd.channels.phone.step import Stage, Step
from commsd.core.change import Change
from commsd.core.open_items import OpenItems
from commsd.errors import TryAgain
from commsd.store.journal import Webhook

SET_ASIDE = timedelta(minutes=1)
_ROUNDS = 4


class Switch:
    """The calls of this deployment."""

    def __init__(self, settings: PhoneSettings, means: Means) -> None:
        self.settings, self.means = settings, means

    def house(self) -> House:
        """What calls are decided with, as of now."""
        twilio = self.settings.twilio
        base = (twilio.public_url if twilio else None) or ""
        return House(
            firm=self.means.firm,
            lines=self.settings.lines,
            base=base,
            terms=self.means.rules.terms,
            regions=self.settings.dialling.regions,
        )

    def note(
        self, sid: str, step: Step, url: str, fields: Mapping[str, str], token: str | None, at: datetime
    ) -> "asyncio.Future[int]":
        """Queue a webhook for the journal, before any decision that is asked for after. It is done once durable."""
        webhook = Webhook(
            call_sid=sid, route=step.stage.value, step=str(step), url=url, fields=fields, token=token, received_at=at
        )
        return asyncio.ensure_future(self.means.journal.append(webhook))

    async def answer(self, sid: str, step: Step, fields: Mapping[str, str]) -> bytes | None:
        """The TwiML for a step whose webhook was noted; None where the decision failed and the call was set aside."""
        house = self.house()

        def decide(keys: tuple[str, ...], items: OpenItems) -> Change:
            return intake.answer(sid, step, fields, items, house, keys)

        change = await self._decided(sid, intake.keys_of(sid, fields), decide)
        return change.result if isinstance(change.result, bytes) else None

    async def settle(self, sid: str, fields: Mapping[str, str], *, may_ask: bool = False) -> bool:
        """Take in what was noted, or that time passed. False: it waits for Twilio to be asked."""
        house = self.house()

        def decide(keys: tuple[str, ...], items: OpenItems) -> Change:
            return intake.settle(sid, items, house, keys, may_ask=may_ask)

        change = await self._decided(sid, intake.keys_of(sid, fields), decide)
        return not isinstance(change.result, AskTwilio)

    async def asked(self, sid: str, known: KnownCall | None, at: datetime) -> None:
        """Keep what Twilio's REST API said of a call as a webhook of its own kind, so that the fold sees it.

        A call that Twilio does not have is over: telephony.md R2.
        """
        legs = {f"Child-{leg}": status for leg, status in (known.children if known else {}).items()}
        fields = {"CallSid": sid, "CallStatus": known.status if known else "failed", **legs}
        await self.note(sid, Step(Stage.ASKED), "", fields, None, at)

    async def _decided(
        self, sid: str, keys: tuple[str, ...], decide: Callable[[tuple[str, ...], OpenItems], Change]
    ) -> Change:
        for _ in range(_ROUNDS):
            change = await self.means.log.decide(
                keys, partial(decide, keys), otherwise=lambda items, _: intake.set_aside(sid, items, SET_ASIDE)
            )
            if not isinstance(change.result, MoreKeys):
                return change
            keys = change.result.keys
        raise TryAgain("the keys of a call went on changing", remedy="nothing to do: its timer takes it up again")
