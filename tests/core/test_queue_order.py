"""One order for all owed calls, in which nobody is overtaken for ever."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from commsd.core.callback import Callback
from commsd.core.queue_order import in_order, place
from tests.core.items import TUESDAY, Books, call_from

MINUTE = timedelta(minutes=1)
TARGETS = (15, 60, 120)
"""Minutes within which a call is due, by tier."""


def _owed(name: str, due: int, misses: int = 1, opened: int = 0) -> Callback:
    books = Books()
    books.take(call_from())
    return replace(
        books.callback,
        id=name,
        case_id=f"case-{name}",
        due_at=TUESDAY + due * MINUTE,
        opened_at=TUESDAY + opened * MINUTE,
        misses=tuple(str(number) for number in range(misses)),
    )


def test_q5_the_clock_of_the_first_miss_decides_then_urgency_then_who_rang_oftener() -> None:
    first, urgent, often, last = _owed("first", 10), _owed("urgent", 20), _owed("often", 20, 3), _owed("last", 20)
    served = in_order([last, often, urgent, first], {"case-urgent": "urgent"})
    assert [callback.id for callback in served] == ["first", "urgent", "often", "last"]


def test_q5_a_call_without_a_clock_stands_where_it_was_opened() -> None:
    plain = replace(_owed("plain", 0, opened=5), due_at=None)
    assert [c.id for c in in_order([_owed("late", 6), plain, _owed("early", 4)])] == ["early", "plain", "late"]


@given(
    st.permutations([_owed(str(n), due, misses) for n, (due, misses) in enumerate([(1, 1), (1, 2), (2, 1), (2, 1)])])
)
def test_q5_the_order_does_not_hang_on_how_it_was_asked(calls: list[Callback]) -> None:
    assert [c.id for c in in_order(calls)] == ["1", "0", "2", "3"]


@given(
    st.lists(st.tuples(st.sampled_from(TARGETS), st.sampled_from(["urgent", "normal"])), min_size=150, max_size=250),
    st.sampled_from(TARGETS),
)
def test_q5_nobody_starves_while_others_keep_ringing(others: list[tuple[int, str]], target: int) -> None:
    """One call a minute comes in and one a minute is served, from a full line: each waits its target and the line."""
    line = {f"old-{number}": (_owed(f"old-{number}", 5), "urgent") for number in range(20)}
    line["patient"] = (_owed("patient", target), "low")
    for minute, (due, priority) in enumerate(others):
        name = f"new-{minute}"
        line[name] = (_owed(name, minute + due, opened=minute), priority)
        served = min(line, key=lambda each: place(*line[each]))
        del line[served]
        if served == "patient":
            return
    assert len(others) < target + 20, "overtaken for ever"


@given(st.integers(0, 100), st.integers(1, 5))
def test_q5_a_further_miss_moves_nobody_back(due: int, more: int) -> None:
    before = _owed("it", due)
    after = replace(before, misses=tuple(str(number) for number in range(1 + more)))
    assert place(after) <= place(before)
