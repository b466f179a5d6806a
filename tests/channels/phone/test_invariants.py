"""The checker of the random walks is worth its name: each of its nine sentences is told broken where it is broken."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from commsd.core.callback import Attempt, CloseReason, State
from commsd.core.clock import Clock
from commsd.core.clock import State as Running
from commsd.core.interaction import CALL_SID, DECLINED, ExternalId, Interaction, Outcome
from commsd.core.policy import ClockKind
from commsd.demo.exchange import Call
from commsd.store.journal import Webhook
from tests.channels.phone import replay
from tests.channels.phone.hotline import ACCOUNT, ANNA, CUSTOMER, HOTLINE, leg_fields
from tests.channels.phone.invariants import PICKS_UP, Books, Limits, Witness, orphans, unknown
from tests.channels.phone.replay import Journal, attempts_again, differences, shuffled
from tests.core import items

NOON = datetime(2026, 3, 10, 11, 0, tzinfo=UTC)  # a Tuesday, in the office
NIGHT = NOON + timedelta(hours=9)
FORBIDDEN = "+499001234567"
LIMITS = Limits(agents=frozenset({ANNA}), forbidden=frozenset({FORBIDDEN}))
ATTEMPT = Attempt(at=NOON, by="anna", result="no_answer", id="try", call_sid="CAout", customer_sid="CAleg")


def leg(sid: str, to: str, direction: str, at: datetime = NOON, **more: Any) -> Call:
    place = {"sid": sid, "account_sid": ACCOUNT, "from_": HOTLINE, "to": to, "direction": direction, "created_at": at}
    return Call(**{**place, "status": "completed", **more})


def ordered(number: str = CUSTOMER, attempt: str = "try", at: datetime = NOON, name: str = "") -> list[Call]:
    """A call of ours as the exchange saw it: one leg to anna, one to the customer."""
    url = f"https://calls.example.com/twilio/dial/callback/{attempt}/status"
    out = leg(f"CAout{name}", ANNA, "outbound-api", at, status_callback=url)
    return [out, leg(f"CAleg{name}", number, "outbound-dial", at, parent_sid=out.sid, status="no-answer")]


def sound(**changes: Any) -> Books:
    """One missed call, the callback for it, and one attempt in vain. changes: to the callback."""
    house = items.Books(NOON)
    house.take(items.call_from(CUSTOMER))
    callback = replace(house.callback, attempts=(ATTEMPT,))
    (file,) = house.files.values()
    calls = [fact for fact in file.interactions if fact.external(CALL_SID)]
    owed = [replace(callback, **changes)]
    return Books(calls=calls, callbacks=owed, clocks=file.clocks, pending=frozenset())


def numbers(faults: list[str]) -> set[str]:
    return {fault.partition(":")[0] for fault in faults}


def told(books: Books, calls: list[Call] | None = None, witness: Witness | None = None) -> set[str]:
    """The numbers of the sentences that are said to be broken."""
    return numbers((witness or Witness(LIMITS)).faults(books, ordered() if calls is None else calls))


def with_call(books: Books, **changes: Any) -> Books:
    """With another end of the call that was missed."""
    (call,) = books.calls
    return replace(books, calls=[replace(call, **changes)])


def closed(reason: CloseReason | None, **more: Any) -> Books:
    return sound(state=State.CLOSED, close_reason=reason, closed_at=NOON, **more)


def test_a_sound_state_breaks_no_sentence() -> None:
    assert told(sound()) == set()
    assert told(closed(CloseReason.CLOSED_BY_HUMAN)) == set()
    assert orphans(sound(), ordered()) == []
    assert sound().clocks


@pytest.mark.parametrize(
    "broken",
    [
        lambda: sound(misses=()),
        lambda: sound(misses=("another",)),
        lambda: replace(
            sound(), callbacks=[*sound().callbacks, replace(sound().callbacks[0], id="other", number=None)]
        ),
        lambda: with_call(sound(), outcome=Outcome.REACHED),
        lambda: with_call(sound(), outcome=Outcome.PENDING),
        lambda: with_call(sound(), outcome=Outcome.NOT_REACHED),
    ],
    ids=["in none", "another there", "in two", "answered and owed", "never judged", "neither"],
)
def test_6d_1_a_call_that_is_neither_answered_nor_owed_once_is_told(broken: Callable[[], Books]) -> None:
    assert told(broken()) == {"1"}


def test_6d_1_a_call_that_nobody_knows_is_told_once_all_is_quiet() -> None:
    rang = leg("CA-unknown", HOTLINE, "inbound")
    assert numbers(unknown(sound(), [rang])) == {"1"}
    assert unknown(sound(), [leg("CA1", HOTLINE, "inbound")]) == []
    assert unknown(sound(), [rang], {rang.sid}) == [], "none of ours"


def test_6d_2_two_calls_owed_to_one_number_or_two_attempts_or_two_legs_at_once_are_told() -> None:
    twin = replace(sound().callbacks[0], id="twin", misses=(), attempts=())
    assert told(replace(sound(), callbacks=[*sound().callbacks, twin])) == {"2"}
    live = replace(ATTEMPT, result=None)
    assert told(sound(attempts=(live, replace(live, id="second", call_sid=None)))) == {"2"}
    assert told(sound(attempts=(live, replace(ATTEMPT, id="second", call_sid=None)))) == {"2"}
    assert told(sound(), [*ordered(), *(leg(f"CA{n}", ANNA, "outbound-api", status="ringing") for n in (1, 2))]) >= {
        "2"
    }


def test_6d_2_one_of_us_who_is_called_while_a_callers_round_rings_him_is_told() -> None:
    def seen(begun: float, over: float | None, *, talks_since: float | None = None) -> set[str]:
        came = leg("CAin", HOTLINE, "inbound")
        end = {"ended_at": NOON + timedelta(seconds=over), "status": "no-answer"} if over else {"status": "ringing"}
        at = NOON + timedelta(seconds=begun)
        talks = None if talks_since is None else NOON + timedelta(seconds=talks_since)
        rung = leg("CAround", ANNA, "outbound-dial", at, parent_sid=came.sid, bridged_at=talks, **end)
        return told(sound(), [*ordered(at=NOON + timedelta(seconds=30)), came, rung])

    assert seen(10, None) == {"2"}
    assert seen(10, 40) == {"2"}, "its end was later"
    assert seen(10, 25) == set(), "over before"
    assert seen(-300, None, talks_since=-290) == {"2"}, "he talks"
    assert seen(-300, None, talks_since=40) == set(), "he took it only after that"
    assert seen(-300, None) == set(), "nothing rings so long"
    assert seen(28, None) == set(), "so fresh that nobody could know"
    assert seen(32, None) == set(), "the round came later"


def test_6d_3_orders_and_attempts_that_do_not_match_are_told() -> None:
    assert told(sound(), []) == {"3"}, "an attempt names a call that is not there"
    assert told(sound(), ordered(attempt="nobodys")) == {"3"}, "a call that no attempt knows"
    assert told(sound(), [*ordered(), *ordered(name="-again")]) == {"3"}, "two calls for one attempt"
    assert numbers(orphans(sound(attempts=(replace(ATTEMPT, call_sid=None),)), ordered())) == {"3"}


def test_6d_3_what_is_none_of_ours_is_no_orphan_but_told_once_it_is_on_file() -> None:
    other = leg("CAother", ANNA, "outbound-api")
    witness = Witness(LIMITS, foreign={other.sid})
    assert told(sound(), [*ordered(), other], witness) == set()
    assert orphans(sound(), [*ordered(), other], witness.foreign) == []
    assert told(sound(), [*ordered(), other]) == {"3"}
    stranger = with_call(sound(), external_ids=(ExternalId(CALL_SID, other.sid),))
    assert told(stranger, [*ordered(), other], witness) == {"3"}


def test_6d_4_an_end_without_a_reason_or_a_talk_is_told() -> None:
    assert told(closed(None)) == {"4"}
    assert told(closed(CloseReason.REACHED, attempts=(replace(ATTEMPT, result="reached"),))) == {"4"}
    assert told(closed(CloseReason.REACHED)) == {"4"}, "nobody said so"
    assert told(closed(CloseReason.REACHED, closed_by="talk")) == set()
    assert told(closed(CloseReason.ANSWERED_OTHER_CHANNEL)) == {"4"}, "by no letter"
    assert told(closed(CloseReason.ANSWERED_INBOUND)) == {"4"}, "answered by no call"
    earlier = answered(NOON - timedelta(minutes=5))
    books = closed(CloseReason.ANSWERED_INBOUND, closed_by=earlier.id)
    assert told(replace(books, calls=[*books.calls, earlier])) == {"4"}, "answered before he rang in vain"


def answered(at: datetime) -> Interaction:
    (call,) = sound().calls
    return replace(call, id="talk", outcome=Outcome.REACHED, occurred_at=at)


def test_6d_5_a_clock_or_a_callback_that_begins_later_than_it_did_is_told() -> None:
    witness, books = Witness(LIMITS), sound()
    assert told(books, witness=witness) == set()
    assert told(sound(opened_at=NOON + timedelta(minutes=1)), witness=witness) == {"5"}
    later = [replace(record, value=moved(record.value)) for record in books.clocks]
    assert told(replace(books, clocks=later), witness=witness) == {"5"}


@pytest.mark.parametrize("settled", [{"reason": DECLINED}, {"outcome": Outcome.REACHED}], ids=["declined", "answered"])
def test_6d_5_a_clock_whose_own_call_is_owed_no_longer_runs_for_the_next_one(settled: dict[str, Any]) -> None:
    witness, books = Witness(LIMITS), sound(misses=())
    assert told(books, witness=witness) == {"1"}
    later = [replace(record, value=moved(record.value)) for record in books.clocks]
    assert "5" not in told(with_call(replace(books, clocks=later), **settled), witness=witness)


@pytest.mark.parametrize(("earlier", "told_of"), [(True, set()), (False, {"5"})])
def test_6d_5_a_clock_that_a_correction_took_back_may_begin_anew(earlier: bool, told_of: set[str]) -> None:
    """The one before it had never ended. Where there is none before it, it may not."""
    witness, books = Witness(LIMITS), sound()
    (record,) = [record for record in books.clocks if record.value.clock is ClockKind.CALLBACK]
    first = replace(record, id="first", value=replace(record.value, started_at=NOON - timedelta(minutes=9)))
    taken_back = replace(record, value=replace(record.value, state=Running.CANCELLED))
    anew = replace(record, value=moved(record.value))
    for clocks in ([record], [first, taken_back] if earlier else [taken_back]):
        assert told(replace(books, clocks=clocks), witness=witness) == set()
    assert told(replace(books, clocks=[first, anew]), witness=witness) == told_of


def moved(clock: Clock) -> Clock:
    return replace(clock, started_at=clock.started_at + timedelta(minutes=1))


def test_6d_6_a_forbidden_number_that_was_dialled_without_a_named_release_is_told() -> None:
    books = sound(number=FORBIDDEN)
    assert told(books, ordered(FORBIDDEN)) == {"6"}
    let_through = sound(number=FORBIDDEN, attempts=(replace(ATTEMPT, released="anna"),))
    assert told(let_through, ordered(FORBIDDEN)) == set()
    second = replace(ATTEMPT, id="second", call_sid="CAout-2")
    twice = sound(number=FORBIDDEN, attempts=(replace(ATTEMPT, released="anna"), second))
    assert told(twice, [*ordered(FORBIDDEN), *ordered(FORBIDDEN, "second", name="-2")]) == {"6"}, (
        "one release, one call"
    )


def test_6d_6_a_customer_who_wants_no_calls_is_not_dialled_but_on_release_or_where_he_asked() -> None:
    before, later = {CUSTOMER: NOON - timedelta(minutes=1)}, {CUSTOMER: NOON + timedelta(minutes=1)}
    assert told(sound(), witness=Witness(LIMITS, unwanted=before)) == {"6"}
    assert told(sound(), witness=Witness(LIMITS, unwanted=later)) == set(), "begun before he said so"
    let_through = sound(attempts=(replace(ATTEMPT, released="anna"),))
    assert told(let_through, witness=Witness(LIMITS, unwanted=before)) == set()
    spoke = {CUSTOMER: NOON - timedelta(seconds=30)}
    assert told(sound(), witness=Witness(LIMITS, unwanted=before, spoke=spoke)) == set(), "he asked in the menu"
    asked = sound(asked_at_time=True, due_at=NOON)
    assert told(asked, witness=Witness(LIMITS, unwanted=before)) == set(), "he asked for a time"


def test_6d_7_a_customer_who_is_rung_a_fourth_time_on_a_day_is_told() -> None:
    tries = [replace(ATTEMPT, id=f"try{n}", call_sid=f"CAout{n}") for n in range(4)]
    rung = [call for n in range(4) for call in ordered(attempt=f"try{n}", name=str(n))]
    assert told(sound(attempts=tuple(tries[:3])), rung[:6]) == set()
    assert told(sound(attempts=tuple(tries)), rung) == {"7"}
    machines = [replace(each, result="voicemail", bridged=True) for each in tries]
    taken = [joined(call) for call in rung]
    assert told(sound(attempts=tuple(machines)), taken) == {"7"}, "a machine's answer is a try too"
    talks = [replace(each, result="call_again", bridged=True) for each in tries]
    assert told(sound(attempts=tuple(talks)), taken) == set()


def joined(call: Call) -> Call:
    """The same, joined to its other end."""
    call.bridged_at, call.status = call.created_at, "completed"
    return call


def test_6d_9_a_call_at_night_is_told_unless_it_was_asked_for() -> None:
    assert told(sound(), ordered(at=NIGHT)) == {"9"}
    assert told(sound(), ordered(at=NOON + timedelta(days=4))) == {"9"}, "a Saturday"
    asked = sound(asked_at_time=True, due_at=NIGHT)
    assert told(asked, ordered(at=NIGHT + timedelta(minutes=10))) == set()
    assert told(asked, ordered(at=NIGHT + timedelta(hours=2))) == {"9"}, "long after the time asked for"
    witness = Witness(LIMITS)
    assert told(asked, witness=witness) == set()
    assert told(sound(), ordered(at=NIGHT), witness) == set(), "it was asked for when it was dialled"
    assert told(sound(id="another"), ordered(at=NIGHT), witness) == {"9"}, "by another call owed to him"


def test_6d_9_a_customers_leg_long_after_we_closed_is_told() -> None:
    assert told(sound(), ordered(at=NOON - timedelta(hours=3))) == set(), "as soon as we open"
    out, late = ordered(at=NOON + timedelta(hours=4, minutes=59))
    late.created_at += timedelta(minutes=1, seconds=50)
    assert told(sound(), [out, late]) == set(), "our person was rung in time, and picked up"
    late.created_at += PICKS_UP
    assert told(sound(), [out, late]) == {"9"}


NOTED = Journal(webhooks=[], answers={})


@pytest.mark.parametrize(
    "changes",
    [
        {"outcome": Outcome.REACHED},
        {"reason": "message_left"},
        {"occurred_at": NIGHT},
        {"ended_at": NIGHT},
        {"agent_id": "anna"},
        {"external_ids": ()},
    ],
)
def test_6d_8_a_call_that_is_told_otherwise_by_its_webhooks_is_found(changes: dict[str, Any]) -> None:
    assert differences(sound(), sound(), NOTED, owed=True) == []
    assert numbers(differences(sound(), with_call(sound(), **changes), NOTED, owed=False)) == {"8"}


@pytest.mark.parametrize(
    "changes", [{"opened_at": NIGHT}, {"misses": ()}, {"state": State.NEEDS_NUMBER, "number": None}]
)
def test_6d_8_a_callback_that_is_owed_otherwise_by_its_webhooks_is_found(changes: dict[str, Any]) -> None:
    assert numbers(differences(sound(), sound(**changes), NOTED, owed=True)) == {"8"}


def test_6d_8_an_attempt_that_ended_otherwise_than_its_webhooks_tell_is_found() -> None:
    said = {**leg_fields("completed", CUSTOMER, "CAleg"), "ParentCallSid": "CAout"}
    busy = Webhook(call_sid=f"{replay.OURS}try", route="dial-leg", step="leg", url="", fields=said, received_at=NOON)
    faults = attempts_again(sound(), Journal(webhooks=[busy], answers={}), Random(1))
    assert numbers(faults) == {"8"}


def test_6d_8_shuffled_the_first_webhook_of_each_call_stays_its_first() -> None:
    calls = [
        Webhook(call_sid=f"CA{n % 3}", route="voice", step=str(n), url="", fields={}, received_at=NOON)
        for n in range(30)
    ]
    mixed = shuffled(calls, Random(7))
    assert mixed != calls
    assert sorted(mixed, key=lambda webhook: int(webhook.step)) == calls
    assert {next(w.step for w in mixed if w.call_sid == sid) for sid in ("CA0", "CA1", "CA2")} == {"0", "1", "2"}
