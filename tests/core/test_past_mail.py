"""Who waited and who was answered, as headers alone tell it, and the figures of a past under rules."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from commsd.core.calendar import Calendar, window
from commsd.core.past_mail import Answer, Gathering, Past, Writing, mark, marks, subject_mark
from commsd.core.past_report import Report, report
from commsd.core.policy import ClockKind, Policy, Rule, Target, Version

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
H, M = timedelta(hours=1), timedelta(minutes=1)
HOURS = Calendar(name="office", tz="UTC", weekly={day: (window("09:00-17:00"),) for day in range(5)})
VERSION = Version(
    id="rules",
    effective_from=MONDAY,
    rules=(Rule(match={}, policy="standard"),),
    policies={
        "standard": Policy(
            name="standard", calendar="office", targets={ClockKind.FIRST_RESPONSE: Target(duration=4 * H)}
        )
    },
    calendars={"office": HOURS},
)
JANE, OLA = "jane@example.org", "ola@example.net"


def writes(
    after: timedelta, person: str = JANE, subject: str = "Delivery", id: str = "", to: str = "", box: str = "support"
) -> Writing:
    return Writing(
        mailbox=box,
        person=person,
        at=MONDAY + after,
        id=mark(id) if id else None,
        references=marks([to] if to else []),
        subject=subject_mark(subject),
        title=subject,
    )


def answers(
    after: timedelta, *persons: str, subject: str = "Re: Delivery", id: str = "", to: tuple[str, ...] = ()
) -> Answer:
    return Answer(
        at=MONDAY + after,
        persons=persons or (JANE,),
        id=mark(id) if id else None,
        references=marks(to),
        subject=subject_mark(subject),
    )


def past_of(*mails: Writing | Answer, follow_up: str = "short") -> Past:
    gathering = Gathering({"support": follow_up, "sales": follow_up})
    for each in mails:
        if isinstance(each, Answer):
            gathering.answer(each)
        else:
            gathering.writing(each)
    return gathering.past()


def told(past: Past, until: timedelta = timedelta(days=7)) -> Report:
    return report(past, VERSION, {"support": "email", "sales": "email"}, MONDAY, MONDAY + until)


def test_an_answer_by_reference_ends_the_wait_whatever_its_subject() -> None:
    (wait,) = past_of(writes(H, id="a"), answers(3 * H, subject="Your parcel", to=("a",))).waits
    assert wait.answered_at == MONDAY + 3 * H


def test_an_answer_without_a_reference_is_found_by_person_and_subject() -> None:
    (wait,) = past_of(writes(H), answers(2 * H)).waits
    assert wait.answered_at == MONDAY + 2 * H


def test_an_answer_to_another_person_answers_nobody_here() -> None:
    past = past_of(writes(H), answers(2 * H, OLA))
    assert [wait.answered_at for wait in past.waits] == [None]
    assert past.to_nobody_known == 1


def test_mail_to_a_waiting_person_about_something_else_is_a_perhaps_and_no_answer() -> None:
    (wait,) = past_of(writes(H), answers(2 * H, subject="Our new opening hours")).waits
    assert (wait.answered_at, wait.perhaps_at) == (None, MONDAY + 2 * H)


def test_a_mail_passed_on_to_somebody_else_answers_nobody() -> None:
    past = past_of(writes(H, id="a"), answers(2 * H, "carrier@example.com", to=("a",)), answers(5 * H, to=("a",)))
    assert [wait.answered_at for wait in past.waits] == [MONDAY + 5 * H]


def test_what_was_sent_before_the_writing_is_no_perhaps() -> None:
    (wait,) = past_of(writes(2 * H), answers(H, subject="Our new opening hours")).waits
    assert wait.perhaps_at is None


def test_who_writes_again_waits_from_the_first_writing() -> None:
    (wait,) = past_of(writes(H, id="a"), writes(2 * H, id="b", to="a"), answers(3 * H, to=("b",))).waits
    assert (wait.writing.at, wait.answered_at, wait.further) == (MONDAY + H, MONDAY + 3 * H, 1)


def test_a_writing_after_our_answer_is_a_wait_of_its_own() -> None:
    mails = (writes(H, id="a"), answers(2 * H, id="b", to=("a",)), writes(5 * H, id="c", to="b", subject="Other words"))
    first, second = past_of(*mails).waits
    assert first.answered_at == MONDAY + 2 * H
    assert (second.writing.at, second.answered_at) == (MONDAY + 5 * H, None)


def test_a_subject_of_long_ago_is_another_matter() -> None:
    past = past_of(writes(H), answers(timedelta(days=15)))
    assert [wait.answered_at for wait in past.waits] == [None]


def test_mails_without_any_id_or_subject_are_all_kept_apart() -> None:
    past = past_of(*(writes(n * H, subject="") for n in range(5)))
    assert len(past.waits) == 5


def test_the_order_in_which_mails_are_read_changes_nothing() -> None:
    mails: list[Writing | Answer] = [writes(H, id="a"), writes(5 * H, id="c", to="b"), writes(H, OLA)]
    mails.append(answers(2 * H, id="b", to=("a",)))
    wanted = past_of(*mails)
    for seed in range(10):
        random.Random(seed).shuffle(mails)
        assert past_of(*mails) == wanted


def test_a_copy_of_an_answer_in_another_folder_is_one_answer() -> None:
    assert past_of(writes(H, id="a"), *[answers(2 * H, id="b", to=("a",))] * 2).answers == 1


def test_a_copy_in_a_second_mailbox_is_counted_in_the_first() -> None:
    gathering = Gathering({"support": "short", "sales": "short"})
    assert [gathering.copied(name, mark("m")) for name in ("support", "sales")] == [False, True]
    past = gathering.past()
    assert [past.mailboxes[name].copies for name in ("support", "sales")] == [0, 1]


@pytest.mark.parametrize(
    ("follow_up", "counted"),
    [("full", (3, 0, 0)), ("short", (1, 1, 1)), ("none", (1, 0, 2))],
)
def test_further_writings_would_be_acknowledged_as_the_mailbox_says(
    follow_up: str, counted: tuple[int, int, int]
) -> None:
    mails = (writes(H, id="a"), writes(3 * H, id="b", to="a"), writes(5 * H, id="c", to="b"))
    box = past_of(*mails, follow_up=follow_up).mailboxes["support"]
    assert (box.full, box.short, box.silent["in-conversation"]) == counted


def test_l1_the_brake_of_one_address_would_have_held() -> None:
    mails = (writes(n * M, subject=f"Matter {n}") for n in range(5))
    box = past_of(*mails).mailboxes["support"]
    assert (box.full, box.silent["budget"]) == (3, 2)


def test_times_are_measured_by_the_clock_and_by_opening_hours() -> None:
    evening = timedelta(days=4, hours=7)  # Friday at four in the afternoon
    found = told(past_of(writes(evening), answers(evening + timedelta(days=2, hours=17, minutes=30))))
    fifty = found.total.passed[50], found.total.open[50]
    assert [each.seconds if each else None for each in fifty] == [65.5 * 3600, 1.5 * 3600]
    assert (found.total.answered, found.total.unanswered, found.total.late) == (1, 0, 0)


def test_who_still_waits_counts_in_the_percentiles_and_is_late_by_the_rules() -> None:
    found = told(past_of(writes(H), writes(H, OLA), answers(2 * H)), until=30 * H)
    assert (found.total.answered, found.total.unanswered, found.total.late) == (1, 1, 1)
    (waiting,) = found.unanswered
    assert (waiting.wait.writing.person, waiting.late) == (OLA, True)
    assert waiting.passed == 29 * H
    ninety = found.total.passed[90]
    assert ninety is not None
    assert ninety.at_least


def test_who_wrote_a_moment_ago_waits_and_is_not_late() -> None:
    found = told(past_of(writes(H)), until=2 * H)
    assert [each.late for each in found.unanswered] == [False]


def test_rules_that_name_no_policy_measure_by_the_clock_alone() -> None:
    bare = Version(id="none", effective_from=MONDAY, rules=(), policies={}, calendars={})
    found = report(past_of(writes(H)), bare, {"support": "email", "sales": "email"}, MONDAY, MONDAY + 9 * H)
    assert [(each.open, each.late) for each in found.unanswered] == [(None, False)]


def test_all_mailboxes_together_are_the_sum_of_each() -> None:
    found = told(past_of(writes(H), writes(H, OLA, box="sales"), answers(2 * H)))
    lines = found.lines.values()
    assert found.total.counted.people == sum(line.counted.people for line in lines) == 2
    assert found.total.unanswered == sum(line.unanswered for line in lines) == 1
