"""Duties of texts: what is owed after a missed call, what a crash left undecided, and the post itself.

The post is `Courier`; here is one attempt of it. A text that may have been taken is looked for at Twilio before it goes
once more, so that a customer reads it once.
"""

import asyncio
from datetime import timedelta
from functools import partial

import structlog

from commsd.channels.channel import Means
from commsd.channels.phone import sms_ack, text_settle
from commsd.channels.phone.line import PhoneSettings
from commsd.channels.phone.message import call_sid
from commsd.channels.phone.message_hooks import Desk, tell_code
from commsd.channels.phone.rest import Rest
from commsd.channels.phone.screening import held_reason
from commsd.channels.phone.sms_ack import Manners
from commsd.channels.phone.switch import Switch
from commsd.channels.phone.text import PATIENCE, Texts
from commsd.channels.phone.text_owed import LAST, VIA, letter_of, number_of
from commsd.core.change import Change
from commsd.core.interaction import Delivery, DeliveryKind
from commsd.core.open_items import OpenItems
from commsd.errors import CommsdError
from commsd.sla.notice.carriage import Patience, Word, perhaps_taken
from commsd.sla.notice.courier import Courier
from commsd.store.opt_outs import opt_outs
from commsd.store.texts import undecided, untexted

log = structlog.get_logger()

PAUSE = 5.0
DEADLINE = 60.0
TURN = 100
LEFT_BEHIND = timedelta(seconds=30)
OVERRIDES = "#rc=3&rp=ct,rt,5xx&ct=2000&rt=4000"
"""How often Twilio tells us again; telephony.md W8."""


class Post:
    """One attempt to send what is owed by text. base: under which Twilio tells us what became of it, None for not."""

    def __init__(self, rest: Rest, means: Means, notices: Texts, base: str | None) -> None:
        self._rest, self._means, self._notices, self._base = rest, means, notices, base

    async def send(self, owed: Delivery) -> Word:
        """What came of it."""
        if owed.kind is not DeliveryKind.ACK:
            return await self._notices.send(owed)
        try:
            word = await self._sent(owed)
        except CommsdError as error:
            return Word(kind="unknown" if perhaps_taken(owed) else "later", said=error.what[:200])
        if word.code is not None:
            tell_code(word.code, owed.id)
        return word

    async def _sent(self, owed: Delivery) -> Word:
        letter = letter_of(owed)
        if perhaps_taken(owed):
            found = await self._rest.sent_text(letter.to, letter.from_, letter.body, owed.created_at)
            if found:
                return Word(kind="sent", said=f"found {found}", sid=found)
        if owed.expires_at is not None and self._means.world.now() > owed.expires_at:
            return Word(kind="later", said="what it says is over")
        number, channel = number_of(owed)
        unwanted = await self._means.log.read(lambda connection: opt_outs(connection, [number]))
        if not owed.key.startswith(LAST) and any(each.channel == channel.value for each in unwanted):
            return Word(kind="refused", said="opted out before it went", code=text_settle.STOPPED)
        callback = f"{self._base}/twilio/message-status?delivery={owed.id}{OVERRIDES}" if self._base else None
        return await self._rest.send_text(letter.to, letter.from_, letter.body, callback)


def post(settings: PhoneSettings, rest: Rest, means: Means) -> Courier | None:
    """The duty that sends texts, to customers and to our own people; None where no line has a number."""
    number = next((line.number.e164 for line in settings.lines.values() if line.number.e164), None)
    twilio = settings.twilio
    if number is None or twilio is None:
        return None

    def settled(word: Word, delivery_id: str, patience: Patience, items: OpenItems) -> Change:
        return text_settle.settled(word, delivery_id, patience, items, means.rules.terms)

    base = twilio.public_url if twilio.webhooks else None
    send = Post(rest, means, Texts(rest, number), base).send
    return Courier(
        "phone.text", VIA, send, PATIENCE, means.log, means.claims, means.world, means.pulse.metrics, settled
    )


class Texting:
    """Sees to it that a missed call is followed by a text, and that no webhook of a text is left undecided."""

    name = "phone.message"

    def __init__(self, switch: Switch) -> None:
        self._switch, self._desk = switch, Desk(switch)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            if not await self.once():
                await self._switch.means.world.sleep(PAUSE)

    async def once(self) -> bool:
        """One turn; says whether anything was decided."""
        return await self._left_behind() + await self._missed() > 0

    async def _left_behind(self) -> int:
        means = self._switch.means
        before = means.world.now() - LEFT_BEHIND
        async with asyncio.timeout(DEADLINE):
            left = await means.log.read(lambda connection: undecided(connection, call_sid(""), before, TURN))
        taken = 0
        for each in left:
            try:
                async with asyncio.timeout(DEADLINE):
                    await self._desk.decide(each.step, each.fields, each.url)
                taken += 1
            except Exception as error:
                log.error("webhook.not_decided", error=type(error).__name__, exc_info=error)
        return taken

    async def _missed(self) -> int:
        means, settings = self._switch.means, self._switch.settings
        now, house = means.world.now(), self._switch.house()
        since, until, prefix = now - sms_ack.LATEST, now - sms_ack.WAITS, sms_ack.named("")
        manners = Manners(regions=settings.dialling.regions, quiet=settings.callbacks.quiet_hours)
        async with asyncio.timeout(DEADLINE):
            owed = await means.log.read(lambda connection: untexted(connection, prefix, since, until, TURN * 10))
        made = 0
        for callback in owed:
            decided = partial(sms_ack.texted, callback.id, house=house, manners=manners)
            async with asyncio.timeout(DEADLINE):
                change = await means.log.decide(sms_ack.keys_of(callback), decided)
                if change.result == sms_ack.NotYet(sms_ack.WISH) and not await held_reason(callback, settings, means):
                    asked_for = partial(decided, wanted=True)
                    change = await means.log.decide(sms_ack.keys_of(callback), asked_for)
            made += bool(change.deliveries)
        return made
