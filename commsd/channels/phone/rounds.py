"""Who is rung for a call, in which order: the caller's own person first, then the line's rounds. Pure.

Here: the telephones. What they and the caller hear stands in scene.py. Nobody who is away is rung, and no telephone
from which the call itself came; one that a callback holds only where every other is held too.
"""

from collections.abc import Iterator

from commsd.channels.phone.seen import Seen
from commsd.core.agent import Agent

OWN_PERSON = 99
"""The number of the round in which the contact's own person is rung, alone, before round 1."""

Round = tuple[int, tuple[str, ...]]


def first_round(seen: Seen) -> Round | None:
    """The number of the first round with anybody in it, and its telephones; None where nobody is to be rung."""
    return next(iter(_rounds(seen)), None)


def round_after(seen: Seen, number: int) -> Round | None:
    """The next one after a round that was rung in vain. Who was rung alone before is not rung alone again."""
    own = set(_own_person(seen)) if OWN_PERSON in seen.state.dials else set[str]()
    later = (each for each in _rounds(seen) if each[0] != OWN_PERSON and (number == OWN_PERSON or each[0] > number))
    return next((each for each in later if not set(each[1]) <= own), None)


def _rounds(seen: Seen) -> list[Round]:
    """All of the call, in order; without telephones that would only be found busy, as long as any is left."""
    every, busy = list(_every_round(seen)), seen.house.busy
    free = [(number, tuple(phone for phone in phones if phone not in busy)) for number, phones in every]
    return [each for each in free if each[1]] or every


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
