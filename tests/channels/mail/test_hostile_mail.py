"""Mail made to hurt: whatever a stranger puts into a header, each mail is decided once and the next one too."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from commsd.core.clock import State
from commsd.core.interaction import Direction
from commsd.store import schema
from tests.channels.mail.test_folder_to_answer import House, house, letter

__all__ = ["house"]


async def test_a_sender_longer_than_any_address_is_recorded_and_the_next_mail_is_acknowledged(house: House) -> None:
    house.deliver(letter().replace(b"jane@example.org", b"j" * 400 + b"@example.org", 1))
    house.deliver(letter(subject="The next one"))
    await house.watch()
    await house.watch()
    assert len(await house.acks()) == 1
    assert len([fact for fact in await house.interactions() if fact.kind == "message"]) == 2


async def test_an_answer_by_somebody_with_a_very_long_name_is_recorded(house: House) -> None:
    house.deliver(letter())
    await house.watch()
    answer = letter(sender="x" * 120 + " <stranger@commsd.test>", subject="Re: Delivery", message_id="<a1@commsd.test>")
    answer = answer.replace(b"To: support@commsd.test", b"To: jane@example.org")
    answer = answer.replace(b"Date:", b"In-Reply-To: <Delivery.of.order.2041@example.org>\r\nDate:")
    house.deliver(answer, "Sent")
    await house.watch_sent()
    file = await house.case("jane@example.org")
    assert file.interactions[-1].direction is Direction.OUTBOUND


async def test_a_robots_mark_far_down_a_long_header_is_seen(house: House) -> None:
    many = b", ".join(b"reader%d@example.org" % n for n in range(4000))
    raw = letter(Precedence="bulk").replace(
        b"Precedence:", b"Cc: " + many.replace(b", ", b",\r\n ") + b"\r\nPrecedence:"
    )
    house.deliver(raw)
    await house.watch()
    assert await house.acks() == []
    (fact,) = await house.interactions()
    assert fact.reason == "no-ack:precedence"


async def test_a_person_named_far_down_a_long_header_is_acknowledged(house: House) -> None:
    many = b",\r\n ".join(b"reader%d@example.org" % n for n in range(4000))
    house.deliver(b"Cc: " + many + b"\r\n" + letter())
    await house.watch()
    (ack,) = await house.acks()
    assert ack["To"] == "jane@example.org"


async def test_an_answer_of_which_we_got_a_copy_first_stops_the_clock(house: House) -> None:
    house.deliver(letter())
    await house.watch()
    await house.acks()
    house.world.advance(timedelta(hours=1))
    answer = letter(sender="Anna Berg <anna@commsd.test>", subject="Re: Delivery", message_id="<a1@commsd.test>")
    answer = answer.replace(b"To: support@commsd.test", b"To: jane@example.org\r\nCc: support@commsd.test")
    answer = answer.replace(b"Date:", b"In-Reply-To: <Delivery.of.order.2041@example.org>\r\nDate:")
    from dataclasses import replace

    us = replace(house.desk.us, internal_domains=frozenset({"commsd.test"}))
    house.desk = replace(house.desk, us=us)
    house.deliver(answer)
    await house.watch()
    house.deliver(answer, "Sent")
    await house.watch_sent()
    file = await house.case("jane@example.org")
    print([(f.kind.value, f.direction.value, f.actor.value, f.reason) for f in file.interactions])
    print([(c.value.clock, c.value.state) for c in file.clocks])
    assert {record.value.state for record in file.clocks} == {State.MET}


async def test_a_customer_first_seen_in_observe_mode_gets_a_full_acknowledgement_later(house: House) -> None:
    from dataclasses import replace

    live = house.desk
    house.desk = replace(live, mailbox=replace(live.mailbox, observe=True))
    house.deliver(letter())
    await house.watch()
    house.desk = live
    house.deliver(letter(message_id="<second@example.org>"))
    await house.watch()
    (ack,) = await house.acks()
    print(ack.get_content())
    assert "14:00" in ack.get_content()
    assert "Anna Berg" in ack.get_content()


@pytest.mark.parametrize("when", ["0001-01-01", "1601-01-01", "1970-01-01"])
async def test_a_mail_from_the_distant_past_is_silent_and_harms_nobody(house: House, when: str) -> None:
    import time
    from datetime import datetime, UTC

    now = house.world.now
    house.world.now = datetime.fromisoformat(when).replace(tzinfo=UTC)
    try:
        house.deliver(letter())
    except Exception as e:
        pytest.skip(str(e))
    house.world.now = now
    house.deliver(letter(subject="The next one"))
    t = time.monotonic()
    await house.watch()
    print("took", time.monotonic() - t)
    assert len(await house.acks()) == 1
    print([(f.kind.value, f.reason, str(f.occurred_at)) for f in await house.interactions()])
