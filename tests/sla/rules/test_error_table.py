"""Every mistake in rules as the operator sees it: the place, what is wrong, what to write. All at once."""

from datetime import UTC, datetime

import pytest

from commsd.config.read import Findings, parse
from commsd.core.agent import Agent, People, Team
from commsd.sla.rules.rulebook import Named, read_version

PEOPLE = People(agents={"anna": Agent(id="anna", name="Anna")}, teams={"service": Team(id="service")})
NAMED = Named(PEOPLE, mailboxes=("support",), lines=("hotline",))
MARCH = datetime(2026, 3, 2, 12, tzinfo=UTC)
OCTOBER = datetime(2026, 10, 5, 12, tzinfo=UTC)

CALENDAR = '[calendar.office]\ntz = "Europe/Berlin"\n'  # two lines
HOURS = 'hours = { mon-fri = ["09:00-17:00"] }\n'
POLICY = '[policy.standard]\ncalendar = "office"\n'
RULE = '[[rule]]\npolicy = "standard"\n'
USUAL = CALENDAR + HOURS + POLICY  # five lines


def said(text: str, now: datetime = MARCH) -> list[str]:
    findings = Findings()
    read_version([parse(text, "office.toml", findings)], NAMED, now)
    return [str(finding) for finding in findings.all]


def office(line: str) -> str:
    return CALENDAR + line + "\n" + POLICY + 'ack = "15m"\n' + RULE


def policy(line: str) -> str:
    return USUAL + line + "\n" + RULE


def ladder(steps: str) -> str:
    return USUAL + f'first_response = "4h"\nladder = "x"\n[ladder.x]\nsteps = [ {steps} ]\n' + RULE


def rules(*lines: str) -> str:
    return USUAL + 'ack = "15m"\n' + "".join(f"[[rule]]\n{line}\n" for line in lines) + RULE


ROWS = [
    (
        office('holiday = { country = "DE" }\n' + HOURS),
        '3:1: unknown key "holiday" in [calendar.office]',
        'did you mean "holidays"? known here: dates, fallback_tz, holidays, hours, tz',
    ),
    (
        rules('match = { tier = "gold" }\npolicy = "standart"'),
        '9:10: rule 1: no policy "standart"',
        'did you mean "standard"? known here: standard',
    ),
    (
        office('hours = { mon = ["09:00-12:30", "12:00-17:30"] }'),
        "3:9: calendar.office mon: 09:00-12:30 and 12:00-17:30 overlap by 30 min",
        "let one begin where the other ends",
    ),
    (
        office(HOURS + 'dates = { 2026-12-24 = ["09:00-12:00", "11:00-13:00"] }'),
        "4:24: calendar.office.dates 2026-12-24: 09:00-12:00 and 11:00-13:00 overlap by 60 min",
        "let one begin where the other ends",
    ),
    (
        office('hours = { mon = ["22:00-06:00"] }'),
        '3:18: note: mon: "22:00-06:00" runs to 06:00 next day',
        "nothing to mend, if that is meant",
    ),
    (
        office('hours = "mon-fri 22:00-06:00"'),
        '3:9: note: hours: "22:00-06:00" runs to 06:00 next day',
        "nothing to mend, if that is meant",
    ),
    (
        office('hours = { mon = ["09:00-17:00", "22:00-22:00"] }'),
        '3:33: mon: "22:00-22:00" starts where it ends',
        'write "00:00-24:00" for the whole day',
    ),
    (
        office('hours = "mon 22:00-22:00"'),
        '3:9: hours: "22:00-22:00" starts where it ends',
        'write "00:00-24:00" for the whole day',
    ),
    (
        office('hours = { mon = ["17:00-16:00"] }'),
        '3:18: warning: mon: "17:00-16:00" runs to 16:00 next day, 23 hours',
        "turn it round if it is meant for one day",
    ),
    (
        office('hours = { mon = ["09:00-23:59"] }'),
        '3:18: warning: mon: "09:00-23:59" ends at 23:59 and leaves a minute closed',
        'write "09:00-24:00"',
    ),
    (
        office('hours = "mon 09:00-23:59"'),
        '3:9: warning: hours: "09:00-23:59" ends at 23:59 and leaves a minute closed',
        'write "09:00-24:00"',
    ),
    (
        office(HOURS).replace("Berlin", "Berln"),
        '2:6: tz = "Europe/Berln" is not a time zone',
        'did you mean "Europe/Berlin"? write an IANA name, such as "Europe/Berlin"',
    ),
    (
        office(HOURS).replace("Europe/Berlin", "customer"),
        '2:6: tz = "customer" needs fallback_tz',
        'add fallback_tz = "Europe/Berlin", or your own zone',
    ),
    (
        office(HOURS).replace('tz = "Europe/Berlin"\n', ""),
        "1:11: tz is missing in [calendar.office]",
        'write an IANA name, such as "Europe/Berlin"',
    ),
    (
        office(HOURS + 'holidays = { country = "Denmark" }'),
        '4:24: holidays: no country "Denmark"',
        "write its two letters, such as DK",
    ),
    (
        office(HOURS + 'holidays = { country = "DE", subdivision = "BAY" }'),
        '4:44: holidays: DE has no subdivision "BAY"',
        'did you mean "BY"? known here: Augsburg, BB, BE, BW, BY, HB, HE, HH, MV, NI, NW, RP, SH, SL, SN, ST, TH',
    ),
    (
        office(HOURS + 'holidays = { country = "DE", categories = ["public", "half_day"] }'),
        '4:54: holidays: DE has no category "half_day"',
        "known here: catholic, public, school",
    ),
    (
        office("hours = { mon = [] }"),
        "1:11: calendar.office is never open in the next 366 days",
        "give it hours, such as mon-fri 09:00-17:00",
    ),
    (policy('ack = "2d"'), '6:7: ack = "2d" is ambiguous', "write 16h (open hours) or 2bd (business days)"),
    (policy('ack = "0m"'), '6:7: ack = "0m"', 'use "off" to switch it off'),
    (
        policy('ack = "-15m"'),
        '6:7: ack = "-15m" is not a target',
        'write open hours, such as "4h" or "1h30m", business days, such as "2bd", or "off"',
    ),
    (
        policy('callback = "481h"'),
        "6:12: warning: callback 481h is more than 60 open days of office",
        "hours of a calendar count only while it is open: write fewer",
    ),
    (
        policy('first_response = "61bd"'),
        "6:18: warning: first_response 61bd is more than 60 open days of office",
        "look whether that is meant",
    ),
    (
        policy('ack = "5h"\nfirst_response = "4h"'),
        "6:7: policy.standard: ack 5h is longer than first_response 4h",
        "let ack be the shorter one",
    ),
    (
        policy('first_response = "20h"\nresolution = "16h"'),
        "6:18: warning: policy.standard: first_response 20h is longer than resolution 16h",
        "let first_response be the shorter one",
    ),
    (
        ladder('{ at = "-5h", tell = ["owner"] }'),
        '9:11: step "-5h" lies before the start of a 4h clock of policy standard',
        'write a share, such as "75%"',
    ),
    (
        ladder('{ at = "due", tell = ["owner"] }, { at = "75%", tell = ["owner"] }'),
        "9:45: ladder.x: steps out of order",
        "begin with the earliest",
    ),
    (
        ladder('{ at = "due", tell = ["owner"], repeat = "1h" }'),
        "9:52: repeat without times",
        "add times = 3, or how often it may repeat",
    ),
    (
        ladder('{ at = "due", tell = ["owner"], times = 3 }'),
        "9:51: times without repeat",
        'add repeat = "1h", or remove times',
    ),
    (
        ladder('{ at = "due", tell = ["owner"], repeat = "1h", times = 0 }'),
        "9:66: times = 0 tells nobody",
        "write how often it is told in all, such as times = 3",
    ),
    (
        ladder('{ at = "due", tell = ["owner"], repeat = "1h", times = 501 }'),
        "9:66: times = 501 is more than 500",
        "write at most 500, or a longer repeat",
    ),
    (
        ladder('{ at = "due", tell = ["owner", "leed"] }'),
        '9:42: tell: no route "leed"',
        'did you mean "lead"? known here: anna, lead, owner, service, team',
    ),
    (
        policy('callback = { target = "2h", warn = "2h" }'),
        "6:36: callback: warn 2h must be shorter than the target 2h",
        'write a shorter one, or a share, such as "75%"',
    ),
    (
        rules(
            *(f'match = {{ tier = "{tier}" }}\npolicy = "standard"' for tier in ("gold", "tin")),
            'match = { tier = ["tin", "gold"] }\npolicy = "standard"',
        ),
        "13:3: rule 3 can never match: rules 1 and 2 together already take every case with tier=tin|gold",
        "move it up, or remove it",
    ),
    (
        rules(
            'match = { to = "claims@*" }\npolicy = "standard"',
            'match = { to = "claims@example.com", team = "service" }\npolicy = "standard"',
        ),
        "10:3: rule 2 can never match: rule 1 already takes every case with to=claims@*",
        "move it up, or remove it",
    ),
    (
        rules("match = {}\npolicy = 'standard'"),
        "7:3: rule 1 takes every case, and rules follow it",
        "move it to the end; the files count in the order of their names",
    ),
    (
        rules('match = { keywords = ["cancel my order"] }\npolicy = "standard"'),
        '8:23: warning: rule 1: keywords "cancel my order" can never match: they are compared with single words',
        'write one word of it, such as "cancel*"',
    ),
    (
        rules('match = { language = "danish" }\npolicy = "standard"'),
        '8:22: rule 1: language "danish" is no language',
        'write its code, such as "en" or "pt-BR"',
    ),
    (
        policy('ack = "15m"\n[policy.old]\nbased_on = "standard"'),
        '7:9: warning: policy "old" is used by no rule',
        "name it in a [[rule]], or remove it",
    ),
    (
        policy('ack = "15m"\n[ladder.old]\nsteps = [{ at = "due", tell = ["owner"] }]'),
        '7:9: warning: ladder "old" is used by no policy',
        "name it in a [policy.*], or remove it",
    ),
    (
        USUAL + 'ack = "15m"\n[[rule]]\nmatch = { tier = "gold" }\npolicy = "standard"\n',
        "8:9: the last rule must have no match",
        "add a [[rule]] below with a policy alone",
    ),
    (USUAL + 'ack = "15m"\n', "1:1: there is no rule", 'end with [[rule]] and policy = "standard"'),
    (
        policy('resolution = { target = "5bd", pause_on = ["customer"] }'),
        '6:25: resolution = "5bd" cannot be paused',
        "use hours or drop pause_on",
    ),
    (
        policy('based_on = "vip"\n[policy.vip]\nbased_on = "standard"'),
        "8:12: based_on goes in a circle: standard -> vip -> standard",
        "let one of them stand on its own",
    ),
    (
        policy('callback = { target = "2h", objective = "95" }'),
        '6:41: objective = "95" is not an objective',
        'write "95% / 28d"',
    ),
    (
        office(HOURS + 'dates = { 2026-02-30 = "closed", 2026-12-24 = "closed" }'),
        "4:11: 2026-02-30 is not a date",
        "write it as 2026-12-24",
    ),
    (
        office(HOURS + "[calendar.office.dates]\n2025-12-24 = 'closed'"),
        "4:18: warning: calendar.office.dates: the dates all lie in the past",
        "list those to come, or remove them",
    ),
    (
        policy('callback = { target = "2h", met_after_attempts = 3 }'),
        "6:50: warning: met_after_attempts = 3 counts unreached customers as kept",
        "remove it, unless that was agreed with them",
    ),
    (
        policy('ack = "15m"\n[change]\napplies = "running"'),
        "7:2: there is no [change] table",
        "remove it; `commsd sla apply DIR` says when and for whom",
    ),
]


@pytest.mark.parametrize(("text", "what", "remedy"), ROWS)
def test_a_mistake_is_told_with_its_place_and_what_to_write(text: str, what: str, remedy: str) -> None:
    assert f"office.toml:{what}\n  {remedy}" in said(text)


def test_hours_that_the_change_of_clocks_takes_away_are_noted() -> None:
    assert said(office('hours = { sun = ["02:30-06:00"] }'), OCTOBER) == [
        "office.toml:3:9: note: Sun 02:30 comes twice on 2026-10-25; opens at the first\n"
        "  nothing to mend: the first instant at which the clock has reached it counts",
        "office.toml:3:9: note: Sun 02:30 does not exist on 2027-03-28; opens at 03:00\n"
        "  nothing to mend: the first instant at which the clock has reached it counts",
    ]


def test_next_years_holidays_are_asked_for_from_october_on() -> None:
    text = office(HOURS + "dates = { 2026-12-24 = 'closed' }")
    warning = "office.toml:4:1: warning: calendar.office.dates: no holidays listed for 2027"
    assert said(text) == []
    assert [line.splitlines()[0] for line in said(text, OCTOBER)] == [warning]
    assert said(office(HOURS + "holidays = { country = 'DE' }\ndates = { 2026-12-24 = 'closed' }"), OCTOBER) == []


def test_all_mistakes_of_a_file_are_told_at_once() -> None:
    text = (
        '[calendar.office]\ntz = "Europe/Berln"\nhours = { mon = ["9-17"], tues = ["09:00-17:00"] }\n'
        '[ladder.x]\nsteps = [{ at = "soon", tell = ["leed"], pages = true }]\n'
        '[policy.standard]\ncalendar = "ofice"\nack = "2d"\ncallback = { target = "0m", warm = "5m" }\nladder = "y"\n'
        '[[rule]]\nmatch = { chanel = "fax" }\npolicy = "standart"\n[oops]\n'
    )
    assert [line.split(": ")[0].removeprefix("office.toml:") for line in said(text)] == [
        "2:6", "3:18", "3:27", "4:9", "5:17", "5:33", "5:42", "6:9", "7:12", "8:7", "9:23", "9:29", "10:10",
        "12:9", "12:11", "13:10", "14:2",
    ]  # fmt: skip
