"""Acknowledgements that are due and held back all the same, on each store: budgets, subjects, refusals, pauses."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

import pytest
from sqlalchemy import select

from commsd.channels.mail.account import FollowUp
from commsd.channels.mail.alerting import Alerting
from commsd.channels.mail.arrival import Arrival, apart
from commsd.channels.mail.desk import Desk
from commsd.channels.mail.first_to import by_address
from commsd.channels.mail.intake import intake, keys_of
from commsd.channels.mail.message import decode
from commsd.config.unit import Rate
from commsd.core import key
from commsd.core.change import Change, change_of
from commsd.core.interaction import Actor, Delivery, DeliveryKind, Direction, Interaction, Outcome, Party, Role
from commsd.core.ledger import DebtKind, debts
from commsd.core.open_items import OpenItems
from commsd.core.pause import Pause
from commsd.demo.smtp import SmtpSink
from commsd.sla.notice.notice import Notice
from commsd.sla.notice.post import Post
from commsd.store import schema
from commsd.store.debts import books
from commsd.store.engine import open_engine
from commsd.store.log import Log
from tests.channels.mail.owing import Owing, ack_of, failure, letter, mailbox, owing, submission
from tests.house import TERMS
from tests.world import ScriptedWorld

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
JANE = "customer-1@example.org"
OURS = "mx.commsd.test"


def vouched(word: str) -> dict[str, Any]:
    return {"Authentication_Results": f"{OURS}; dmarc={word} header.from=example.org"}


@pytest.fixture
async def house(log: Log, scripted_world: ScriptedWorld) -> Owing:
    full = FollowUp.FULL
    return await owing(log, scripted_world, mailbox(follow_up=full), mailbox("sales", follow_up=full))


def changed(house: Owing, us: dict[str, Any] | None = None, **box: Any) -> None:
    """The desk of support with another setting, also for the other desks."""
    desk = house.desks["support"]
    other = replace(desk.mailbox, **box)
    house.desks["support"] = replace(desk, mailbox=other, us=replace(desk.us, **(us or {})))
    assert isinstance(desk.others, dict)
    desk.others.update(by_address(list(house.desks.values())))


async def writes(house: Owing, number: int = 1, *, at: str = "support", again: int = 0, **headers: Any) -> object:
    """One customer's mail; again: a further one of the same customer. Gives the decision."""
    subject = headers.pop("subject", f"Matter {number}-{again}")
    raw = letter(
        number, to=f"{at}@commsd.test", subject=subject, message_id=f"<{number}.{again}@example.org>", **headers
    )
    return (await house.arrives(raw, at=at)).result


async def debts_of(house: Owing) -> list[tuple[str, str]]:
    now = house.world.now
    found = debts(await house.log.read(lambda connection: books(connection, now)), now)
    return [(debt.kind.value, debt.id) for debt in found]


async def reasons(house: Owing) -> list[str | None]:
    return [fact.reason for fact in await house.interactions("message")]


async def test_l1_the_fourth_in_ten_minutes_is_recorded_and_not_acknowledged(house: Owing) -> None:
    said = [await writes(house, again=number) for number in range(5)]
    assert said == ["ack", "ack", "ack", "no-ack:budget", "no-ack:budget"]
    house.world.advance(11 * MINUTE)
    assert await writes(house, again=9) == "ack"


async def test_l1_ten_in_an_hour_and_twenty_in_a_day(house: Owing) -> None:
    said = []
    for number in range(40):
        said.append(await writes(house, again=number))
        house.world.advance(4 * MINUTE)
    assert said[:15].count("ack") == 10
    house.world.advance(2 * HOUR)
    for number in range(40, 60):
        said.append(await writes(house, again=number))
        house.world.advance(30 * MINUTE)
    assert said.count("ack") == 20
    assert "no-ack:budget" in said


async def test_l1_another_customer_of_the_same_provider_is_not_held_back(house: Owing) -> None:
    for number in range(5):
        await writes(house, again=number)
    assert await writes(house, 2) == "ack"
    assert await writes(house, again=5, at="sales") == "ack"


async def spelled(house: Owing, number: int, sender: str, **headers: Any) -> object:
    subject = headers.pop("subject", f"Matter {number}")
    raw = letter(number, sender=sender, subject=subject, message_id=f"<s{number}@example.org>", **headers)
    return (await house.arrives(raw)).result


async def test_l1_one_inbox_is_one_however_its_address_is_spelled(house: Owing) -> None:
    names = ("fOo@example.org", "Foo@Example.org", "foo+1@example.org", "FOO+two@example.org", "foo@example.org")
    said = [await spelled(house, number, name) for number, name in enumerate(names)]
    assert said == ["ack", "ack", "ack", "no-ack:budget", "no-ack:budget"]
    assert await spelled(house, 7, "foo.bar@example.org") == "ack"
    assert await spelled(house, 8, "foo@other.test") == "ack"
    sent = [owed.recipient for owed in await house.deliveries() if owed.kind is DeliveryKind.ACK]
    assert "fOo@example.org" in sent


async def test_l2_one_inbox_is_one_for_its_subjects_too(house: Owing) -> None:
    said = []
    for number in range(4):
        said.append(await spelled(house, number, f"e+{number}@example.org", subject="Order 7"))
        house.world.advance(12 * MINUTE)
    assert said == ["ack", "ack", "ack", "no-ack:same-subject"]


async def test_l1_spellings_that_wait_together_are_counted_one_by_one(house: Owing) -> None:
    desk = house.desks["support"]
    decided = []
    for number in range(6):
        raw = letter(1, sender=f"e+{number}@example.org", subject=f"Matter {number}", message_id=f"<{number}@e.test>")
        arrival = Arrival(message=decode(raw, folder_date=house.world.now), place="support/watch", uid=number)
        decided.append(house.log.submit(keys(arrival, desk), deciding(arrival, desk)))
    assert [(await each).result for each in decided].count("ack") == 3


async def test_l1_a_restart_within_the_window_forgets_nothing(
    house: Owing, store_url: str, scripted_world: ScriptedWorld
) -> None:
    for number in range(3):
        await writes(house, again=number)
    after = Log(open_engine(store_url), scripted_world.world)
    after.start()
    try:
        assert await writes(replace(house, log=after), again=3) == "no-ack:budget"
    finally:
        await after.close()


async def test_l1_several_that_wait_together_are_counted_one_by_one(house: Owing) -> None:
    desk = house.desks["support"]
    decided = []
    for number in range(6):
        raw = letter(1, subject=f"Matter {number}", message_id=f"<{number}@example.org>")
        arrival = Arrival(message=decode(raw, folder_date=house.world.now), place="support/watch", uid=number)
        decided.append(house.log.submit(keys(arrival, desk), deciding(arrival, desk)))
    assert [(await each).result for each in decided].count("ack") == 3


def keys(arrival: Arrival, desk: Desk) -> tuple[str, ...]:
    return keys_of(arrival, desk)


def deciding(arrival: Arrival, desk: Desk) -> Callable[[OpenItems], Change]:
    return lambda items: intake(arrival, items, desk, TERMS)


async def test_l2_the_same_subject_again_and_again_comes_to_an_end(house: Owing) -> None:
    said = []
    for number, subject in enumerate(("Order 7", "Re: Order 7", "[#88] AW: order 7", "RE: Re: Order 7")):
        said.append(await writes(house, again=number, subject=subject))
        house.world.advance(12 * MINUTE)
    assert said == ["ack", "ack", "ack", "no-ack:same-subject"]
    assert await writes(house, again=8, subject="Another matter") == "ack"


async def test_l1_a_mailbox_that_spent_its_budget_pauses_and_goes_on_by_itself(house: Owing) -> None:
    changed(house, ack_budget=Rate(5, HOUR))
    said = [await writes(house, number) for number in range(8)]
    assert said == ["ack"] * 5 + ["no-ack:paused"] * 3
    assert await writes(house, 9, at="sales") == "ack"
    ((what, name, by),) = await house.log.read(
        lambda c: c.execute(select(schema.pauses.c.what, schema.pauses.c.name, schema.pauses.c.by)).all()
    )
    assert (what, name, by) == ("acks", "support", "machine")
    house.world.advance(HOUR)
    assert await writes(house, 10) == "ack"


async def test_l1_who_releases_a_mailbox_gives_it_a_fresh_budget(house: Owing) -> None:
    changed(house, ack_budget=Rate(3, HOUR))
    for number in range(5):
        await writes(house, number)
    house.world.advance(MINUTE)
    await paused(house, timedelta())
    assert [await writes(house, number) for number in range(10, 14)] == ["ack", "ack", "ack", "no-ack:paused"]


async def paused(house: Owing, length: timedelta, *, name: str = "support", by: str = "cli:anna") -> None:
    def decide(items: OpenItems) -> Change:
        pause = Pause(what="acks", name=name, until=items.now + length, why="a loop", by=by, made_at=items.now)
        return Change(pauses=(pause,))

    await house.log.decide((), decide)


@pytest.mark.parametrize("name", ["support", ""])
async def test_a_pause_holds_back_what_comes_and_what_was_queued_before(house: Owing, name: str) -> None:
    await writes(house, 1)
    await paused(house, HOUR, name=name)
    assert await writes(house, 2) == "ack"
    assert await house.claims.deliveries(("support",), 10, HOUR) == ()
    assert await house.claims.next_due(("support",)) is None
    house.world.advance(HOUR)
    assert len(await house.claims.deliveries(("support",), 10, HOUR)) == 2
    assert await writes(house, 3) == "ack"


async def test_who_writes_during_a_persons_pause_is_acknowledged_when_it_ends(house: Owing) -> None:
    await paused(house, 3 * HOUR)
    await writes(house, 1)
    house.world.advance(2 * HOUR)
    await paused(house, timedelta())
    async with SmtpSink() as sink:
        assert await house.send(submission(sink)).once()
    assert [kept.recipient for kept in sink.accepted] == [JANE]
    assert await debts_of_mail(house) == []


async def test_what_a_pause_held_for_more_than_four_hours_is_not_sent_but_listed(house: Owing) -> None:
    await paused(house, 5 * HOUR)
    await writes(house, 1)
    house.world.advance(5 * HOUR)
    async with SmtpSink() as sink:
        await house.send(submission(sink)).once()
    assert sink.accepted == []
    (writing,) = await house.interactions("message")
    (ack,) = await house.interactions("ack")
    assert (writing.reason, ack.outcome) == ("no-ack:paused", Outcome.CANCELLED)
    assert await debts_of_mail(house) == [("mail_without_acknowledgement", writing.id)]


async def debts_of_mail(house: Owing) -> list[tuple[str, str]]:
    return [(kind, each) for kind, each in await debts_of(house) if "ack" in kind]


async def test_a_persons_pause_is_not_shortened_by_a_budget_that_is_spent_meanwhile(house: Owing) -> None:
    changed(house, ack_budget=Rate(2, HOUR))
    await paused(house, 5 * HOUR)
    assert [await writes(house, number) for number in range(3)] == ["ack", "ack", "no-ack:paused"]
    pauses = await house.log.read(lambda c: c.execute(select(schema.pauses.c.by)).scalars().all())
    assert pauses == ["cli:anna"]


async def test_a_pause_of_one_mailbox_leaves_the_others_and_our_own_notices_alone(house: Owing) -> None:
    await writes(house, 1, at="sales")
    await paused(house, HOUR)
    assert len(await house.claims.deliveries(("sales",), 10, HOUR)) == 1
    notice = Delivery(
        id="11111111-1111-7111-8111-111111111111",
        kind=DeliveryKind.NOTICE,
        key="notice:1",
        via="support",
        recipient="anna@commsd.test",
        payload=b"x",
        created_at=house.world.now,
        due_at=house.world.now,
    )
    await house.log.decide((), lambda items: Change(deliveries=(notice,)))
    assert [owed.id for owed in await house.claims.deliveries(("support",), 10, HOUR)] == [notice.id]


async def test_l4_every_mail_held_back_is_listed_as_an_unanswered_human_with_its_clocks(house: Owing) -> None:
    for number in range(5):
        await writes(house, again=number)
    await paused(house, HOUR, by="machine")
    await writes(house, 2)
    held = [fact for fact in await house.interactions("message") if fact.reason]
    listed = await debts_of(house)
    assert {fact.id for fact in held} == {each for kind, each in listed if kind == DebtKind.DAMPED}
    assert (DebtKind.PAUSED.value, "acks:support") in listed
    assert all(fact.clocks and fact.automation.value == "none" for fact in held)
    assert {"ack", "first_response"} <= {str(clock["clock"]) for fact in held for clock in fact.clocks}


async def test_l4_a_mail_that_one_of_us_answered_is_listed_no_more(house: Owing) -> None:
    await paused(house, HOUR, by="machine")
    await writes(house, 2)
    (held,) = await house.interactions("message")
    house.world.advance(MINUTE)

    def answered(items: OpenItems) -> Change:
        answer = Interaction(
            id=items.new_id(),
            channel=held.channel,
            kind=held.kind,
            direction=Direction.OUTBOUND,
            actor=Actor.AGENT,
            outcome=Outcome.REACHED,
            occurred_at=items.now,
            recorded_at=items.now,
            case_id=held.case_id,
            parties=(Party(Role.TO, "customer-2@example.org"),),
        )
        return change_of(answer, items, TERMS)

    await house.log.decide((key.of_case(held.case_id or ""),), answered)
    assert DebtKind.DAMPED not in {kind for kind, _ in await debts_of(house)}


async def test_l3_a_report_that_our_acknowledgement_is_lost_keeps_the_next_ones_back(house: Owing) -> None:
    await writes(house, 1)
    report = failure(await ack_of(house))
    assert (await house.arrives(report)).result == "no-ack:null-return-path"
    assert await writes(house, 1, again=1) == "no-ack:refused-before"
    assert await writes(house, 2) == "ack"
    house.world.advance(timedelta(days=60))
    assert await writes(house, 1, again=2) == "ack"


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed"])
async def test_l3_a_report_of_a_delay_or_of_success_keeps_nothing_back(house: Owing, action: str) -> None:
    await writes(house, 1)
    await house.arrives(failure(await ack_of(house), action))
    assert await writes(house, 1, again=1) == "ack"


async def test_l3_a_report_about_an_id_we_never_gave_keeps_nothing_back(house: Owing) -> None:
    await writes(house, 1)
    await house.arrives(failure("ack1.aaaa.bbbb@commsd.test"))
    assert await writes(house, 1, again=1) == "ack"


async def test_l3_a_failure_in_plain_words_is_understood_too(house: Owing) -> None:
    await writes(house, 1)
    text = f"Sorry, it could not be delivered. The header was:\n\nMessage-ID: <{await ack_of(house)}>\nSubject: x\n"
    bounce = letter(
        7,
        sender="Mail Delivery System <Mailer-Daemon@example.org>",
        subject="Mail delivery failed: returning message to sender",
        text=text,
        X_Failed_Recipients=JANE,
    )
    await house.arrives(bounce)
    assert await writes(house, 1, again=1) == "no-ack:refused-before"


async def test_l3_a_new_mail_our_server_vouches_for_lifts_the_refusal(house: Owing) -> None:
    changed(house, us={"authserv_ids": frozenset({OURS})})
    await writes(house, 1)
    await house.arrives(failure(await ack_of(house)))
    assert await writes(house, 1, again=1, **vouched("none")) == "no-ack:refused-before"
    assert await writes(house, 1, again=2, **vouched("pass")) == "ack"
    house.world.advance(11 * MINUTE)
    assert await writes(house, 1, again=3, **vouched("none")) == "ack"


async def test_n19_a_forged_sender_is_not_answered_and_its_clocks_run(house: Owing) -> None:
    changed(house, us={"authserv_ids": frozenset({OURS})})
    assert await writes(house, 1, **vouched("fail")) == "no-ack:dmarc-fail"
    (fact,) = await house.interactions("message")
    assert fact.detail.authenticated == "fail"
    assert fact.clocks
    assert await writes(house, 2, **vouched("pass")) == "ack"
    assert (await house.interactions("message"))[-1].detail.authenticated == "pass"


async def test_n19_whom_nobody_vouches_for_gets_half_as_many(house: Owing) -> None:
    changed(house, us={"authserv_ids": frozenset({OURS})})
    assert [await writes(house, 1, again=n) for n in range(3)] == ["ack", "ack", "no-ack:budget"]
    assert [await writes(house, 2, again=n, **vouched("pass")) for n in range(4)] == ["ack"] * 3 + ["no-ack:budget"]


async def test_n21_what_the_server_had_before_we_came_is_too_old_wherever_it_is_moved(house: Owing) -> None:
    desk, now = house.desks["support"], house.world.now
    for number, (age, said) in enumerate(((HOUR, "no-ack:too-old"), (4 * MINUTE, "ack"), (-MINUTE, "ack"))):
        message = decode(letter(number), folder_date=now - age)
        arrival = Arrival(message=message, place="support/watch", uid=number, enrolled_at=now)
        assert (await house.log.decide(keys(arrival, desk), deciding(arrival, desk))).result == said


MARKS = [
    ({"List_Id": "<staff.example.org>"}, "no-ack:list"),
    ({"X_Spam_Flag": "YES"}, "no-ack:spam"),
    ({"Auto_Submitted": "auto-generated"}, "no-ack:auto-submitted"),
    ({"Precedence": "list"}, "no-ack:precedence"),
]


@pytest.mark.parametrize(("mark", "first"), MARKS)
async def test_d2_a_direct_copy_is_acknowledged_once_though_a_marked_one_came_before(
    house: Owing, mark: dict[str, str], first: str
) -> None:
    said = [(await house.arrives(letter(1, **headers))).result for headers in (mark, mark, {}, mark, {})]
    assert said == [first, "no-ack:duplicate", "ack", "no-ack:duplicate", "no-ack:duplicate"]
    (fact,) = await house.interactions("message")
    assert (fact.reason, fact.revision, fact.automation.value) == (None, 2, "none")
    assert fact.case_id
    assert {"ack", "first_response"} == {str(clock["clock"]) for clock in fact.clocks}
    assert len(await house.deliveries()) == 1


async def test_d2_a_direct_copy_that_comes_first_is_enough(house: Owing) -> None:
    said = [(await house.arrives(letter(1, **headers))).result for headers in ({}, {"List_Id": "<staff.example.org>"})]
    assert said == ["ack", "no-ack:duplicate"]


async def test_d7_a_copy_of_what_was_too_old_or_held_back_is_no_second_chance(house: Owing) -> None:
    await paused(house, HOUR, by="machine")
    assert (await house.arrives(letter(1))).result == "no-ack:paused"
    house.world.advance(2 * HOUR)
    assert (await house.arrives(letter(1))).result == "no-ack:duplicate"


async def test_n1_two_mails_the_server_withholds_are_two_mails(house: Owing) -> None:
    desk = house.desks["support"]
    for uid in (5, 6):
        bare = Arrival(message=decode(b"", folder_date=house.world.now), place="support/watch", uid=uid)
        arrival = apart(bare, 1)
        said = await house.log.decide(keys(arrival, desk), deciding(arrival, desk))
        assert said.result == "no-ack:unparsable"
    again = apart(replace(bare, uid=6), 1)
    assert (await house.log.decide(keys(again, desk), deciding(again, desk))).result == "no-ack:duplicate"
    anew = apart(replace(bare, uid=6), 2)
    assert (await house.log.decide(keys(anew, desk), deciding(anew, desk))).result == "no-ack:unparsable"
    assert len(await house.interactions("message")) == 3


def test_n1_a_mail_that_says_what_it_is_keeps_its_key() -> None:
    bare = Arrival(message=decode(letter(1), folder_date=ScriptedWorld().now), place="support/watch", uid=1)
    assert apart(bare, 1) == bare


# --- what our people are told


def alerting(house: Owing) -> Alerting:
    def render(notice: Notice) -> bytes:
        return f"{notice.subject}\n\n{notice.text}".encode()

    post = Post(via="support", render=render, fallback=("chief@commsd.test",))
    boxes = {name: desk.mailbox for name, desk in house.desks.items()}
    firm = house.desks["support"].firm
    return Alerting(boxes, firm, post, house.log, house.claims, house.world.world, house.metrics)


async def notices(house: Owing) -> list[str]:
    return [
        owed.payload.decode().splitlines()[0] for owed in await house.deliveries() if owed.kind is DeliveryKind.NOTICE
    ]


async def test_n1_mail_nobody_could_read_is_told_of_once_an_hour_and_mailbox(house: Owing) -> None:
    duty = alerting(house)
    assert not await duty.once()
    for number in range(3):
        await house.arrives(b"X-Nothing: 1\r\n\r\n%d" % number)
    assert await duty.once()
    assert await notices(house) == ["Mailbox support: 3 mails could not be read"]
    house.world.advance(MINUTE)
    await house.arrives(b"X-Nothing: 1\r\n\r\n9")
    await house.arrives(b"X-Nothing: 1\r\n\r\n10", at="sales")
    assert await duty.once()
    assert await notices(house) == [
        "Mailbox support: 3 mails could not be read",
        "Mailbox sales: a mail could not be read",
    ]
    house.world.advance(HOUR)
    assert await duty.once()
    assert (await notices(house))[2:] == ["Mailbox support: a mail could not be read"]
    house.world.advance(2 * HOUR)
    assert not await duty.once()


async def test_l1_a_tenth_of_the_budget_is_told_of_and_then_the_pause(house: Owing) -> None:
    changed(house, ack_budget=Rate(20, HOUR))
    duty = alerting(house)
    await writes(house, 1)
    assert not await duty.once()
    await writes(house, 2)
    assert await duty.once()
    assert await notices(house) == ["Mailbox support sends many acknowledgements"]
    for number in range(3, 24):
        await writes(house, number)
    assert await duty.once()
    assert not await duty.once()
    assert (await notices(house))[1:] == ["Acknowledgements of mailbox support are paused"]
    house.world.advance(HOUR)
    assert not await duty.once()


async def test_l1_a_pause_by_a_person_is_no_news_to_our_people(house: Owing) -> None:
    duty = alerting(house)
    await paused(house, HOUR)
    assert not await duty.once()


async def test_l1_two_nodes_tell_of_it_once(house: Owing) -> None:
    first, second = alerting(house), alerting(house)
    await house.arrives(b"X-Nothing: 1\r\n\r\n1")
    assert [await first.once(), await second.once()] == [True, False]


async def test_l1_decisions_and_what_was_held_back_are_counted(house: Owing) -> None:
    duty = alerting(house)
    for number in range(4):
        await writes(house, again=number)
    await house.arrives(letter(5, Auto_Submitted="auto-replied"))
    text = house.metrics.text().decode()
    for line in (
        'commsd_decisions_total{result="ack"} 3.0',
        'commsd_decisions_total{result="no-ack:budget"} 1.0',
        'commsd_decisions_total{result="no-ack:auto-submitted"} 1.0',
        'commsd_acks_damped_total{rule="budget"} 1.0',
    ):
        assert line in text
    assert duty.name == "mail.alerts"


# --- perhaps a person


async def test_n15_a_mail_that_only_looks_automatic_opens_a_case_whose_clocks_run(house: Owing) -> None:
    assert await writes(house, 1, subject="Ikke på kontoret: hvornår åbner I?") == "no-ack:auto-reply-subject"
    (fact,) = await house.interactions("message")
    assert (fact.actor, fact.case_id is not None) == (Actor.CUSTOMER, True)
    assert "first_response" in {str(clock["clock"]) for clock in fact.clocks}
    assert await writes(house, 2, subject="Abwesenheitsnotiz: x", In_Reply_To="<a@commsd.test>") == (
        "no-ack:auto-reply-subject"
    )
    machine = (await house.interactions("message"))[-1]
    assert (machine.actor, machine.clocks) == (Actor.MACHINE, ())


async def test_f2_who_writes_through_our_own_group_is_the_contact_and_gets_the_ack(house: Owing) -> None:
    changed(house, us={"own_list_ids": frozenset({"support.commsd.test"})})
    group = {
        "List_Id": "Support <support.commsd.test>",
        "Precedence": "list",
        "X_Original_Sender": "jane@customer.test",
    }
    raw = letter(1, sender="'Jane' via Support <support@commsd.test>", **group)
    assert (await house.arrives(raw)).result == "ack"
    assert (await house.owed()).recipient == "jane@customer.test"
    (fact,) = await house.interactions("message")
    assert fact.address(Role.FROM) == "jane@customer.test"


# --- two machines


async def rounds(house: Owing, answer: Callable[[EmailMessage, int], bytes], *, pause: timedelta) -> int:
    """How many of our acknowledgements a responder gets that answers each of them, before it stops by itself."""
    await house.arrives(letter(1, sender="robot@example.org", subject="Hello"))
    reading = BytesParser(EmailMessage, policy=policy.default)
    for number in range(1, 100):
        sent = [owed for owed in await house.deliveries() if owed.kind is DeliveryKind.ACK]
        if len(sent) < number:
            return len(sent)
        house.world.advance(pause)
        await house.arrives(answer(reading.parsebytes(sent[-1].payload), number))
    return 100


def bare(ack: EmailMessage, number: int) -> bytes:
    return letter(number, sender="robot@example.org", subject="We got your mail", message_id=f"<r{number}@example.org>")


def on_the_subject(ack: EmailMessage, number: int) -> bytes:
    subject = f"Re: {ack['Subject']}"
    return letter(number, sender="robot@example.org", subject=subject, message_id=f"<r{number}@example.org>")


def by_reference(ack: EmailMessage, number: int) -> bytes:
    said = {"In_Reply_To": ack["Message-ID"], "message_id": f"<r{number}@example.org>"}
    return letter(number, sender="robot@example.org", subject=f"Re: {ack['Subject']}", **said)


@pytest.mark.parametrize("answer", [bare, on_the_subject, by_reference])
@pytest.mark.parametrize("seconds", [5, 150])
async def test_l1_a_responder_without_any_mark_gets_three_at_most(
    house: Owing, answer: Callable[[EmailMessage, int], bytes], seconds: int
) -> None:
    assert await rounds(house, answer, pause=timedelta(seconds=seconds)) <= 3


async def test_l1_a_slow_responder_comes_to_an_end_too(house: Owing) -> None:
    assert await rounds(house, bare, pause=19 * MINUTE) <= 4
    changing = await rounds(house, lambda ack, n: letter(n, sender="robot@example.org"), pause=19 * MINUTE)
    assert changing <= 24


async def test_n14_two_houses_with_commsd_stop_after_one(house: Owing, log: Log) -> None:
    await house.arrives(letter(1, sender="support@other.test"))
    other = await owing(log, house.world, mailbox("other"))
    ack = (await house.owed()).payload
    assert (await other.arrives(ack, at="other")).result == "no-ack:auto-submitted"
    house.world.advance(timedelta(seconds=30))
    again = {"In_Reply_To": f"<{await ack_of(house)}>", "message_id": "<back@other.test>"}
    answer = letter(9, sender="support@other.test", **again)
    assert (await house.arrives(answer)).result == "no-ack:own-ack"
