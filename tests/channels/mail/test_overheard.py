"""Mail about a notice from somebody who is none of us: kept, told, neither obeyed nor acknowledged. Both stores."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from commsd.channels.mail.notice import note_id
from commsd.core import key
from commsd.core.agent import Team
from commsd.core.case import CaseState
from commsd.core.entry import Hand
from commsd.core.interaction import Direction, Kind
from commsd.core.link import Act
from commsd.crm.mending import merge_case
from commsd.store import schema
from commsd.store.log import Log
from tests.channels.mail.test_reply import DESK, KEY, OUT_OF_OFFICE, Office, mailto, read
from tests.house import TERMS
from tests.world import ScriptedWorld

STRANGER = "Anna at home <anna@home.example>"


@pytest.fixture
async def office(log: Log, scripted_world: ScriptedWorld) -> Office:
    return Office(log, scripted_world)


async def cases(office: Office) -> list[str]:
    return list(await office.log.read(lambda c: c.execute(select(schema.cases.c.id)).scalars().all()))


@pytest.mark.parametrize("body", ["done", "Please take care of it."])
async def test_a_strangers_answer_to_a_notice_is_a_note_that_changes_nothing(office: Office, body: str) -> None:
    case_id = await office.wrote()
    before = await office.states(case_id)
    change = await office.reply(office.told(case_id), body, sender=STRANGER)
    assert change.result == "reply:unknown-sender"
    note = change.interactions[0]
    assert (note.kind, note.direction, note.case_id, note.agent_id) == (Kind.NOTE, Direction.INTERNAL, case_id, None)
    assert note.preview == body
    assert (change.contacts, change.cases, change.clocks) == ((), (), ())
    assert await office.states(case_id) == before
    assert (await office.case(case_id)).state is CaseState.OPEN
    assert await cases(office) == [case_id]


async def test_who_got_the_notice_is_told_what_came_and_what_to_do(office: Office) -> None:
    case_id = await office.wrote()
    await office.reply(office.told(case_id), "done\n> It is overdue.", sender=STRANGER)
    told = await office.back()
    assert told["To"] == "anna@example.com"
    assert told["Auto-Submitted"] == "auto-generated"
    text = told.get_content()
    assert "Anna at home, anna@home.example, answered a notice" in text
    assert "> done" in text.splitlines()
    assert "It is overdue" not in text
    assert f"note in case {case_id}" in text
    assert "[agent.NAME]" in text


async def test_her_answer_to_what_she_is_told_is_obeyed(office: Office) -> None:
    case_id = await office.wrote()
    await office.reply(office.told(case_id), "done", sender=STRANGER)
    await office.reply(str((await office.back())["Message-ID"]).strip("<>"), "done")
    assert (await office.case(case_id)).state is CaseState.CLOSED


async def test_an_answer_to_a_notice_about_several_is_kept_and_told(office: Office) -> None:
    case_id = await office.wrote()
    change = await office.reply(office.told(None), "All done", sender=STRANGER)
    assert (change.interactions[0].case_id, change.interactions[0].kind) == (None, Kind.NOTE)
    assert "about several" in (await office.back()).get_content()
    assert await cases(office) == [case_id]


async def test_it_is_kept_in_the_case_into_which_the_other_went(office: Office) -> None:
    gone, (stays, _) = await office.wrote(), await office.rang()
    hand = Hand(by="anna", agent_id="anna", agent="Anna Berg")
    await office.log.decide((key.of_case(gone), key.of_case(stays)), merge_case(gone, stays, hand, TERMS))
    change = await office.reply(office.told(gone), "done", sender=STRANGER)
    assert change.interactions[0].case_id == stays


@pytest.mark.parametrize("subject", ["{}", "Fwd: {}", "Re: [EXT] {} please"])
async def test_a_token_from_outside_is_neither_obeyed_nor_acknowledged(office: Office, subject: str) -> None:
    case_id = await office.wrote()
    line = subject.format(mailto(office, case_id, None, Act.DONE))
    change = await office.reply("", "", sender=STRANGER, subject=line)
    assert change.result == "reply:unknown-sender"
    assert change.interactions[0].case_id == case_id
    assert (await office.case(case_id)).state is CaseState.OPEN
    assert (await office.back())["To"] == "anna@example.com"


async def test_a_claim_from_outside_takes_nothing(office: Office) -> None:
    case_id, callback_id = await office.rang()
    change = await office.reply("", "", sender=STRANGER, subject=mailto(office, case_id, callback_id, Act.CLAIM))
    assert (change.interactions[0].case_id, change.callbacks) == (case_id, ())


async def test_a_forged_id_or_token_is_a_customers_mail(office: Office) -> None:
    case_id = await office.wrote()
    wrong = note_id(office.told(case_id), b"another key of thirty-two bytes!", "example.com")
    forged = mailto(office, case_id, None, Act.DONE).replace("[", "[a")
    for notice, subject in ((wrong, "Re: Overdue"), ("", forged)):
        change = await office.reply(notice, "done", sender="mallory@elsewhere.example", subject=subject)
        assert change.result == "ack"
        assert change.interactions[0].case_id != case_id


async def test_a_known_customer_stays_a_customer(office: Office) -> None:
    case_id = await office.wrote()
    change = await office.reply(office.told(case_id), "When will it come?", sender="Jane <jane@example.org>")
    assert change.result == "ack"


@pytest.mark.parametrize("marks", OUT_OF_OFFICE, ids=lambda marks: marks[0])
async def test_a_machine_outside_is_told_of_to_nobody(office: Office, marks: tuple[str, ...]) -> None:
    case_id = await office.wrote()
    change = await office.reply(office.told(case_id), "I am away", *marks, sender=STRANGER)
    assert str(change.result).startswith("no-ack:")
    assert await office.deliveries() == []


async def test_an_autoresponder_without_a_mark_behind_a_forwarded_mailbox_comes_to_an_end(office: Office) -> None:
    answered = note_id(office.told(await office.wrote()), KEY, "example.com")
    for _ in range(6):
        change = await office.reply(answered, "I am on holiday.", sender=STRANGER)
        assert change.result == "reply:unknown-sender"
        if change.deliveries:
            answered = str(read(change.deliveries[0].payload)["Message-ID"]).strip("<>")
    assert len(await office.deliveries()) == 3


async def test_where_nobody_can_tell_whose_notice_it_was_the_team_is_told(office: Office) -> None:
    people = replace(DESK.firm.people, teams={"service": Team(id="service", members=("anna",))})
    office.desk = replace(DESK, firm=replace(DESK.firm, people=people))
    case_id = await office.wrote()
    gone = office.told(case_id, recipient="who.left@example.com", agent="")
    await office.reply(gone, "done", sender=STRANGER)
    assert (await office.back())["To"] == "anna@example.com"


async def test_where_there_is_nobody_the_house_is_told(office: Office) -> None:
    case_id = await office.wrote()
    gone = office.told(case_id, recipient="who.left@example.com", agent="")
    await office.reply(gone, "done", sender=STRANGER)
    assert (await office.back())["To"] == "support@example.com"


async def test_the_same_mail_seen_twice_is_kept_and_told_once(office: Office) -> None:
    notice = office.told(await office.wrote())
    for _ in range(2):
        await office.reply(notice, "done", sender=STRANGER, message_id="<same@home.example>")
    assert len(await office.deliveries()) == 1
