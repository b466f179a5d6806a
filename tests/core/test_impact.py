"""What a change of rules would move: counted per clock, additive over cases, never more than the engine then does."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from commsd.core.clock import clocks
from commsd.core.impact import Amendment, Impact, Moves, OpenCase, impact, is_personal
from commsd.core.policy import ClockKind, Policy, Rule, Target, Version
from commsd.core.touch import Touch, TouchKind
from tests.house import OFFICE, TERMS

(BEFORE,) = TERMS.versions
MORNING = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)  # a Wednesday, 10:00 in Berlin
NOON = MORNING + timedelta(hours=2)
STANDARD = "standard"


def policy(name: str = STANDARD, **hours: float) -> Policy:
    targets = {ClockKind(kind): Target(duration=timedelta(hours=each)) for kind, each in hours.items()}
    return Policy(name=name, calendar="office", targets=targets)


def version(*policies: Policy, rules: tuple[Rule, ...] = (), start: datetime = NOON) -> Version:
    return Version(
        id="after",
        effective_from=start,
        applies="running",
        rules=(*rules, Rule(policy=STANDARD)),
        policies={each.name: each for each in policies},
        calendars={"office": OFFICE},
    )


def wrote(at: datetime = MORNING, **more: object) -> OpenCase:
    mail = Touch(id="1", at=at, kind=TouchKind.IN, channel="email", facts={"channel": "email"})
    answered = (Touch(id="2", at=at + timedelta(minutes=5), kind=TouchKind.OUT),) if more.get("answered") else ()
    return OpenCase("case", {}, (mail, *answered), open=True)


def would(after: Version, *cases: OpenCase, at: datetime = NOON) -> Impact:
    return impact(cases or (wrote(),), Amendment((BEFORE,), (BEFORE, after), at, at, retargets=True))


def test_a_longer_target_moves_the_clock_later_and_a_shorter_one_earlier() -> None:
    found = would(version(policy(ack=3, first_response=5)))
    assert found.moves[STANDARD, "first_response"] == Moves(clocks=1, later=1)
    found = would(version(policy(ack=3, first_response=3)))
    assert found.moves[STANDARD, "first_response"] == Moves(clocks=1, earlier=1)


def test_a_target_already_over_makes_the_clock_due_at_once() -> None:
    assert would(version(policy(ack=1, first_response=1))).total.at_once == 1


def test_a_clock_already_late_keeps_its_due_time() -> None:
    """The acknowledgement was due after a quarter of an hour."""
    assert would(version(policy(ack=9, first_response=4))).moves[STANDARD, "ack"] == Moves(clocks=1, late=1)


def test_a_clock_the_new_policy_lacks_is_lost_and_one_it_brings_is_gained() -> None:
    found = would(version(policy(ack=1, resolution=8)))
    assert found.moves[STANDARD, "first_response"].lost == 1
    assert found.moves[STANDARD, "resolution"] == Moves(gained=1)


def test_a_clock_gained_long_after_its_start_can_be_due_at_once() -> None:
    assert would(version(policy(first_response=4, resolution=1))).moves[STANDARD, "resolution"].at_once == 1


def test_nothing_moves_where_the_targets_are_the_same() -> None:
    found = would(replace(BEFORE, id="after", effective_from=NOON, applies="running"))
    assert (found.total.moved, found.total.gained, found.share, found.rejudged) == (0, 0, 0.0, 0)


def test_rules_that_take_effect_in_the_past_change_verdicts_that_were_given() -> None:
    after = version(policy(ack=1, first_response=0.01), start=MORNING - timedelta(hours=1))
    assert would(after, wrote(answered=True)).rejudged == 1


def test_a_case_is_counted_where_what_its_customer_wrote_would_match_another_policy() -> None:
    letters = version(policy(), policy("vip"), rules=(Rule(match={"channel": ("email",)}, policy="vip"),))
    assert would(letters).policies == {(STANDARD, "vip"): 1}
    assert would(letters, replace_open(wrote())).other_policy == 0


def replace_open(case: OpenCase) -> OpenCase:
    return case._replace(open=False)


def test_an_attribute_set_later_counts() -> None:
    gold = version(policy(), policy("vip"), rules=(Rule(match={"tier": ("gold",)}, policy="vip"),))
    made_gold = Touch(id="3", at=MORNING, kind=TouchKind.SET, attrs={"tier": "gold"})
    case = wrote()
    assert would(gold, case).other_policy == 0
    assert would(gold, case._replace(touches=(*case.touches, made_gold))).other_policy == 1


def test_only_rules_that_look_at_people_or_words_need_what_is_personal() -> None:
    assert not is_personal((BEFORE,))
    assert is_personal((BEFORE, version(policy(), rules=(Rule(match={"from": ("*@x.org",)}, policy=STANDARD),))))


@given(
    minutes=st.lists(st.integers(0, 400), min_size=1, max_size=6),
    target=st.floats(0.1, 12).map(lambda hours: round(hours, 2)),
)
def test_counts_add_up_and_are_what_the_engine_then_does(minutes: list[int], target: float) -> None:
    cases = [wrote(MORNING - timedelta(minutes=each)) for each in minutes]
    after = version(policy(ack=1, first_response=target))
    whole = would(after, *cases)
    parts = Impact()
    for case in cases:
        parts += would(after, case)
    assert parts == whole
    assert whole.moves[STANDARD, "first_response"].clocks == len(cases)
    engine = [clocks(case.touches, (BEFORE, after), {}, NOON) for case in cases]
    before = [clocks(case.touches, (BEFORE,), {}, NOON) for case in cases]
    due = [{c.clock: c.due_at for c in found}[ClockKind.FIRST_RESPONSE] for found in engine]
    was = [{c.clock: c.due_at for c in found}[ClockKind.FIRST_RESPONSE] for found in before]
    assert whole.moves[STANDARD, "first_response"].moved == sum(a != b for a, b in zip(due, was, strict=True))
    assert all(at is not None and at >= min(NOON, then or NOON) for at, then in zip(due, was, strict=True))
