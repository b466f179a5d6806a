"""The whole story of an owed call stands on one screen: misses, clock, screen, tries, who was told, what is next."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from commsd.channels.phone.dial.plan import Escalate, Hold, Nothing, Plan, Wait
from commsd.cli.why_callback import Story, callback_lines, callback_record
from commsd.core.agent import Agent, People
from commsd.core.callback import Attempt, Callback, CloseReason, Passed, State
from commsd.core.case import CaseFile
from commsd.core.interaction import MACHINE_HEARD, Delivery, DeliveryKind, DeliveryState, Kind, Outcome
from tests.cli.office import Office
from tests.core.items import TUESDAY, Books, call_from

BERLIN = ZoneInfo("Europe/Berlin")
PEOPLE = People(agents={"anna": Agent(id="anna", name="Anna Berg", mail=("anna@example.com",))})
M = timedelta(minutes=1)


def missed() -> tuple[Callback, CaseFile]:
    books = Books()
    books.take(lambda b: replace(call_from()(b), reason="no_answer"))
    (file,) = books.files.values()
    return books.callback, file


FREE = Nothing("agents")


def lines(plan: Plan = FREE, told: tuple[Delivery, ...] = (), **more: Any) -> list[str]:
    callback, file = missed()
    callback = replace(callback, **more)
    story = Story(callback=callback, file=file, plan=plan, people=PEOPLE, name="Jane Clarke", told=told)
    return [line.strip() for line in callback_lines(story, TUESDAY + 10 * M, BERLIN)]


def notice(key: str) -> Delivery:
    return Delivery(
        id="d1",
        kind=DeliveryKind.NOTICE,
        key=key,
        via="support",
        recipient="anna@example.com",
        payload=b"",
        created_at=TUESDAY + M,
        due_at=TUESDAY,
        state=DeliveryState.SENT,
    )


def test_the_story_says_who_rang_why_what_is_due_who_was_told_and_what_is_next() -> None:
    said = lines(Wait(TUESDAY + 30 * M, "backoff"), (notice("missed:id-0001:ab"),))
    assert said[0].endswith(": waiting on hotline")
    assert said[1] == "due       Tue 2026-03-10 12:00:00 CET, in 1 h 50 min"
    assert said[2] == "customer  Jane Clarke, +49 30 23125099 (fixed line, DE)"
    assert "rang      10:00:00: nobody answered" in said
    assert any(line.startswith("clock     callback 1: running, due 12:00:00, policy") for line in said)
    assert "screen    nothing speaks against ringing it" in said
    assert "tried     not yet" in said
    assert "told      10:01:00: missed, to Anna Berg (anna@example.com)" in said
    assert said[-2:] == [
        "next      looked at again 10:30:00, in 20 min: so long is waited after the",
        "last try",
    ]


def test_each_try_says_by_whom_how_long_whether_joined_and_what_it_cost() -> None:
    placed = Attempt(
        at=TUESDAY,
        by="anna",
        result="voicemail",
        id="a1",
        bridged=True,
        ended_at=TUESDAY + M,
        cost="0.0140 USD",
    )
    own = Attempt(at=TUESDAY + 5 * M, by="anna", result="wrong_person")
    said = lines(attempts=(placed, own))
    text = " ".join(said)
    assert "1. 10:00:00 by Anna Berg, placed by commsd, joined, over after 1 min: voicemail, 0.0140 USD" in text
    assert "2. 10:05:00 by Anna Berg, on a telephone of our own: wrong person" in text


def test_p8_a_try_that_a_machine_seems_to_have_answered_says_so() -> None:
    callback, file = missed()
    talk = replace(file.interactions[0], id="a2", tags=(MACHINE_HEARD,), outcome=Outcome.REACHED)
    tries = tuple(Attempt(at=TUESDAY, by="anna", result="voicemail", id=each, bridged=True) for each in ("a1", "a2"))
    story = Story(
        callback=replace(callback, attempts=tries),
        file=replace(file, interactions=(*file.interactions, talk)),
        plan=FREE,
        people=PEOPLE,
    )
    said = " ".join(line.strip() for line in callback_lines(story, TUESDAY, BERLIN))
    assert "1. 10:00:00 by Anna Berg, placed by commsd, joined: voicemail" in said
    assert "2. 10:00:00 by Anna Berg, placed by commsd, joined, a machine seems to have answered: voicemail" in said
    assert callback_record(story)["machines"] == ["a2"]


@pytest.mark.parametrize(
    ("plan", "more", "words"),
    [
        (Hold("region:LV"), {}, "held at the next look: numbers of LV are not among"),
        (Nothing("held"), {"state": State.HELD, "held": "type:premium_rate"}, "costs: premium rate"),
        (Escalate("tries"), {}, "handed to a person at the next look: it was tried often enough"),
        (Nothing("disabled"), {}, "[dialling] enabled = false"),
        (Nothing("claimed"), {"state": State.CLAIMED, "claimed_until": TUESDAY}, "until 10:00:00"),
        (
            FREE,
            {"wish_ended_at": TUESDAY},
            "held until 10:00:00, when the customer's wish not to be rung was taken back",
        ),
        (Nothing("waiting"), {"released": "anna"}, "let through for one call by anna"),
        (
            Nothing("closed"),
            {"state": State.CLOSED, "closed_at": TUESDAY, "close_reason": CloseReason.REACHED},
            "closed    Tue 2026-03-10 10:00:00 CET: reached",
        ),
    ],
)
def test_why_nothing_is_rung_is_said_in_words(plan: Plan, more: dict[str, Any], words: str) -> None:
    assert words in " ".join(lines(plan, **more))


def test_many_misses_and_tries_still_fit_on_a_screen() -> None:
    tries = tuple(Attempt(at=TUESDAY + n * M, by="anna", result="no_answer", id=f"a{n}") for n in range(20))
    told = tuple(notice(f"missed:{n}:x") for n in range(20))
    said = lines(attempts=tries, misses=tuple(f"m{n}" for n in range(50)), told=told, questions=("?",) * 9)
    assert len(said) < 40
    assert "20 times; the last:" in "\n".join(said)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"untexted": "not-mobile"}, "text      none: its number takes none"),
        ({"untexted": "opted-out"}, "text      none: the customer wants none"),
        ({}, "text      none yet: a minute after the miss, by day, if nobody has it in hand"),
    ],
)
def test_q9_why_no_text_followed_the_missed_call_is_one_line(more: dict[str, Any], words: str) -> None:
    callback, file = missed()
    story = Story(callback=callback, file=file, plan=FREE, people=PEOPLE, **more)
    assert words in [line.strip() for line in callback_lines(story, TUESDAY + 10 * M, BERLIN)]


def test_q9_a_text_that_went_is_told_with_the_time_it_named() -> None:
    callback, file = missed()
    ack = replace(
        file.interactions[0],
        id="ack",
        kind=Kind.ACK,
        outcome=Outcome.REACHED,
        reason=None,
        in_reply_to=callback.misses[0],
        recorded_at=TUESDAY + M,
        promised_at=TUESDAY + 60 * M,
    )
    story = Story(
        callback=callback, file=replace(file, interactions=(*file.interactions, ack)), plan=FREE, people=PEOPLE
    )
    said = [line.strip() for line in callback_lines(story, TUESDAY + 10 * M, BERLIN)]
    assert "text      10:01:00: reached, telling 11:00:00" in said


def test_times_of_other_days_have_their_date_and_lines_fit_a_screen() -> None:
    callback, file = missed()
    callback = replace(callback, purpose="Please " * 40)
    story = Story(callback=callback, file=file, plan=FREE, people=PEOPLE, told=(notice("missed:id-0001:ab"),))
    later = callback_lines(story, TUESDAY + timedelta(days=1), BERLIN)
    assert "  rang      Tue 03-10 10:00:00: nobody answered" in later
    assert "  rang      2026-03-10 10:00:00: nobody answered" in callback_lines(
        story, TUESDAY + timedelta(days=365), BERLIN
    )
    assert max(map(len, later)) <= 80


def test_q11_who_gave_it_back_and_why_is_told() -> None:
    passed = (Passed(at=TUESDAY + M, by="anna", why="asks for a technician"), Passed(at=TUESDAY + 2 * M, by="bo"))
    said = lines(passed=passed)
    assert "passed    10:01:00 by Anna Berg: asks for a technician" in said
    assert "10:02:00 by bo: no reason given" in said


def test_why_a_call_was_handed_to_a_person_is_told() -> None:
    callback, file = missed()
    story = Story(
        callback=replace(callback, state=State.ESCALATED),
        file=file,
        plan=Nothing("escalated"),
        people=PEOPLE,
        escalated="no_window",
    )
    said = " ".join(line.strip() for line in callback_lines(story, TUESDAY, BERLIN))
    assert "no machine rings it: no time will come at which it may be rung" in said
    assert callback_record(story)["escalated"] == "no_window"


def test_programs_read_the_plan() -> None:
    callback, file = missed()
    story = Story(callback=callback, file=file, plan=Wait(TUESDAY, "window"), people=PEOPLE)
    record = callback_record(story)
    assert (record["plan"], record["why"], record["until"]) == ("wait", "window", "2026-03-10T09:00:00.000Z")


def test_explain_of_a_callback_prints_its_story_alone(office: Office) -> None:
    owed = office.missed_call().callbacks[0]
    said = office.done("explain", owed.id).out.splitlines()
    assert said[0].startswith(f"callback {owed.id}: waiting on hotline")
    assert [line.split()[0] for line in said[1:] if line[2] != " "] == [
        "due",
        "customer",
        "rang",
        "clock",
        "text",
        "screen",
        "tried",
        "told",
        "next",
    ]
    assert len(said) < 24
    (record,) = office.done("explain", owed.id, "--json").json["callbacks"]
    assert record["id"] == owed.id
    assert record["why"]["plan"]


def test_the_screen_says_nothing_of_a_callback_that_is_closed() -> None:
    said = lines(Nothing("closed"), state=State.CLOSED, closed_at=TUESDAY, close_reason=CloseReason.REACHED)
    assert "screen    not looked at any more: the callback is closed" in said


def test_the_screen_says_that_the_customer_wants_no_calls(office: Office) -> None:
    office.done("contacts", "set", "+493023125099", "--no-calls")
    owed = office.missed_call().callbacks[0]
    assert owed.state is State.WAITING
    said = office.done("explain", owed.id).out
    assert "nothing speaks against" not in said
    assert "screen    no machine rings it: this customer does not want to be called" in said
