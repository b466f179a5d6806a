"""A notice to one of our own people as a mail, and its Message-ID, which says by itself what a reply is about.

Pure. Nothing of a notice must be kept to understand the answer to it. What a reply may say is `order`, what it changes
`reply`.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from commsd.channels.mail.account import Mailbox
from commsd.channels.mail.outgoing import date_field, mail_bytes, mailbox, message_ids, unstructured
from commsd.core.firm import Firm
from commsd.core.link import Act
from commsd.core.token import sign, verify
from commsd.sla.notice.notice import Notice
from commsd.sla.notice.offer import Offer, call_offers, offers
from commsd.sla.notice.post import Post

PURPOSE = "notice-id"

_NOTE_ID = re.compile(r"<?note1\.([a-z2-7]+\.[a-z2-7]+)@[^@\s<>]+>?")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MARK = 8
"""Characters of a keyed digest that stand for an agent, a recipient or the notice's key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What the Message-ID of a notice says. case_id None: several cases.

    agent, recipient: marks, to compare with `mark`. tries: how many notices before it in the same talk said that a
    reply was not understood.
    """

    case_id: str | None
    callback_id: str | None
    agent: str
    recipient: str
    tries: int


def as_mail(
    notice: Notice, *, sender: str, firm_name: str, key: bytes, answers: tuple[str, ...] = (), tries: int = 0
) -> bytes:
    """The bytes of the notice. Marked as automatic, so that nobody's out-of-office answers it. RFC 3834 section 5.

    answers: Message-IDs of the mails before it, the one it answers last. tries: see `About`.
    """
    before = message_ids(answers)[-20:]
    fields = (
        ("From", mailbox(sender, f"commsd at {firm_name}")),
        ("To", notice.recipient),
        ("Subject", unstructured(notice.subject, after=9)),
        ("Date", date_field(notice.at)),
        ("Message-ID", f"<{note_id(notice, key, sender.rpartition('@')[2], tries=tries)}>"),
        *((("In-Reply-To", before[-1]), ("References", "\r\n ".join(before))) if before else ()),
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "All"),
    )
    return mail_bytes(fields, notice.text)


def post_of(
    mailboxes: Mapping[str, Mailbox], named: str | None, alarms: tuple[str, ...], firm: Firm, key: bytes
) -> Post:
    """How notices leave: from the mailbox named for it, else the first that can send. alarms: told where nobody is."""
    able = {name: box for name, box in mailboxes.items() if box.smtp}
    via = able.get(named or "") or next(iter(able.values()), None)
    sender = via.address if via else None

    def offered(case_id: str, callback_id: str | None, agent: str | None, now: datetime) -> tuple[Offer, ...]:
        return offers(
            case_id,
            callback_id=callback_id,
            agent=agent,
            now=now,
            key=key,
            public_url=firm.public_url,
            mailbox=sender,
        )

    def offered_of_call(callback_id: str, acts: tuple[Act, ...], agent: str | None, now: datetime) -> tuple[Offer, ...]:
        return call_offers(callback_id, acts, agent=agent, now=now, key=key, public_url=firm.public_url, mailbox=sender)

    return Post(
        via=via.name if via else None,
        render=partial(as_mail, sender=sender, firm_name=firm.name, key=key) if sender else lambda _notice: b"",
        persons={name: box.person for name, box in mailboxes.items() if box.person},
        alarms=alarms,
        fallback=(sender,) if sender else (),
        offers=offered,
        call_offers=offered_of_call,
    )


def note_id(notice: Notice, key: bytes, domain: str, *, tries: int = 0) -> str:
    """The Message-ID without angle brackets: `note1.<payload>.<tag>@domain`. It survives a change of case."""
    payload = (
        _packed(notice.case_id),
        _packed(notice.callback_id),
        mark(key, notice.agent) if notice.agent else "",
        mark(key, notice.recipient.casefold()),
        mark(key, notice.key),
        str(tries),
    )
    return f"note1.{sign(key, PURPOSE, '|'.join(payload))}@{domain}"


def about(key: bytes, message_id: str) -> About | None:
    """What a notice of ours was about; None for an id that this key did not sign."""
    match = _NOTE_ID.fullmatch(message_id.lower())
    payload = verify(key, PURPOSE, match[1]) if match else None
    parts = payload.split("|") if payload else ()
    if len(parts) != 6:  # of an earlier release
        return None
    case_id, callback_id, agent, recipient, _, tries = parts
    return About(
        case_id=_unpacked(case_id),
        callback_id=_unpacked(callback_id),
        agent=agent,
        recipient=recipient,
        tries=int(tries),
    )


def newest_about(key: bytes, references: Iterable[str]) -> tuple[str, About] | None:
    """The last of these ids that is a notice of ours, with what it was about."""
    for each in reversed(tuple(references)):
        if each[:6].lower() == "note1." and (found := about(key, each)):
            return each, found
    return None


def mark(key: bytes, text: str) -> str:
    """A few characters that stand for a text where there is no room for it, and nobody else can make."""
    digest = hmac.new(key, f"{PURPOSE}\0mark\0{text}".encode(), hashlib.sha256).digest()
    return base64.b32encode(digest).decode()[:_MARK].lower()


def _packed(identity: str | None) -> str:
    """22 characters for a UUID, so that the id stays short enough for every mail system."""
    if identity is None or not _UUID.fullmatch(identity):
        return identity or ""
    return base64.urlsafe_b64encode(bytes.fromhex(identity.replace("-", ""))).decode().rstrip("=")


def _unpacked(text: str) -> str | None:
    if len(text) != 22:
        return text or None
    digits = base64.urlsafe_b64decode(f"{text}==").hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
