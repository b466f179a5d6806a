"""Why a mail gets no acknowledgement: one table of rules, asked in order, each with its source.

Pure. What needs the history of an address (budgets, duplicates, conversations) is asked elsewhere, after these: in
`intake` and `brake`. The ids N1 to N20 and F1 to F3 are those of the requirements and of the tests.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from commsd.channels.mail import phrases, signs
from commsd.channels.mail.address import Mailbox, deliverable, is_group, parse_addresses
from commsd.channels.mail.authentication import Authenticated, authenticated
from commsd.channels.mail.message import Message
from commsd.channels.mail.report import ids_in
from commsd.core.token import is_ack_id

Automation = Literal["none", "auto_reply", "bounce", "list", "bot"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Us:
    """What a rule must know about our side. All addresses and domains in lower case.

    addresses: watched addresses and their aliases (mail to and from `+tag` of one counts too).
    people: addresses of our agents and of routes, who are no customers.
    internal_domains: never acknowledged. key: tells our own ack ids (`core.token`).
    fresh_acks: ids of our acks younger than 120 seconds, of those this mail refers to.
    forwarders, own_list_ids, contact_forms: the exceptions F1, F2, F3.
    heard_locals: local parts that are a person's here, such as "postmaster". silent_invitations: METHOD=REQUEST too.
    authserv_ids: the servers whose Authentication-Results are believed. bounce_addresses: what comes there is a bounce.
    """

    addresses: frozenset[str] = frozenset()
    people: frozenset[str] = frozenset()
    internal_domains: frozenset[str] = frozenset()
    key: bytes = b""
    fresh_acks: frozenset[str] = frozenset()
    forwarders: frozenset[str] = frozenset()
    own_list_ids: frozenset[str] = frozenset()
    contact_forms: frozenset[str] = frozenset()
    heard_locals: frozenset[str] = frozenset()
    silent_invitations: bool = True
    authserv_ids: frozenset[str] = frozenset()
    bounce_addresses: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Rule:
    """One reason to be silent.

    automation: what the writer is taken for. starts_clock: whether the mail counts as a person's all the same,
    so that its clocks run and somebody is told (sla/README.md section 8). source: who says so, by section or issue.
    of_program: it tells what program sent the mail, which is true of every contact form and not asked of one (F3).
    """

    id: str
    reason: str
    holds: Callable[[Message, Us], bool]
    automation: Automation
    source: str
    starts_clock: bool = False
    of_program: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The first rule that held. reason: without the prefix `no-ack:`; None means: acknowledge."""

    reason: str | None
    automation: Automation
    starts_clock: bool
    rule: Rule | None


_ACKNOWLEDGE = Verdict(reason=None, automation="none", starts_clock=True, rule=None)

_PRECEDENCE = frozenset({"bulk", "list", "junk", "auto_reply", "auto-reply"})
_LIST_FIELDS = frozenset(
    [f"list-{word}" for word in ("id", "post", "help", "subscribe", "unsubscribe", "owner", "archive")]
    + ["mailing-list", "x-mailing-list", "x-beenthere", "x-mailman-version", "x-ml-name", "x-mlserver"]
)
_REPORT_PARTS = frozenset(
    f"message/{kind}"
    for kind in (
        "delivery-status",
        "global-delivery-status",
        "disposition-notification",
        "global-disposition-notification",
        "feedback-report",
    )
)
_DAEMON = re.compile(r"[<\s]*mailer-daemon\b(?![^<]*<[^<>]+@)", re.IGNORECASE)
_LATE = re.compile(r"\b(?:delay|late|warning|verz[öo]ger|forsink|tertunda)", re.IGNORECASE)
_ORIGINALLY = ("x-original-from", "x-original-sender")
_SECOND_LEVEL = re.compile(phrases.SECOND_LEVEL)


def why_silent(message: Message, us: Us) -> Verdict:
    """The first rule that forbids an acknowledgement, or the verdict that one is due."""
    form = is_contact_form(message, us)
    for rule in SUPPRESSIONS:
        if not (form and rule.of_program) and rule.holds(message, us):
            return Verdict(reason=rule.reason, automation=rule.automation, starts_clock=rule.starts_clock, rule=rule)
    return _ACKNOWLEDGE


def answer_address(message: Message, us: Us) -> str | None:
    """Where the acknowledgement goes: one address fit for RCPT TO, or None.

    The From mailbox; Reply-To only within the same registrable domain, or from a contact form (mail.md A5).
    """
    writer = speaker(message, us)
    if writer is None:
        return None
    reply_to = message.reply_to[0] if len(message.reply_to) == 1 else None
    if reply_to and not reply_to.grouped and registrable(reply_to.domain) == registrable(writer.domain):
        return deliverable(reply_to.address) or deliverable(writer.address)
    return deliverable(writer.address)


def speaker(message: Message, us: Us) -> Mailbox | None:
    """Who wrote: the From mailbox; of several, Sender, else the first; else for whom a program of ours wrote."""
    if behind := writer_behind(message, us):
        return behind
    several = len(message.from_) > 1 and len(message.sender) == 1
    writer = next(iter(message.sender if several else message.from_), None)
    return None if writer is None or writer.grouped else writer


def writer_behind(message: Message, us: Us) -> Mailbox | None:
    """The person a program of ours speaks for: Reply-To of a contact form (F3), or who wrote to our own group (F2)."""
    return message.reply_to[0] if is_contact_form(message, us) else _writer_to_group(message, us)


def _writer_to_group(message: Message, us: Us) -> Mailbox | None:
    """Where the group put its own address into From, as Google Groups does for domains with a DMARC policy."""
    if not _is_own_list(message, us) or len(message.from_) != 1 or not _is_watched(message.from_[0].key, us):
        return None
    name, via, _ = message.from_[0].name.rpartition(" via ")
    named = [box for field in _ORIGINALLY for box in parse_addresses(message.first(field))]
    named += message.reply_to if via and len(message.reply_to) == 1 else ()
    writer = next(iter(named), None)
    return replace(writer, name=writer.name or name.strip(" '")) if writer else None


def is_contact_form(message: Message, us: Us) -> bool:
    """Whether a form on a web page sent this for the person in Reply-To. F3."""
    return len(message.from_) == 1 and len(message.reply_to) == 1 and message.from_[0].key in us.contact_forms


def own_acks(message: Message, us: Us) -> tuple[str, ...]:
    """Which ids in Message-ID, In-Reply-To and References are those of our acks. Needs the key alone. N14."""
    ids = (*message.references, *((message.message_id,) if message.message_id else ()))
    return tuple(each for each in ids if each[:5].lower() == "ack1." and is_ack_id(us.key, each))


def trust(message: Message, us: Us) -> Authenticated | None:
    """What our own server says of who wrote; behind a form or group nothing good, for it knows only those. N19."""
    said = authenticated(message, us.authserv_ids)
    return None if said == "pass" and writer_behind(message, us) else said


def refused_acks(message: Message, us: Us) -> tuple[str, ...]:
    """Which of our acks this mail reports as lost for good, by their ids. L3."""
    if message.report is not None:
        named = message.report.ids if message.report.failed else ()
    elif "x-failed-recipients" in message.headers or (
        (_is_bounce(message, us) or _may_be_bounce(message, us)) and not _LATE.search(message.subject)
    ):
        named = (*ids_in(message.text), *message.references)
    else:
        named = ()
    return tuple(dict.fromkeys(each for each in named if is_ack_id(us.key, each)))


def registrable(domain: str) -> str:
    """The domain somebody registered, near enough to tell one house from another: `mail.example.co.uk` and
    `example.co.uk` are one. Without the public suffix list: a mistake only moves the answer to From."""
    labels = domain.split(".")
    second = len(labels) > 2 and len(labels[-1]) == 2 and bool(_SECOND_LEVEL.fullmatch(labels[-2]))
    return ".".join(labels[-3:] if second else labels[-2:])


def _is_broken(message: Message, us: Us) -> bool:
    return message.broken is not None


def _null_return_path(message: Message, us: Us) -> bool:
    path = message.return_path
    if path is not None and (path == "" or path.lower().partition("@")[0] == "mailer-daemon"):
        return True
    return not us.bounce_addresses.isdisjoint(_delivered_to(message))


def _delivered_to(message: Message) -> Iterator[str]:
    """Whom the mail was for, in lower case. A7: what comes to our own bounce address is a bounce."""
    yield from (mailbox.key for mailbox in (*message.to, *message.cc))
    for name in ("delivered-to", "x-original-to", "envelope-to"):
        yield from (value.strip(" <>").lower() for value in message.all(name))


def _is_report(message: Message, us: Us) -> bool:
    return (
        message.content_type == "multipart/report"
        or message.content_type in _REPORT_PARTS
        or not _REPORT_PARTS.isdisjoint(message.part_types)
        or "x-failed-recipients" in message.headers
    )


def _is_auto_submitted(message: Message, us: Us) -> bool:
    if "auto-submitted" not in message.headers or _was_forwarded(message, us):
        return False
    return any(word != "no" for word in message.keywords("auto-submitted"))


def _was_forwarded(message: Message, us: Us) -> bool:
    """F1: a rule of a known mailbox passed it on, and the server marked the copy."""
    if not us.forwarders:
        return False
    via = (*_resent_from(message), *(mailbox.key for mailbox in message.sender), (message.return_path or "").lower())
    return not us.forwarders.isdisjoint(via)


def _is_bulk(message: Message, us: Us) -> bool:
    words = (*message.keywords("precedence"), *message.keywords("x-precedence"))
    return not _PRECEDENCE.isdisjoint(words) and not _is_own_list(message, us)


def _is_list(message: Message, us: Us) -> bool:
    return not _LIST_FIELDS.isdisjoint(message.headers) and not _is_own_list(message, us)


def _is_own_list(message: Message, us: Us) -> bool:
    """F2: the group that is the support address itself."""
    if not us.own_list_ids:
        return False
    ids = [value.rpartition("<")[2].strip("> \t").lower() for value in message.all("list-id")]
    return bool(ids) and us.own_list_ids.issuperset(ids)


def _suppresses_responses(message: Message, us: Us) -> bool:
    values = ",".join(message.all("x-auto-response-suppress")).lower()
    return not {"all", "autoreply", "oof"}.isdisjoint(word.strip() for word in values.split(","))


def _has_robot_field(message: Message, us: Us) -> bool:
    return signs.has_robot_field(message)


def _has_desk_field(message: Message, us: Us) -> bool:
    return signs.has_desk_field(message)


def _is_robot_sender(message: Message, us: Us) -> bool:
    behind = writer_behind(message, us)
    if not message.from_ and _DAEMON.match(message.first("from")):
        return True
    writers = (behind,) if behind else message.from_
    if any(_is_robot_local(mailbox.local, us) for mailbox in writers):
        return True
    if behind:
        return False
    # Of the envelope only what lists use: relays put bounces+x@ and root@ there for hand-written mail too.
    envelope = [mailbox.local for mailbox in message.sender]
    envelope.append((message.return_path or "").lower().partition("@")[0])
    return any(map(signs.is_list_local, envelope))


def _is_robot_local(local: str, us: Us) -> bool:
    return local not in us.heard_locals and signs.is_robot_local(local)


def _has_no_sender(message: Message, us: Us) -> bool:
    """Also a sender to whom no mail can be sent: the answer would be refused."""
    froms = message.all("from")
    if any(is_group(value) for value in froms) and not is_contact_form(message, us):
        return True
    return answer_address(message, us) is None


def _is_from_us(message: Message, us: Us) -> bool:
    if behind := writer_behind(message, us):
        return is_ours(behind.key, us)
    group = _is_own_list(message, us)  # it names itself as Sender
    senders = (mailbox.key for mailbox in message.sender if not (group and _is_watched(mailbox.key, us)))
    passed_on = (*senders, *_resent_from(message))
    keys = [mailbox.key for mailbox in message.from_] + [key for key in passed_on if key not in us.forwarders]
    return any(is_ours(key, us) for key in keys)


def is_ours(key: str, us: Us) -> bool:
    """Whether an address (`Mailbox.key`) belongs to the house: watched, also with a `+tag`, or one of our people's."""
    return key in us.people or is_internal(key.rpartition("@")[2], us) or _is_watched(key, us)


def is_internal(domain: str, us: Us) -> bool:
    """Whether a domain, lower case, is one of `internal_domains` or below one."""
    return any(domain == each or domain.endswith(f".{each}") for each in us.internal_domains)


def _is_watched(key: str, us: Us) -> bool:
    local, _, domain = key.rpartition("@")
    return f"{local.partition('+')[0]}@{domain}" in us.addresses or key in us.addresses


def _resent_from(message: Message) -> tuple[str, ...]:
    return tuple(box.key for value in message.all("resent-from") for box in parse_addresses(value))


def _answers_our_ack(message: Message, us: Us) -> bool:
    """Our own ack come back, or a reply to it faster than a person reads."""
    ours = own_acks(message, us)
    return message.message_id in ours or not us.fresh_acks.isdisjoint(ours)


def _goes_on_between_acks(message: Message, us: Us) -> bool:
    """Two of our acks in one thread: perhaps two machines, perhaps a customer in a long talk.

    So it gets no further ack, but a person is told and the clocks run.
    """
    return len(own_acks(message, us)) > 1


def _is_auto_reply(message: Message, us: Us) -> bool:
    """The subject says so, and that it answers something; or a program tells that a mail was read."""
    return (signs.absence_in(message.subject) == "said" and _is_answer(message)) or signs.is_receipt(message)


def _may_be_auto_reply(message: Message, us: Us) -> bool:
    """Only one sign of two: a person may have written it, so a person is told and the clocks run."""
    absence = signs.absence_in(message.subject)
    return absence == "said" or (absence == "perhaps" and _is_answer(message))


def _is_answer(message: Message) -> bool:
    return bool(message.first("in-reply-to").strip() or message.first("references").strip())


def _is_bounce(message: Message, us: Us) -> bool:
    if not signs.is_bounce_subject(message.subject):
        return False
    return not message.text or any(_is_robot_local(mailbox.local, us) for mailbox in message.from_)


def _may_be_bounce(message: Message, us: Us) -> bool:
    """With the mail attached: by a server we do not know, or by a person who asks what this is."""
    return "message/rfc822" in message.part_types and signs.is_bounce_subject(message.subject)


def _is_calendar_answer(message: Message, us: Us) -> bool:
    method = message.calendar_method
    return method in ("REPLY", "CANCEL", "COUNTER", "REFRESH") or (method == "REQUEST" and us.silent_invitations)


def _is_spam(message: Message, us: Us) -> bool:
    return any(
        word.startswith("yes") for name in ("x-spam-flag", "x-spam-status") for word in message.keywords(name)
    ) or "fail" in message.keywords("x-ses-spam-verdict")


def _is_forged(message: Message, us: Us) -> bool:
    return trust(message, us) == "fail"


def _is_dmarc_report(message: Message, us: Us) -> bool:
    return signs.is_dmarc_report(message)


SUPPRESSIONS: tuple[Rule, ...] = (  # asked in this order; the first that holds is recorded as the reason
    Rule("N1", "unparsable", _is_broken, "none", "it may be a person's: shown, not answered", starts_clock=True),
    Rule("N3", "null-return-path", _null_return_path, "bounce", "RFC 3834 2 and 4; some servers write <MAILER-DAEMON>"),
    Rule("N4", "report", _is_report, "bounce", "RFC 6522, 3464, 8098, 5965; X-Failed-Recipients: Exim, Gmail"),
    Rule("N5", "auto-submitted", _is_auto_submitted, "auto_reply", "RFC 3834 2, 5; F1: zammad #6025", of_program=True),
    Rule(
        "N6", "precedence", _is_bulk, "list", "RFC 2076 3.9, 3834 2; freescout #4363; F2: zammad #3667", of_program=True
    ),
    Rule("N7", "list", _is_list, "list", "RFC 2369, RFC 2919, RFC 5230 4.6; exception F2", of_program=True),
    Rule("N8", "response-suppressed", _suppresses_responses, "auto_reply", "MS-OXCMAIL: not DR, RN", of_program=True),
    Rule("N9", "robot-header", _has_robot_field, "bot", "the marks helpdesks and responders set", of_program=True),
    Rule(  # on all that it sends, what its people write too
        "N9b", "robot-header", _has_desk_field, "none", "ServiceNow KB0551482", starts_clock=True, of_program=True
    ),
    Rule("N11", "robot-sender", _is_robot_sender, "bot", "RFC 5230 4.6; chatwoot #5131, GLPI #16785; exception F3"),
    Rule("N12", "no-sender", _has_no_sender, "none", "RFC 6854, RFC 5322 3.6.2", starts_clock=True),
    Rule("N13", "own-address", _is_from_us, "none", "handesk #15, osTicket #3966: helpdesks that answered themselves"),
    Rule("N14", "own-ack", _answers_our_ack, "auto_reply", "freescout #2445: two helpdesks without any mark"),
    Rule("N14b", "own-ack", _goes_on_between_acks, "none", "the same, round by round", starts_clock=True),
    Rule("N15", "auto-reply-subject", _is_auto_reply, "auto_reply", "freescout #2488: Exchange without a header"),
    Rule("N15b", "auto-reply-subject", _may_be_auto_reply, "none", "the same, with one sign of two", starts_clock=True),
    Rule("N16", "bounce-subject", _is_bounce, "bounce", "complaints, and gateways that know no report"),
    Rule("N16b", "bounce-subject", _may_be_bounce, "none", "the same, or somebody asks about one", starts_clock=True),
    Rule("N17", "calendar", _is_calendar_answer, "auto_reply", "RFC 6047, RFC 5546 1.4"),
    Rule("N18", "spam", _is_spam, "none", "marks of SpamAssassin, rspamd and SES; Discourse is_spam?"),
    Rule("N19", "dmarc-fail", _is_forged, "none", "RFC 8601 5 and 7.1: a borrowed name", starts_clock=True),
    Rule("N20", "dmarc-report", _is_dmarc_report, "bot", "RFC 7489 7.2.1.1: machine mail without any mark"),
)
