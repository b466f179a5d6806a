"""What happened reaches the webhooks that want it, against a real receiver on each store."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from sqlalchemy import select
from standardwebhooks import Webhook
from structlog.testing import capture_logs

from commsd.crm.webhook import duty as posting
from commsd.crm.webhook.retry import WAITS
from commsd.store import feed, schema
from commsd.store.claims import Claims
from commsd.store.log import Log
from commsd.world import real_world
from tests.crm.webhook.desk import HERE, ONLY, Desk, said
from tests.eventually import eventually
from tests.fakes.receiver import CUT, HANG, Receiver, receiving
from tests.world import ScriptedWorld

PERSONAL = ("jane@example.org", "Jane Doe", "Delivery", "message 1")


async def test_whk_4_what_happened_is_posted_once_thin_and_signed(desk: Desk, receiver: Receiver) -> None:
    desk.world.now = real_world().now()  # the library looks at the real clock
    made = await desk.hooks.add("crm", receiver.url(), ONLY)
    await desk.wrote()
    await desk.numbered()
    await desk.settled()
    (heard,) = receiver.heard
    told = Webhook(made.secret).verify(heard.body, heard.headers)
    (event,) = [each for each in await all_events(desk) if each["type"].endswith(".recorded.v1")]
    assert told["id"] == heard.headers["webhook-id"] == event["id"]
    assert told["sequence"] == event["sequence"]
    assert told["data"]["id"] == event["subject"]
    assert heard.headers["content-type"] == "application/cloudevents+json"
    assert not [text for text in PERSONAL if text in heard.body.decode()]
    (owed,) = await desk.posts()
    assert (owed.state, owed.attempts, owed.history[0]["status"]) == ("delivered", 1, 200)
    assert b'commsd_webhook_deliveries_total{result="delivered"} 1.0' in desk.metrics.text()


async def test_whk_4_a_full_post_has_the_personal_fields_that_are_still_kept(desk: Desk, receiver: Receiver) -> None:
    await desk.hooks.add("crm", receiver.url(), ONLY, full=True)
    await desk.wrote()
    await desk.numbered()
    receiver.answers = [500, 200]
    await desk.duty().once()
    await desk.log.writer.write(lambda connection: connection.execute(schema.personal.delete()))
    desk.world.advance(timedelta(seconds=6))
    await desk.settled()
    first, second = (each.body.decode() for each in receiver.heard)
    assert all(text in first for text in PERSONAL)
    assert not [text for text in PERSONAL if text in second]
    assert len(set(receiver.ids)) == 1


async def test_only_wanted_types_are_posted_and_only_from_when_it_was_added(desk: Desk, receiver: Receiver) -> None:
    await desk.wrote("before@example.org")
    await desk.numbered()
    await desk.hooks.add("crm", receiver.url(), ["case.*", "commsd.contact.created.v1"])
    await desk.wrote()
    await desk.numbered()
    await desk.settled()
    assert Counter(said(each.body)["type"] for each in receiver.heard) == {
        "commsd.case.opened.v1": 1,
        "commsd.contact.created.v1": 1,
    }


async def test_whk_2_a_dead_endpoint_is_tried_by_the_table_then_disabled_and_our_people_are_told(
    desk: Desk, receiver: Receiver
) -> None:
    receiver.answers = [500]
    await desk.hooks.add("crm", receiver.url(), ONLY)
    await desk.wrote()
    await desk.numbered()
    began, tried, duty = desk.world.now, [], desk.duty()
    with capture_logs() as logs:
        for _ in range(20):
            await duty.once()
            tried.append(desk.world.now - began)
            (owed,) = await desk.posts()
            if owed.state != "pending":
                break
            assert not await duty.once()
            desk.world.now = owed.due_at
        await duty.once()
    waits = [second - first for first, second in pairwise(tried)]
    assert waits == [wait * 1.05 for wait in WAITS[1:]]
    assert len(receiver.heard) == owed.attempts == len(owed.history) == 10
    assert len(set(receiver.ids)) == 1
    ((webhook, _),) = await desk.hooks.all()
    assert (webhook.state, webhook.reason) == ("disabled", "exhausted")
    assert b"commsd_webhook_endpoint_disabled 1.0" in desk.metrics.text()
    (notice,) = await desk.log.read(lambda c: c.execute(select(schema.deliveries)).all())
    assert b"commsd webhooks enable crm" in bytes(notice.payload)
    assert [each["event"] for each in logs] == ["endpoint.failing", "endpoint.disabled"]
    assert "secret-4711" not in str(logs)


async def test_whk_3_a_disabled_webhook_is_told_of_once_and_loses_nothing(desk: Desk, receiver: Receiver) -> None:
    receiver.answers = [410]
    await desk.hooks.add("crm", receiver.url(), ONLY)
    await desk.wrote()
    await desk.numbered()
    await desk.settled()
    for node in ("node/1", "node/2", "other/1"):  # after restarts, and on another node
        await desk.settled(desk.duty(node))
    ((webhook, _),) = await desk.hooks.all()
    assert (webhook.state, webhook.reason) == ("disabled", "gone")
    assert len(await desk.log.read(lambda c: c.execute(select(schema.deliveries)).all())) == 1
    await desk.wrote("later@example.org")
    await desk.numbered()
    await desk.settled()
    assert len(receiver.heard) == 1
    receiver.answers = [200]
    await desk.hooks.enable("crm")
    await desk.settled()
    assert [post.state for post in await desk.posts()] == ["delivered", "delivered"]
    assert Counter(receiver.ids).most_common(1)[0][1] == 2  # the one it had said it was gone for, once more


async def test_whk_3_what_it_was_disabled_for_is_posted_once_it_is_enabled_however_the_answers_crossed(
    desk: Desk, receiver: Receiver
) -> None:
    """Several posts are refused beside each other, and time goes by between each answer and the note of it."""
    receiver.answers = [410]
    await desk.hooks.add("crm", receiver.url(), ONLY)
    for number in range(4):
        await desk.wrote(f"{number}@example.org")
    await desk.numbered()
    duty = desk.duty()
    read, ticks = duty._world.now, iter(range(10_000))
    duty._world = replace(duty._world, now=lambda: read() + timedelta(milliseconds=next(ticks)))
    with capture_logs() as logs:
        await desk.settled(duty)
    assert [each["event"] for each in logs if each["event"].startswith("endpoint.")] == ["endpoint.disabled"]
    assert {post.state for post in await desk.posts()} == {"failed"}
    desk.world.advance(posting.KEPT + timedelta(days=1))  # nobody looked for a month
    await desk.settled(duty)
    receiver.answers = [200]
    await desk.hooks.enable("crm")
    await desk.settled(duty)
    assert [post.state for post in await desk.posts()] == ["delivered"] * 4


async def test_whk_3_events_of_a_range_are_posted_again_under_their_ids(desk: Desk, receiver: Receiver) -> None:
    await desk.hooks.add("crm", receiver.url(), ONLY)
    for name in ("a", "b", "c"):
        await desk.wrote(f"{name}@example.org")
        desk.world.advance(timedelta(hours=1))
    await desk.numbered()
    await desk.settled()
    first, second, third = (post.event_id for post in await desk.posts())
    seqs = [post.seq for post in await desk.posts()]
    assert await desk.hooks.redeliver("crm", first=seqs[1]) == 2
    assert await desk.hooks.redeliver("crm", first=seqs[1]) == 0  # they are owed already
    await desk.settled()
    assert Counter(receiver.ids) == {first: 1, second: 2, third: 2}
    began = desk.world.now - timedelta(hours=3)
    assert await desk.hooks.redeliver("crm", until=began + timedelta(minutes=30)) == 1
    await desk.settled()
    assert Counter(receiver.ids) == {first: 2, second: 2, third: 2}


async def test_whk_2_an_endpoint_that_asks_for_patience_gets_nothing_before(desk: Desk, receiver: Receiver) -> None:
    receiver.answers, receiver.more = [429], {"Retry-After": "600"}
    await desk.hooks.add("crm", receiver.url(), ONLY)
    for number in range(10):
        await desk.wrote(f"{number}@example.org")
    await desk.numbered()
    duty = desk.duty()
    await duty.once()
    heard = len(receiver.heard)
    assert heard <= posting.PER_ENDPOINT
    receiver.answers, receiver.more = [200], {}
    desk.world.advance(timedelta(seconds=599))
    assert not await duty.once()
    desk.world.advance(timedelta(seconds=2))
    await desk.settled(duty)
    assert len(set(receiver.ids)) == 10
    assert {post.state for post in await desk.posts()} == {"delivered"}


async def test_whk_5_with_order_one_post_of_a_key_is_under_way_and_others_go_on(desk: Desk, receiver: Receiver) -> None:
    receiver.answers = [500, 200]
    await desk.hooks.add("crm", receiver.url(), ONLY, ordered=True)
    for number in range(3):
        await desk.wrote("jane@example.org", f"Again {number}", in_reply_to=None)
    await desk.numbered()
    await one_key_for_all(desk)
    duty = desk.duty()
    await desk.settled(duty)
    assert len(receiver.heard) == 1  # the first failed: those behind it wait
    desk.world.advance(timedelta(seconds=6))
    await desk.settled(duty)
    numbers = [said(each.body)["sequence"] for each in receiver.heard]
    assert numbers == sorted(numbers)
    assert len(numbers) == 4
    assert receiver.most == 1


async def test_whk_5_without_order_posts_of_a_key_overtake_each_other(desk: Desk, receiver: Receiver) -> None:
    receiver.answers = [500, 200]
    await desk.hooks.add("crm", receiver.url(), ONLY)
    for number in range(3):
        await desk.wrote("jane@example.org", f"Again {number}")
    await desk.numbered()
    await one_key_for_all(desk)
    await desk.settled()
    assert len(receiver.heard) == 3
    assert Counter(post.state for post in await desk.posts()) == {"delivered": 2, "pending": 1}


async def test_log_12_an_endpoint_that_hangs_holds_up_neither_another_nor_the_feed(
    desk: Desk, receiver: Receiver
) -> None:
    async with receiving() as dead:
        dead.answers = [HANG]
        await desk.hooks.add("dead", dead.url(), ONLY)
        await desk.hooks.add("crm", receiver.url(), ONLY)
        running = asyncio.ensure_future(desk.duty().run())
        for number in range(30):
            await desk.wrote(f"{number}@example.org")
        await desk.numbered()
        await eventually(lambda: len(receiver.heard) == 30, within=20)
        assert dead.busy == dead.most == posting.PER_ENDPOINT
        running.cancel()
        await asyncio.wait({running}, timeout=20)
        assert running.cancelled()
    owed = await desk.posts("dead")
    assert {(post.state, post.attempts) for post in owed if post.attempts == 0} == {("pending", 0)}
    assert len(owed) == 30


async def test_log_12_endpoints_that_hang_leave_room_for_the_others_however_many_they_are(
    log: Log, scripted_world: ScriptedWorld, receiver: Receiver
) -> None:
    desk = Desk(log, scripted_world, exits=replace(HERE, timeout=timedelta(seconds=15)))
    async with receiving() as dead:
        dead.answers = [HANG]
        hanging = posting.AT_ONCE // posting.PER_ENDPOINT
        for number in range(hanging):
            await desk.hooks.add(f"dead {number}", dead.url(), ONLY)
        await desk.hooks.add("well", receiver.url(), ONLY)
        for number in range(30):
            await desk.wrote(f"{number}@example.org")
        await desk.numbered()
        running = asyncio.ensure_future(desk.duty().run())
        await eventually(lambda: len(receiver.heard) == 30, within=10)
        assert dead.busy >= hanging
        running.cancel()
        dead.gate.set()
        await asyncio.wait({running}, timeout=20)


async def test_log_12_after_four_dead_days_everything_is_posted_and_the_feed_was_never_trimmed(
    desk: Desk, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "MOST_PENDING", 5)
    receiver.answers = [500]
    await desk.hooks.add("crm", receiver.url(), ONLY)
    duty = desk.duty()
    for day in range(4):
        for number in range(5):
            await desk.wrote(f"{day}-{number}@example.org")
        await desk.numbered()
        await desk.settled(duty)
        desk.world.advance(timedelta(hours=24))
    assert len(await desk.posts()) == 5  # the rest waits in the feed, not in a table
    receiver.answers = [200]
    await desk.hooks.enable("crm")
    await desk.settled(duty)
    delivered = [post.event_id for post in await desk.posts() if post.state == "delivered"]
    wanted = [each["id"] for each in await all_events(desk) if each["type"].endswith("interaction.recorded.v1")]
    assert delivered == wanted
    assert len(wanted) == 20


async def test_a_crash_between_post_and_settle_doubles_under_one_id_and_loses_nothing(
    desk: Desk, receiver: Receiver
) -> None:
    receiver.answers = [HANG]
    await desk.hooks.add("crm", receiver.url(), ONLY)
    await desk.wrote()
    await desk.numbered()
    turn = asyncio.ensure_future(desk.duty("node/1").once())
    await eventually(lambda: receiver.heard)
    turn.cancel()  # as killed: nothing is settled, nothing given back
    await asyncio.wait({turn})
    receiver.answers = [200]
    for task in [task for task in asyncio.all_tasks() if task.get_name().startswith("crm.webhooks")]:
        task.cancel()
        await asyncio.wait({task})
    assert not await desk.duty("other/1").once()  # another node waits until the claim ends
    await Claims(desk.log, desk.world.world, "node/2").inherit()
    again = asyncio.ensure_future(desk.duty("node/2").run())  # the next life of the same node does not
    await eventually(lambda: len(receiver.heard) == 2)
    again.cancel()
    await asyncio.wait({again})
    assert len(set(receiver.ids)) == 1
    assert [post.state for post in await desk.posts()] == ["delivered"]


async def test_two_nodes_post_each_event_once(desk: Desk, receiver: Receiver) -> None:
    await desk.hooks.add("crm", receiver.url(), ONLY)
    for number in range(20):
        await desk.wrote(f"{number}@example.org")
    await desk.numbered()
    one, other = desk.duty("node/1"), desk.duty("other/1")
    while any(await asyncio.gather(one.once(), other.once())):
        pass
    assert sorted(Counter(receiver.ids).values()) == [1] * 20


@pytest.mark.parametrize("answer", [CUT, 301, 404])
async def test_what_was_not_taken_is_posted_again_and_its_attempts_are_shown(
    desk: Desk, receiver: Receiver, answer: int | str
) -> None:
    receiver.answers, receiver.more = [answer, 204], {"Location": "/elsewhere"}
    await desk.hooks.add("crm", receiver.url(), ONLY)
    await desk.wrote()
    await desk.numbered()
    await desk.settled()
    (owed,) = await desk.posts()
    assert (owed.state, owed.attempts, owed.due_at) == ("pending", 1, desk.world.now + timedelta(seconds=5.25))
    desk.world.advance(timedelta(seconds=6))
    await desk.settled()
    (owed,) = await desk.posts()
    assert owed.state == "delivered"
    assert [each["error"] is None for each in owed.history] == [False, True]
    assert {each.path for each in receiver.heard} == {"/hook/secret-4711"}


async def test_whk_1_while_a_secret_is_rotated_posts_verify_with_both(desk: Desk, receiver: Receiver) -> None:
    desk.world.now = real_world().now()
    old = await desk.hooks.add("crm", receiver.url(), ONLY)
    new = await desk.hooks.rotate("crm")
    await desk.wrote()
    await desk.numbered()
    await desk.settled()
    (heard,) = receiver.heard
    for made in (old, new):
        assert Webhook(made.secret).verify(heard.body, heard.headers)
    assert old.secret != new.secret


async def test_an_event_that_retention_let_go_is_dropped_and_holds_up_nothing(desk: Desk, receiver: Receiver) -> None:
    await desk.hooks.add("crm", receiver.url(), ONLY)
    await desk.wrote()
    await desk.numbered()
    receiver.answers = [500, 200]
    await desk.settled()
    await desk.log.writer.write(lambda connection: connection.execute(schema.feed.delete()))
    desk.world.advance(timedelta(minutes=1))
    await desk.settled()
    assert [post.state for post in await desk.posts()] == ["dropped"]
    assert len(receiver.heard) == 1


async def test_what_was_posted_long_ago_is_forgotten(desk: Desk, receiver: Receiver) -> None:
    await desk.hooks.add("crm", receiver.url(), ONLY)
    await desk.wrote()
    await desk.numbered()
    await desk.settled()
    desk.world.advance(posting.KEPT + timedelta(hours=1))
    await desk.settled()
    assert await desk.posts() == ()


async def test_a_running_duty_posts_soon_after_the_feed_moves(desk: Desk, receiver: Receiver) -> None:
    await desk.hooks.add("crm", receiver.url(), ONLY)
    running = asyncio.ensure_future(desk.duty().run())
    await desk.wrote()
    await desk.numbered()
    await eventually(lambda: receiver.heard, within=10)
    running.cancel()
    await asyncio.wait({running})
    assert [post.state for post in await desk.posts()] == ["delivered"]


async def all_events(desk: Desk) -> list[dict[str, str]]:
    """The feed, as its readers get it."""
    entries, _ = await desk.log.read(lambda connection: feed.page(connection, 0, 1000))
    return [said(entry.event.encode()) for entry in entries]


async def one_key_for_all(desk: Desk) -> None:
    table = schema.feed
    await desk.log.writer.write(lambda c: c.execute(table.update().values(partition_key="one")))
