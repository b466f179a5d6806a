"""What people do with webhooks, and what is refused."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from commsd.crm.fault import ActedBefore, NoScope
from commsd.crm.keys import Caller
from commsd.crm.webhook.actions import (
    MOST_TYPES,
    Made,
    Webhooks,
    answer_of,
    answer_word,
    as_record,
    missed_of,
    missed_word,
    post_record,
)
from commsd.egress.answer import Answer
from commsd.egress.target import Exits, UnsafeTarget
from commsd.errors import NotFound, Refused
from commsd.store import feed, requests
from commsd.store import webhooks as rows
from commsd.store.engine import open_engine
from commsd.store.log import Log
from commsd.store.missed_events import missed_events
from commsd.world import real_world
from tests.crm.webhook.desk import ONLY, Desk, said
from tests.fakes.receiver import Receiver

PUBLIC = "https://8.8.8.8/hook/secret-4711"
ADMIN = Caller(name="ops", scopes=frozenset({"admin"}))
READER = Caller(name="crm", scopes=frozenset({"events:read"}))


async def test_a_webhook_is_shown_without_its_secret(desk: Desk) -> None:
    made = await desk.hooks.add("crm", PUBLIC, ["callback.*"], ordered=True)
    ((webhook, owed),) = await desk.hooks.all()
    record = as_record(webhook, owed)
    assert made.secret.startswith("whsec_")
    assert made.secret not in str(record) + repr(webhook) + repr(made)
    assert (record["state"], record["payload"], record["types"], record["pending"]) == (
        "active",
        "thin",
        ["callback.*"],
        0,
    )
    assert (await desk.hooks.one("crm")).id == (await desk.hooks.one(webhook.id)).id == webhook.id


@pytest.mark.parametrize("name", ["", "  ", "n" * 49, "a\nb"])
async def test_a_name_must_be_one(desk: Desk, name: str) -> None:
    with pytest.raises(Refused, match="name"):
        await desk.hooks.add(name, PUBLIC)


@pytest.mark.parametrize("types", [["nothing.*"], ["interaction"], ["interaction."], ["x*"], [""], ["case.*; drop"]])
async def test_types_that_never_come_are_refused(desk: Desk, types: list[str]) -> None:
    with pytest.raises(Refused, match="types"):
        await desk.hooks.add("crm", PUBLIC, types)


async def test_too_many_types_are_refused(desk: Desk) -> None:
    with pytest.raises(Refused, match="too many"):
        await desk.hooks.add("crm", PUBLIC, [f"case.a{'a' * number}" for number in range(MOST_TYPES + 1)])


async def test_types_are_understood_as_the_feed_understands_them(desk: Desk) -> None:
    made = await desk.hooks.add("crm", PUBLIC, ["commsd.case.opened.v1", "clock.*", "*"])
    assert made.webhook.types == ("case.opened", "clock.*", "*")


async def test_a_name_is_given_once(desk: Desk) -> None:
    await desk.hooks.add("crm", PUBLIC)
    with pytest.raises(Refused, match="already"):
        await desk.hooks.add("crm", PUBLIC)


@pytest.mark.parametrize("url", ["http://8.8.8.8/", "https://127.0.0.1/", "https://localhost/", "not a url"])
async def test_whk_6_an_evil_address_is_refused_when_it_is_added(desk: Desk, url: str) -> None:
    desk.exits = Exits()
    with pytest.raises(UnsafeTarget):
        await desk.hooks.add("crm", url)
    assert await desk.hooks.all() == ()


async def test_whk_4_who_may_not_see_personal_fields_may_not_have_them_posted(desk: Desk) -> None:
    with pytest.raises(NoScope):
        await desk.hooks.add("crm", PUBLIC, full=True, caller=READER)
    assert (await desk.hooks.add("crm", PUBLIC, full=True, caller=ADMIN)).webhook.payload == "full"


async def test_a_trial_is_posted_at_once_and_is_in_no_feed(desk: Desk, receiver: Receiver) -> None:
    await desk.hooks.add("crm", receiver.url())
    await desk.hooks.pause("crm")
    answer = await desk.hooks.test("crm")
    assert answer.taken
    assert said(receiver.heard[0].body)["type"] == "commsd.webhook.tested.v1"
    receiver.answers = [503]
    assert (await desk.hooks.test("crm")).said == "HTTP 503"
    assert await desk.posts() == ()


async def test_a_paused_webhook_gets_what_came_meanwhile_once_it_is_enabled(desk: Desk, receiver: Receiver) -> None:
    await desk.hooks.add("crm", receiver.url(), ONLY)
    assert (await desk.hooks.pause("crm")).reason == "paused"
    await desk.wrote()
    await desk.numbered()
    await desk.settled()
    assert receiver.heard == []
    assert b"commsd_webhook_endpoint_disabled 0.0" in desk.metrics.text()
    assert (await desk.hooks.enable("crm")).webhook.active
    await desk.settled()
    assert len(receiver.heard) == 1


async def missed(desk: Desk) -> tuple[int, int] | None:
    """What it would be told to have missed, were it enabled now."""
    webhook = await desk.hooks.one("crm")
    return await desk.log.read(lambda connection: missed_events(connection, webhook))


async def test_a_webhook_that_was_off_for_longer_than_the_feed_is_kept_says_what_it_will_never_get(
    desk: Desk, receiver: Receiver
) -> None:
    await desk.hooks.add("crm", receiver.url())
    await desk.wrote()
    await desk.numbered()
    assert await missed(desk) is None
    receiver.answers = [410]
    await desk.settled()
    first = (await desk.posts())[0].seq
    await desk.wrote("bo@example.org")
    await desk.numbered()
    later = desk.world.advance(timedelta(days=100))
    gone = await desk.log.writer.write(lambda connection: feed.drop_events(connection, later, 3))
    assert await missed(desk) == (first, first + gone - 1)
    everything = desk.head.last
    await desk.log.writer.write(lambda connection: feed.drop_events(connection, later, 1000))
    assert await missed(desk) == (first, everything)
    receiver.answers = [200]
    assert (await desk.hooks.enable("crm")).missed == (first, everything)
    await desk.wrote("cleo@example.org")
    await desk.numbered()
    before = len(receiver.heard)
    await desk.settled()
    assert len(receiver.heard) > before
    assert await missed(desk) is None


async def test_what_waits_for_a_removed_webhook_goes_with_it(desk: Desk, receiver: Receiver) -> None:
    receiver.answers = [500]
    await desk.hooks.add("crm", receiver.url(), ONLY)
    await desk.wrote()
    await desk.numbered()
    await desk.settled()
    await desk.hooks.remove("crm")
    assert not await desk.duty().once()
    with pytest.raises(NotFound):
        await desk.hooks.one("crm")
    assert await desk.log.read(lambda connection: rows.backlogs(connection, desk.world.now)) == {}


async def test_a_webhook_whose_secret_was_sealed_with_a_lost_key_gets_a_new_one(desk: Desk, receiver: Receiver) -> None:
    made = await desk.hooks.add("crm", receiver.url(), asymmetric=True)
    broken = made.webhook
    await desk.log.writer.write(lambda c: rows.seal(c, broken, b"of another key"))
    with pytest.raises(Refused, match="another key"):
        await desk.hooks.test("crm")
    assert (await desk.hooks.rotate("crm")).secret.startswith("whsec_")
    assert (await desk.hooks.test("crm")).taken


async def test_attempts_are_listed_page_by_page(desk: Desk, receiver: Receiver) -> None:
    receiver.answers = [500, 200]
    await desk.hooks.add("crm", receiver.url(), ONLY)
    for number in range(5):
        await desk.wrote(f"{number}@example.org")
    await desk.numbered()
    await desk.settled()
    first = await desk.hooks.deliveries("crm", limit=3)
    rest = await desk.hooks.deliveries("crm", limit=3, before=(first[-1].seq, first[-1].redelivery))
    assert [post.seq for post in (*first, *rest)] == sorted((post.seq for post in await desk.posts()), reverse=True)
    (failed,) = await desk.hooks.deliveries("crm", state="pending")
    record = post_record(failed)
    assert record["history"][0]["status"] == 500
    assert record["attempts"] == 1


async def test_a_redelivery_needs_a_range(desk: Desk, receiver: Receiver) -> None:
    await desk.hooks.add("crm", receiver.url())
    with pytest.raises(Refused, match="range"):
        await desk.hooks.redeliver("crm")
    assert await desk.hooks.redeliver("crm", since=real_world().now() + timedelta(days=1)) == 0


@pytest.fixture
async def nodes(desk: Desk, store_url: str) -> AsyncIterator[tuple[Webhooks, ...]]:
    """Two processes that carry out the same request, several times each, as far as the database can tell."""
    other = Log(open_engine(store_url), desk.world.world)
    other.start()
    await desk.log.writer.write(lambda c: requests.reserve(c, "key", "digest", desk.world.now))
    yield tuple(replace(desk.hooks, log=log, request="key:digest") for log in (desk.log, other) * 4)
    await other.close()


async def test_log_8_one_of_two_nodes_rotates_under_one_key_and_the_others_find_that_it_has(
    desk: Desk, nodes: tuple[Webhooks, ...]
) -> None:
    made = await desk.hooks.add("crm", PUBLIC)
    done = await asyncio.gather(*(each.rotate("crm") for each in nodes), return_exceptions=True)
    assert [type(each) for each in done].count(Made) == 1
    assert {each.came_to for each in done if isinstance(each, ActedBefore)} == {made.webhook.id}
    assert [type(each) for each in done].count(ActedBefore) == len(nodes) - 1


async def test_log_8_two_nodes_redeliver_a_range_once_under_one_key(desk: Desk, nodes: tuple[Webhooks, ...]) -> None:
    await desk.wrote()
    await desk.numbered()
    await desk.hooks.add("crm", PUBLIC)
    done = await asyncio.gather(*(each.redeliver("crm", first=1) for each in nodes), return_exceptions=True)
    (count,) = [each for each in done if isinstance(each, int)]
    assert {each.came_to for each in done if isinstance(each, ActedBefore)} == {str(count)}
    assert len(await desk.posts()) == count > 0


async def test_a_webhook_that_is_enabled_while_its_secret_is_rotated_is_enabled(desk: Desk) -> None:
    await desk.hooks.add("crm", PUBLIC)
    await desk.hooks.pause("crm")
    rotated, enabled = await asyncio.gather(desk.hooks.rotate("crm"), desk.hooks.enable("crm"))
    known = await desk.hooks.one("crm")
    assert (known.active, known.revision) == (True, 4)
    assert (enabled.webhook.active, known.sealed) == (True, rotated.webhook.sealed)


@pytest.mark.parametrize("missed", [None, (1, 1), (17, 2**63 - 1)])
def test_what_was_missed_is_noted_in_few_characters(missed: tuple[int, int] | None) -> None:
    assert len(missed_word(missed)) <= 36
    assert missed_of(missed_word(missed)) == missed


@pytest.mark.parametrize(
    "answer",
    [Answer(status=204, said="HTTP 204"), Answer(status=500, said="HTTP 500"), Answer(failure="unsafe", said="x")],
)
def test_what_a_trial_was_answered_is_noted_in_a_word(answer: Answer) -> None:
    again = answer_of(answer_word(answer))
    assert (again.taken, again.status, again.failure) == (answer.taken, answer.status, answer.failure)
