"""Whom the machine does not ring: number by number, and what is known around a callback. telephony.md section 7."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from commsd.core.callback import Callback, State
from commsd.core.contact import Contact, Identity, Wishes
from commsd.core.interaction import Actor, Channel, Direction, Interaction, Kind, Outcome, Party, Role
from commsd.core.number import parse_number
from commsd.core.screen import HIDDEN, Burst, Evidence, Limits, held_because, refusal, screened, typed_number

NOW = datetime(2026, 3, 10, 11, 0, tzinfo=UTC)
CUSTOMER = "+493023125099"
REGIONS = frozenset({"DE", "AT", "CH", "DK", "ID", "GB"})
LIMITS = Limits(regions=REGIONS, home=frozenset({"DE"}), burst=Burst(all=6, country=3, prefix=2))


def miss(number: int = 1, caller: str | None = CUSTOMER, **more: Any) -> Interaction:
    known: dict[str, Any] = {
        "id": f"miss-{number}",
        "channel": Channel.PHONE,
        "kind": Kind.CALL,
        "direction": Direction.INBOUND,
        "actor": Actor.CUSTOMER,
        "outcome": Outcome.MISSED,
        "occurred_at": NOW,
        "recorded_at": NOW,
        "total": timedelta(seconds=20),
        "parties": (Party(Role.CALLER, caller),) if caller else (),
    }
    return Interaction(**(known | more))


def owed(number: str | None = CUSTOMER, **more: Any) -> Callback:
    known: dict[str, Any] = {
        "id": "cb-1",
        "created_at": NOW,
        "line": "hotline",
        "number": number,
        "contact_id": "c-1",
        "case_id": "case-1",
        "state": State.WAITING,
        "due_at": None,
        "opened_at": NOW,
        "misses": ("miss-1",),
    }
    return Callback(**(known | more))


def person(**more: Any) -> Contact:
    made: dict[str, Any] = {"created_at": NOW, "identities": (Identity("phone", CUSTOMER),)}
    return Contact(id="c-1", **(made | more))


def strangers(many: int, stem: str = "+49302312") -> tuple[str, ...]:
    return tuple(f"{stem}{5000 + each}" for each in range(many))


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (CUSTOMER, None),
        ("+442079460123", None),
        ("+4532123456", None),
        ("+622150851234", None),
        ("+18765550123", "region:JM"),
        ("+12684641234", "region:AG"),
        ("+14734031234", "region:GD"),
        ("+441481722153", "region:GG"),
        ("+37121234567", "region:LV"),
        ("+37251234567", "region:EE"),
        ("+23225123456", "region:SL"),
        ("+12025550123", "region:US"),
        ("+881612345678", "region:001"),
        ("+870773111632", "region:001"),
        ("+979123456789", "region:001"),
        ("+80812345678", "region:001"),
        ("+491371234567", "type:premium_rate"),
        ("+499001234567", "type:premium_rate"),
        ("+4918012345", "type:shared_cost"),
        ("+4970012345678", "type:personal_number"),
        ("+447012345678", "type:personal_number"),
        ("+447640123456", "type:pager"),
        ("+445512345678", "type:uan"),
    ],
)
def test_fraud_wangiri_a_number_is_screened_by_type_and_region(number: str, reason: str | None) -> None:
    parsed = parse_number(number)
    assert parsed, "libphonenumber calls it valid"
    found = screened(parsed, REGIONS)
    assert found == reason or (reason == "type:premium_rate" and found is not None and found.startswith("type:"))


@pytest.mark.parametrize("number", ["+8656696", "+86282452253", "+266696687", "+447700900123", "+49", "anonymous"])
def test_fraud_wangiri_what_is_only_possible_is_no_number(number: str) -> None:
    assert parse_number(number) is None
    assert held_because(owed(number), Evidence(), LIMITS) == "number:invalid"


def test_fraud_wangiri_a_region_somebody_allowed_is_held_where_the_minute_is_dear() -> None:
    number = parse_number("+23225123456")
    assert number
    assert screened(number, REGIONS | {"SL"}) == "price:SL"


def test_a_callback_that_nothing_speaks_against_is_not_held() -> None:
    assert held_because(owed(), Evidence(misses=(miss(),)), LIMITS) is None


def test_a_callback_without_a_number_waits_for_one_and_is_not_held() -> None:
    assert held_because(owed(None), Evidence(), LIMITS) is None


def test_one_call_that_a_person_let_through_is_not_asked_about_again() -> None:
    dear = owed("+18765550123")
    assert held_because(dear, Evidence(), LIMITS) == "region:JM"
    assert held_because(replace(dear, released="anna"), Evidence(), LIMITS) is None


def test_fraud_cost_runaway_our_own_lines_and_people_are_never_rung_as_customers() -> None:
    limits = replace(LIMITS, own=frozenset({CUSTOMER}))
    assert held_because(owed(), Evidence(misses=(miss(),)), limits) == "own_number"


@pytest.mark.parametrize(("wishes", "why"), [(Wishes(no_calls=True), "dnc"), (Wishes(write_only=True), "write_only")])
def test_fraud_opt_out_who_wants_no_calls_is_not_rung(wishes: Wishes, why: str) -> None:
    known = Evidence(contact=person(wishes=wishes), misses=(miss(),))
    assert held_because(owed(), known, LIMITS) == why


def test_fraud_opt_out_asking_for_a_call_after_it_lifts_it_for_that_call_only() -> None:
    since = NOW - timedelta(days=1)
    known = Evidence(contact=person(wishes=Wishes(no_calls=True)), declined_at=since)
    asked = owed(misses=())
    assert held_because(asked, known, LIMITS) is None
    assert held_because(replace(asked, opened_at=since), known, LIMITS) == "dnc"
    assert held_because(owed(), known, LIMITS) == "dnc"


def test_fraud_opt_out_pressing_1_in_the_menu_after_it_lifts_it_and_before_it_does_not() -> None:
    since = NOW - timedelta(days=1)
    known = Evidence(contact=person(wishes=Wishes(no_calls=True)), misses=(miss(),), declined_at=since)
    assert held_because(owed(), known, LIMITS) == "dnc"
    assert held_because(owed(), replace(known, asked_at=NOW), LIMITS) is None
    assert held_because(owed(), replace(known, asked_at=since - timedelta(minutes=1)), LIMITS) == "dnc"
    undated = replace(known, declined_at=None, asked_at=NOW)
    assert held_because(owed(), undated, LIMITS) == "dnc", "nobody knows which came first"
    blocked = replace(known, contact=person(blocked=True), asked_at=NOW)
    assert held_because(owed(), blocked, LIMITS) == "dnc"


def test_fraud_typed_number_callers_who_hide_theirs_have_few_numbers_rung_a_day() -> None:
    known = Evidence(misses=(miss(),), hidden=HIDDEN - 1)
    assert held_because(owed(), known, LIMITS) is None
    assert held_because(owed(), replace(known, hidden=HIDDEN), LIMITS) == "third_party"


def test_fraud_opt_out_who_is_blocked_is_not_rung_even_where_a_call_was_owed_before() -> None:
    assert held_because(owed(misses=()), Evidence(contact=person(blocked=True)), LIMITS) == "dnc"


def test_fraud_typed_number_a_caller_has_one_third_party_rung_a_day() -> None:
    other = owed("+493023125088")
    known = Evidence(misses=(miss(),))
    assert held_because(other, known, LIMITS) is None
    assert held_because(other, replace(known, others=1), LIMITS) == "third_party"
    assert held_because(owed(), replace(known, others=1), LIMITS) is None


@pytest.mark.parametrize("digits", ["09001234567", "118", "00881612345678"])
def test_fraud_typed_number_on_the_keys_is_screened_too(digits: str) -> None:
    assert typed_number(digits, "DE") is None


def test_fraud_typed_number_abroad_is_taken_and_held_for_a_person() -> None:
    number = typed_number("0018765550123", "DE")
    assert number
    assert refusal(number) is None
    assert held_because(owed(number.e164), Evidence(misses=(miss(),)), LIMITS) == "region:JM"


@pytest.mark.parametrize(("many", "place", "reason"), [(2, 1, None), (3, 1, None), (3, 2, "burst"), (5, 4, "burst")])
def test_fraud_burst_numbers_of_one_prefix_beyond_the_cap_are_held(many: int, place: int, reason: str | None) -> None:
    rang = strangers(many)
    known = Evidence(misses=(miss(caller=rang[place]),), newcomers=rang)
    assert held_because(owed(rang[place]), known, LIMITS) == reason


def test_fraud_burst_of_one_country_abroad_is_capped_before_all_are() -> None:
    rang = tuple(f"+4420794{60 + each}123" for each in range(4))
    last = rang[-1]
    assert held_because(owed(last), Evidence(misses=(miss(caller=last),), newcomers=rang), LIMITS) == "burst"
    home = tuple(f"+4930{each}3125099"[:13] for each in range(2, 6))
    assert all(parse_number(each) for each in (*rang, *home))
    assert held_because(owed(home[-1]), Evidence(misses=(miss(caller=home[-1]),), newcomers=home), LIMITS) is None


SIGNS: dict[str, dict[str, Any]] = {
    "rang again": {"misses": (miss(), miss(number=2))},
    "left a message": {"misses": (miss(reason="message_left"),)},
    "is known": {
        "misses": (miss(contact_id="c-1"),),
        "contact": person(created_at=NOW - timedelta(days=30)),
    },
    "is signed by his carrier": {"misses": (miss(),), "stamps": ("TN-Validation-Passed-A",)},
}


@pytest.mark.parametrize("sign", SIGNS)
def test_fraud_burst_a_second_sign_lets_a_short_call_through(sign: str) -> None:
    rang = (*strangers(6), CUSTOMER)
    alone = Evidence(misses=(miss(total=timedelta(seconds=1)),), newcomers=rang)
    assert held_because(owed(), alone, LIMITS) == "burst"
    assert held_because(owed(), replace(alone, **SIGNS[sign]), LIMITS) is None


def test_fraud_burst_a_call_of_two_seconds_needs_a_second_sign_while_one_is_on() -> None:
    rang = (CUSTOMER, *strangers(6))
    short, long = miss(total=timedelta(seconds=2)), miss(total=timedelta(seconds=3))
    assert held_because(owed(), Evidence(misses=(short,), newcomers=rang), LIMITS) == "burst"
    assert held_because(owed(), Evidence(misses=(long,), newcomers=rang), LIMITS) is None
    assert held_because(owed(), Evidence(misses=(short,), newcomers=rang[:2]), LIMITS) is None


def test_fraud_burst_a_failed_signature_of_the_carrier_lowers_and_none_is_neutral() -> None:
    rang = (CUSTOMER, *strangers(6))
    for stamp, reason in (("TN-Validation-Failed-B", "burst"), ("No-TN-Validation", None), ("", None)):
        known = Evidence(misses=(miss(),), newcomers=rang, stamps=(stamp,))
        assert held_because(owed(), known, LIMITS) == reason, stamp


def test_fraud_burst_who_rang_in_quieter_times_is_not_held_by_a_flood() -> None:
    assert held_because(owed(), Evidence(misses=(miss(),), newcomers=strangers(50)), LIMITS) is None
