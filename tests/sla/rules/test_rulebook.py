"""SLA files as people write them: what they mean, and what is said of each mistake."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from commsd.config.read import Finding, Findings, parse
from commsd.core.agent import Agent, People, Team
from commsd.core.policy import ClockKind, Policy, Version, as_json, from_json
from commsd.sla.rules.rulebook import Named, read_version
from tests.config.folder import NOW

OFFICE = '[calendar.office]\ntz = "Europe/Berlin"\nhours = { mon-fri = ["09:00-17:00"] }\n'
POLICY = '[policy.standard]\ncalendar = "office"\nfirst_response = "4h"\n'
RULE = '[[rule]]\npolicy = "standard"\n'
PEOPLE = People(agents={"anna": Agent(id="anna", name="Anna")}, teams={"service": Team(id="service")})
NAMED = Named(PEOPLE, mailboxes=("support",), lines=("hotline",))


def judged(*texts: str) -> tuple[Version, tuple[Finding, ...]]:
    findings = Findings()
    roots = [parse(text, f"{chr(97 + place)}.toml", findings) for place, text in enumerate(texts)]
    return read_version(roots, NAMED, NOW), findings.all


def accepted(*texts: str) -> Version:
    version, findings = judged(*texts)
    assert [str(finding) for finding in findings if finding.severity != "note"] == []
    return version


def standard(text: str) -> Policy:
    return accepted(OFFICE + POLICY + text + RULE).policies["standard"]


def test_a_target_may_be_open_hours_business_days_or_off() -> None:
    policy = standard('ack = "1h30m"\nnext_response = "2bd"\ncallback = "off"\n')
    assert policy.targets[ClockKind.ACK].duration == timedelta(minutes=90)
    assert policy.targets[ClockKind.NEXT_RESPONSE].business_days == 2
    assert ClockKind.CALLBACK not in policy.targets


def test_a_target_may_be_a_table_with_all_its_options() -> None:
    policy = standard(
        'resolution = { target = "16h", pause_on = ["customer"], reopen = "new", warn = "75%", '
        'objective = "95% / 28d" }\n'
        'ack = { target = "5m", by = "human", warn = "2m", calendar = "office" }\npromise = { warn = "15m" }\n'
    )
    resolution, ack = policy.targets[ClockKind.RESOLUTION], policy.targets[ClockKind.ACK]
    assert (resolution.pause_on, resolution.reopen, resolution.warn_percent) == (frozenset({"customer"}), "new", 75)
    assert resolution.objective == "95% / 28d"
    assert (ack.by, ack.warn_before, ack.calendar) == ("human", timedelta(minutes=2), "office")
    assert policy.targets[ClockKind.PROMISE].warn_before == timedelta(minutes=15)


def test_based_on_takes_all_that_is_not_said_otherwise() -> None:
    text = 'callback = "2h"\n[policy.vip]\nbased_on = "standard"\nfirst_response = "30m"\ncallback = "off"\n'
    vip = accepted(OFFICE + POLICY + text + '[[rule]]\nmatch = { tier = "gold" }\npolicy = "vip"\n' + RULE).policies[
        "vip"
    ]
    assert vip.calendar == "office"
    assert {kind: target.duration for kind, target in vip.targets.items()} == {
        ClockKind.FIRST_RESPONSE: timedelta(minutes=30)
    }


def test_rules_keep_the_order_of_the_files() -> None:
    first = OFFICE + '[[rule]]\nmatch = { channel = ["letter", "fax"] }\npolicy = "off"\n'
    version = accepted(first, POLICY + '[[rule]]\nmatch = { to = "claims@*" }\npolicy = "standard"\n' + RULE)
    assert [(dict(rule.match), rule.policy) for rule in version.rules] == [
        ({"channel": ("letter", "fax")}, None),
        ({"to": ("claims@*",)}, "standard"),
        ({}, "standard"),
    ]


def test_a_rule_may_set_what_the_case_carries() -> None:
    rule = '[[rule]]\nmatch = { keywords = "x*" }\npolicy = "standard"\nset = { priority = "urgent", owner = "anna" }\n'
    assert accepted(OFFICE + POLICY + rule + RULE).rules[0].sets == {"priority": "urgent", "owner": "anna"}


def test_a_ladder_is_read_step_by_step() -> None:
    first, second = (
        '{ at = "75%", tell = ["owner"] }',
        '{ at = "+1h", tell = ["anna"], page = true, repeat = "1h", times = 3 }',
    )
    ladder = f"[ladder.x]\nsteps = [{first}, {second}]\n"
    steps = accepted(OFFICE + POLICY + 'ladder = "x"\n' + ladder + RULE).ladders["x"]
    assert [(step.at, step.tell, step.page, step.repeat, step.times) for step in steps] == [
        (75, ("owner",), False, None, 1),
        (timedelta(hours=1), ("anna",), True, timedelta(hours=1), 3),
    ]


def test_a_calendar_has_days_dates_and_holidays() -> None:
    text = """
[calendar.shop]
tz = "Europe/Berlin"
hours = { mon-wed = ["09:00-12:30", "13:15-17:30"], sat = ["22:00-06:00"] }
holidays = { country = "DE", subdivision = "BE" }
[calendar.shop.dates]
2026-12-24 = ["09:00-12:00"]
2026-12-31 = "closed"
2026-10-03 = "as usual"
"""
    shop = accepted(OFFICE + text + POLICY + RULE).calendars["shop"]
    assert {day: [str(w) for w in windows] for day, windows in shop.weekly.items()} == {
        **{day: ["09:00-12:30", "13:15-17:30"] for day in range(3)},
        5: ["22:00-06:00"],
    }
    assert [str(window) for window in shop.dates[date(2026, 12, 24)]] == ["09:00-12:00"]
    assert shop.dates[date(2026, 12, 31)] == shop.dates[date(2026, 12, 25)] == ()
    assert date(2026, 10, 3) not in shop.dates
    assert date(2026, 3, 8) in shop.dates  # Berlin alone
    assert {day.year for day in shop.dates} == {2025, 2026, 2027, 2028, 2029}


def test_always_is_always() -> None:
    version = accepted(OFFICE + '[calendar.always]\ntz = "UTC"\nhours = "24x7"\n' + POLICY + RULE)
    assert all(str(windows[0]) == "00:00-24:00" for windows in version.calendars["always"].weekly.values())
    assert len(version.calendars["always"].weekly) == 7


def test_what_was_read_survives_being_kept() -> None:
    version = accepted(OFFICE + 'holidays = { country = "DK" }\n' + POLICY + RULE)
    assert from_json(as_json(version)) == version


def test_the_example_of_the_requirements_is_accepted_but_for_its_unknown_route(shared: Path) -> None:
    text = (shared / "requirements" / "sla.md").read_text("utf-8").split("```toml\n")[1].split("```")[0]
    _, findings = judged(text)
    assert [(f.severity, f.what) for f in findings if f.severity == "error"] == [
        ("error", 'tell: no route "head-of-service"')
    ]


def cal(hours: str, more: str = "") -> str:
    return f'[calendar.office]\ntz = "Europe/Berlin"\nhours = {hours}\n{more}\n' + POLICY + RULE


def pol(more: str) -> str:
    return OFFICE + POLICY + more + "\n" + RULE


def lad(steps: str) -> str:
    return OFFICE + POLICY + f'ladder = "x"\n[ladder.x]\nsteps = [{steps}]\n' + RULE


ERRORS = [
    (
        cal('{ mon-fri = ["09:00-17:00"] }', 'holiday = "DE"'),
        'unknown key "holiday" in [calendar.office]',
        'did you mean "holidays"? known here: dates, fallback_tz, holidays, hours, tz',
    ),
    (
        cal('{ mon = ["09:00-12:30", "12:00-17:30"] }'),
        "calendar.office mon: 09:00-12:30 and 12:00-17:30 overlap by 30 min",
        "let one begin where the other ends",
    ),
    (
        cal('{ mon = ["22:00-06:00"], tue = ["05:00-09:00"] }'),
        "calendar.office tue: mon 22:00-06:00 and 05:00-09:00 overlap by 60 min",
        "let one begin where the other ends",
    ),
    (
        cal('{ mon = ["09:00-09:00"] }'),
        'mon: "09:00-09:00" starts where it ends',
        'write "00:00-24:00" for the whole day',
    ),
    (
        cal('{ mon = ["9-17"] }'),
        'mon: "9-17" is not a window of the day',
        'write windows such as ["09:00-12:30", "13:15-17:30"]',
    ),
    (
        cal('{ monday = ["09:00-17:00"], tue = ["09:00-17:00"] }'),
        'hours: "monday" is no day',
        'write mon, tue, wed, thu, fri, sat, sun, "mon-thu" or daily',
    ),
    (cal('{ mon-fri = ["09:00-17:00"], wed = ["09:00-12:00"] }'), "hours: wed stands twice", "list each day once"),
    (cal("{ }"), "calendar.office is never open in the next 366 days", "give it hours, such as mon-fri 09:00-17:00"),
    (
        cal('"24x7"').replace("Europe/Berlin", "Europe/Berln"),
        'tz = "Europe/Berln" is not a time zone',
        'did you mean "Europe/Berlin"? write an IANA name, such as "Europe/Berlin"',
    ),
    (
        cal('"24x7"').replace("Europe/Berlin", "customer"),
        'tz = "customer" needs fallback_tz',
        'add fallback_tz = "Europe/Berlin", or your own zone',
    ),
    (
        cal('"24x7"', 'holidays = { country = "DE", subdivision = "BAY" }'),
        'holidays: DE has no subdivision "BAY"',
        'did you mean "BY"? known here: Augsburg, BB, BE, BW, BY, HB, HE, HH, MV, NI, NW, RP, SH, SL, SN, ST, TH',
    ),
    (
        cal('"24x7"', 'holidays = { country = "DE", categories = ["half_day"] }'),
        'holidays: DE has no category "half_day"',
        "known here: catholic, public, school",
    ),
    (cal('"24x7"', 'holidays = { country = "XX" }'), 'holidays: no country "XX"', "write its two letters, such as DE"),
    (
        cal('"24x7"', '[calendar.office.dates]\n2026-02-30 = "closed"\n2026-12-24 = "closed"'),
        "2026-02-30 is not a date",
        "write it as 2026-12-24",
    ),
    (
        cal('"24x7"', '[calendar.office.dates]\n2026-12-24 = "half"'),
        '2026-12-24 = "half" is not what a day can be',
        'write windows such as ["09:00-12:30", "13:15-17:30"], "closed" or "as usual"',
    ),
    (
        pol('ack = "2d"').replace('"4h"', '"40h"'),
        'ack = "2d" is ambiguous',
        "write 16h (open hours) or 2bd (business days)",
    ),
    (pol('ack = "0m"'), 'ack = "0m"', 'use "off" to switch it off'),
    (
        pol('ack = "-5m"'),
        'ack = "-5m" is not a target',
        'write open hours, such as "4h" or "1h30m", business days, such as "2bd", or "off"',
    ),
    (
        pol("ack = 15"),
        "ack = 15 is not a target",
        'write open hours, such as "4h" or "1h30m", business days, such as "2bd", or "off"',
    ),
    (pol('ack = "5h"'), "policy.standard: ack 5h is longer than first_response 4h", "let ack be the shorter one"),
    (
        pol('callback = { target = "2h", warn = "2h" }'),
        "callback: warn 2h must be shorter than the target 2h",
        'write a shorter one, or a share, such as "75%"',
    ),
    (
        pol('callback = { target = "2h", warn = "120%" }'),
        'warn = "120%" is not a moment to warn at',
        'write how far the clock has run, "75%", or how long before the end, "30m"',
    ),
    (
        pol('callback = { target = "2h", objective = "95" }'),
        'objective = "95" is not an objective',
        'write "95% / 28d"',
    ),
    (
        pol('callback = { warn = "1h" }'),
        "target is missing in [policy.standard.callback]",
        'write open hours, such as "4h" or "1h30m", business days, such as "2bd", or "off"',
    ),
    (
        pol('callback = { target = "2h", max_attempts = 3 }'),
        'unknown key "max_attempts" in [policy.standard.callback]',
        'did you mean "met_after_attempts"? known here: calendar, met_after_attempts, objective, stop_on, target, warn',
    ),
    (
        pol('resolution = { target = "5bd", pause_on = ["customer"] }'),
        'resolution = "5bd" cannot be paused',
        "use hours or drop pause_on",
    ),
    (pol('promise = "2h"'), "a promise has its own due time, no target", 'write promise = { warn = "15m" }'),
    (pol('calender = "office"'), 'unknown key "calender" in [policy.standard]', None),
    (pol('ladder = "x"'), 'no ladder "x"', "remove it"),
    (
        OFFICE + '[policy.standard]\ncalendar = "ofice"\n' + RULE,
        'no calendar "ofice"',
        'did you mean "office"? known here: office',
    ),
    (OFFICE + "[policy.standard]\n" + RULE, "calendar is missing in [policy.standard]", 'add calendar = "office"'),
    (pol('based_on = "vipp"'), 'based_on: no policy "vipp"', "known here: standard"),
    (
        pol('based_on = "standard"'),
        "based_on goes in a circle: standard -> standard",
        "let one of them stand on its own",
    ),
    (
        pol('based_on = "vip"\n[policy.vip]\ncalendar = "office"\nbased_on = "standard"'),
        "based_on goes in a circle: standard -> vip -> standard",
        "let one of them stand on its own",
    ),
    (
        lad('{ at = "-5h", tell = ["owner"] }'),
        'step "-5h" lies before the start of a 4h clock of policy standard',
        'write a share, such as "75%"',
    ),
    (
        lad('{ at = "+1h", tell = ["owner"] }, { at = "due", tell = ["owner"] }'),
        "ladder.x: steps out of order",
        "begin with the earliest",
    ),
    (
        lad('{ at = "due", tell = ["owner"], repeat = "1h" }'),
        "repeat without times",
        "add times = 3, or how often it may repeat",
    ),
    (
        lad('{ at = "due", tell = ["leed"] }'),
        'tell: no route "leed"',
        'did you mean "lead"? known here: anna, lead, owner, service, team',
    ),
    (
        lad('{ at = "soon", tell = ["owner"] }'),
        'at = "soon" is not a moment of a clock',
        'write "75%", "-15m", "due" or "+1h"',
    ),
    (
        lad('{ at = "due", tell = [] }'),
        "ladder.x.steps 1: nobody is told",
        'add tell = ["owner"], or "team", "lead", or a name',
    ),
    (OFFICE + POLICY, "there is no rule", 'end with [[rule]] and policy = "standard"'),
    (
        OFFICE + POLICY + '[[rule]]\npolicy = "standart"\n' + RULE.replace("[[rule]]", "[[rule]]\n"),
        'rule 1: no policy "standart"',
        None,
    ),
    (
        OFFICE + POLICY + '[[rule]]\nmatch = { tier = "gold" }\npolicy = "standard"\n',
        "the last rule must have no match",
        "add a [[rule]] below with a policy alone",
    ),
    (
        pol('[[rule]]\npolicy = "standard"'),
        "rule 1 takes every case, and rules follow it",
        "move it to the end; the files count in the order of their names",
    ),
    (
        pol(
            '[[rule]]\nmatch = { tier = "gold" }\npolicy = "standard"\n'
            '[[rule]]\nmatch = { tier = "Gold", team = "service" }\npolicy = "standard"'
        ),
        "rule 2 can never match: rule 1 already takes every case with tier=gold",
        "move it up, or remove it",
    ),
    (
        pol('[[rule]]\nmatch = { chanel = "letter" }\npolicy = "standard"'),
        'unknown key "chanel" in [rule 1.match]',
        None,
    ),
    (pol('[[rule]]\nmatch = { channel = "mail" }\npolicy = "standard"'), 'rule 1: no channel "mail"', None),
    (
        pol('[[rule]]\nmatch = { mailbox = "suport" }\npolicy = "standard"'),
        'rule 1: no mailbox "suport"',
        'did you mean "support"? known here: support',
    ),
    (
        pol('[[rule]]\nmatch = { tier = [] }\npolicy = "standard"'),
        "rule 1: tier = [] matches nothing",
        "name a value, or remove the key",
    ),
    (
        pol('[[rule]]\nmatch = { tier = "gold" }\npolicy = "standard"\nset = { priority = "hight" }'),
        'rule 1: no priority "hight"',
        'did you mean "high"? known here: high, low, normal, urgent',
    ),
    (
        pol('[change]\napplies = "running"'),
        "there is no [change] table",
        "remove it; `commsd sla apply DIR` says when and for whom",
    ),
]


@pytest.mark.parametrize(("text", "what", "remedy"), ERRORS)
def test_a_mistake_is_told_in_these_words(text: str, what: str, remedy: str | None) -> None:
    _, findings = judged(text)
    errors = [finding for finding in findings if finding.severity == "error"]
    assert what in [error.what for error in errors]
    if not (what.startswith("rule 1") and "standar" in what):
        assert len(errors) == 1, [str(error) for error in errors]
    assert remedy in (None, errors[0].remedy)


WARNINGS = [
    (
        cal('{ mon = ["09:00-23:59"] }'),
        'mon: "09:00-23:59" ends at 23:59 and leaves a minute closed',
        'write "09:00-24:00"',
    ),
    (
        cal('{ mon = ["17:00-16:00"] }'),
        'mon: "17:00-16:00" runs to 16:00 next day, 23 hours',
        "turn it round if it is meant for one day",
    ),
    (
        cal('"24x7"', '[calendar.office.dates]\n2020-12-24 = "closed"'),
        "calendar.office.dates: the dates all lie in the past",
        "list those to come, or remove them",
    ),
    (pol('ack = "600h"').replace('"4h"', '"900h"'), "first_response 900h is more than 60 open days of office", None),
    (pol('resolution = "2h"'), "policy.standard: first_response 4h is longer than resolution 2h", None),
    (
        pol('callback = { target = "2h", met_after_attempts = 3 }'),
        "met_after_attempts = 3 counts unreached customers as kept",
        None,
    ),
    (
        pol('[policy.old]\nbased_on = "standard"'),
        'policy "old" is used by no rule',
        "name it in a [[rule]], or remove it",
    ),
]


@pytest.mark.parametrize(("text", "what", "remedy"), WARNINGS)
def test_what_is_odd_is_a_warning_and_no_mistake(text: str, what: str, remedy: str | None) -> None:
    _, findings = judged(text)
    assert {finding.severity for finding in findings} == {"warning"}
    assert (what, remedy) in [(f.what, f.remedy if remedy else None) for f in findings]


def test_next_year_is_asked_for_from_october_on() -> None:
    findings = Findings()
    text = cal('"24x7"', '[calendar.office.dates]\n2026-12-24 = "closed"')
    read_version([parse(text, "a.toml", findings)], NAMED, NOW.replace(month=10))
    assert [finding.what for finding in findings.all] == ["calendar.office.dates: no holidays listed for 2027"]


def test_a_name_in_two_files_is_told_with_both_places() -> None:
    _, findings = judged(OFFICE + POLICY, OFFICE + RULE)
    assert [str(finding).splitlines()[0] for finding in findings] == [
        "b.toml:1:11: [calendar.office] stands at a.toml:1:11 too"
    ]
