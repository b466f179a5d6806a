"""What rules would have set in a case under B, where A's rules have set what the log has.

Pure. A rule's `set` was decided with what was known then; after a merge or a late record the same question can have
another answer. So what was recorded stays wherever A and B, asked the same, answer the same.
"""

from collections.abc import Mapping, Sequence

from commsd.core.policy import Version
from commsd.core.rule_set import attributes_set, is_customers, set_of
from commsd.core.touch import Facts, Touch, TouchKind

_KEPT = frozenset({TouchKind.SET, TouchKind.VOID})


def as_set_by(
    touches: tuple[Touch, ...], a: Sequence[Version], b: Sequence[Version], attrs: Facts
) -> tuple[Touch, ...]:
    """The touches with what B's rules would have set in place of A's; these very touches where nothing differs.

    touches: in the order of their record, with what rules have set. attrs: the case's at its start.
    """
    made: list[Touch] = []
    lived: list[Touch] = []
    known: list[Touch] = []
    otherwise: set[str] = set()
    for touch in touches:
        kept = not (touch.by_rule and touch.touch in otherwise)
        if touch.kind in _KEPT:
            lived.append(touch)
            if kept:
                known.append(touch)
        if kept:
            made.append(touch)
        if is_customers(touch):
            sets = attributes_set(touch, known, b, attrs)
            if sets != attributes_set(touch, lived, a, attrs):
                otherwise.add(touch.id)
                _put(touch, sets, made, known)
    return tuple(made) if otherwise else touches


def _put(cause: Touch, sets: Mapping[str, str], made: list[Touch], known: list[Touch]) -> None:
    if sets:
        made.append(set_of(cause, sets))
        known.append(made[-1])
