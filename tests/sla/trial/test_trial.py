"""Rule tests as files: what they may say, what is wrong with them and where, and what came out otherwise."""

from datetime import UTC, datetime, timedelta
from textwrap import dedent
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from commsd.config.read import Findings, Severity
from commsd.core.policy import ClockKind, Version
from commsd.sla.trial.deviation import Case, Deviation, deviations, exact, shown
from commsd.sla.trial.instant import instant
from commsd.sla.trial.trial import Examples, read_examples
from tests.house import TERMS

BERLIN = ZoneInfo("Europe/Berlin")
HOUSE = TERMS.versions[0]

RULES = """
calendars:
  office: {tz: Europe/Berlin, weekly: {mon-fri: ["09:00-17:00"]}, dates: {2026-12-24: ["09:00-12:00"], 2026-12-25: []}}
  local: {tz: customer, weekly: {daily: ["09:00-17:00"]}}
policies:
  std: {calendar: office, clocks: {first_response: {target: 4h}, next_response: {target: 4h}, promise: {}}}
  fast: {calendar: office, clocks: {first_response: {target: 1h}}}
  home: {calendar: local, clocks: {first_response: {target: 1h}}}
"""

CASE = """
cases:
- id: C1
  policy: std
  touches:
  - {id: t1, at: 2026-06-02T08:00:00Z, kind: in}
  now: 2026-06-02T09:00:00Z
  expect:
  - {clock: first_response, due_at: 2026-06-02T12:00:00Z, state: running}
"""


def read(text: str, version: Version | None = None) -> tuple[Examples, Findings]:
    findings = Findings()
    return read_examples(dedent(text), "ours.yaml", findings, version), findings


def sound(text: str, version: Version | None = None) -> Examples:
    examples, findings = read(text, version)
    assert [str(finding) for finding in findings.all] == []
    return examples


def tried(text: str, version: Version | None = None) -> tuple[Deviation, ...]:
    examples = sound(text, version)
    return deviations([*examples.sums, *examples.cases])


def told(text: str, version: Version | None = None) -> list[str]:
    return [f"{finding.place.line}: {finding.what}" for finding in read(text, version)[1].errors]


def differences(text: str) -> list[tuple[str, str, object, object]]:
    return [(d.about, d.key, d.expected, d.got) for row in tried(text) for d in row.differences]


def case(touches: str, expect: str, more: str = "policy: std", now: str = "2026-06-02T13:00:00Z") -> str:
    return f"{RULES}\ncases:\n- id: C1\n  {more}\n  touches: [{touches}]\n  now: {now}\n  expect: [{expect}]\n"


WROTE = "{id: t1, at: 2026-06-02T08:00:00Z, kind: in}"


# what comes out


def test_a_case_that_comes_out_as_written_says_nothing() -> None:
    assert tried(RULES + CASE) == ()


def test_a_value_that_differs_is_told_with_both() -> None:
    text = (RULES + CASE).replace("T12:00:00Z, state: running", "T12:00:01Z, state: met")
    got = datetime(2026, 6, 2, 12, tzinfo=UTC)
    assert differences(text) == [
        ("first_response 1", "due_at", got + timedelta(seconds=1), got),
        ("first_response 1", "state", "met", "running"),
    ]


def test_a_clock_that_is_missing_and_one_that_is_too_many_are_told() -> None:
    found = differences(case(WROTE, "{clock: ack, n: 1}"))
    assert [(about, key, got) for about, key, _, got in found[:1]] == [("ack 1", "", "no such clock")]
    assert found[1][:3] == ("first_response 1", "", "no such clock")


def test_a_number_not_given_is_not_compared() -> None:
    assert differences(case(WROTE, "{clock: first_response, state: breached}")) == []


def test_only_the_kinds_asked_for_are_compared() -> None:
    both = f"{WROTE}, {{at: 2026-06-02T08:30:00Z, kind: promise, due: 2026-06-02T18:00:00Z}}"
    assert [d[0] for d in differences(case(both, "{clock: promise, n: 1}"))] == ["first_response 1"]
    assert differences(case(both, "{clock: promise, n: 1}", "policy: std\n  clocks: [promise]")) == []


def test_no_clocks_at_all_can_be_expected() -> None:
    assert differences(case("{id: t1, at: 2026-06-02T08:00:00Z, kind: in, auto: true}", "")) == []
    assert len(differences(case(WROTE, ""))) == 1


def test_an_empty_list_of_kinds_says_that_no_clock_is_there_at_all() -> None:
    none = "policy: std\n  clocks: []"
    assert [d[0] for d in differences(case(WROTE, "", none))] == ["first_response 1"]
    assert differences(case("{id: t1, at: 2026-06-02T08:00:00Z, kind: in, auto: true}", "", none)) == []


SETS = """config: [{from: 2026-01-01, rules: [
    {match: {keywords: cancel*}, policy: fast, set: {priority: urgent, owner: anna}}, {policy: std}]}]
  attrs: {keywords: [cancel], priority: normal, tier: gold}"""


@pytest.mark.parametrize(
    ("expect", "found"),
    [
        ("{attrs: {priority: urgent, owner: anna, tier: gold, team: null}}", []),
        ("{attrs: {priority: high}}", [("", "attrs.priority", "high", "urgent")]),
        ("{attrs: {owner: null}}", [("", "attrs.owner", None, "anna")]),
        ("{attrs: {team: service}}", [("", "attrs.team", "service", None)]),
        ("{attrs: {tier: gold}, clocks: [{clock: first_response, policy: fast}]}", []),
        ("{attrs: {tier: gold}, clocks: [{clock: first_response, policy: std}]}",
         [("first_response 1", "policy", "std", "fast")]),
    ],
)  # fmt: skip
def test_what_a_rule_sets_can_be_expected(expect: str, found: list[tuple[str, str, object, object]]) -> None:
    text = case(WROTE, "", SETS).replace("expect: []", f"expect: {expect}")
    assert differences(text) == found


def test_an_attribute_is_expected_as_it_is_then() -> None:
    later = f"{WROTE}, {{id: t2, at: 2026-06-02T09:00:00Z, kind: set, attrs: {{priority: low}}}}"
    text = case(later, "", SETS).replace("expect: []", "expect: {attrs: {priority: low}}")
    assert differences(text) == []
    assert differences(text.replace("now: 2026-06-02T13", "now: 2026-06-02T08")) == [
        ("", "attrs.priority", "low", "urgent")
    ]


def test_null_must_be_null() -> None:
    assert differences(case(WROTE, "{clock: first_response, warn_at: null, stopped_at: ~, reason: null}")) == []
    assert differences(case(WROTE, "{clock: first_response, due_at: null}")) != []


@pytest.mark.parametrize("length", ["elapsed_s: 18000", "elapsed_ms: 18000000", "elapsed_s: 5h", "waited_s: 5h"])
def test_lengths_are_seconds_or_have_their_unit(length: str) -> None:
    assert differences(case(WROTE, f"{{clock: first_response, {length}}}")) == []


def test_open_time_alone_can_be_tested() -> None:
    text = """
    arithmetic:
    - {id: A1, calendar: office, start: 2026-12-24 08:00, target: 4h, due_at: 2026-12-28 10:00}
    - {id: A2, calendar: office, start: 2026-12-24 08:00, end: 2026-12-25 18:00, elapsed_s: 3h}
    - {id: A3, calendar: office, start: 2026-12-22 10:00, target: 2bd, due_at: 2026-12-24 12:00}
    - {id: A4, calendar: local, tz: Asia/Jakarta, start: 2026-06-02 10:00, target: 30m, due_at: 2026-06-02T03:30:00Z}
    - {id: A5, calendar: office, start: 2026-12-24 08:00, target: 4h, due_at: 2026-12-28 10:01}
    """
    (wrong,) = tried(RULES + dedent(text))
    assert (wrong.row.id, wrong.differences[0].key) == ("A5", "due_at")


# times


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-06-02T08:00:00Z", "2026-06-02T08:00:00"),
        ("2026-06-02 10:00", "2026-06-02T08:00:00"),
        ("2026-06-02 9:05", "2026-06-02T07:05:00"),
        ("2026-06-02T10:00:00+02:00", "2026-06-02T08:00:00"),
        ("2026-06-02 10:00 +0200", "2026-06-02T08:00:00"),
        ("2026-06-02 15:00:00.500 +07", "2026-06-02T08:00:00.500000"),
        ("2026-06-02T08:00:00.123456789Z", "2026-06-02T08:00:00.123456"),  # what is finer is cut off
        ("2026-06-02", "2026-06-01T22:00:00"),
        ("2026-03-29 02:30", "2026-03-29T01:00:00"),  # does not exist: the change itself
        ("2026-10-25 02:30", "2026-10-25T00:30:00"),  # happens twice: the first
    ],
)
def test_a_time_without_an_offset_is_local(text: str, utc: str) -> None:
    assert instant(text, BERLIN) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "today", "10:00", "2026-13-01", "2026-06-02 25:00", "1780387200", "2026-06-02T"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        instant(text, BERLIN)


LOCAL = "{at: 2026-06-02 10:00, kind: in}", "{clock: first_response, started_at: %s}"


@pytest.mark.parametrize(
    ("more", "started"),
    [
        ("policy: std", "2026-06-02T08:00:00Z"),  # the calendar's zone
        ("policy: home", "2026-06-02T10:00:00Z"),  # the customer's, who has none
        ("policy: home\n  attrs: {tz: Asia/Jakarta}", "2026-06-02T03:00:00Z"),
        ("policy: std\n  tz: Asia/Jakarta", "2026-06-02T03:00:00Z"),
        ("config: [{from: 2026-01-01, rules: [{match: {a: b}, policy: home}, {policy: std}]}]", "2026-06-02T08:00:00Z"),
    ],
)
def test_local_times_are_those_of_the_row_else_of_its_calendar(more: str, started: str) -> None:
    touches, expect = LOCAL
    assert differences(case(touches, expect % started, more)) == []


def test_the_zone_of_a_row_is_the_customers() -> None:
    expect = "{clock: first_response, due_at: 2026-06-02 11:00}"
    assert differences(case("{at: 2026-06-02 10:00, kind: in}", expect, "policy: home\n  tz: Asia/Jakarta")) == []


# YAML that means something else to YAML 1.1


def test_nothing_is_guessed_from_its_looks() -> None:
    text = """
    calendars:
      on: {tz: UTC, weekly: {daily: [22:30-24:00]}, dates: {2026-12-24: [9:00-12:00]}}
    """
    assert told(dedent(text) + CASE.replace("policy: std", "policy: no")) == [
        '3: calendars on dates: 2026-12-24: "9:00-12:00" is not a window of the day',
        '7: C1: no policy "no"',
    ]


def test_words_that_look_like_numbers_or_flags_stay_words() -> None:
    rules = "config: [{from: 2026-01-01, rules: [{match: {tier: 010, vip: yes}, policy: fast}, {policy: std}]}]"
    more = f"{rules}\n  attrs: {{tier: 010, vip: Yes}}"
    assert differences(case(WROTE, "{clock: first_response, policy: fast}", more)) == []


@pytest.mark.parametrize("word", ["true", "True", "yes", "on"])
def test_a_flag_is_true_in_every_spelling(word: str) -> None:
    touches = f"{{at: 2026-06-02T08:00:00Z, kind: in, auto: {word}}}"
    assert differences(case(touches, "")) == []


def test_anchors_and_merges_are_followed() -> None:
    text = """
    cases:
    - &one
      id: C1
      policy: std
      touches: [&wrote {id: t1, at: 2026-06-02T08:00:00Z, kind: in}]
      now: 2026-06-02T09:00:00Z
      expect: [{clock: first_response, state: running}]
    - <<: *one
      id: C2
      touches: [*wrote, {<<: *wrote, id: t2, at: 2026-06-02T08:30:00Z, kind: out}]
      expect: [{clock: first_response, state: met}]
    """
    assert tried(RULES + dedent(text)) == ()


# all that a file may say


def test_every_field_of_a_touch_reaches_the_engine() -> None:
    touches = """
      {id: t1, at: 2026-06-02T08:00:00Z, recorded_at: 2026-06-02T07:00:00Z, kind: talk, dir: in, channel: phone,
       observed: true, note: n, case: B},
      {id: t2, at: 2026-06-02T08:05:00Z, kind: out, partial: true},
      {id: t3, at: 2026-06-02T08:10:00Z, kind: hold, reason: customer},
      {id: p1, at: 2026-06-02T08:20:00Z, kind: promise, promise: P1, due: 2026-06-02T18:00:00Z, via: call},
      {id: p2, at: 2026-06-02T08:21:00Z, kind: promise, promise: P2, due: 2026-06-02T19:00:00Z, replaces: P1},
      {id: t4, at: 2026-06-02T08:30:00Z, kind: out, keeps: [P2]},
      {id: t5, at: 2026-06-02T08:40:00Z, kind: set, attrs: {tier: gold, owner: null}},
      {id: t6, at: 2026-06-02T08:50:00Z, kind: void, touch: t5},
      {id: t7, at: 2026-06-02T09:00:00Z, kind: close, void_case: true}
    """
    (row,) = sound(case(touches, "")).cases
    first, partial, hold, promise, moved, kept, sets, void, close = row.touches
    assert first.time == datetime(2026, 6, 2, 7, tzinfo=UTC)
    assert (first.direction, first.observed, partial.partial, hold.reason) == ("in", True, True, "customer")
    assert (promise.promise, promise.via, moved.replaces, kept.keeps) == ("P1", "call", "P1", ("P2",))
    assert promise.due == datetime(2026, 6, 2, 18, tzinfo=UTC)
    assert (sets.attrs, void.touch, close.void_case) == ({"tier": "gold", "owner": ""}, "t5", True)


def test_every_option_of_a_policy_is_read() -> None:
    text = """
    calendars: {c: {tz: UTC, weekly: {daily: ["00:00-24:00"]}}, d: {tz: UTC, weekly: {mon: []}}}
    policies:
      p:
        calendar: c
        clocks:
          ack: {target: 5m, by: human}
          callback: {target: 30m, max_attempts: 3, stop_on: any_reply, warn_percent: 50%}
          first_response: {target: 2bd, calendar: d}
          resolution: {target: 8h1s, pause_on: [customer, third_party], reopen: new, warn_before: 1h}
          update: {target: 1h, objective: 95% / 28d}
          promise: {warn_before: 15m}
    cases: [{policy: p, touches: [], now: 2026-06-02, expect: []}]
    """
    (row,) = sound(text).cases
    found = row.versions[0].policies["p"].targets
    assert found[ClockKind("ack")].by == "human"
    callback, resolution = found[ClockKind("callback")], found[ClockKind("resolution")]
    assert (callback.met_after_attempts, callback.stop_on, callback.warn_percent) == (3, "any_reply", 50)
    assert (found[ClockKind("first_response")].business_days, found[ClockKind("first_response")].calendar) == (2, "d")
    assert resolution.duration == timedelta(hours=8, seconds=1)
    assert (resolution.pause_on, resolution.reopen) == (frozenset({"customer", "third_party"}), "new")
    assert resolution.warn_before == timedelta(hours=1)


def test_versions_come_in_force_one_after_the_other() -> None:
    config = """config:
  - {id: spring, from: 2026-01-01, rules: [{policy: std}]}
  - {from: 2026-06-02T09:00:00Z, applies: running, rules: [{match: {tier: gold}, policy: fast}, {policy: off}]}"""
    gone = "{clock: first_response, state: cancelled, reason: no_policy, rules_version: spring}"
    assert differences(case(WROTE, gone, config)) == []
    fast = "{clock: first_response, policy: fast, rules_version: v2, due_at: 2026-06-02T09:00:00Z}"
    assert differences(case(WROTE, fast, f"{config}\n  attrs: {{tier: Gold}}")) == []


# with a config


def test_a_case_that_names_nothing_is_decided_by_the_configs_rules() -> None:
    text = CASE.replace("  policy: std\n", "").replace("expect:", "clocks: [first_response]\n  expect:")
    assert tried(text, HOUSE) == ()
    assert told(text) == ["3: C1: it names neither a policy nor versions of rules, and there is no config"]


def test_names_of_the_config_are_known_and_those_of_the_file_win() -> None:
    text = CASE.replace("std", "standard").replace("expect:", "clocks: [first_response]\n  expect:")
    assert tried(text, HOUSE) == ()
    own = "policies: {standard: {calendar: office, clocks: {first_response: {target: 1h}}}}\n"
    (wrong,) = tried(own + text, HOUSE)
    assert wrong.differences[0].got == datetime(2026, 6, 2, 9, tzinfo=UTC)


# mistakes


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("kind: in", "kind: inn", '6: C1 touch 1: no kind of touch "inn"'),
        ("kind: in", "auto: true", "6: C1 touch 1: kind is missing"),
        ("kind: in", "kind: promise", "6: C1 touch 1: due is missing"),
        ("kind: in", "kind: void", "6: C1 touch 1: touch is missing"),
        ("kind: in", "kind: in, auto: maybe", '6: C1 touch 1: auto: "maybe" is not true or false'),
        ("kind: in", "kind: in, kinds: x", '6: C1 touch 1: unknown key "kinds"'),
        ("kind: in", "kind: in, kind: out", '6: "kind" stands twice'),
        ("at: 2026-06-02T08:00:00Z, ", "at: noon, ", '6: C1 touch 1: at: "noon" is not a time'),
        ("now: 2026-06-02T09:00:00Z", "then: 2026-06-02", "3: C1: now is missing"),
        ("policy: std", "policy: sdt", '4: C1: no policy "sdt"'),
        ("policy: std", "policy: std\n  config: []", "5: C1: it names a policy and versions"),
        ("clock: first_response", "clock: first", '9: C1 clock 1: no clock "first"'),
        ("clock: first_response, ", "", "9: C1 clock 1: it does not say which clock"),
        ("state: running", "state: runs", '9: C1 clock 1: no state "runs"'),
        ("state: running", "elapsed: 5", '9: C1 clock 1: a clock has no "elapsed"'),
        ("state: running", "elapsed_s: long", '9: C1 clock 1: elapsed_s: "long" is not a length'),
        ("  expect:\n", "  clocks: [firs]\n  expect:\n", '8: C1: no clock "firs"'),
        ("touches:\n  -", "touches:\n  - [x]\n  -", "6: C1: touch 1 is no mapping"),
        (
            "kind: in}",
            "kind: in}\n  - {at: 2026-06-02, kind: note, id: t1}",
            '7: C1 touch 2: the id "t1" stands in line 6',
        ),
        ("id: t1,", "id: t2,", '7: C1 touch 2: the id "t2" stands in line 6'),
        (
            "kind: in}",
            "kind: in}\n  - {at: 2026-06-02, kind: void, touch: t9}",
            '7: C1 touch 2: there is no touch "t9"',
        ),
        ("kind: in}", "kind: out, keeps: [p1]}", '6: C1 touch 1: there is no promise "p1" in this case'),
        ("clock: first_response", "clock: first_response, n: 0_1", '9: C1 clock 1: n: "0_1" is not a number'),
        ("state: running", "elapsed_s: 5_0", '9: C1 clock 1: elapsed_s: "5_0" is not a length'),
        ("state: running", "elapsed_s: 1e3", '9: C1 clock 1: elapsed_s: "1e3" is not a length'),
        ("  expect:\n", "  clocks: []\n  expect:\n", "8: C1: clocks: [] says there is none, and expect lists some"),
    ],
)
def test_a_mistake_is_told_with_its_line(old: str, new: str, said: str) -> None:
    text = CASE.replace(old, new, 1)
    if new == "id: t2,":
        text = text.replace("  now:", "  - {at: 2026-06-02, kind: note}\n  now:")  # which is t2 by its place
    assert text != CASE
    assert any(line.startswith(said) for line in told(text + RULES)), told(text + RULES)


def test_two_rows_of_one_id_are_a_mistake_at_the_second() -> None:
    twice = RULES + CASE + CASE.replace("cases:\n", "")
    examples, findings = read(twice)
    (found,) = findings.errors
    second = twice[: twice.rindex("id: C1")].count("\n") + 1
    assert (found.place.line, found.place.column) == (second, 7)
    assert "stands in line" in found.what
    assert len(examples.cases) == 1


def test_what_is_taken_back_may_stand_further_down() -> None:
    touches = f"{{id: t2, at: 2026-06-02T08:30:00Z, kind: void, touch: t1}}, {WROTE}"
    assert differences(case(touches, "")) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1: this file is empty"),
        ("- 1", "1: this is no mapping of names to values"),
        ("a: [", "1: this is not YAML"),
        ("a: b\n\tc: d", "2: this is not YAML"),
        ("note: x", "1: there is nothing to test"),
        ("schema: commsd-sla-oracle/2", '1: no schema "commsd-sla-oracle/2"'),
        ("--- {}\n--- {}", "2: this is not YAML"),
        ("cases: {a: b}", "1: cases is no list"),
        ("calendars: {c: {tz: Mars/Base, weekly: {}}}", '1: calendars c: tz: "Mars/Base" is not a time zone'),
        ("calendars: {c: {tz: UTC}}", "1: calendars c: weekly is missing"),
        ("calendars: {c: {tz: UTC, weekly: {someday: []}}}", '1: calendars c weekly: "someday" is no day'),
        ("calendars: {c: {tz: UTC, weekly: {}, dates: {2026-02-30: []}}}", '"2026-02-30" is not a date'),
        ("policies: {p: {clocks: {}}}", "1: policies p: calendar is missing"),
        ("policies: {p: {calendar: c, clocks: {}}}", '1: policies p: no calendar "c"'),
        ("arithmetic: [{id: A, start: 2026-01-01}]", "1: A: calendar is missing"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(text: str, said: str) -> None:
    assert any(said in line for line in told(text)), told(text)


def test_targets_are_judged_where_they_stand() -> None:
    clocks = "{ack: {target: 2d}, first_response: {}, callback: {target: 1h, max_attempts: 0}, reply: {target: 1h}}"
    text = f"calendars: {{c: {{tz: UTC, weekly: {{}}}}}}\npolicies:\n  p: {{calendar: c, clocks: {clocks}}}\n"
    assert told(text + CASE.replace("std", "p")) == [
        '3: policies p clocks ack: target: "2d" is not a target',
        "3: policies p clocks first_response: target is missing",
        '3: policies p clocks callback: max_attempts: "0" is not a number of attempts',
        '3: policies p clocks: no clock "reply"',
    ]


def test_all_mistakes_are_told_at_once_and_the_sound_rows_are_tried() -> None:
    second = CASE.replace("cases:\n", "").replace("C1", "C2").replace("kind: in", "kind: innn")
    third = second.replace("C2", "C3").replace("state: running", "state: runs")
    examples, findings = read(RULES + CASE + second + third)
    assert len(findings.errors) == 3
    assert [row.id for row in examples.cases] == ["C1"]
    assert examples.rows == 3


def test_a_key_that_nobody_knows_and_that_is_no_slip_of_the_pen_is_a_warning_once() -> None:
    text = RULES + CASE.replace("policy: std", "policy: std\n  seed: 7") + "- {seed: 8}\n"
    warnings = [finding for finding in read(text)[1].all if finding.severity is Severity.WARNING]
    assert [finding.what for finding in warnings] == ['unknown key "seed"']


def test_where_a_calendar_is_wrong_no_row_is_tried() -> None:
    examples, findings = read((RULES + CASE).replace("tz: Europe/Berlin", "tz: Europe/Berln"))
    assert len(findings.errors) == 1
    assert examples.cases == ()


@given(st.text(alphabet="{}[]:,-&*<>\"' \n\tabc0129TZ~|#", max_size=60))
@example("a: &a {<<: *a}")
@example("cases: &c [*c]")
@example("? [a]\n: b")
@example("cases: [{<<: [1, {? [a] : b}]}]")
@example("\x00")
@example("{" * 2000)
@example("[" * 200_000)
@example("- " * 200_000)
def test_no_text_whatsoever_is_more_than_a_finding(text: str) -> None:
    examples, findings = read(text)
    assert findings.errors or examples.rows


SCRAPS = st.sampled_from(
    ["kind", "at", "2026-06-02", "in", "[", "]", "{", "}", "null", "std", "4h", "- ", ": ", "0", "''"]
)


@given(st.integers(0, len(RULES + CASE)), st.integers(0, 12), SCRAPS)
def test_no_damaged_file_is_more_than_a_finding_or_a_deviation(place: int, length: int, scrap: str) -> None:
    whole = RULES + CASE
    examples, findings = read(whole[:place] + scrap + whole[place + length :])
    deviations([*examples.sums, *examples.cases])
    assert findings.errors or examples.rows


def test_values_are_shown_as_they_may_be_written() -> None:
    at = datetime(2026, 6, 2, 8, tzinfo=UTC)
    assert exact("due_at", at) == "2026-06-02T08:00:00Z"
    assert shown("due_at", at, BERLIN) == "2026-06-02T08:00:00Z (Tue 2026-06-02 10:00:00 CEST)"
    assert shown("elapsed_s", timedelta(seconds=5400), BERLIN) == "5400 (1:30:00)"
    assert exact("elapsed_ms", timedelta(seconds=1.5)) == 1500
    assert exact("elapsed_s", timedelta(seconds=1.5)) == 1.5
    assert [shown("x", value, BERLIN) for value in (None, True, False, 3)] == ["null", "true", "false", "3"]


def test_a_row_knows_where_it_stands() -> None:
    (row,) = sound(CASE + RULES).cases
    assert isinstance(row, Case)
    assert str(row.place) == "ours.yaml:3:3"


@pytest.mark.parametrize(
    ("attrs", "said"),
    [
        ("{timezone: Asia/Jakarta}", ['C1 attrs: unknown key "timezone"\n  write tz: as in tz: Asia/Jakarta']),
        ("{chanel: email}", ['C1 attrs: unknown key "chanel"\n  did you mean "channel"?']),
        ("{shoe_size: 44}", ['warning: unknown key "shoe_size"\n  it has no effect']),
        ("{channel: email, tier: gold, tz: Asia/Jakarta, keywords: [refund]}", []),
    ],
)
def test_an_attribute_that_no_rule_asks_for_is_told(attrs: str, said: list[str]) -> None:
    _, findings = read(case(WROTE, "{clock: first_response}", f"policy: std\n  attrs: {attrs}"))
    assert [str(each).split(": ", 1)[1] for each in findings.all] == said


def test_an_attribute_that_a_rule_of_the_test_asks_for_is_known() -> None:
    rules = "config: [{from: 2026-01-01, rules: [{match: {shoe_size: 44}, policy: fast}]}]"
    sound(case(WROTE, "{clock: first_response, policy: fast}", f"{rules}\n  attrs: {{shoe_size: 44}}"))
