"""What one interaction changes: the record itself, its contact and case, callbacks, clocks, and the events of it.

Pure: `change_of` gets the open items a decision has read and gives a Change; the store writes it in one commit and
folds it into the items before the next decision that shares a key. Channels add what only they know (an ack's bytes).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from operator import attrgetter

from commsd.core.belonging import COMMUNICATION, firm_of, with_contact
from commsd.core.callback import Callback, word_of
from commsd.core.case import Case, CaseFile, ClockRecord, closing_at, link, moved_by, opened_by, survivor
from commsd.core.channel_state import Standing
from commsd.core.clock import State
from commsd.core.contact import Contact
from commsd.core.erasure import Erasure
from commsd.core.event import Event
from commsd.core.fact import fact, replace
from commsd.core.in_writing import settled_in_writing
from commsd.core.interaction import (
    CaseCause,
    Delivery,
    Direction,
    Interaction,
    Kind,
    Outcome,
)
from commsd.core.late_miss import later_talk
from commsd.core.open_items import OpenItems, Terms
from commsd.core.opt_out import OptOut
from commsd.core.organisation import Organisation
from commsd.core.owed_call import callbacks_after
from commsd.core.pause import Pause
from commsd.core.policy import ClockKind
from commsd.core.price import Spending
from commsd.core.recompute import Clocks, clocks_after
from commsd.core.record import record as record_of
from commsd.core.refusal import Refusal
from commsd.core.rule_set import set_after


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """Bytes to keep as they came. sha256: hex of the bytes."""

    sha256: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A further copy of an interaction already recorded: another mailbox, a restored folder."""

    interaction_id: str
    place: str
    uid: int
    seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """How far a folder is decided. place: `mailbox/folder`. last_uid moves only over decided mails.

    recent: the UIDs decided among the last fifty below last_uid. renumbered: how often in a row the server gave UIDs
    anew; stopped_at: since when the folder is left alone for that. account: whose folder it is; () where nobody says.
    """

    place: str
    uidvalidity: int
    last_uid: int
    recent: tuple[int, ...] = ()
    renumbered: int = 0
    stopped_at: datetime | None = None
    account: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedOriginal:
    """A mail too large to be kept before it is decided: its bytes are still to be fetched from where it lies."""

    interaction_id: str
    place: str
    uidvalidity: int
    uid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """The lease a decision acts under; refused with LeaseLost where `number` is no longer the lease's."""

    resource: str
    owner: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LogicalKey:
    """What makes two copies one interaction; unique for ever. Not lasting: a later one may take its place."""

    key: str
    interaction_id: str
    lasting: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTimer:
    """When a call without a verdict is looked at again; at None: it has its verdict."""

    call_sid: str
    line: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class CameTo:
    """What a request under an Idempotency-Key came to, by which its repeat is answered, as things are by then.

    request: the key and the digest of what was asked, KEY:DIGEST. id: of what was made or changed, or else a word of
    up to 36 characters.
    """

    request: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The TwiML given for one step of a call; a repeated request gets the same bytes."""

    call_sid: str
    step: str
    body: bytes


@fact
class Change:
    """Everything one decision commits. Records replace those of the same id; `+` joins two changes.

    result: what the decision tells its caller, e.g. the TwiML to answer with.
    """

    interactions: tuple[Interaction, ...] = ()
    contacts: tuple[Contact, ...] = ()
    organisations: tuple[Organisation, ...] = ()
    cases: tuple[Case, ...] = ()
    clocks: tuple[ClockRecord, ...] = ()
    callbacks: tuple[Callback, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    events: tuple[Event, ...] = ()
    originals: tuple[Original, ...] = ()
    owed_originals: tuple[OwedOriginal, ...] = ()
    keys: tuple[LogicalKey, ...] = ()
    sightings: tuple[Sighting, ...] = ()
    timers: tuple[CallTimer, ...] = ()
    answers: tuple[Answer, ...] = ()
    consumed: tuple[int, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    pauses: tuple[Pause, ...] = ()
    opt_outs: tuple[OptOut, ...] = ()
    channels: tuple[Standing, ...] = ()
    spending: tuple[Spending, ...] = ()
    erasures: tuple[Erasure, ...] = ()
    came_to: tuple[CameTo, ...] = ()
    checkpoint: Checkpoint | None = None
    fence: Fence | None = None
    result: object = None

    def __add__(self, other: "Change") -> "Change":
        both = zip(_JOINED, _parts_of(self), _parts_of(other), strict=True)
        joined = {name: (*mine, *theirs) for name, mine, theirs in both if theirs}
        return replace(
            self,
            checkpoint=other.checkpoint or self.checkpoint,
            fence=other.fence or self.fence,
            result=other.result if other.result is not None else self.result,
            **joined,
        )

    def clock(self, *kinds: ClockKind) -> ClockRecord | None:
        """The clock of the first of these kinds that runs after this change."""
        running = {record.value.clock: record for record in self.clocks if record.value.state is State.RUNNING}
        return next((running[kind] for kind in kinds if kind in running), None)


_JOINED = (
    "interactions",
    "contacts",
    "organisations",
    "cases",
    "clocks",
    "callbacks",
    "deliveries",
    "events",
    "originals",
    "owed_originals",
    "keys",
    "sightings",
    "timers",
    "answers",
    "consumed",
    "refusals",
    "pauses",
    "opt_outs",
    "channels",
    "spending",
    "erasures",
    "came_to",
)
_parts_of = attrgetter(*_JOINED)


def change_of(fact: Interaction, items: OpenItems, terms: Terms, *, by: str = "machine", opens: bool = True) -> Change:
    """Everything this interaction changes.

    fact: as the channel saw it; case and contact are found here unless it names its case. opens False: it may join a
    case but opens none and makes no contact. by: agent, API key or machine, for the events.
    """
    contact, fact, made = with_contact(fact, items, opens=opens)
    firm = firm_of(contact, fact.customer, items)
    if firm is not None and fact.organisation_id is None:
        fact = replace(fact, organisation_id=firm.id)
    file, fact, opened = _with_case(fact, items, contact, firm, opens=opens)
    new = tuple(Event("contact.created", each, items.now, by) for each in made)
    if file is None:
        return Change(contacts=made, interactions=(fact,), events=(*new, *_recorded(fact, items, by)))
    case, moved = moved_by(fact, file, items.now)
    ruled = set_after(fact, file, terms.versions, items.now, items.new_id)
    if ruled is not None:
        case = _as_ruled(case, ruled, file, items.now, published=opened or moved is not None)
    talk = later_talk(fact, file.interactions)
    known = file.interactions
    owed = callbacks_after(fact, case.id, case.owner, contact, items.callbacks, items.now, items.new_id, talk, known)
    fact = _of_callbacks(fact, owed, file)
    settled, closes = settled_in_writing(fact, contact, items.callbacks, items.now, items.new_id)
    owed += settled
    ended = tuple(callback.id for callback in owed if talk and callback.closed_by == talk.id)
    told = _with_callbacks(talk, ended, items.now) if talk and ended else ()
    facts = (fact, *told, *((ruled,) if ruled else ()), *closes)
    file = CaseFile(case=case, interactions=_with(file.interactions, facts), clocks=file.clocks)
    clocks, clock_events = clocks_after(file, terms.versions, items.now, items.new_id, by)
    owed = (*(due_as_clock(callback, clocks.all) for callback in owed), *_left(owed, clocks, file, items))
    closes_at = closing_at(case, clocks.all, _open_after(owed, items, case.id), terms.auto_close)
    case = case if closes_at == case.closes_at else replace(case, closes_at=closes_at)
    shown = tuple(map(record_of, clocks.all))
    recorded = tuple(replace(each, clocks=shown) for each in facts)
    words = _case_words(opened, moved, ruled=ruled is not None)
    return Change(
        contacts=made,
        cases=(case,),
        interactions=recorded,
        callbacks=owed,
        clocks=clocks.changed,
        events=(
            *new,
            *(Event(f"case.{word}", case, items.now, by) for word in words),
            *_recorded(recorded[0], items, by),
            *(event for each in recorded[1:] for event in _recorded(each, items, "machine")),
            *(_callback_event(callback, items, by) for callback in owed),
            *clock_events,
        ),
    )


def recheck(file: CaseFile, items: OpenItems, terms: Terms, *, by: str = "machine") -> Change:
    """What time alone changed in a case: clocks warned and breached at their true instants."""
    clocks, events = clocks_after(file, terms.versions, items.now, items.new_id, by)
    return Change(clocks=clocks.changed, events=events)


def with_promise(change: Change, record: ClockRecord, promised_at: datetime) -> Change:
    """The change, with the time the customer was told kept on the clock it was computed from."""
    told = replace(record, promised_at=promised_at)
    return replace(
        change,
        clocks=tuple(told if clock.id == record.id else clock for clock in change.clocks),
        events=tuple(replace(event, thing=told) if _is_of(event, record) else event for event in change.events),
    )


def _is_of(event: Event, record: ClockRecord) -> bool:
    return isinstance(event.thing, ClockRecord) and event.thing.id == record.id


def _recorded(fact: Interaction, items: OpenItems, by: str) -> tuple[Event, ...]:
    """A live call is durable but not published before its verdict; interface.md section 5."""
    if _live_call(fact):
        return ()
    word = "updated" if fact.revision > 1 and _published(fact, items) else "recorded"
    return (Event(f"interaction.{word}", fact, items.now, by),)


def _published(fact: Interaction, items: OpenItems) -> bool:
    """Whether a former revision was: a live call is not, and one heard of only when it was over has none."""
    known = chain(items.known.values(), *(file.interactions for file in items.files.values()))
    before = next((each for each in known if each.id == fact.id), None)
    if before is None:
        return fact.kind is not Kind.CALL or fact.revision > 2
    return not _live_call(before)


def _live_call(fact: Interaction) -> bool:
    return fact.kind is Kind.CALL and fact.outcome is Outcome.PENDING


def _with(interactions: Iterable[Interaction], facts: tuple[Interaction, ...]) -> tuple[Interaction, ...]:
    new = {fact.id for fact in facts}
    others = [known for known in interactions if known.id not in new]
    return tuple(sorted([*others, *facts], key=lambda known: (known.recorded_at, known.id)))


def _with_case(
    fact: Interaction, items: OpenItems, contact: Contact | None, firm: Organisation | None, *, opens: bool
) -> tuple[CaseFile | None, Interaction, bool]:
    """The file the interaction joins, the interaction linked to it, and whether the case is new."""
    if fact.case_id and (file := survivor(fact.case_id, items.files)):
        return file, fact if file.case.id == fact.case_id else replace(fact, case_id=file.case.id), False
    if fact.kind not in COMMUNICATION and fact.kind is not Kind.NOTE:
        return None, fact, False
    found = link(
        fact,
        referred=items.referred(fact.contact_id),
        files=items.files,
        callbacks=items.callbacks,
        now=items.now,
    )
    if found.case:
        linked = replace(fact, case_id=found.case.id, case_cause=found.cause, ambiguous=found.ambiguous)
        return items.files[found.case.id], linked, False
    if not opens or found.cause is None:
        return None, fact, False
    case = opened_by(fact, contact, items.now, items.new_id(), related_to=found.related_to, firm=firm)
    opening = replace(fact, case_id=case.id, case_cause=CaseCause.NEW, ambiguous=found.ambiguous)
    return CaseFile(case=case), opening, True


def _as_ruled(case: Case, ruled: Interaction, file: CaseFile, now: datetime, *, published: bool) -> Case:
    """The case with what a rule set; published: the same change makes a revision of it anyway."""
    after, _ = moved_by(ruled, replace(file, case=case), now)
    return replace(after, revision=case.revision) if published else after


def _case_words(opened: bool, moved: str | None, *, ruled: bool) -> Iterable[str]:
    if opened:
        yield "opened"
    if moved:
        yield moved
    if ruled and not opened:
        yield "updated"


def _of_callbacks(fact: Interaction, owed: tuple[Callback, ...], file: CaseFile) -> Interaction:
    """A customer's call with the callbacks it opened, joined or closed: by them the clocks tell several calls apart."""
    if fact.kind is not Kind.CALL or fact.direction is not Direction.INBOUND or fact.detail.callback_id is not None:
        return fact
    before = next((known.detail.callbacks for known in file.interactions if known.id == fact.id), ())
    now = tuple(callback.id for callback in owed)
    found = (now or before) if fact.outcome is Outcome.MISSED else tuple(dict.fromkeys((*before, *now)))
    return fact if found == fact.detail.callbacks else replace(fact, detail=replace(fact.detail, callbacks=found))


def _with_callbacks(talk: Interaction, ended: tuple[str, ...], now: datetime) -> tuple[Interaction]:
    """A call that was answered, with those it ended though they are known only now: their clocks end by it."""
    named = replace(talk.detail, callbacks=tuple(dict.fromkeys((*talk.detail.callbacks, *ended))))
    return (replace(talk, revision=talk.revision + 1, recorded_at=now, detail=named),)


def due_as_clock(callback: Callback, clocks: tuple[ClockRecord, ...]) -> Callback:
    """A callback without a time of its own is due when its clock is; while another call's clock runs, with that."""
    running = [record.value for record in clocks if record.value.clock is ClockKind.CALLBACK]
    if callback.due_at is not None or not running:
        return callback
    own = [clock for clock in running if clock.opened_by in callback.misses]
    return replace(callback, due_at=(own or running)[-1].due_at)


def _left(owed: tuple[Callback, ...], clocks: Clocks, file: CaseFile, items: OpenItems) -> Iterable[Callback]:
    """Callbacks whose own clock begins to show because another call was made: due when that is."""
    moved = {callback.id for callback in owed}
    known = {record.id for record in file.clocks}
    for record in clocks.changed:
        if record.value.clock is not ClockKind.CALLBACK or record.id in known or not record.owed:
            continue
        for callback in items.callbacks:
            theirs = callback.open and record.value.opened_by in callback.misses and callback.id not in moved
            if theirs and not callback.asked_at_time and callback.due_at != record.value.due_at:
                yield replace(callback, revision=callback.revision + 1, due_at=record.value.due_at)


def _open_after(owed: tuple[Callback, ...], items: OpenItems, case_id: str) -> bool:
    """Whether the case still owes a call."""
    after = {callback.id: callback for callback in (*items.callbacks, *owed)}
    return any(callback.open and callback.case_id == case_id for callback in after.values())


def _callback_event(callback: Callback, items: OpenItems, by: str) -> Event:
    return Event(f"callback.{word_of(callback, items.callback(callback.id))}", callback, items.now, by)
