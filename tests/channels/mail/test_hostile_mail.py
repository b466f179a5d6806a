"""Mail made to hurt, and mail that only looks strange: each is decided once, and what it says is not mistaken."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from commsd.core.clock import State
from commsd.core.interaction import Direction
from tests.channels.mail.test_folder_to_answer import House, house, letter

__all__ = ["house"]

MANY = b",\r\n ".join(b"reader%d@example.org" % n for n in range(4000))


def answer(sender: str = "Anna Berg <anna@commsd.test>", to: bytes = b"jane@example.org") -> bytes:
    """A colleague's mail that refers to the customer's."""
    raw = letter(sender=sender, subject="Re: Delivery", message_id="<a1@commsd.test>")
    raw = raw.replace(b"To: support@commsd.test", b"To: " + to)
    return raw.replace(b"Date:", b"In-Reply-To: <Delivery.of.order.2041@example.org>\r\nDate:")


def with_colleagues(house: House) -> None:
    house.desk = replace(house.desk, us=replace(house.desk.us, internal_domains=frozenset({"commsd.test"})))


async def states(house: House) -> dict[str, State]:
    return {record.value.clock.value: record.value.state for record in (await house.case("jane@example.org")).clocks}


async def test_a_sender_longer_than_any_address_is_recorded_and_the_next_mail_is_acknowledged(house: House) -> None:
    house.deliver(letter().replace(b"jane@example.org", b"j" * 400 + b"@example.org", 1))
    house.deliver(letter(subject="The next one"))
    await house.watch()
    assert len(await house.acks()) == 1
    reasons = [fact.reason for fact in await house.interactions() if fact.kind == "message"]
    assert reasons == ["no-ack:no-sender", None]


async def test_an_answer_by_somebody_with_a_very_long_name_is_recorded(house: House) -> None:
    house.desk = replace(house.desk, mailbox=replace(house.desk.mailbox, person=None))
    house.deliver(letter())
    await house.watch()
    house.deliver(answer(sender="x" * 120 + " <stranger@commsd.test>"), "Sent")
    await house.watch_sent()
    file = await house.case("jane@example.org")
    assert file.interactions[-1].direction is Direction.OUTBOUND


async def test_a_robots_mark_far_down_a_long_header_is_seen(house: House) -> None:
    house.deliver(letter(Precedence="bulk").replace(b"Precedence:", b"Cc: " + MANY + b"\r\nPrecedence:"))
    await house.watch()
    assert await house.acks() == []
    (fact,) = await house.interactions()
    assert fact.reason == "no-ack:precedence"


async def test_a_person_named_far_down_a_long_header_is_acknowledged(house: House) -> None:
    house.deliver(b"Cc: " + MANY + b"\r\n" + letter())
    await house.watch()
    (ack,) = await house.acks()
    assert ack["To"] == "jane@example.org"


async def test_a_header_too_long_to_be_read_to_its_end_is_not_answered(house: House) -> None:
    house.deliver(
        letter(Precedence="bulk").replace(b"Precedence:", (b"X-Long: " + MANY + b"\r\n") * 4 + b"Precedence:")
    )
    await house.watch()
    assert await house.acks() == []
    (fact,) = await house.interactions()
    assert fact.reason == "no-ack:unparsable"


@pytest.mark.parametrize("copies", [1, 2])
async def test_an_answer_of_which_we_got_a_copy_first_stops_the_clock(house: House, copies: int) -> None:
    with_colleagues(house)
    house.deliver(letter())
    await house.watch()
    await house.acks()
    house.world.advance(timedelta(hours=1))
    raw = answer(to=b"jane@example.org\r\nCc: support@commsd.test")
    house.deliver(raw)
    await house.watch()
    for _ in range(copies):
        house.deliver(raw, "Sent")
        await house.watch_sent()
    assert set((await states(house)).values()) == {State.MET}
    said = (await house.case("jane@example.org")).interactions[-1]
    assert (said.direction, said.agent_id, said.revision) == (Direction.OUTBOUND, "anna", 2)


async def test_a_colleague_who_writes_into_the_matter_is_not_taken_for_the_customer(house: House) -> None:
    with_colleagues(house)
    house.deliver(letter())
    await house.watch()
    house.deliver(answer(), "Sent")
    await house.watch_sent()
    house.world.advance(timedelta(hours=1))
    house.deliver(answer(to=b"support@commsd.test").replace(b"<a1@", b"<a2@"))
    await house.watch()
    assert State.RUNNING not in (await states(house)).values()


async def test_a_suppressed_acknowledgement_does_not_count_as_the_first(house: House) -> None:
    live = house.desk
    house.desk = replace(live, mailbox=replace(live.mailbox, observe=True))
    house.deliver(letter())
    await house.watch()
    house.desk = live
    house.deliver(letter(message_id="<second@example.org>").replace(b"09:00:00", b"09:05:00"))
    await house.watch()
    (ack,) = await house.acks()
    assert "Jane" in ack.get_content()


async def test_a_mail_from_the_distant_past_is_silent_and_the_next_is_acknowledged(house: House) -> None:
    now, house.world.now = house.world.now, datetime(1970, 1, 1, tzinfo=UTC)
    house.deliver(letter())
    house.world.now = now
    house.deliver(letter(subject="The next one"))
    await house.watch()
    assert len(await house.acks()) == 1
