"""What is left of a person who was erased: the shape of what happened, and nothing of who it was. Pure.

Ids, times, kinds, verdicts and clocks stay, so that the log keeps its order and reports their sums. What holds bytes
(side rows, originals, webhooks, finished mails) goes by an `Erasure`, in the same commit; `store.erasure` takes it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from commsd.core.callback import Callback
from commsd.core.case import Case
from commsd.core.contact import Contact, Wishes
from commsd.core.fact import replace
from commsd.core.interaction import DeliveryKind, Interaction, Kind, Outcome
from commsd.core.record import Json, instant

CUSTOMER_WAITS = "customer"
"""The reason of a hold that is a word of ours; any other was written by a person, of a person."""

KEPT_SYSTEMS = frozenset({"commsd.request"})
"""External ids that are digests of our own: by them a repeated request is known."""

ERASED = "erased"
"""Why what was still to be sent is not."""

DIGESTS = "digest:"
"""How the keys of morning digests begin, before the day and its reader."""

LONGEST_KEY = 128


OVER_SEVERAL = (DeliveryKind.NOTICE.value, DeliveryKind.TELLING.value)
"""Kinds of deliveries to our people, which are about several cases where they name none."""

TELLING = 9
"""Digits at its end by which a number is known in its own country's spelling too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """What one commit lets go of, in every revision. All are ids of ours but:

    addresses, numbers: the person's, in normal form. calls: SIDs under which webhooks stand in the journal.
    originals: hashes of bytes that nobody else's record names. mentions: what others wrote and the person is named in;
    only that leaves it. persons: contacts of whom nothing is left after this commit. by: who erases.
    said: by what a notice over several matters is known to quote them: names, and ids of their cases and callbacks.
    """

    at: datetime
    by: str
    interactions: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    callbacks: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    originals: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()
    said: tuple[str, ...] = ()


def quotes(content: bytes, said: Iterable[str], numbers: Iterable[str] = ()) -> bool:
    """Whether a notice of ours, be it a mail, JSON or a text, says any of these, numbers in any spelling."""
    from email import message_from_bytes, policy  # only who erases needs it

    mail = message_from_bytes(content, policy=policy.default)
    parts = (part.get_content() for part in mail.walk() if part.get_content_maintype() == "text")
    text = " ".join([str(mail["Subject"]), content.decode(errors="replace"), *map(str, parts)]).casefold()
    digits = "".join(filter(str.isdecimal, text))
    return any(each.casefold() in text for each in said) or any(each[-TELLING:] in digits for each in numbers)


def dropped(key: str) -> str:
    """The key of a notice that did not go for it quoted somebody who was erased: its own is free for another."""
    return f"{ERASED}:{key}"[:LONGEST_KEY]


def erased_interaction(fact: Interaction, now: datetime) -> Interaction:
    """Its next revision, without the person. Its place in the log's order stays: `recorded_at` is as it was."""
    unsent = fact.kind is Kind.ACK and fact.outcome is Outcome.PENDING
    return replace(
        fact,
        revision=fact.revision + 1,
        outcome=Outcome.SUPPRESSED if unsent else fact.outcome,
        reason=ERASED if unsent else fact.reason,
        status_raw=None,
        parties=(),
        subject=None,
        preview=None,
        original=None,
        attachments=(),
        external_ids=tuple(each for each in fact.external_ids if each.system in KEPT_SYSTEMS),
        detail=replace(fact.detail, note=None, questions=(), reason=_reason(fact.kind, fact.detail.reason)),
        erased_at=now,
    )


def erased_case(case: Case, now: datetime) -> Case:
    """Its next revision, without the person's words."""
    return replace(case, revision=case.revision + 1, subject=None, erased_at=now)


def erased_callback(callback: Callback, now: datetime) -> Callback:
    """Its next revision, without the number and what was said."""
    return replace(
        callback,
        revision=callback.revision + 1,
        number=None,
        purpose=None,
        questions=(),
        passed=(),
        attempts=tuple(replace(each, call_sid=None, customer_sid=None) for each in callback.attempts),
        erased_at=now,
    )


def erased_contact(contact: Contact, now: datetime) -> Contact:
    """Its next revision: an id that stands where somebody was."""
    return Contact(
        id=contact.id,
        revision=contact.revision + 1,
        created_at=contact.created_at,
        wishes=Wishes(),
        merged_into=contact.merged_into,
        split_from=contact.split_from,
        erased_at=now,
    )


def emptied(thing: str, bare: Json, at: datetime) -> Json:
    """A former revision's record without what its new one lacks. bare: without personal fields already."""
    left = bare | {"erased_at": instant(at)} | ({"links": []} if "links" in bare else {})
    if thing == "interaction":
        detail = bare.get("detail") or {}
        kept = [each for each in bare.get("external_ids") or () if each["system"] in KEPT_SYSTEMS]
        left |= {"status_raw": None, "raw": None, "external_ids": kept}
        left |= {"detail": detail | {"reason": _reason(bare.get("kind"), detail.get("reason"))}}
    if thing == "callback":
        left |= {"attempts": [each | {"call_sid": None, "customer_sid": None} for each in bare.get("attempts") or ()]}
    if thing == "contact":
        left |= dict.fromkeys(("organisation_id", "language", "timezone", "tier", "owner", "stage"))
        left |= {"wishes": (bare.get("wishes") or {}) | {"hours": None}}
    return left


def _reason(kind: object, reason: str | None) -> str | None:
    """A hold's reason may be somebody's words; all the others are ours."""
    return None if kind == Kind.HOLD and reason != CUSTOMER_WAITS else reason
