"""Who sent a letter or a fax that a gateway or scanner delivered by mail, as the mail itself says. Pure.

What becomes of it is decided in `paper`. The gateway's own address tells nothing: it is a machine's, often ours.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from commsd.channels.mail.address import deliverable
from commsd.channels.mail.desk import Desk
from commsd.channels.mail.gateways import GATEWAYS, OUTGOING, Gateway
from commsd.channels.mail.message import Message
from commsd.channels.mail.mime import decode_words, plain_line
from commsd.channels.mail.sender_pattern import SenderPattern
from commsd.channels.mail.suppression import Us, is_internal, speaker, why_silent
from commsd.core.contact import CUSTOMER, mail_identity
from commsd.core.interaction import Channel
from commsd.core.number import Number, parse_number

ON_PAPER = frozenset({Channel.LETTER, Channel.FAX})
READ = 20_000
"""Characters of the text that are searched; gateways say it at the top."""

MAX_LINES = 6
"""Of a postal address; DIN 5008 leaves six lines in the window."""

_NO_LETTER = frozenset(
    {
        *("unparsable", "report", "list", "own-ack", "auto-reply-subject", "bounce-subject", "calendar", "spam"),
        *("dmarc-fail", "dmarc-report"),
    }
)
"""Why a mail is not taken for a fax or letter, whatever its subject says."""

_MACHINES = frozenset({"robot-sender", "robot-header", "own-address", "auto-submitted", "response-suppressed"})
"""Reasons that hold for gateways and scanners too: with one of them, an unknown mail may be a fax or letter."""

_NUMBER = re.compile(r"[+(]?\d[\d\s().\-/]{4,30}\d")
_NOBODY = re.compile(
    r"(?:unknown|unbekannt|ukendt|anonym(?:ous)?|unspecified|withheld|unavailable|no caller id|n/?a|-+)?", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One letter or fax, with its sender as far as the gateway knows.

    number: E.164. mail: where the sender reads mail. customer: our number for him. postal: lines of an address.
    subject: the matter. known: False where a machine brought something that no pattern fits.
    """

    number: str | None = None
    mail: str | None = None
    customer: str | None = None
    name: str | None = None
    postal: tuple[str, ...] = ()
    subject: str | None = None
    known: bool = True

    @property
    def address(self) -> str | None:
        """What the sender is recorded and found by; None where nothing tells one from another."""
        if self.mail or self.number:
            return self.mail or self.number
        return f"{CUSTOMER}:{self.customer}" if self.customer else None


UNKNOWN = Sheet(known=False)


def sheet_of(message: Message, desk: Desk) -> Sheet | None:
    """The letter or fax in this mail; None for an ordinary mail, which is answered, or not, like any other.

    The house's own patterns are asked first, then those of known gateways. They come before the rules of
    suppression, because a gateway is a machine by all of them; but a bounce or spam is no letter whatever it says.
    """
    if desk.mailbox.channel not in ON_PAPER:
        return None
    reason = why_silent(message, desk.us).reason
    if reason in _NO_LETTER:
        return None
    region = (desk.firm.country or "").partition("-")[0].upper() or None
    found = _by_own(message, desk.mailbox.senders) or _by_gateway(message, desk.mailbox.channel)
    if found:
        groups, theirs = found
        return _sheet(groups, theirs or region, desk.us)
    if reason is None and not desk.leaves.smtp and (writer := speaker(message, desk.us)):
        return Sheet(mail=writer.address, name=writer.name or None)  # nobody here can send mail: on paper, then
    return UNKNOWN if reason in _MACHINES and not _is_ours_going_out(message) else None


def _is_ours_going_out(message: Message) -> bool:
    """A report of a fax we sent, or somebody's out-of-office that reached the gateway."""
    return bool(OUTGOING.search(message.subject)) or "auto-replied" in message.keywords("auto-submitted")


Found = tuple[Mapping[str, str], str | None]


def _by_own(message: Message, patterns: Iterable[SenderPattern]) -> Found | None:
    for pattern in patterns:
        groups = _groups(_searched(message, pattern))
        if groups is not None:
            return groups, None
    return None


def _searched(message: Message, pattern: SenderPattern) -> Iterator[re.Match[str] | None]:
    """What each part of the pattern finds; it fits where all of them find something."""
    if pattern.subject:
        yield _compiled(pattern.subject).search(message.subject)
    if pattern.header:
        values = [plain_line(decode_words(value)) for value in message.all(pattern.header)]
        wanted = _compiled(pattern.field or "")
        yield next((found for value in values if (found := wanted.search(value))), None)
    if pattern.body:
        yield _compiled(pattern.body).search(message.text[:READ])


def _by_gateway(message: Message, channel: Channel) -> Found | None:
    for gateway in GATEWAYS:
        if gateway.channel is channel and _is_from(gateway, message):
            parts = [gateway.subject.fullmatch(message.subject)]
            if gateway.body:
                parts.append(gateway.body.search(message.text[:READ]))
            groups = _groups(parts)
            if groups is not None:
                return groups, gateway.region
    return None


def _is_from(gateway: Gateway, message: Message) -> bool:
    if gateway.domain is None:
        return True
    return any(f".{mailbox.domain}".endswith(f".{gateway.domain}") for mailbox in message.from_)


def _groups(parts: Iterable[re.Match[str] | None]) -> dict[str, str] | None:
    """The named groups of all parts, the first that says something; None where a part found nothing."""
    said: dict[str, str] = {}
    for found in parts:
        if found is None:
            return None
        for name, value in found.groupdict().items():
            if value and value.strip():
                said.setdefault(name, value.strip())
    return said


def _sheet(said: Mapping[str, str], region: str | None, us: Us) -> Sheet:
    name = plain_line(said.get("name", "")).strip("\"' ") or _name_beside(said.get("number", ""))
    number = number_in(said.get("number", ""), region) or number_in(name, region)
    customer = " ".join(said.get("customer", "").split())[:64]
    return Sheet(
        number=number.e164 if number else None,
        mail=_customers_mail(said.get("mail", ""), us),
        customer=customer or None,
        name=None if _NOBODY.fullmatch(name) or _NUMBER.fullmatch(name) else name[:200],
        postal=tuple(line for each in said.get("address", "").splitlines() if (line := plain_line(each)))[:MAX_LINES],
        subject=plain_line(said.get("subject", ""))[:998] or None,
    )


def number_in(text: str, region: str | None) -> Number | None:
    """The telephone number in what a gateway wrote: national, international, or international without its plus."""
    found = _NUMBER.search(text)
    if not found:
        return None
    said = found[0]
    digits = re.sub(r"\D", "", said)
    whole = f"+{digits.removeprefix('00')}"
    ways = ((whole, None),) if said.startswith("+") or digits.startswith("00") else ((said, region), (whole, None))
    return next((number for text, where in ways if (number := parse_number(text, where))), None)


def _name_beside(said: str) -> str:
    """The name in `"Petra Weber" <030 23125099>`; "" where there is only a number."""
    name = plain_line(_NUMBER.sub("", said)).strip("\"'<>()[] ,;:+-")
    return name if re.search(r"[^\W\d_]{2}", name) else ""


def _customers_mail(said: str, us: Us) -> str | None:
    """An address fit for RCPT TO that is none of ours: a scanner often names the colleague who stood at it."""
    identity = mail_identity(said) if deliverable(said) else None
    if identity is None:
        return None
    ours = identity.value in us.addresses | us.people or is_internal(identity.value.rpartition("@")[2], us)
    return None if ours else said


@lru_cache(maxsize=256)
def _compiled(expression: str) -> re.Pattern[str]:
    return re.compile(expression, re.IGNORECASE | re.MULTILINE)
