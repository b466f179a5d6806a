"""Takes decisions about the calls that we place: a webhook into the journal, the decision behind it."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from functools import partial

from commsd.channels.channel import Means
from commsd.channels.phone.dial import settle
from commsd.channels.phone.dial.placed import keys_of
from commsd.channels.phone.dial.settle import Desk
from commsd.channels.phone.dial.step import Step, journal_name
from commsd.channels.phone.line import PhoneSettings
from commsd.channels.phone.seen import House
from commsd.core.change import Change
from commsd.store.journal import Webhook


class Exchange:
    """The attempts of this deployment."""

    def __init__(self, settings: PhoneSettings, means: Means) -> None:
        self.settings, self.means = settings, means
        self._began_at = means.world.now()

    def house(self) -> House:
        """What attempts are decided with, as of now. Its base is empty where Twilio cannot reach us."""
        twilio = self.settings.twilio
        base = (twilio.public_url if twilio and twilio.webhooks else None) or ""
        return House(
            firm=self.means.firm,
            lines=self.settings.lines,
            base=base,
            terms=self.means.rules.terms,
            connect_url=twilio.connect_url if twilio else None,
        )

    def note(
        self,
        attempt_id: str,
        step: Step,
        url: str,
        fields: Mapping[str, str],
        token: str | None,
        at: datetime,
    ) -> "asyncio.Future[None]":
        """Queue a webhook, or a note of ours, for the journal; a decision asked for after sees it."""
        webhook = Webhook(
            call_sid=journal_name(attempt_id),
            route=f"dial-{step.stage.value}",
            step=str(step),
            url=url,
            fields=fields,
            token=token,
            received_at=at,
        )
        return asyncio.ensure_future(self.means.journal.append(webhook))

    async def answer(self, callback_id: str, attempt_id: str, step: Step, fields: Mapping[str, str]) -> bytes | None:
        """The TwiML for a step whose webhook was noted; None where the attempt is none of ours."""
        decide = partial(settle.answer, callback_id, attempt_id, step, fields, desk=self._desk())
        change = await self.means.log.decide(keys_of(callback_id, attempt_id), decide)
        return change.result if isinstance(change.result, bytes) else None

    async def settle(self, callback_id: str, attempt_id: str, *, may_ask: bool = False) -> Change:
        """Take in what was noted, or that time passed. The change's result says what Twilio is to be asked first."""
        decide = partial(settle.settle, callback_id, attempt_id, desk=self._desk(), may_ask=may_ask)
        return await self.means.log.decide(keys_of(callback_id, attempt_id), decide)

    def _desk(self) -> Desk:
        return Desk(
            house=self.house(),
            rules=self.settings.callbacks,
            began_at=self._began_at,
            machine_detection=self.settings.dialling.machine_detection,
        )
