"""Whose calls we avoid: how often owed calls were given back or not taken, contact by contact; telephony.md Q11. Pure.

One who is hard to talk to is not helped by waiting longer. Nobody is judged here: the figures stand beside the mean.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from commsd.core.backoff import DECLINED_BY_US
from commsd.core.callback import Callback


@dataclass(frozen=True, slots=True, kw_only=True)
class Avoided:
    """One contact's owed calls. given_back: out of a hand that had claimed them. not_taken: when our telephone rang.

    reasons: as they were said, each once.
    """

    contact_id: str | None
    calls: int
    given_back: int
    not_taken: int
    reasons: tuple[str, ...] = ()

    @property
    def times(self) -> int:
        """How often somebody of us did not want it."""
        return self.given_back + self.not_taken


def avoided(callbacks: Iterable[Callback]) -> tuple[Avoided, ...]:
    """By contact, who was avoided oftenest a call first; also those who never were, so that a mean can be told."""
    by_contact: dict[str | None, list[Callback]] = {}
    for callback in callbacks:
        by_contact.setdefault(callback.contact_id, []).append(callback)
    found = [_of(contact_id, calls) for contact_id, calls in by_contact.items()]
    return tuple(sorted(found, key=lambda each: (-each.times / each.calls, -each.times, each.contact_id or "")))


def mean(found: Iterable[Avoided]) -> float:
    """How often an owed call was avoided, over all contacts; 0 where none was owed."""
    known = tuple(found)
    calls = sum(each.calls for each in known)
    return sum(each.times for each in known) / calls if calls else 0.0


def _of(contact_id: str | None, calls: list[Callback]) -> Avoided:
    passed = [each for call in calls for each in call.passed]
    return Avoided(
        contact_id=contact_id,
        calls=len(calls),
        given_back=len(passed),
        not_taken=sum(attempt.result in DECLINED_BY_US for call in calls for attempt in call.attempts),
        reasons=tuple(dict.fromkeys(each.why for each in passed if each.why)),
    )
