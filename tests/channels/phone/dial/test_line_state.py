"""Who is on the telephone with us."""

from dataclasses import replace

from commsd.channels.phone.dial.line_state import engaged
from commsd.core.callback import Attempt, Callback, State
from tests.channels.phone.hotline import CUSTOMER, TUESDAY

OWED = Callback(
    id="one",
    created_at=TUESDAY,
    line="hotline",
    number=CUSTOMER,
    contact_id=None,
    case_id="case",
    state=State.DIALLING,
    due_at=None,
    opened_at=TUESDAY,
    attempts=(Attempt(at=TUESDAY, by="anna", result=None, id="try"),),
)


def test_p7_a_customer_who_is_being_rung_is_rung_for_no_other_callback_meanwhile() -> None:
    seen = engaged([OWED], [], [])
    assert (seen.agents, seen.customers) == (frozenset({"anna"}), frozenset({CUSTOMER}))


def test_p7_whose_talk_is_over_is_on_the_line_no_more() -> None:
    over = replace(OWED.attempts[0], ended_at=TUESDAY)
    seen = engaged([replace(OWED, attempts=(over,))], [], [])
    assert (seen.agents, seen.customers) == (frozenset(), frozenset())
