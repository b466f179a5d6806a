"""Who is rung for a call, in which order: the caller's own person first, then the line's rounds. Pure.

Here: the telephones. What they and the caller hear stands in scene.py. Nobody who is away is rung, and no telephone
from which the call itself came. One that a callback holds, or that an earlier owed call waits for, comes last.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from commsd.channels.phone.seen import Seen
from commsd.channels.phone.turns import Rung, left_for
from commsd.core.agent import Agent

OWN_PERSON = 99
"""The number of the round in which the contact's own person is rung, alone, before round 1."""

Round = Rung


def first_round(seen: Seen) -> Round | None:
    """The number of the first round with anybody in it, and its telephones; None where nobody is to be rung."""
    return next(iter(_rounds(seen)), None)


def round_after(seen: Seen, number: int) -> Round | None:
    """The next one after a round that was rung in vain. Who was rung alone before is not rung alone again."""
    own = set(_own_person(seen)) if OWN_PERSON in seen.state.dials else set[str]()
    later = (each for each in _rounds(seen) if each[0] != OWN_PERSON and (number == OWN_PERSON or each[0] > number))
    return next((each for each in later if not set(each[1]) <= own), None)


def _rounds(seen: Seen) -> Sequence[Round]:
    """All of the call, in order; without telephones that are busy or another's turn, as long as any is left."""
    return left_for(_waits_since(seen), list(_every_round(seen)), seen.house.busy, seen.house.turns)


def _waits_since(seen: Seen) -> datetime:
    """Who is owed a call and rings again keeps the place of that."""
    number = seen.number.e164 if seen.number else None
    owed = (each.opened_at for each in seen.items.callbacks if each.open and number and each.number == number)
    return min((seen.state.first_at, *owed))


def _every_round(seen: Seen) -> Iterator[Round]:
    if seen.line is None or not seen.line.rounds:
        return
    if own := _own_person(seen):
        yield OWN_PERSON, own
    for number, names in enumerate(seen.line.rounds, start=1):
        if phones := _phones(seen, names):
            yield number, phones


def _own_person(seen: Seen) -> tuple[str, ...]:
    return _phones(seen, (seen.owner,)) if seen.owner else ()


def _phones(seen: Seen, names: tuple[str, ...]) -> tuple[str, ...]:
    """The telephones behind agents and teams, each once, but for those this call came from and our own lines."""
    people, day = seen.house.firm.people, seen.house.firm.day(seen.items.now)
    agents: list[Agent | None] = []
    for name in names:
        agents += people.members(name, day) if name in people.teams else [people.present(name, day)]
    own = {seen.number.e164 if seen.number else None, seen.state.forwarded_from, *seen.house.numbers}
    return tuple(dict.fromkeys(agent.phone for agent in agents if agent and agent.phone and agent.phone not in own))
