"""Takes decisions about calls: a webhook into the journal, the decision behind it, again where it needs more keys."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from commsd.channels.channel import Means
from commsd.channels.phone import intake
from commsd.channels.phone.intake import AskTwilio, MoreKeys
from commsd.channels.phone.legs import Legs
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

Decide = Callable[[tuple[str, ...], OpenItems], Change]
"""A decision under these keys."""


class Switch:
    """The calls of this deployment."""

    def __init__(self, settings: PhoneSettings, means: Means) -> None:
        self.settings, self.means = settings, means
        self._legs = Legs(means.log)

    @property
    def base(self) -> str:
        """The public URL under which Twilio reaches us; empty without one."""
        twilio = self.settings.twilio
        return (twilio.public_url if twilio else None) or ""

    def house(self) -> House:
        """What calls are decided with, as of now."""
        people, now = self.means.firm.people, self.means.world.now()
        return House(
            firm=self.means.firm,
            lines=self.settings.lines,
            base=self.base,
            terms=self.means.rules.terms,
            regions=self.settings.dialling.regions,
            quiet=self.settings.callbacks.quiet_hours,
            busy=self._legs.phones(people, now),
            turns=self._legs.turns(people, now),
        )

    def note(
        self, sid: str, step: Step, url: str, fields: Mapping[str, str], token: str | None, at: datetime
    ) -> "asyncio.Future[None]":
        """Queue a webhook for the journal, before any decision that is asked for after. It is done once durable."""
        webhook = Webhook(
            call_sid=sid, route=step.stage.value, step=str(step), url=url, fields=fields, token=token, received_at=at
        )
        return asyncio.ensure_future(self.means.journal.append(webhook))

    def answer(self, sid: str, step: Step, fields: Mapping[str, str]) -> Coroutine[Any, Any, bytes | None]:
        """The TwiML for a step whose webhook was noted; None where the static words are to be said instead.

        They are where the decision failed and the call was set aside, or Twilio could not use what it was given. It is
        queued now, so that it shares the commit of that webhook.
        """
        house = self.house()

        def decide(keys: tuple[str, ...], items: OpenItems) -> Change:
            return intake.answer(sid, step, fields, items, house, keys)

        return _body_of(self._decided(sid, intake.keys_of(sid, fields), decide))

    def settle(self, sid: str, fields: Mapping[str, str], *, may_ask: bool = False) -> Coroutine[Any, Any, bool]:
        """Take in what was noted, or that time passed; queued now. False: it waits for Twilio to be asked."""
        house = self.house()

        def decide(keys: tuple[str, ...], items: OpenItems) -> Change:
            return intake.settle(sid, items, house, keys, may_ask=may_ask)

        return _needs_no_asking(self._decided(sid, intake.keys_of(sid, fields), decide))

    async def asked(self, sid: str, known: KnownCall | None, at: datetime) -> None:
        """Keep what Twilio's REST API said of a call as a webhook of its own kind, so that the fold sees it.

        A call that Twilio does not have is over: telephony.md R2.
        """
        legs = {f"Child-{leg}": status for leg, status in (known.children if known else {}).items()}
        fields = {"CallSid": sid, "CallStatus": known.status if known else "failed", **legs}
        await self.note(sid, Step(Stage.ASKED), "", fields, None, at)

    def _decided(self, sid: str, keys: tuple[str, ...], decide: Decide) -> Coroutine[Any, Any, Change]:
        def submitted(keys: tuple[str, ...]) -> Awaitable[Change]:
            return self.means.log.submit(
                keys, partial(decide, keys), otherwise=lambda items, _: intake.set_aside(sid, items, SET_ASIDE)
            )

        return _under_all_keys(submitted(keys), submitted)


async def _under_all_keys(deciding: Awaitable[Change], again: Callable[[tuple[str, ...]], Awaitable[Change]]) -> Change:
    change, left = await deciding, _ROUNDS
    while isinstance(change.result, MoreKeys):
        left -= 1
        if not left:
            raise TryAgain("the keys of a call went on changing", remedy="nothing to do: its timer takes it up again")
        change = await again(change.result.keys)
    return change


async def _body_of(deciding: Awaitable[Change]) -> bytes | None:
    change = await deciding
    return change.result if isinstance(change.result, bytes) else None


async def _needs_no_asking(deciding: Awaitable[Change]) -> bool:
    return not isinstance((await deciding).result, AskTwilio)
