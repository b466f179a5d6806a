"""The pages behind the links of a notice: one button, nothing about the customer, and only a press acts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from commsd.core import key
from commsd.core.callback import Callback
from commsd.core.callback import State as CallState
from commsd.core.case import CaseFile
from commsd.core.change import Change
from commsd.core.clock import State
from commsd.core.entry import Hand
from commsd.core.interaction import Direction
from commsd.core.link import LASTS, Act, Link, link_token
from commsd.crm.call_actions import number_callback
from commsd.crm.mending import merge_case
from commsd.web.links import WORDS
from tests.crm.serving import KEY, Place, rang, wrote
from tests.house import TERMS, items_of
from tests.world import ScriptedWorld


@asynccontextmanager
async def browser(here: Place) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=here.url, timeout=20) as client:
        yield client


def path(here: Place, act: Act, thing: str, agent: str = "anna") -> str:
    until = here.world.now() + LASTS
    return f"/a/{link_token(KEY, Link(act=act, thing=thing, agent=agent, until=until))}"


async def file_of(here: Place, case_id: str) -> CaseFile:
    return (await items_of(here.log, key.of_case(case_id))).files[case_id]


async def callback_of(here: Place, callback_id: str) -> Callback:
    (found,) = (await items_of(here.log, key.of_callback(callback_id))).callbacks
    return found


def states(file: CaseFile) -> dict[str, State]:
    return {record.value.clock.value: record.value.state for record in file.clocks}


@pytest.mark.parametrize("act", Act)
async def test_looking_changes_nothing_and_tells_nothing(here: Place, act: Act) -> None:
    """Scanners follow links, and whoever holds one sees the page."""
    change = await wrote(here, subject="A private matter", name="Jane Clarke")
    before = await file_of(here, change.cases[0].id)
    async with browser(here) as client:
        shown = await client.get(path(here, act, change.cases[0].id))
    assert shown.status_code == 200
    assert WORDS[act].button in shown.text
    assert shown.text.count("<button") == 1
    for secret in ("private", "Jane", "jane@example.org", change.cases[0].id):
        assert secret not in shown.text
    assert await file_of(here, change.cases[0].id) == before


@pytest.mark.parametrize("agent", ["anna", "", "gone"])
async def test_answered_elsewhere_stops_the_clocks_once(here: Place, agent: str) -> None:
    case_id = (await wrote(here)).cases[0].id
    async with browser(here) as client:
        first = await client.post(path(here, Act.ANSWERED, case_id, agent))
        again = await client.post(path(here, Act.ANSWERED, case_id, agent))
    file = await file_of(here, case_id)
    sent = [fact for fact in file.interactions if fact.direction is Direction.OUTBOUND]
    assert (first.status_code, again.status_code) == (200, 409)
    assert "recorded already" in again.text
    assert states(file) == {"ack": State.MET, "first_response": State.MET}
    assert [(fact.channel, fact.outcome, fact.detail.note) for fact in sent] == [
        ("other", "reached", "answered elsewhere")
    ]
    assert sent[0].agent == {"anna": "Anna Berg", "": None, "gone": "gone"}[agent]


async def test_a_customer_who_writes_again_can_be_answered_elsewhere_again(here: Place) -> None:
    case_id = (await wrote(here)).cases[0].id
    async with browser(here) as client:
        await client.post(path(here, Act.ANSWERED, case_id))
        await wrote(here, subject="Re: Delivery")
        assert states(await file_of(here, case_id))["next_response"] is State.RUNNING
        answer = await client.post(path(here, Act.ANSWERED, case_id))
    assert answer.status_code == 200
    assert states(await file_of(here, case_id))["next_response"] is State.MET


@pytest.mark.parametrize("act", [Act.DONE, Act.JUNK, Act.ANSWERED])
async def test_an_old_link_does_nothing_away_that_its_notice_did_not_know_of(
    here: Place, scripted_world: ScriptedWorld, act: Act
) -> None:
    case_id = (await wrote(here)).cases[0].id
    scripted_world.advance(timedelta(minutes=1))
    old = path(here, act, case_id)
    scripted_world.advance(timedelta(minutes=1))
    await wrote(here, subject="Re: Delivery", case_id=case_id)
    async with browser(here) as client:
        refused = await client.post(old)
        clocks = states(await file_of(here, case_id))
        scripted_world.advance(timedelta(minutes=1))
        done = await client.post(path(here, act, case_id))
    assert (refused.status_code, done.status_code) == (409, 200)
    assert "written or called since" in refused.text
    assert clocks["first_response"] is State.RUNNING


async def test_a_holding_answer_lets_the_clock_run_on(here: Place) -> None:
    case_id = (await wrote(here)).cases[0].id
    before = next(r for r in (await file_of(here, case_id)).clocks if r.value.clock == "first_response")
    async with browser(here) as client:
        early = await client.post(path(here, Act.HOLDING, case_id))
        await client.post(path(here, Act.ANSWERED, case_id))
        first = await client.post(path(here, Act.HOLDING, case_id))
        again = await client.post(path(here, Act.HOLDING, case_id))
    after = await file_of(here, case_id)
    assert (early.status_code, first.status_code, again.status_code) == (409, 200, 409)
    assert "holding one already" in again.text
    assert states(after) == {"ack": State.MET, "first_response": State.RUNNING}
    (running,) = [record for record in after.clocks if record.value.clock == "first_response"]
    assert running.value.due_at == before.value.due_at


@pytest.mark.parametrize("act", [Act.DONE, Act.JUNK, Act.ANSWERED])
async def test_a_closed_case_takes_no_more(here: Place, act: Act) -> None:
    case_id = (await wrote(here)).cases[0].id
    async with browser(here) as client:
        await client.post(path(here, Act.DONE, case_id))
        refused = await client.post(path(here, act, case_id))
    assert refused.status_code == 409
    assert "closed already" in refused.text


async def test_a_callback_is_claimed_once_by_one(here: Place) -> None:
    callback_id = (await rang(here)).callbacks[0].id
    async with browser(here) as client:
        nobody = await client.post(path(here, Act.CLAIM, callback_id, agent=""))
        first = await client.post(path(here, Act.CLAIM, callback_id))
        again = await client.post(path(here, Act.CLAIM, callback_id))
        other = await client.post(path(here, Act.CLAIM, callback_id, agent="bo"))
    assert [answer.status_code for answer in (nobody, first, again, other)] == [409, 200, 409, 409]
    assert "yours already" in again.text
    assert "Anna has this call in hand for another 30 min, until " in other.text.replace("anna", "Anna")


@pytest.mark.parametrize("act", Act)
async def test_what_is_not_there_is_said(here: Place, act: Act) -> None:
    async with browser(here) as client:
        due = f"{here.world.now() + timedelta(days=1):%Y-%m-%dT%H:%M}"
        form = {"due": due, "why": "a reason"}
        answer = await client.post(path(here, act, "0195a1b2-0000-7000-8000-000000000009"), data=form)
    assert answer.status_code == 409
    assert "No ca" in answer.text


async def into_another(here: Place) -> tuple[str, str]:
    """A case that went, and the one it went into."""
    gone = (await wrote(here, subject="Delivery")).cases[0].id
    stays = (await wrote(here, subject="Invoice")).cases[0].id
    hand = Hand(by="anna", agent_id="anna", agent="Anna Berg")
    await here.log.decide((key.of_case(gone), key.of_case(stays)), merge_case(gone, stays, hand, TERMS))
    return gone, stays


@pytest.mark.parametrize(
    ("act", "after"),
    [(Act.DONE, State.CANCELLED), (Act.ANSWERED, State.MET)],
)
async def test_a_link_of_a_case_that_went_into_another_acts_on_that_one_and_says_so(
    here: Place, act: Act, after: State
) -> None:
    gone, stays = await into_another(here)
    async with browser(here) as client:
        done = await client.post(path(here, act, gone))
        plain = await client.post(path(here, Act.DONE, (await wrote(here, "bob@example.net")).cases[0].id))
    assert done.status_code == 200
    assert WORDS[act].done in done.text
    assert "has gone into another since: it was done to that one" in done.text
    assert "into another" not in plain.text
    assert stays not in done.text
    assert states(await file_of(here, stays))["first_response"] is after


async def test_what_was_junk_in_the_case_that_went_voids_nothing_in_the_other(here: Place) -> None:
    gone, stays = await into_another(here)
    async with browser(here) as client:
        refused = await client.post(path(here, Act.JUNK, gone))
    assert refused.status_code == 409
    assert states(await file_of(here, stays))["first_response"] is State.RUNNING


async def test_a_claim_takes_the_call_that_the_one_of_the_notice_has_joined(here: Place) -> None:
    first = (await rang(here)).callbacks[0]
    case_id = (await wrote(here, "bob@example.net")).cases[0].id
    await here.log.decide((), lambda items: Change(callbacks=(_bobs(first, case_id),)))
    hand = Hand(by="anna", agent_id="anna", agent="Anna Berg")
    number = number_callback("bobs", first.number or "", hand, TERMS)
    await here.log.decide((key.of_callback("bobs"), key.of_callback(first.id)), number)
    async with browser(here) as client:
        answer = await client.post(path(here, Act.CLAIM, "bobs"))
    assert answer.status_code == 200
    taken = (await items_of(here.log, key.of_callback(first.id))).callback(first.id)
    assert taken
    assert taken.state == "claimed"


def _bobs(like: Callback, case_id: str) -> Callback:
    """A call owed to Bob, whose number nobody knows yet."""
    return replace(like, id="bobs", case_id=case_id, number=None, state=CallState.NEEDS_NUMBER, misses=("m1",))


OUTCOMES = {
    Act.REACHED: (CallState.CLOSED, "reached"),
    Act.VOICEMAIL: (CallState.WAITING, "voicemail"),
    Act.WRONG: (CallState.WAITING, "wrong_person"),
    Act.DECLINED: (CallState.CLOSED, "declined"),
}


@pytest.mark.parametrize("act", OUTCOMES)
async def test_a_press_says_what_came_of_a_call_made_from_ones_own_telephone(here: Place, act: Act) -> None:
    callback_id = (await rang(here)).callbacks[0].id
    async with browser(here) as client:
        first = await client.post(path(here, act, callback_id))
        again = await client.post(path(here, act, callback_id))
    after = await callback_of(here, callback_id)
    assert (first.status_code, again.status_code) == (200, 409), "a slow press is no second call"
    assert (after.state, [each.result for each in after.attempts]) == (OUTCOMES[act][0], [OUTCOMES[act][1]])
    assert after.attempts[0].by == "anna"


async def test_a_voicemail_hours_later_is_a_further_try(here: Place, scripted_world: ScriptedWorld) -> None:
    callback_id = (await rang(here)).callbacks[0].id
    async with browser(here) as client:
        link = path(here, Act.VOICEMAIL, callback_id)
        await client.post(link)
        scripted_world.advance(timedelta(hours=4))
        assert (await client.post(link)).status_code == 200
    assert len((await callback_of(here, callback_id)).attempts) == 2


async def test_to_call_again_asks_when_and_takes_no_time_that_is_over(
    here: Place, scripted_world: ScriptedWorld
) -> None:
    callback_id = (await rang(here)).callbacks[0].id
    link = path(here, Act.AGAIN, callback_id)
    async with browser(here) as client:
        page = await client.get(link)
        wrong = [await client.post(link, data={"due": due}) for due in ("", "soon", "2020-01-01T09:00")]
        done = await client.post(link, data={"due": f"{scripted_world.now + timedelta(days=1):%Y-%m-%d}T15:00"})
    assert 'type="datetime-local"' in page.text
    assert [answer.status_code for answer in wrong] == [422, 422, 422]
    assert all("still to come" in answer.text for answer in wrong)
    assert done.status_code == 200
    after = await callback_of(here, callback_id)
    assert after.state is CallState.WAITING
    assert after.due_at == (scripted_world.now + timedelta(days=1)).replace(hour=14, minute=0), "Berlin time"


async def test_a_held_call_is_let_go_by_somebody_only(here: Place) -> None:
    held = replace((await rang(here)).callbacks[0], state=CallState.HELD, held="region:LV", revision=2)
    await here.log.decide((key.of_callback(held.id),), lambda items: Change(callbacks=(held,)))
    async with browser(here) as client:
        nobody = await client.post(path(here, Act.RELEASE, held.id, agent=""))
        done = await client.post(path(here, Act.RELEASE, held.id))
    after = await callback_of(here, held.id)
    assert (nobody.status_code, done.status_code) == (409, 200)
    assert after.state is CallState.WAITING
    assert after.released in ("anna", "Anna Berg")


async def test_q11_who_gives_a_call_back_is_asked_why(here: Place) -> None:
    callback_id = (await rang(here)).callbacks[0].id
    link = path(here, Act.BACK, callback_id)
    async with browser(here) as client:
        early = await client.post(link, data={"why": "never had it"})
        claimed = await client.post(path(here, Act.CLAIM, callback_id))
        shown = await client.get(link)
        silent = await client.post(link, data={"why": "  "})
        done = await client.post(link, data={"why": "asks for\na technician"})
    assert [answer.status_code for answer in (early, claimed, silent, done)] == [409, 200, 422, 200]
    assert "Give it back" in claimed.text
    assert 'name="why"' in shown.text
    after = await callback_of(here, callback_id)
    assert (after.state, after.owner) == (CallState.WAITING, None)
    assert [(each.by, each.why) for each in after.passed] == [("anna", "asks for a technician")]


@pytest.mark.parametrize("act", [Act.BACK, Act.RELEASE])
async def test_q11_a_call_in_somebody_elses_hand_is_not_theirs_to_give_back(here: Place, act: Act) -> None:
    callback_id = (await rang(here)).callbacks[0].id
    async with browser(here) as client:
        await client.post(path(here, Act.CLAIM, callback_id))
        refused = await client.post(path(here, act, callback_id, agent="bert"), data={"why": "not mine"})
    after = await callback_of(here, callback_id)
    assert refused.status_code == 409
    assert (after.state, after.owner, after.passed) == (CallState.CLAIMED, "anna", ())
