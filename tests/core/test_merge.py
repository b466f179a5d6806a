"""One case goes into another: what is owed afterwards, and what is refused."""

from dataclasses import replace
from datetime import timedelta

import pytest

from commsd.core.callback import State as CallState
from commsd.core.case import CaseFile, CaseState, ClockRecord
from commsd.core.change import Change
from commsd.core.clock import State
from commsd.core.entry import Hand
from commsd.core.interaction import Kind, Outcome
from commsd.crm.actions import close_case, reopen_case
from commsd.crm.mending import merge_case, void_interaction
from commsd.errors import NotFound, Refused
from tests.core.items import Books, answer_to, call_from, mail_from, moved, result_of, words
from tests.house import TERMS

ANNA = Hand(by="anna", agent_id="anna", agent="Anna Berg")
BOB = "bob@example.net"


def two_cases(books: Books, first: str = "Delivery", second: str = "Invoice") -> tuple[str, str]:
    """Jane's two cases: one from eight o'clock, one from nine."""
    one = books.take(mail_from(subject=first)).cases[0].id
    books.wait(hours=1)
    return one, books.take(mail_from(subject=second)).cases[0].id


def merged(books: Books, gone: str, into: str) -> Change:
    change = merge_case(gone, into, ANNA, TERMS)(books.items)
    went = {fact.id for fact in change.interactions if fact.case_id == into}
    file = books.files[gone]
    books.files[gone] = replace(file, interactions=tuple(f for f in file.interactions if f.id not in went))
    books.keep(change)
    return change


def owed(file: CaseFile) -> dict[str, ClockRecord]:
    return {record.value.clock.value: record for record in file.clocks if record.owed}


def test_the_survivor_owes_from_the_older_mail_and_the_other_case_owes_nothing() -> None:
    books = Books()
    older, newer = two_cases(books)
    change = merged(books, older, newer)
    opener = next(f for f in change.interactions if f.kind is Kind.MESSAGE)
    first = owed(books.files[newer])["first_response"].value
    assert (first.opened_by, first.started_at) == (opener.id, opener.occurred_at)
    gone = books.files[older]
    assert (gone.case.state, gone.case.close_reason, gone.case.merged_into) == (CaseState.CLOSED, "merged", newer)
    assert {(c.value.state, c.value.reason) for c in gone.clocks} == {(State.CANCELLED, "merged")}
    assert [fact.kind for fact in gone.interactions] == [Kind.MERGE]


def test_the_feed_tells_what_went_where_and_which_clocks_moved() -> None:
    books = Books()
    older, newer = two_cases(books)
    told = words(merged(books, older, newer))
    assert told[:2] == ["case.merged", "interaction.recorded"]
    assert told.count("clock.cancelled") == 2
    assert "interaction.updated" in told
    assert "case.updated" in told
    assert "clock.retargeted" in told


def test_an_answer_in_one_case_is_one_in_both_after_the_merge() -> None:
    """C17: the older writing rules, the one answer stops it."""
    books = Books()
    fax, mail = two_cases(books)
    books.wait(hours=1)
    books.take(answer_to(subject="Re: Invoice", case_id=mail))
    merged(books, fax, mail)
    (first,) = [c.value for c in books.files[mail].clocks if c.value.clock == "first_response"]
    assert (first.state, first.elapsed) == (State.MET, timedelta(hours=2))
    assert owed(books.files[mail]) == {}


def test_a_reply_to_the_case_that_went_lands_in_the_one_that_stays() -> None:
    books = Books()
    older, newer = two_cases(books)
    merged(books, older, newer)
    for reply in (mail_from(subject="Re: Delivery"), mail_from(subject="x", case_id=older)):
        fact = books.take(reply).interactions[0]
        assert fact.case_id == newer


def test_a_chain_of_merges_is_followed_to_its_end() -> None:
    books = Books()
    first, second = two_cases(books)
    third = books.take(mail_from(subject="Third")).cases[0].id
    merged(books, first, second)
    change = merged(books, second, third)
    assert sum(fact.case_id == third for fact in change.interactions) == 2
    assert books.take(mail_from(subject="Delivery")).interactions[0].case_id == third


def test_a_case_of_another_contact_may_go_in_and_its_writer_follows() -> None:
    books = Books()
    janes = books.take(mail_from(subject="Delivery")).cases[0].id
    bobs = books.take(mail_from(BOB, subject="Our delivery")).cases[0].id
    merged(books, bobs, janes)
    fact = books.take(mail_from(BOB, subject="Re: Our delivery")).interactions[0]
    assert fact.case_id == janes
    assert fact.contact_id != books.files[janes].case.contact_id


def test_an_owed_call_goes_along() -> None:
    books = Books()
    mail = books.take(mail_from()).cases[0].id
    call = books.take(call_from()).cases[0].id
    change = merged(books, call, mail)
    assert (books.callback.case_id, books.callback.open) == (mail, True)
    assert "callback.updated" in words(change)
    assert "callback" in owed(books.files[mail])
    assert books.files[mail].case.closes_at is None


def test_of_two_calls_owed_to_one_number_on_one_line_one_stays() -> None:
    books = Books()
    mail = books.take(mail_from()).cases[0].id
    call = books.take(call_from()).cases[0].id
    twin = next(iter(books.callbacks.values()))
    books.callbacks["twin"] = replace(twin, id="twin", case_id=mail, misses=("other",))
    merged(books, call, mail)
    assert books.callbacks[twin.id].state is CallState.CLOSED
    assert books.callbacks[twin.id].close_reason == "merged"
    assert books.callbacks["twin"].misses == ("other", *twin.misses)


def test_a_merge_into_a_closed_case_opens_it_again() -> None:
    books = Books()
    old = books.take(mail_from(subject="Old")).cases[0].id
    books.take(answer_to(case_id=old))
    books.take(moved(old, Kind.CLOSE))
    books.wait(hours=1)
    new = books.take(mail_from(subject="New")).cases[0].id
    change = merged(books, new, old)
    assert books.files[old].case.state is CaseState.OPEN
    assert "case.reopened" in words(change)
    assert set(owed(books.files[old])) == {"next_response"}


def test_what_a_close_of_the_other_case_would_forget_is_refused_and_works_the_other_way_round() -> None:
    books = Books()
    open_one = books.take(mail_from(subject="Waits")).cases[0].id
    books.wait(minutes=5)
    closed = books.take(mail_from(subject="Closed")).cases[0].id
    books.take(moved(closed, Kind.CLOSE))
    with pytest.raises(Refused, match="first_response is still owed here") as refused:
        merge_case(open_one, closed, ANNA, TERMS)(books.items)
    assert "the other way round" in refused.value.remedy


def test_what_was_closed_unanswered_does_not_come_alive_by_a_merge() -> None:
    books = Books()
    closed, stays = two_cases(books)
    books.take(moved(closed, Kind.CLOSE))
    with pytest.raises(Refused, match="unanswered"):
        merge_case(closed, stays, ANNA, TERMS)(books.items)
    books.take(moved(closed, Kind.REOPEN))
    merged(books, closed, stays)
    assert books.files[closed].case.merged_into == stays


def test_what_the_survivor_is_stays_as_it_was_and_a_hold_goes_along() -> None:
    books = Books()
    gone, stays = two_cases(books)
    books.take(moved(gone, Kind.SET, attrs={"priority": "urgent", "owner": "bo"}))
    books.take(moved(gone, Kind.HOLD, reason="supplier"))
    merged(books, gone, stays)
    case = books.files[stays].case
    assert (case.priority, case.owner, case.on_hold) == ("normal", None, True)
    assert [f.kind for f in books.files[gone].interactions] == [Kind.SET, Kind.MERGE]


def test_what_was_told_in_the_case_that_went_is_not_told_again() -> None:
    books = Books()
    gone, stays = two_cases(books)
    told_at = books.now + timedelta(hours=4)
    file = books.files[gone]
    marked = tuple(replace(c, promised_at=told_at, told=("warned",)) for c in file.clocks)
    books.files[gone] = replace(file, clocks=marked)
    merged(books, gone, stays)
    first = owed(books.files[stays])["first_response"]
    assert (first.promised_at, first.told) == (told_at, ("warned",))


@pytest.mark.parametrize("case", ["itself", "unknown", "into unknown", "merged", "into merged"])
def test_a_merge_that_makes_no_sense_is_refused_with_what_to_do(case: str) -> None:
    books = Books()
    one, two = two_cases(books)
    three = books.take(mail_from(subject="Third")).cases[0].id
    merged(books, one, two)
    pairs = {
        "itself": (two, two),
        "unknown": ("nobody", two),
        "into unknown": (two, "nobody"),
        "merged": (one, three),
        "into merged": (three, one),
    }
    with pytest.raises((Refused, NotFound)) as refused:
        merge_case(*pairs[case], ANNA, TERMS)(books.items)
    assert refused.value.remedy


def test_nothing_is_done_to_a_case_that_went() -> None:
    books = Books()
    one, two = two_cases(books)
    merged(books, one, two)
    for act in (close_case, reopen_case):
        with pytest.raises(Refused, match=two):
            act(one, ANNA, TERMS)(books.items)


def void(books: Books, interaction_id: str) -> Change:
    fact = next(f for file in books.files.values() for f in file.interactions if f.id == interaction_id)
    books.known[f"interaction:{fact.id}"] = fact
    change = void_interaction(fact.id, ANNA, TERMS, why="wrong case")(books.items)
    books.keep(change)
    return change


def test_an_answer_taken_back_never_stopped_the_clock() -> None:
    """C22."""
    books = Books()
    case = books.take(mail_from()).cases[0].id
    books.wait(minutes=30)
    answer = books.take(answer_to()).interactions[0]
    books.wait(minutes=30)
    change = void(books, answer.id)
    assert words(change) == ["interaction.recorded", "clock.corrected"]
    first = owed(books.files[case])["first_response"].value
    assert (first.state, first.stopped_at, first.elapsed) == (State.RUNNING, None, timedelta(hours=1))
    with pytest.raises(Refused, match="counts for nothing"):
        void(books, answer.id)


def test_a_void_taken_back_lets_the_answer_count_again() -> None:
    books = Books()
    case = books.take(mail_from()).cases[0].id
    answer = books.take(answer_to()).interactions[0]
    mistake = void(books, answer.id).interactions[0]
    void(books, mistake.id)
    assert owed(books.files[case]) == {}


def test_a_missed_call_that_was_none_is_owed_no_call() -> None:
    books = Books()
    miss = books.take(call_from()).interactions[0]
    change = void(books, miss.id)
    assert books.callback.state is CallState.CLOSED
    assert "callback.closed" in words(change)
    (clock,) = [c for c in change.clocks if c.value.clock == "callback"]
    assert (clock.value.state, clock.value.reason) == (State.CANCELLED, "void")


def test_a_talk_that_was_none_leaves_the_call_owed() -> None:
    books = Books()
    case = books.take(call_from()).cases[0].id
    books.wait(minutes=5)
    talk = books.take(result_of(books.callback, "reached")).interactions[0]
    assert not books.callback.open
    change = void(books, talk.id)
    assert (books.callback.state, books.callback.attempts) == (CallState.WAITING, ())
    assert "callback.reopened" in words(change)
    assert "callback" in owed(books.files[case])


def test_what_people_did_to_a_case_is_undone_by_its_opposite_not_by_a_void() -> None:
    books = Books()
    case = books.take(mail_from()).cases[0].id
    close = books.take(moved(case, Kind.CLOSE)).interactions[0]
    with pytest.raises(Refused, match="'close' cannot be taken back"):
        void(books, close.id)


def test_a_live_call_counts_for_nothing_and_cannot_be_taken_back() -> None:
    books = Books()
    call = books.take(call_from(outcome=Outcome.PENDING)).interactions[0]
    with pytest.raises(Refused, match="counts for nothing"):
        void(books, call.id)


def test_an_answered_call_that_was_none_leaves_the_call_owed_with_its_clock() -> None:
    books = Books()
    case = books.take(call_from()).cases[0].id
    due_at = books.callback.due_at
    books.wait(minutes=50)
    talk = books.take(call_from(outcome=Outcome.REACHED, sid="CA2")).interactions[0]
    assert (books.callback.open, books.callback.closed_by) == (False, talk.id)
    books.wait(hours=9)
    change = void(books, talk.id)
    assert (books.callback.state, books.callback.close_reason, books.callback.closed_by) == (
        CallState.WAITING,
        None,
        None,
    )
    assert books.callback.due_at == due_at
    assert "callback.reopened" in words(change)
    assert owed(books.files[case])["callback"].value.due_at == due_at
    assert books.files[case].case.closes_at is None


def test_the_answered_call_counts_again_when_its_void_is_taken_back() -> None:
    books = Books()
    case = books.take(call_from()).cases[0].id
    books.wait(minutes=5)
    talk = books.take(call_from(outcome=Outcome.REACHED, sid="CA2")).interactions[0]
    mistake = void(books, talk.id).interactions[0]
    change = void(books, mistake.id)
    assert (books.callback.open, books.callback.close_reason) == (False, "answered_inbound")
    assert "callback.closed" in words(change)
    assert owed(books.files[case]) == {}


def test_a_missed_call_counts_again_when_its_void_is_taken_back() -> None:
    books = Books()
    case = books.take(call_from()).cases[0].id
    miss = books.callback.misses[0]
    mistake = void(books, miss).interactions[0]
    assert owed(books.files[case]) == {}
    void(books, mistake.id)
    assert (books.callback.state, books.callback.misses) == (CallState.WAITING, (miss,))
    assert "callback" in owed(books.files[case])


def test_a_try_taken_back_after_the_customer_was_reached_opens_nothing() -> None:
    books = Books()
    case = books.take(call_from()).cases[0].id
    vain = books.take(result_of(books.callback, "voicemail")).interactions[0]
    books.wait(minutes=5)
    books.take(result_of(books.callback, "reached"))
    void(books, vain.id)
    assert not books.callback.open
    assert owed(books.files[case]) == {}


def test_a_talk_taken_back_in_a_closed_case_opens_nothing() -> None:
    books = Books()
    case = books.take(call_from()).cases[0].id
    books.wait(minutes=5)
    talk = books.take(result_of(books.callback, "reached")).interactions[0]
    books.take(moved(case, Kind.CLOSE))
    void(books, talk.id)
    assert not books.callback.open
    assert owed(books.files[case]) == {}


def test_what_a_talk_taken_back_leaves_owed_joins_the_call_that_is_owed_to_the_number_since() -> None:
    books = Books()
    case = books.take(call_from()).cases[0].id
    books.wait(minutes=5)
    talk = books.take(call_from(outcome=Outcome.REACHED, sid="CA2")).interactions[0]
    books.wait(minutes=40)
    books.take(call_from(sid="CA3"))
    former, later = books.callbacks.values()
    assert (former.open, later.open) == (False, True)
    void(books, talk.id)
    former, later = books.callbacks.values()
    assert (former.open, later.open, former.close_reason) == (False, True, "merged")
    assert set(later.misses) > set(former.misses)
    clock = owed(books.files[case])["callback"].value
    assert clock.opened_by == former.misses[0]
    books.wait(minutes=5)
    books.take(result_of(later, "reached"))
    assert owed(books.files[case]) == {}


def test_of_two_merged_cases_with_a_call_each_reaching_one_leaves_the_other_its_clock() -> None:
    books = Books()
    one = books.take(call_from()).cases[0].id
    books.wait(minutes=20)
    two = books.take(call_from("+493023125098", sid="CA2")).cases[0].id
    first, second = books.callbacks.values()
    merged(books, two, one)
    books.wait(minutes=20)
    change = books.take(result_of(first, "reached"))
    assert [c.value.opened_by for c in books.files[one].clocks if c.owed] == list(second.misses)
    assert "clock.started" in words(change)
    left = owed(books.files[one])["callback"].value
    assert left.due_at == second.opened_at + timedelta(hours=2)
    assert books.callbacks[second.id].due_at == left.due_at
    books.wait(minutes=20)
    books.take(result_of(books.callbacks[second.id], "reached"))
    assert owed(books.files[one]) == {}


def test_of_two_calls_to_one_number_that_became_one_no_clock_stays_behind() -> None:
    """Each case owed a call to the same number on the same line; one result answers both missed calls."""
    books = Books()
    one = books.take(call_from()).cases[0].id
    two = books.take(mail_from("bob@example.net")).cases[0].id
    first = books.callback
    miss = books.take(call_from("+493023125098", sid="CA2")).interactions[0]
    second = next(c for c in books.callbacks.values() if c.id != first.id)
    books.callbacks[second.id] = replace(second, number=first.number)
    merged(books, miss.case_id or two, one)
    assert [c.open for c in books.callbacks.values()] == [True, False]
    books.wait(minutes=5)
    books.take(result_of(books.callbacks[first.id], "reached"))
    assert owed(books.files[one]) == {}
