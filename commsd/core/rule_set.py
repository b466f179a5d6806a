"""What a rule's `set = {...}` does to a case: the `set` that follows a customer's touch.

A rule speaks once for each touch of the customer, at the touch's instant, and never against a person: what one of us
has set in this case stays. `core.change` writes what comes of it; a replay puts in what other rules would have set.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime

from commsd.core.case import CaseFile
from commsd.core.interaction import Actor, Detail, Direction, Interaction, Kind
from commsd.core.obligation import in_force
from commsd.core.policy import Version, rule_for
from commsd.core.touch import BY_RULE, Facts, Touch, TouchKind, touches_of

_EVER = datetime.max.replace(tzinfo=UTC)
_KEPT = frozenset({Kind.SET, Kind.VOID})


def set_after(
    fact: Interaction, file: CaseFile, versions: Sequence[Version], now: datetime, new_id: Callable[[], str]
) -> Interaction | None:
    """The `set` that follows this interaction, or None where no rule sets what the case does not have yet.

    file: the case before it; a further revision of what was the customer's touch already is not judged again.
    """
    if not any(version.sets for version in versions):
        return None
    touch = _customers(touches_of(fact))
    before = next((known for known in file.interactions if known.id == fact.id), None)
    if touch is None or (before is not None and _customers(touches_of(before))):
        return None
    known = [each for one in file.interactions if one.kind in _KEPT for each in touches_of(one)]
    attrs = attributes_set(touch, known, versions, file.case.attrs)
    if not attrs:
        return None
    return Interaction(
        id=new_id(),
        channel=fact.channel,
        kind=Kind.SET,
        direction=Direction.INTERNAL,
        actor=Actor.MACHINE,
        occurred_at=touch.time,
        recorded_at=now,
        contact_id=fact.contact_id,
        case_id=fact.case_id,
        caused_by=fact.id,
        detail=Detail(reason=BY_RULE, attrs=attrs),
    )


def attributes_set(
    touch: Touch, known: Iterable[Touch], versions: Iterable[Version], attrs: Facts
) -> Mapping[str, str]:
    """What the first rule that takes this customer's touch sets that is otherwise in the case; not what a person set.

    known: what was recorded of the case before; only its sets and voids matter. attrs: the case's at its start.
    """
    version = max(
        (version for version in versions if version.effective_from <= touch.time),
        key=lambda version: version.effective_from,
        default=None,
    )
    if version is None or not version.sets:
        return {}
    sets = [each for each in in_force(known, _EVER) if each.kind is TouchKind.SET]
    has = dict(attrs)
    for each in sets:
        if each.time <= touch.time:
            has |= each.attrs
    found = rule_for(version, {**has, **touch.facts})
    if found is None:
        return {}
    persons = {key for each in sets if not each.by_rule for key in each.attrs}
    return {key: value for key, value in found[1].sets.items() if key not in persons and has.get(key) != value}


def with_rule_sets(touches: Iterable[Touch], versions: Sequence[Version], attrs: Facts) -> tuple[Touch, ...]:
    """The touches with what these rules would have set, each after its cause.

    touches: in the order of their record, without what rules have set. attrs: the case's at its start.
    """
    if not any(version.sets for version in versions):
        return tuple(touches)
    made: list[Touch] = []
    known: list[Touch] = []
    for touch in touches:
        made.append(touch)
        if touch.kind in (TouchKind.SET, TouchKind.VOID):
            known.append(touch)
        elif is_customers(touch) and (sets := attributes_set(touch, known, versions, attrs)):
            known.append(set_of(touch, sets))
            made.append(known[-1])
    return tuple(made)


def is_customers(touch: Touch) -> bool:
    """Whether the customer speaks or rings: what a rule is asked about."""
    if touch.kind is TouchKind.TALK:
        return touch.direction == "in"
    return touch.kind is TouchKind.MISSED or (touch.kind is TouchKind.IN and not touch.auto)


def _customers(touches: Iterable[Touch]) -> Touch | None:
    return next((touch for touch in touches if is_customers(touch)), None)


def set_of(cause: Touch, attrs: Mapping[str, str]) -> Touch:
    """The touch of a rule that sets this after a customer's touch."""
    return Touch(
        id=f"{cause.id}/set",
        at=cause.time,
        recorded_at=cause.recorded_at,
        kind=TouchKind.SET,
        channel=cause.channel,
        auto=True,
        reason=BY_RULE,
        attrs=attrs,
        touch=cause.id,
        by_rule=True,
    )
