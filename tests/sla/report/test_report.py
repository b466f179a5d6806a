"""What came of the clocks: every figure of the report, from rows and from a real store."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from commsd.core import key
from commsd.core.change import Change, change_of
from commsd.core.interaction import Interaction, Kind
from commsd.core.measure import Percentile
from commsd.core.policy import Rule, Target, Version
from commsd.core.record import instant
from commsd.crm.event import published
from commsd.sla.report.counting import Counting, counted, counted_alone
from commsd.sla.report.page import page
from commsd.sla.report.record import as_record
from commsd.sla.report.report import NOBODY, Conduct, Report, Wait, Window, fold
from commsd.sla.report.text import groups_of, row_of
from commsd.store import attainment, feed
from commsd.store.attainment import Act, ClockRow
from commsd.store.log import Log
from commsd.store.reading import read_only
from tests.core.items import JANE, NUMBER, Books, answer_to, call_from, mail_from, moved
from tests.core.sla_builders import CALENDARS, H, on, policy
from tests.house import TERMS
from tests.world import ScriptedWorld

BERLIN = ZoneInfo("Europe/Berlin")
NOW = on(17)  # Tuesday 2 June 2026, 17:00 in Berlin
MIDNIGHT = on(0)
STANDARD = policy(
    "standard",
    first_response=Target(duration=4 * H, objective="75% / 7d"),
    resolution=Target(duration=16 * H, pause_on=frozenset({"customer"})),
    promise=Target(),
)
RULES = Version(
    id="v1",
    effective_from=datetime(2020, 1, 1, tzinfo=UTC),
    rules=(Rule(policy="standard"),),
    policies={"standard": STANDARD},
    calendars=CALENDARS,
)


def row(began: datetime, seconds: float | None = None, state: str = "met", **more: Any) -> ClockRow:
    """A first response that began then and took this many seconds of open time; None: it is still owed."""
    ended = None if seconds is None else began + timedelta(seconds=seconds)
    record = {
        "clock": "first_response", "policy": "standard", "state": state, "reason": None, "case_id": "case",
        "started_at": instant(began), "stopped_at": ended and instant(ended), "due_at": instant(began + 4 * H),
        "promised_at": None, "elapsed_ms": int((seconds or 0) * 1000), "rules_version": "v1", "calendar": "office",
    }  # fmt: skip
    beside = {"channel": "email", "agent": None, "owner": None, "team": None, "tier": None, "tz": None}
    given = {name: more.pop(name) for name in tuple(more) if name in beside}
    return ClockRow({**record, **more}, **{**beside, **given})


def reported(*rows: ClockRow, since: datetime = MIDNIGHT, acts: tuple[Act, ...] = ()) -> Report:
    return fold(Window(since=since, until=NOW, now=NOW), [RULES], BERLIN, rows, acts)


def first(report: Report) -> dict[str, Any]:
    (total,) = as_record(report)["total"]
    found: dict[str, Any] = total
    return found


def test_attainment_is_met_of_what_has_a_verdict_and_cancelled_stands_beside_it() -> None:
    rows = [row(on(9), 60)] * 3 + [row(on(9), 60, "breached")]
    rows += [row(on(9), 60, "cancelled", reason=reason, due_at=None) for reason in ("closed", "closed", "void_case")]
    rows += [row(on(9), 60, "cancelled", reason=reason) for reason in ("merged", "replaced", "no_policy")]
    found = first(reported(*rows))
    assert (found["n"], found["attainment"], found["met"], found["breached"]) == (4, 0.75, 3, 1)
    assert found["cancelled"] == {"closed": 2, "merged": 1, "no_policy": 1, "replaced": 1, "void_case": 1}


def test_a_clock_that_runs_late_is_late_also_before_its_timer_has_told() -> None:
    found = first(reported(row(on(9), None, "running"), row(on(14), None, "running"), row(on(9), 60)))
    assert (found["n"], found["breached"], found["running"], found["attainment"]) == (2, 1, 1, 0.5)


def test_attainment_is_told_against_what_the_customer_was_told_too() -> None:
    told = instant(on(10))
    rows = [
        row(on(9), 1800, promised_at=told),
        row(on(9), 2 * 3600, promised_at=told),  # in time, but later than we said
        row(on(9), None, "running", promised_at=told),
        row(on(9), 60),  # nobody was told anything
        row(on(9), 60, "cancelled", reason="closed", promised_at=told),
    ]
    assert first(reported(*rows))["as_told"] == {"n": 3, "attainment": 1 / 3, "met": 1, "breached": 2}


def test_open_clocks_count_in_percentiles_with_the_open_time_they_have_run_until_now() -> None:
    rows = [row(on(9), 60.0 * n) for n in range(1, 31)] + [row(on(11), None, "running")] * 6
    group = reported(*rows).total["first_response"]
    assert list(group.still_open) == [6 * 3600.0] * 6  # the record knows nothing of the time since its last change
    assert group.percentiles[50] == Percentile(18 * 60.0, False)
    assert group.percentiles[99] == Percentile(6 * 3600.0, True)
    assert row_of(group)[4:9] == ("18m", "29m", "≥ 6h", "≥ 6h", "≥ 6h")


def test_open_time_stands_still_while_the_calendar_is_closed() -> None:
    friday = on(16) - timedelta(days=4)
    group = reported(row(friday, None, "running", due_at=None), since=friday).total["first_response"]
    assert list(group.still_open) == [(1 + 8 + 8) * 3600.0]


def test_a_resolution_counts_no_holds_and_a_paused_one_stands_still() -> None:
    due = instant(on(12, day=3))  # three open hours of holds lie behind it
    owed = row(on(9), None, "running", clock="resolution", due_at=due)
    paused = row(on(9), None, "paused", clock="resolution", due_at=None, elapsed_ms=1000)
    late = row(on(9), None, "breached", clock="resolution", due_at=instant(on(16)))
    group = reported(owed, paused, late).total["resolution"]
    assert list(group.still_open) == [(16 - 3) * 3600.0, 1.0, 17 * 3600.0]


def test_a_promise_runs_in_real_time() -> None:
    group = reported(row(on(3), None, "running", clock="promise")).total["promise"]
    assert list(group.still_open) == [14 * 3600.0]


def test_fewer_than_thirty_make_no_percentile() -> None:
    few = first(reported(*[row(on(9), 60)] * 29))
    assert (few["enough_data"], few["elapsed"]["p50"]) == (False, None)
    enough = first(reported(*[row(on(9), 60)] * 30))
    assert enough["elapsed"]["p50"] == {"ms": 60_000, "at_least": False}
    assert "not enough data" in row_of(reported(row(on(9), 60)).total["first_response"])


def test_groups_are_by_policy_channel_team_agent_and_tier() -> None:
    rows = [
        row(on(9), 60, agent="anna", team="service", tier="gold"),
        row(on(9), 60, "breached", owner="bo", team="service", channel="fax"),
        row(on(9), None, "running"),
    ]
    report = reported(*rows)
    by = {name: [row[name] for row in rows] for name, rows in as_record(report)["by"].items() if name != "hour"}
    assert by == {
        "policy": ["standard"],
        "channel": ["email", "fax"],
        "team": [NOBODY, "service"],
        "agent": [NOBODY, "anna", "bo"],
        "tier": [NOBODY, "gold"],
    }
    assert list(as_record(report, "team")["by"]) == ["team"]
    assert [line[:3] for line in groups_of(report, "agent")] == [
        ("first answer", "(none)", "1"),
        ("first answer", "anna", "1"),
        ("first answer", "bo", "1"),
    ]


def test_arrivals_are_told_in_the_zone_of_the_calendar() -> None:
    local = row(on(9), 60, "breached", calendar="local", tz="Asia/Jakarta")
    slots = as_record(reported(row(on(9), 60), local), "hour")["by"]["hour"]
    assert [(slot["weekday"], slot["hour"], slot["breached"]) for slot in slots] == [(1, 9, 0), (1, 14, 1)]


def test_a_version_or_zone_that_is_gone_does_not_stop_the_report() -> None:
    lost = row(on(9), None, "running", rules_version="gone")
    (slot,) = as_record(reported(lost), "hour")["by"]["hour"]
    assert slot["hour"] == 9


def test_an_objective_looks_back_over_its_own_days_whatever_the_window() -> None:
    old = row(NOW - timedelta(days=6), 60)
    older = row(NOW - timedelta(days=8), 60, "breached")
    (aim,) = as_record(reported(old, older, row(on(9), 60, "breached")))["objectives"]
    assert (aim["clock"], aim["policy"], aim["objective"], aim["days"]) == ("first_response", "standard", 0.75, 7)
    assert (aim["n"], aim["attainment"], aim["reached"]) == (2, 0.5, False)
    assert aim["budget"] == {"allowed": 0.5, "spent": 1, "left": -0.5}


def test_the_longest_wait_of_each_tier_is_named_with_its_case() -> None:
    rows = [
        row(on(9), 3600, tier="gold", case_id="short"),
        row(on(9), 7200, tier="gold", case_id="long"),
        row(on(8), None, "running", case_id="open"),
        row(on(0), None, "running", clock="resolution", tier="gold"),
    ]
    longest = reported(*rows).longest
    assert longest == {
        "gold": Wait(7200.0, "first_response", "long", True),
        NOBODY: Wait(9 * 3600.0, "first_response", "open", False),
    }


def test_ways_to_game_a_clock_are_counted_by_agent_and_team() -> None:
    acts = (
        Act("hold", "anna", "service", "customer", True),
        Act("hold", "anna", "service", "customer", False),
        Act("void", "bo", "service", None, False),
        Act("retarget", None, None, None, False),
    )
    closed = row(on(9), 60, "cancelled", reason="closed", agent="anna", team="service")
    conduct = reported(closed, row(on(9), 60, "cancelled", reason="merged", agent="bo"), acts=acts).conduct
    assert conduct["agent"]["anna"] == Conduct(closed=1, holds=2, unasked=1)
    assert conduct["agent"]["bo"] == Conduct(voids=1)
    assert conduct["team"]["service"] == Conduct(closed=1, holds=2, unasked=1, voids=1)
    assert conduct["agent"][NOBODY] == Conduct(retargets=1)


def test_a_hold_that_waits_for_nobodys_answer_is_not_asked_about() -> None:
    conduct = reported(acts=(Act("hold", "anna", None, "third_party", False),)).conduct
    assert conduct["agent"]["anna"] == Conduct(holds=1)


def test_the_page_says_everything_in_words_and_nothing_of_strangers_becomes_markup() -> None:
    rows = [
        row(on(8) + timedelta(minutes=n), 600.0 * n, "met" if n < 24 else "breached", team="<b>") for n in range(40)
    ]
    html = page(reported(*rows), "Smith & <Sons>", BERLIN)
    assert "Smith &amp; &lt;Sons&gt;" in html
    assert "<b>" not in html
    assert "NOT MET: 60 % of 40" in html
    assert "62.5 % within the target of 4h" in html
    assert 'class="heat"' in html


def test_the_page_of_an_empty_window_says_so() -> None:
    assert "Nothing began in this time" in page(reported(), "Example Ltd", BERLIN)


# from a real store


async def decided(log: Log, fact: Callable[[Books], Interaction], *keys: str) -> Change:
    """One interaction as the daemon would record it."""
    return await log.decide(keys, lambda items: change_of(fact(Books(items.now, items.new_id)), items, TERMS))


@pytest.fixture
async def told(log: Log, scripted_world: ScriptedWorld) -> Report:
    """A mail answered in time by anna, a missed call nobody returned, and a case put on hold and closed."""
    start = scripted_world.world.now()
    mail, call, other = key.of_addresses(JANE), key.of_addresses(NUMBER), key.of_addresses("sam@example.org")
    await decided(log, mail_from(), *mail)
    await decided(log, call_from(), *call, key.of_call("CA1"))
    third = await decided(log, mail_from("sam@example.org", "Invoice"), *other)
    case_id = third.cases[0].id
    scripted_world.advance(timedelta(minutes=30))
    await decided(log, answer_to(agent_id="anna"), *mail)
    held = moved(case_id, Kind.HOLD, reason="customer")
    await decided(log, held, key.of_case(case_id))
    await decided(log, moved(case_id, Kind.CLOSE), key.of_case(case_id))
    scripted_world.advance(timedelta(days=1))
    now = scripted_world.world.now()
    window = Window(since=start - timedelta(days=1), until=now, now=now)
    return await counted(log, Counting(window, TERMS.versions, BERLIN))


async def test_a_store_tells_who_answered_what_and_what_is_late(told: Report) -> None:
    by = {(row["clock"], row["agent"]): row for row in as_record(told, "agent")["by"]["agent"]}
    assert by["first_response", "anna"]["met"] == 1
    assert by["callback", NOBODY]["breached"] == 1
    assert by["first_response", NOBODY]["cancelled"] == {"closed": 1}
    channels = {row["channel"] for row in as_record(told, "channel")["by"]["channel"]}
    assert channels == {"email", "phone"}


async def test_a_store_tells_holds_without_a_question(told: Report) -> None:
    assert told.conduct["agent"][NOBODY].holds == 1
    assert told.conduct["agent"][NOBODY].unasked == 1


URGENT = policy("urgent", first_response=Target(duration=1 * H), ack=Target(duration=H))
BY_PRIORITY = Version(
    id="v2",
    effective_from=datetime(2020, 1, 1, tzinfo=UTC),
    rules=(Rule(match={"priority": ("urgent",)}, policy="urgent"), Rule(policy="standard")),
    policies={"standard": STANDARD, "urgent": URGENT},
    calendars=CALENDARS,
)


async def set_by(log: Log, case_id: str, by: str, **attrs: str) -> None:
    fact = moved(case_id, Kind.SET, attrs=attrs)
    terms = replace(TERMS, versions=(BY_PRIORITY,))
    await log.decide(
        (key.of_case(case_id),), lambda items: change_of(fact(Books(items.now, items.new_id)), items, terms, by=by)
    )


@pytest.mark.parametrize("numbered", [False, True], ids=["in the outbox", "in the feed"])
async def test_due_times_that_people_moved_are_counted_by_event(
    log: Log, scripted_world: ScriptedWorld, numbered: bool
) -> None:
    start, terms = scripted_world.world.now(), replace(TERMS, versions=(BY_PRIORITY,))
    fact = mail_from(team="service")
    change = await log.decide(
        key.of_addresses(JANE), lambda items: change_of(fact(Books(items.now, items.new_id)), items, terms)
    )
    case_id = change.cases[0].id
    await set_by(log, case_id, "anna", owner="bo")  # moves nothing
    await set_by(log, case_id, "anna", priority="urgent")
    await set_by(log, case_id, "cli:root", priority="normal")
    await set_by(log, case_id, "machine", priority="urgent")
    if numbered:
        await log.writer.write(lambda c: feed.prepare(c, "epoch"))
        await log.writer.write(lambda c: feed.number(c, 1, lambda entry, seq: published(entry, seq, "epoch")))
    scripted_world.advance(timedelta(minutes=1))
    now = scripted_world.world.now()
    window = Window(since=start - timedelta(days=1), until=now, now=now)
    conduct = (await counted(log, Counting(window, terms.versions, BERLIN))).conduct
    assert {who: counts.retargets for who, counts in conduct["agent"].items()} == {"anna": 1, NOBODY: 1}
    assert conduct["team"]["service"].retargets == 2
    later = Window(since=now, until=now + timedelta(days=1), now=now)
    assert (await counted(log, Counting(later, terms.versions, BERLIN))).conduct["team"] == {}


async def test_a_command_reads_the_same_in_parts_of_any_size(
    log: Log, scripted_world: ScriptedWorld, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(7):
        sender = f"c{number // 3}@example.org"
        scripted_world.advance(timedelta(seconds=number % 2))  # some begin at the same instant
        await decided(log, mail_from(sender, f"Matter {number}"), *key.of_addresses(sender))
    now = scripted_world.world.now()
    window = Window(since=now - timedelta(days=1), until=now + timedelta(days=1), now=now)
    whole = await counted(log, Counting(window, TERMS.versions, BERLIN))
    seen: list[int] = []

    def alone() -> Report:
        with read_only(store_url) as store:
            return counted_alone(store, Counting(window, TERMS.versions, BERLIN), seen.append)

    monkeypatch.setattr(attainment.clocks, "__defaults__", (None, 3))
    assert as_record(await asyncio.to_thread(alone)) == as_record(whole)
    assert (seen[:2], seen[-1], whole.clocks) == ([3, 6], 14, 14)
