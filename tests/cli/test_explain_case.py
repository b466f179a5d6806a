"""An operator can answer, from `explain` alone: why is this due then, and who gets told when."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commsd.core.interaction import Channel, Interaction, Kind, Promise
from tests.cli.explained import RULES, Life, at, rules
from tests.core.items import Books, answer_to, call_from, mail_from, moved, only


def mail(life: Life, when: str = "09 16:30", subject: str = "Delivery") -> Life:
    return life.then(when, mail_from(subject=subject, team="service"))


def case_of(life: Life) -> str:
    return only(life.files.values()).case.id


def test_each_business_interval_is_counted_up_to_the_target() -> None:
    told = mail(Life()).about("first_response 1", "10 09:30")
    assert told[0] == "first_response 1: running, due Tue 2026-03-10 13:30:00 CET, in 4 h 00 min, policy standard"
    start = told.index("target 4h open time of calendar office (Europe/Berlin)")
    assert told[start + 1 : start + 6] == [
        "Mon 2026-03-09 16:30:00 CET to 17:00:00: 30 min, in all 30 min",
        "Tue 2026-03-10 09:00:00 CET to 12:00:00: 3 h 00 min, in all 3 h 30 min",
        "Tue 2026-03-10 13:00:00 CET to 13:30:00: 30 min, in all 4 h 00 min",
        "counted 4 h 00 min of 4 h 00 min",
        "warning Tue 2026-03-10 11:30:00 CET",
    ]
    assert "the customer has waited 17 h 00 min" in told


def test_each_rule_is_shown_with_the_first_condition_that_failed() -> None:
    told = mail(Life()).about("ack 1", "09 16:31")
    start = told.index(
        "rules version " + rules().id[:12] + ", in force since Thu 2026-01-01 00:00:00 CET, were asked then:"
    )
    assert told[start + 1 : start + 6] == [
        "rule 1 does not match: tier is not there, not gold",
        "rule 2 does not match: keywords is delivery, not invoice*",
        "rule 3 does not match: organisation is not there, not acme",
        "rule 4 does not match: channel is email, not fax",
        "rule 5 matches: policy standard",
    ]
    assert "rules as for ack 1: rule 5 matches: policy standard" in "\n".join(mail(Life()).lines("09 16:31"))


def test_the_rules_shown_are_those_in_force_when_the_clock_began() -> None:
    later = rules(
        RULES.replace('match = { tier = "gold" }', 'match = { team = "service" }'), effective_from=at("10 09:00")
    )
    life = mail(Life(versions=(rules(id="first"), replace(later, id="second"))))
    told = life.about("first_response 1", "10 09:30")
    assert "policy standard" in told[0]
    assert any("rules as for ack 1: rule 5 matches" in line for line in told)
    assert any(line.startswith("rules version first") for line in life.about("ack 1", "10 09:30"))


def test_who_is_told_stands_at_each_step_with_names() -> None:
    told = mail(Life()).about("first_response 1", "10 09:30")
    assert told[told.index("who is told:") + 1 :] == [
        "75%    Tue 2026-03-10 11:30:00 CET: to come",
        "Anna Berg (anna@example.com)",
        "due    Tue 2026-03-10 13:30:00 CET: to come",
        "Anna Berg (anna@example.com)",
        "Bo Lund (bo@example.com)",
        "Cai Hartono (cai@example.com)",
        "+1h    Tue 2026-03-10 14:30:00 CET, pages: to come",
        "duty@example.com",
        "+1h/2  Tue 2026-03-10 15:30:00 CET, pages: to come",
        "duty@example.com",
    ]


def test_a_step_that_names_nobody_says_that_somebody_else_is_told_in_place() -> None:
    def unowned(books: Books) -> Interaction:
        return replace(mail_from()(books), mailbox=None)

    life = Life().then("09 16:30", unowned)
    life.post = replace(life.post, alarms=("cai",))
    told = life.about("first_response 1", "10 09:30")
    assert told[told.index("who is told:") + 1 :][:3] == [
        "75%    Tue 2026-03-10 11:30:00 CET: to come",
        "Cai Hartono (cai@example.com)",
        "in place of owner, who is nobody here",
    ]


def test_who_was_told_already_stands_with_the_time() -> None:
    life = mail(Life()).climb("10 11:31")
    told = life.about("first_response 1", "10 11:32")
    assert told[told.index("who is told:") + 1 :][:2] == [
        "75%    Tue 2026-03-10 11:30:00 CET: waits",
        "Anna Berg (anna@example.com), waits for the next round of notices",
    ]
    told = life.hand_out("10 11:32").about("first_response 1", "10 11:33")
    assert told[told.index("who is told:") + 1 :][:2] == [
        "75%    Tue 2026-03-10 11:30:00 CET: told",
        "Anna Berg (anna@example.com) at Tue 11:32:00",
    ]


def test_who_stands_in_for_somebody_away_and_how_long_it_waits_is_told() -> None:
    told = mail(Life(), "11 16:30").about("first_response 1", "12 09:30")
    assert told[told.index("who is told:") + 1 :][:3] == [
        "75%    Thu 2026-03-12 12:00:00 CET: to come",
        "Bo Lund (bo@example.com), when open: Thu 2026-03-12 13:00:00 CET",
        "Anna Berg is away, Bo Lund stands in",
    ]


def test_what_nobody_saw_coming_is_skipped_but_for_the_last() -> None:
    told = mail(Life()).about("first_response 1", "10 13:31")
    steps = [line for line in told if line.startswith(("75%", "due"))]
    assert [line.partition(": ")[2] for line in steps] == [
        "nobody has looked at the clock since: due will be told instead",
        "now, at the daemon's next look",
    ]
    told = mail(Life()).climb("10 13:31").about("first_response 1", "10 13:32")
    (early,) = (line for line in told if line.startswith("75%"))
    assert early.endswith("skipped_late: nobody had looked at the clock when due came, which was told instead")


def test_what_was_entered_late_says_when_it_was_recorded() -> None:
    def entered(books: Books) -> Interaction:
        return replace(mail_from(team="service")(books), mailbox=None, occurred_at=at("09 16:30"))

    told = Life().then("10 11:45", entered).about("first_response 1", "10 11:46")
    (early,) = (line for line in told if line.startswith("75%"))
    assert early.endswith("skipped_late: the clock was recorded only Tue 2026-03-10 11:45:00 CET")


def test_steps_that_came_while_nobody_looked_are_not_said_to_lie_behind_the_end() -> None:
    life = mail(Life()).then("10 13:45", answer_to())
    told = life.about("first_response 1", "10 14:00")
    assert [line.partition(": ")[2] for line in told if line.startswith(("75%", "due"))] == [
        "nobody: nothing was told by the time it ended"
    ] * 2
    assert "nobody by +1h, +1h/2: it ended before" in told


def test_a_telling_that_came_too_late_says_that_it_was_answered_before() -> None:
    life = mail(Life()).climb("10 11:31").then("10 11:32", answer_to()).hand_out("10 11:33")
    told = life.about("first_response 1", "10 11:40")
    assert "Anna Berg (anna@example.com), not told: answered before, seen Tue 11:33:00" in told


def test_a_holding_answer_says_that_it_did_not_end_the_clock() -> None:
    life = mail(Life()).then("10 09:10", answer_to(partial=True))
    assert "a holding answer" in [line.strip() for line in life.lines("10 09:30")]
    (said,) = (line for line in life.about("first_response 1", "10 09:30") if "holding" in line)
    assert said.startswith("Tue 2026-03-10 09:10:00 CET: message ")
    assert said.endswith("did not end it, for it is a holding answer")
    assert not any("holding" in line for line in life.about("ack 1", "10 09:30"))
    clock = next(each for each in life.record("10 09:31")["clocks"] if each["clock"] == "first_response")
    assert len(clock["why"]["held_off_by"]) == 1


def test_days_without_hours_say_why() -> None:
    text = RULES.replace(
        'dates = { 2026-03-11 = "closed" }', 'dates = { 2026-03-09 = [], 2026-03-10 = ["09:00-11:00"] }'
    )
    life = Life(versions=(rules(text),)).then("06 16:30", mail_from())
    names = {(rules(text).id, "office"): {at("09 12:00").date(): "Founders' Day"}}
    told = life.about("first_response 1", "10 09:30", names)
    start = told.index("target 4h open time of calendar office (Europe/Berlin)")
    assert told[start + 1 : start + 7] == [
        "Fri 2026-03-06 16:30:00 CET to 17:00:00: 30 min, in all 30 min",
        "Sat 2026-03-07 to Sun 2026-03-08 closed: weekend",
        "Mon 2026-03-09 closed: Founders' Day",
        "Tue 2026-03-10 has hours of its own: 09:00-11:00",
        "Tue 2026-03-10 09:00:00 CET to 11:00:00: 2 h 00 min, in all 2 h 30 min",
        "Wed 2026-03-11 09:00:00 CET to 10:30:00: 1 h 30 min, in all 4 h 00 min",
    ]
    assert "Mon 2026-03-09 closed: listed as closed in the calendar" in life.about("first_response 1", "10 09:30")
    clock = next(each for each in life.record("10 09:30")["clocks"] if each["clock"] == "first_response")
    assert [(day["date"], day["hours"], day["listed"]) for day in clock["why"]["odd_days"]] == [
        ("2026-03-07", [], False),
        ("2026-03-08", [], False),
        ("2026-03-09", [], True),
        ("2026-03-10", ["09:00-11:00"], True),
    ]


@pytest.mark.parametrize(
    ("tz", "said"),
    [
        ("Mars/Base", 'the customer\'s zone "Mars/Base" is in no time zone database: counted in Europe/Berlin instead'),
        (None, "it counts in the customer's zone, which is not known: counted in Europe/Berlin instead"),
    ],
)
def test_a_customers_zone_that_is_not_to_be_had_is_told(tz: str | None, said: str) -> None:
    life = mail(Life())
    attrs = {"organisation": "acme", **({"tz": tz} if tz else {})}
    life.then("09 16:31", moved(case_of(life), Kind.SET, attrs=attrs))
    assert said in life.about("first_response 1", "09 16:32")


def test_a_zone_that_left_the_database_is_told() -> None:
    version = rules()
    office = replace(version.calendars["office"], tz="Europe/Gone", fallback_tz="Europe/Berlin")
    life = mail(Life(versions=(replace(version, calendars={**version.calendars, "office": office}),)))
    told = life.about("first_response 1", "09 16:32")
    assert 'its zone "Europe/Gone" is in no time zone database any more: counted in Europe/Berlin instead' in told


@given(fraction=st.integers(1, 999_999), held=st.integers(0, 999_999), wait=st.integers(0, 14_000))
def test_the_pieces_that_are_shown_come_to_the_sum_that_is_shown(fraction: int, held: int, wait: int) -> None:
    life = Life()
    life.now = at("09 16:30") + timedelta(microseconds=fraction)
    life.take(mail_from(subject="Invoice 4711"))
    life.now = at("10 09:10") + timedelta(microseconds=held)
    life.take(moved(case_of(life), Kind.HOLD, reason="customer"))
    life.now += timedelta(seconds=wait, microseconds=fraction)
    life.take(moved(case_of(life), Kind.RELEASE))
    for clock in ("ack 1", "resolution 1"):
        told = life.about(clock, "12 12:00")
        pieces = [line for line in told if ", in all " in line]
        sums = [_seconds(line.partition(", in all ")[2]) for line in pieces]
        lengths = [_seconds(line.partition(", in all ")[0].rpartition(": ")[2]) for line in pieces]
        assert sums == [sum(lengths[: place + 1]) for place in range(len(lengths))]
        (whole,) = (line for line in told if line.startswith("counted "))
        counted, _, target = whole.removeprefix("counted ").partition(" of ")
        assert _seconds(counted) == sums[-1] == _seconds(target)


def _seconds(text: str) -> int:
    """The length that "3 h 05 min 02 s" tells."""
    words = text.split()
    units = {"h": 3600, "min": 60, "s": 1}
    return sum(int(number) * units[unit] for number, unit in zip(words[::2], words[1::2], strict=True))


def test_a_change_of_the_case_is_told_with_what_it_did_to_the_due_time() -> None:
    life = mail(Life())
    life.then("10 10:10", lambda b: replace(moved(case_of(life), Kind.SET, attrs={"tier": "gold"})(b), agent="Bo Lund"))
    told = life.about("first_response 1", "10 10:10")
    start = told.index("Tue 2026-03-10 10:10:00 CET: tier became gold, set by Bo Lund")
    assert told[start + 1 : start + 3] == [
        "rule 1 matches (tier is gold): policy vip",
        "due Tue 2026-03-10 10:10:00 CET (not before the change itself), before that Tue 2026-03-10 13:30:00 CET",
    ]
    assert any(line.startswith("counted 1 h 40 min of 30 min: its rules changed after that") for line in told)


def test_rules_that_take_over_running_clocks_are_told_as_the_cause() -> None:
    text = RULES.replace('first_response = { target = "4h", warn = "75%" }', 'first_response = { target = "6h" }')
    second = rules(text, id="second", effective_from=at("10 10:00"), applies="running")
    life = mail(Life(versions=(rules(), second)))
    told = life.about("first_response 1", "10 10:30")
    start = told.index("Tue 2026-03-10 10:00:00 CET: rules version second came in force, also for clocks that run")
    assert told[start + 2] == "due Tue 2026-03-10 15:30:00 CET, before that Tue 2026-03-10 13:30:00 CET"


def test_pauses_are_subtracted_in_the_open() -> None:
    life = mail(Life(), subject="Invoice 4711")
    life.then("10 10:00", moved(case_of(life), Kind.HOLD, reason="customer"))
    assert "while it rests nobody is told" in life.about("resolution 1", "10 11:00")
    life.then("10 15:00", moved(case_of(life), Kind.RELEASE))
    told = life.about("resolution 1", "12 10:00")
    assert "Tue 2026-03-10 10:00:00 CET to 15:00:00: 4 h 00 min not counted (on hold: customer)" in told
    assert "counted 16 h 00 min of 16 h 00 min" in told


def test_business_days_are_named_one_by_one() -> None:
    told = mail(Life(), subject="Invoice 4711").about("first_response 1", "09 16:31")
    start = told.index("target the end of business day 2 of calendar office (Europe/Berlin)")
    assert told[start + 1 : start + 4] == [
        "business day 1: Tue 2026-03-10, closes Tue 2026-03-10 17:00:00 CET",
        "Wed 2026-03-11 closed: listed as closed in the calendar",
        "business day 2: Thu 2026-03-12, closes Thu 2026-03-12 17:00:00 CET",
    ]


def test_a_customers_zone_is_shown_beside_ours() -> None:
    life = mail(Life())
    zone, firm = {"organisation": "acme", "tz": "America/New_York"}, case_of(life)
    life.then("09 16:31", moved(firm, Kind.SET, attrs=zone))
    told = life.about("first_response 1", "09 16:32")
    assert told[0].startswith("first_response 1: running, due Mon 2026-03-09 18:30:00 CET")
    assert told[1] == "in the calendar's zone due Mon 2026-03-09 13:30:00 EDT (America/New_York)"


REASONS = [
    ({}, "the case was closed before it was answered"),
    ({"void_case": True}, "the case was closed as junk"),
]


@pytest.mark.parametrize(("detail", "why"), REASONS)
def test_a_cancelled_clock_says_why_and_by_whom(detail: dict[str, object], why: str) -> None:
    life = mail(Life())
    life.then("10 10:00", lambda b: replace(moved(case_of(life), Kind.CLOSE, **detail)(b), agent="Bo Lund"))
    told = life.about("first_response 1", "10 10:30")
    assert told[0] == f"first_response 1: cancelled Tue 2026-03-10 10:00:00 CET: {why}; policy standard"
    assert any(line.startswith("ended by close") and line.endswith("by Bo Lund") for line in told)


def test_a_clock_that_other_rules_took_away_says_so() -> None:
    life = mail(Life(versions=(rules(RULES.replace('policy = "vip"', 'policy = "off"')),)))
    life.then("10 10:00", moved(case_of(life), Kind.SET, attrs={"tier": "gold"}))
    told = life.about("first_response 1", "10 10:30")
    assert "the rules that govern it now have no such clock" in told[0]
    assert "it has no such clock" in told


def test_a_case_without_a_policy_says_which_rules_failed() -> None:
    life = Life().then("09 16:30", mail_from(channel=Channel.FAX))
    told = [line.strip() for line in life.lines("09 17:00")]
    start = told.index("no clock for first_response, ack, update, resolution since Mon 2026-03-09 16:30:00 CET:")
    assert told[start + 2] == "rule 1 does not match: tier is not there, not gold"
    assert told[start + 5] == "rule 4 matches (channel is fax): no clocks"


def test_a_case_from_before_all_rules_says_so() -> None:
    life = Life(versions=(rules(effective_from=at("10 09:00")),)).then("09 16:30", mail_from())
    assert "no rules were in force then" in [line.strip() for line in life.lines("10 10:00")]


def test_an_answered_clock_says_how_long_it_took_and_who_ended_it() -> None:
    life = mail(Life()).then("10 09:15", lambda b: replace(answer_to()(b), agent="Anna Berg"))
    told = life.about("first_response 1", "10 10:00")
    assert told[0].startswith("first_response 1: met Tue 2026-03-10 09:15:00 CET, due Tue 2026-03-10 13:30:00 CET")
    assert "counted 4 h 00 min of 4 h 00 min" in told
    assert "ended after 45 min of it, 3 h 15 min before it was due" in told
    assert "nobody by 75%, due, +1h, +1h/2: it ended before" in told


def test_a_clock_answered_late_says_by_how_much_open_time() -> None:
    told = mail(Life()).then("12 09:15", answer_to()).about("first_response 1", "12 10:00")
    assert "43 h 45 min late" in told[0]
    assert "ended 3 h 45 min of open time later" in told


def test_a_promise_counts_in_real_time() -> None:
    life = Life().then("09 16:30", call_from())
    promise = Promise(id="p1", due_at=at("09 18:00"), via="call")
    life.then("09 16:40", moved(case_of(life), Kind.PROMISE, promise=promise))
    told = life.about("promise 1", "09 16:41")
    assert told[0].startswith("promise 1: running, due Mon 2026-03-09 18:00:00 CET")
    assert "a promise is due when it was said to be, in real time" in told


def test_a_record_holds_all_that_the_text_says() -> None:
    life = mail(Life()).climb("10 11:31")
    life.then("10 11:40", lambda b: replace(moved(case_of(life), Kind.SET, attrs={"tier": "gold"})(b), agent="Bo Lund"))
    clock = next(each for each in life.record("10 11:41")["clocks"] if each["clock"] == "first_response")
    why = clock["why"]
    assert (why["now"]["state"], why["now"]["policy"], why["target_ms"]) == ("breached", "vip", 1_800_000)
    assert [each["matches"] for each in why["rules"]["asked"]] == [False, False, False, False, True]
    assert why["rules"]["asked"][0] == {
        "rule": 1, "matches": False, "policy": "vip", "match": {"tier": ["gold"]}, "failed": "tier", "found": None,
    }  # fmt: skip
    (change,) = why["changes"]
    assert (change["before"]["due_at"], change["after"]["due_at"]) == (
        "2026-03-10T12:30:00.000Z",
        "2026-03-10T10:40:00.000Z",
    )
    assert [each["total_ms"] for each in why["counted"]] == [1_800_000, 11_400_000]
    assert {each["step"]: each["fate"] for each in why["told"]}["+1h"] == "to come"


def test_a_long_count_shows_its_ends_in_text_and_all_of_it_in_the_record() -> None:
    text = RULES.replace('first_response = { target = "4h", warn = "75%" }', 'first_response = "80h"')
    life = mail(Life(versions=(rules(text),)))
    told = life.about("first_response 1", "09 16:31")
    assert any(line.startswith("… ") and line.endswith(" more …") for line in told)
    assert "counted 80 h 00 min of 80 h 00 min" in told
    clock = next(each for each in life.record("09 16:31")["clocks"] if each["clock"] == "first_response")
    assert len(clock["why"]["counted"]) > 20
