"""People as one decision changes them: who has which identity, what went into whom, and the change that comes of it.

Pure. An identity that two people claim is shared: it stays with both, and by it alone nobody is known any more. What
was recorded of somebody stays as it was recorded; cases and callbacks go on with whoever speaks for them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from commsd.core.callback import Callback, State, Step, held, waiting
from commsd.core.case import Case, CaseFile
from commsd.core.change import Change
from commsd.core.contact import Contact, Identity
from commsd.core.event import Event
from commsd.core.open_items import OpenItems
from commsd.core.opt_out import BLOCKED, OptOut
from commsd.core.screen import UNWANTED, unwished

PHONE = "phone"
"""The kind of identity that is rung, and the channel on which who wants no calls has opted out."""

NO_CALLS = "no calls"

Belongs = Callable[[CaseFile], bool]


class AddressBook:
    """Everybody a decision sees. `change` tells what has become different since."""

    def __init__(self, items: OpenItems) -> None:
        sharers = (contact for holders in items.shared.values() for contact in holders)
        self._items = items
        self._before = {known.id: known for known in (*items.contacts.values(), *items.people.values(), *sharers)}
        self._now = dict(self._before)
        self._cases: dict[str, Case] = {}
        self._callbacks: dict[str, Callback] = {}

    def get(self, contact_id: str) -> Contact:
        """Somebody seen or made, as they are by now."""
        return self._now[contact_id]

    def put(self, contact: Contact) -> Contact:
        """From now on they are so."""
        self._now[contact.id] = contact
        return contact

    def make(self, *, split_from: str | None = None) -> Contact:
        """Somebody new, of whom nothing is known yet."""
        contact = Contact(id=self._items.new_id(), revision=0, created_at=self._items.now, split_from=split_from)
        return self.put(contact)

    def holders(self, identity: Identity) -> tuple[Contact, ...]:
        """Those who have it, alone or with others."""
        return tuple(known for known in self._now.values() if identity in (*known.identities, *known.shared))

    def give(self, contact_id: str, identity: Identity) -> None:
        """They have it from now on; with others, where others have it too."""
        contact = self._now[contact_id]
        if self._items.opted_out(identity.value, BLOCKED):
            contact = self.put(replace(contact, blocked=True))
        others = [known for known in self.holders(identity) if known.id != contact_id]
        if not others and identity not in contact.identities:
            self.put(replace(_without(contact, identity), identities=(*contact.identities, identity)))
        for known in (*others, contact) if others else ():
            if identity not in known.shared:
                self.put(replace(_without(known, identity), shared=(*known.shared, identity)))

    def take(self, contact_id: str, identity: Identity) -> None:
        """They have it no longer. Who is then the only one to have it is known by it again."""
        self.put(_without(self._now[contact_id], identity))
        left = self.holders(identity)
        if len(left) == 1 and identity in left[0].shared:
            self.put(replace(_without(left[0], identity), identities=(*left[0].identities, identity)))

    def unite(self, gone_id: str, into_id: str) -> None:
        """One speaks for both from now on; what they do not know of themselves they have of the other."""
        gone = self._now[gone_id]
        for identity in (*gone.identities, *gone.shared):
            self.take(gone_id, identity)
            self.give(into_id, identity)
        self.put(_filled(self._now[into_id], gone))
        self.put(replace(self._now[gone_id], merged_into=into_id))
        self.move(gone_id, into_id, lambda _: True, lambda _: True)

    def move(self, from_id: str, to_id: str, cases: Belongs, calls: Callable[[Callback], bool]) -> None:
        """Those of their cases and owed calls go on with somebody else."""
        for file in self._items.files.values():
            case = self._cases.get(file.case.id, file.case)
            if case.contact_id == from_id and cases(file):
                self._cases[case.id] = replace(case, revision=file.case.revision + 1, contact_id=to_id)
        for before in self._items.callbacks:
            call = self._callbacks.get(before.id, before)
            if call.contact_id == from_id and call.open and calls(call):
                self._callbacks[call.id] = replace(call, revision=before.revision + 1, contact_id=to_id)

    def gone(self) -> tuple[str, ...]:
        """Those who went into somebody else since."""
        went = (known for known in self._now.values() if known.merged_into)
        return tuple(known.id for known in went if self._before[known.id].merged_into is None)

    def change(self, by: str, words: dict[str, str] | None = None) -> Change:
        """All that is different, in events. words: what is said of somebody instead of "updated"."""
        changed = tuple(self._numbered(known) for known in self._now.values() if known != self._before.get(known.id))
        kept = {call.id: call for known in changed for call in self._holds(known)}
        opt_outs = tuple(said for known in changed for said in self._opt_outs(known))
        freed = {call.id: call for call in self._freed(opt_outs)}
        calls = {**self._callbacks, **kept, **freed}
        words_of = dict.fromkeys(kept, "held") | dict.fromkeys(freed, "released")
        now = self._items.now
        return Change(
            contacts=changed,
            cases=tuple(self._cases.values()),
            callbacks=tuple(calls.values()),
            opt_outs=opt_outs,
            events=(
                *(Event(f"contact.{_word(known, words or {})}", known, now, by) for known in changed),
                *(Event("case.updated", case, now, by) for case in self._cases.values()),
                *(Event(f"callback.{words_of.get(each.id, 'updated')}", each, now, by) for each in calls.values()),
            ),
        )

    def _numbered(self, contact: Contact) -> Contact:
        before = self._before.get(contact.id)
        return replace(contact, revision=(before.revision if before else 0) + 1)

    def _holds(self, contact: Contact) -> Iterable[Callback]:
        """Calls owed to who is not to be rung any more wait for a person."""
        before = self._before.get(contact.id)
        quiet = _silent(contact) and not (before and _silent(before))
        begins = quiet or (contact.blocked and not (before and before.blocked))
        gained = {call.id for call in self._callbacks.values() if call.contact_id == contact.id}
        if not (_silent(contact) or contact.blocked):
            return
        for known in self._items.callbacks:
            call = self._callbacks.get(known.id, known)
            if call.contact_id == contact.id and call.state is State.WAITING and (begins or call.id in gained):
                yield replace(held(call, unwished(contact)), revision=known.revision + 1)

    def _freed(self, opt_outs: Iterable[OptOut]) -> Iterable[Callback]:
        """Calls held for a wish that nobody has any more; what else speaks against ringing them is found out anew."""
        said = {(each.number, each.channel): not each.lifted for each in opt_outs}
        for before in self._items.callbacks:
            call = self._callbacks.get(before.id, before)
            if call.state is State.HELD and call.held in UNWANTED:
                was, still = self._refused(before, self._before, {}), self._refused(call, self._now, said)
                if was and not still:
                    again = waiting(call, Step.RELEASE, held=None, wish_ended_at=self._items.now)
                    yield replace(again, revision=before.revision + 1)

    def _refused(self, call: Callback, people: Mapping[str, Contact], said: Mapping[tuple[str, str], bool]) -> bool:
        """Whether its person wants no calls, or its number. said: whether a number's has just become so, or ended."""
        holder, number = people.get(call.contact_id or ""), call.number or ""
        opted_out = any(
            said.get((number, channel), self._items.opted_out(number, channel) is not None)
            for channel in (PHONE, BLOCKED)
        )
        return opted_out or (holder is not None and (_silent(holder) or holder.blocked))

    def _opt_outs(self, contact: Contact) -> Iterable[OptOut]:
        before = self._before.get(contact.id)
        let_in = before is not None and before.blocked and not contact.blocked
        for number in () if contact.blocked else _numbers(contact):
            if let_in or self._items.opted_out(number, BLOCKED):
                yield OptOut(number=number, channel=BLOCKED, since=self._items.now, word=BLOCKED, lifted=True)
        was = _silent(before) if before else False
        known = set(_numbers(before)) if before and was else set()
        wanted = not _silent(contact)
        if wanted and not was:
            return
        for number in _numbers(contact):
            if (wanted and not self._refused_by_others(contact, number)) or (not wanted and number not in known):
                yield OptOut(number=number, channel=PHONE, since=self._items.now, word=NO_CALLS, lifted=wanted)

    def _refused_by_others(self, contact: Contact, number: str) -> bool:
        return any(_silent(each) for each in self.holders(Identity(PHONE, number)) if each.id != contact.id)


def _silent(contact: Contact) -> bool:
    """Whether they are not to be rung, unless they ask for a call afterwards."""
    return contact.wishes.no_calls or contact.wishes.write_only


def _numbers(contact: Contact) -> Iterable[str]:
    """Theirs, also those they share: a call to such a one may be answered by who wants none."""
    return (identity.value for identity in (*contact.identities, *contact.shared) if identity.kind == PHONE)


def _without(contact: Contact, identity: Identity) -> Contact:
    return replace(
        contact,
        identities=tuple(each for each in contact.identities if each != identity),
        shared=tuple(each for each in contact.shared if each != identity),
    )


def _word(contact: Contact, words: dict[str, str]) -> str:
    return words.get(contact.id) or ("created" if contact.revision == 1 else "updated")


def _filled(contact: Contact, other: Contact) -> Contact:
    """With what only the other knew. What either of them does not want, the one person does not want."""
    mine, theirs = contact.wishes, other.wishes
    quiet = mine.no_calls or theirs.no_calls
    wishes = replace(
        mine,
        no_calls=quiet,
        write_only=mine.write_only or (theirs.write_only and not mine.call_only),
        call_only=(mine.call_only or (theirs.call_only and not mine.write_only)) and not quiet,
        brief=mine.brief or theirs.brief,
        hours=mine.hours or theirs.hours,
    )
    return replace(
        contact,
        name=contact.name or other.name,
        organisation_id=contact.organisation_id or other.organisation_id,
        language=contact.language or other.language,
        timezone=contact.timezone or other.timezone,
        tier=contact.tier or other.tier,
        owner=contact.owner or other.owner,
        stage=contact.stage or other.stage,
        wishes=wishes,
        blocked=contact.blocked or other.blocked,
        links=tuple(dict.fromkeys((*contact.links, *other.links))),
    )
