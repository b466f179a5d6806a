"""The past as the headers of old mails tell it: who wrote, who was answered and when, who still waits. Pure.

Mails come in any order and are joined as `case.link` joins them: by reference, else by person and subject. What is kept
of each is small, for a past can hold tens of thousands; machines' mails are only counted. Which mail a machine wrote is
decided before, by the suppression rules; who reads the mailboxes, is `channels/mail/lookback`.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from sys import intern

from commsd.core.case import FRESH, normal_subject
from commsd.core.rate_limit import PER_RECIPIENT, is_reached

SHORT_ONCE_A = timedelta(days=1)
TITLE = 80
"""Characters of a subject that are kept to be read."""

MOST_REFERENCES = 20
DAMPED = "budget"


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """A person's mail to us. id, references: of itself, and what it refers to, nearest last.

    person: the address that would be answered. at: when it reached us, aware UTC. silent: why a person gets no
    acknowledgement for it all the same.
    """

    mailbox: str
    person: str
    at: datetime
    id: int | None
    references: tuple[int, ...]
    subject: int
    title: str
    silent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A mail one of our people wrote to these persons."""

    at: datetime
    persons: tuple[str, ...]
    id: int | None
    references: tuple[int, ...]
    subject: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """A person who waited, from the first writing nobody had answered. answered_at: None, still waits.

    further: how often the person wrote again meanwhile. perhaps_at: when we wrote to this person without saying what
    it answers, which may have been the answer.
    """

    writing: Writing
    answered_at: datetime | None = None
    further: int = 0
    perhaps_at: datetime | None = None


@dataclass(slots=True)
class Counted:
    """What one mailbox took in. machines: by the reason of the silence. full, short: acknowledgements that would have
    gone out; silent: people who would have got none, by reason. copies: of mails counted before.
    """

    people: int = 0
    copies: int = 0
    machines: Counter[str] = field(default_factory=Counter)
    full: int = 0
    short: int = 0
    silent: Counter[str] = field(default_factory=Counter)

    @property
    def received(self) -> int:
        """All mails."""
        return self.people + self.copies + self.machines.total()


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What came of it. mailboxes: in the order they were named. waits: by their beginning.

    answers: mails of our people; to_nobody_known: those of them that answer nothing seen here.
    """

    mailboxes: Mapping[str, Counted]
    waits: tuple[Wait, ...]
    answers: int
    to_nobody_known: int


def mark(text: str) -> int:
    """A small stand-in for an id, a key or a subject; equal for equal ones."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "big")


def marks(ids: Sequence[str]) -> tuple[int, ...]:
    """The same of the nearest of these."""
    return tuple(mark(each) for each in ids[-MOST_REFERENCES:])


def subject_mark(subject: str) -> int:
    """The same of a subject without the marks of replies; zero for none."""
    plain = normal_subject(subject)
    return mark(plain) if plain else 0


class Gathering:
    """Takes mails in one by one, in any order; `past` says what came of them.

    follow_up: of each mailbox, in the order of the report: "full", "short" or "none".
    """

    def __init__(self, follow_up: Mapping[str, str]) -> None:
        self._follow_up = follow_up
        self._counted = {name: Counted() for name in follow_up}
        self._writings: list[Writing] = []
        self._answers: list[Answer] = []
        self._seen: set[int] = set()

    def copied(self, mailbox: str, key: int) -> bool:
        """Whether this mail was taken in before; then it is counted as a copy."""
        if key not in self._seen:
            self._seen.add(key)
            return False
        self._counted[mailbox].copies += 1
        return True

    def machine(self, mailbox: str, reason: str) -> None:
        """A mail that a rule keeps from being acknowledged."""
        self._counted[mailbox].machines[intern(reason)] += 1

    def writing(self, writing: Writing) -> None:
        """A person's mail."""
        self._counted[writing.mailbox].people += 1
        self._writings.append(writing)

    def answer(self, answer: Answer) -> None:
        """A mail of one of our people; a copy of it in another folder says nothing new."""
        if answer.id is None or answer.id not in self._seen:
            self._answers.append(answer)
        if answer.id is not None:
            self._seen.add(answer.id)

    def past(self) -> Past:
        """Who waited for how long, and who would have been acknowledged."""
        tale = _Tale()
        events: list[Writing | Answer] = sorted([*self._writings, *self._answers], key=_when)
        for event in events:
            if isinstance(event, Answer):
                tale.answered(event)
            else:
                self._acknowledge(event, tale.written(event))
        return Past(
            mailboxes=self._counted,
            waits=tuple(sorted(tale.waits(), key=lambda wait: wait.writing.at)),
            answers=len(self._answers),
            to_nobody_known=tale.to_nobody_known,
        )

    def _acknowledge(self, writing: Writing, thread: "_Thread") -> None:
        counted, form = self._counted[writing.mailbox], _form(writing, thread, self._follow_up[writing.mailbox])
        if writing.silent:
            counted.silent[writing.silent] += 1
        elif form is None:
            counted.silent["in-conversation"] += 1
        elif thread.damps(writing):
            counted.silent[DAMPED] += 1
        else:
            thread.acks.append(writing.at)
            thread.given.setdefault(writing.person, []).append(writing.at)
            setattr(counted, form, getattr(counted, form) + 1)


def _when(event: Writing | Answer) -> tuple[datetime, bool]:
    """Of one second, the writing comes before its answer."""
    return event.at, isinstance(event, Answer)


def _form(writing: Writing, thread: "_Thread", follow_up: str) -> str | None:
    """As `owed_ack.form_of` has it."""
    if not thread.acks or follow_up == "full":
        return "full"
    if follow_up == "none" or any(writing.at - at < SHORT_ONCE_A for at in thread.acks[1:]):
        return None
    return "short"


@dataclass(slots=True, eq=False)
class _Thread:
    """One matter. persons: who wrote in it. waiting: the first writing nobody has answered. given: acknowledgements to
    each person, whatever the matter.
    """

    active_at: datetime
    given: dict[str, list[datetime]]
    persons: set[str] = field(default_factory=set)
    waiting: Writing | None = None
    further: int = 0
    acks: list[datetime] = field(default_factory=list)

    def damps(self, writing: Writing) -> bool:
        """Whether the person has had as many acknowledgements as one address may get."""
        given = self.given.get(writing.person, [])
        return any(is_reached(limit, given, writing.at) for limit in PER_RECIPIENT)


class _Tale:
    """The matters as they go on."""

    def __init__(self) -> None:
        self.to_nobody_known = 0
        self._threads: list[_Thread] = []
        self._by_id: dict[int, _Thread] = {}
        self._by_subject: dict[tuple[str, int], _Thread] = {}
        self._given: dict[str, list[datetime]] = {}
        self._over: list[Wait] = []
        self._loose: dict[str, datetime] = {}

    def written(self, writing: Writing) -> _Thread:
        thread = self._referred(writing.references) or self._same_subject(writing.person, writing.subject, writing.at)
        if thread is None:
            thread = _Thread(active_at=writing.at, given=self._given)
            self._threads.append(thread)
        thread.persons.add(writing.person)
        self._join(thread, writing.id, writing.at)
        self._by_subject[writing.person, writing.subject] = thread
        if thread.waiting is None:
            thread.waiting, thread.further = writing, 0
        else:
            thread.further += 1
        return thread

    def answered(self, answer: Answer) -> None:
        found = self._referred(answer.references)
        if found and found.persons.isdisjoint(answer.persons):  # passed on to somebody else: it answers nobody
            self._join(found, answer.id, found.active_at)
            return
        by_subject = (self._same_subject(person, answer.subject, answer.at) for person in answer.persons)
        threads = [found] if found else list(dict.fromkeys(thread for thread in by_subject if thread))
        for thread in threads:
            if thread.waiting:
                self._over.append(Wait(writing=thread.waiting, answered_at=answer.at, further=thread.further))
                thread.waiting = None
            self._join(thread, answer.id, answer.at)
        if not threads:
            self.to_nobody_known += 1
            self._loose |= dict.fromkeys(answer.persons, answer.at)

    def waits(self) -> Iterator[Wait]:
        yield from self._over
        for thread in self._threads:
            if writing := thread.waiting:
                loose = self._loose.get(writing.person)
                perhaps = loose if loose and loose > writing.at else None
                yield Wait(writing=writing, further=thread.further, perhaps_at=perhaps)

    def _referred(self, references: Iterable[int]) -> _Thread | None:
        return next((self._by_id[each] for each in reversed(tuple(references)) if each in self._by_id), None)

    def _same_subject(self, person: str, subject: int, at: datetime) -> _Thread | None:
        thread = self._by_subject.get((person, subject)) if subject else None
        return thread if thread and at - thread.active_at < FRESH else None

    def _join(self, thread: _Thread, id: int | None, at: datetime) -> None:
        thread.active_at = at
        if id is not None:
            self._by_id[id] = thread
