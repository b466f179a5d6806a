"""Webhooks under /v1: made, shown without their secret, tried, stopped, and asked for what was missed."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from commsd.store.audit import audited
from tests.crm.serving import Place, wrote
from tests.fakes.receiver import Receiver, receiving


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as served:
        yield served


async def test_a_webhook_is_made_with_its_secret_shown_once(here: Place, receiver: Receiver) -> None:
    async with await here.client("admin") as crm:
        body = {"name": "crm", "url": receiver.url(), "types": ["callback.*", "interaction.recorded"], "ordered": True}
        made = await crm.post("/v1/webhooks", json=body)
        shown = (await crm.get(f"/v1/webhooks/{made.json()['id']}")).json()
        listed = (await crm.get("/v1/webhooks")).json()["data"]
        again = await crm.post("/v1/webhooks", json=body)
    assert made.status_code == 201
    assert made.json()["secret"].startswith("whsec_")
    assert {**shown, "secret": made.json()["secret"]} == made.json()
    assert listed == [shown]
    assert (shown["payload"], shown["ordered"], shown["state"]) == ("thin", True, "active")
    assert made.json()["secret"] not in str(shown)
    assert again.status_code == 409


async def test_a_test_post_can_be_verified_with_the_secret_and_a_new_one_after_its_rotation(
    here: Place, receiver: Receiver
) -> None:
    async with await here.client("admin") as crm:
        made = (await crm.post("/v1/webhooks", json={"name": "crm", "url": receiver.url()})).json()
        assert (await crm.post("/v1/webhooks/crm/test")).json()["taken"] is True
        rotated = (await crm.post(f"/v1/webhooks/{made['id']}/rotate", json={})).json()
        receiver.answers[:] = [500]
        refused = (await crm.post("/v1/webhooks/crm/test")).json()
    first, second = receiver.heard
    assert rotated["secret"] != made["secret"]
    for heard, secret in ((first, made["secret"]), (second, made["secret"]), (second, rotated["secret"])):
        signature = {name: value for name, value in heard.headers.items() if name.startswith("webhook-")}
        assert signature["webhook-signature"].count("v1,") == (1 if heard is first else 2)
        assert secret.startswith("whsec_")
        _checked(secret, heard.body, signature)
    assert (refused["taken"], refused["status"]) == (False, 500)


def _checked(secret: str, body: bytes, headers: dict[str, str]) -> None:
    """One of the signatures is what the official library makes; how old it may be is told by its own clock."""
    at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), tz=UTC)
    assert Webhook(secret).sign(headers["webhook-id"], at, body.decode()) in headers["webhook-signature"].split(" ")


async def test_a_full_payload_needs_the_scope_of_whoever_asks_for_it(here: Place, receiver: Receiver) -> None:
    body = {"name": "crm", "url": receiver.url(), "payload": "full"}
    async with await here.client("admin") as admin, await here.client("events:read") as reader:
        assert (await reader.post("/v1/webhooks", json=body)).status_code == 403
        assert (await reader.get("/v1/webhooks")).status_code == 403
        made = await admin.post("/v1/webhooks", json=body)
    assert (made.status_code, made.json()["payload"]) == (201, "full")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "crm"},
        {"name": "crm", "url": "https://crm.example.com/", "payload": "thick"},
        {"name": "crm", "url": "https://crm.example.com/", "types": "callback.*"},
        {"name": "crm", "url": "https://crm.example.com/", "ordered": "yes"},
    ],
)
async def test_a_webhook_that_cannot_be_read_is_told_with_the_field(here: Place, body: dict[str, object]) -> None:
    async with await here.client("admin") as crm:
        answer = await crm.post("/v1/webhooks", json=body)
        assert (await crm.get("/v1/webhooks")).json()["data"] == []
    assert answer.status_code == 400
    assert answer.json()["errors"]


@pytest.mark.parametrize("url", ["http://10.0.0.1/", "https://169.254.169.254/", "https://[::1]/", "ftp://127.0.0.1/"])
async def test_whk_6_a_webhook_to_where_nothing_is_posted_cannot_be_made(here: Place, url: str) -> None:
    async with await here.client("admin") as crm:
        answer = await crm.post("/v1/webhooks", json={"name": "crm", "url": url})
        assert (await crm.get("/v1/webhooks")).json()["data"] == []
    assert 400 <= answer.status_code < 500


async def test_whk_3_a_range_is_posted_once_more_and_the_deliveries_are_listed_page_by_page(
    here: Place, receiver: Receiver
) -> None:
    async with await here.client("admin") as crm:
        made = (await crm.post("/v1/webhooks", json={"name": "crm", "url": receiver.url()})).json()
        await wrote(here)
        await here.numbered()
        events = (await crm.get("/v1/events")).json()["data"]
        assert (await crm.post("/v1/webhooks/crm/redeliver", json={})).status_code == 400
        assert (await crm.post("/v1/webhooks/crm/redeliver", json={"first": "x"})).status_code == 400
        nothing = (await crm.post("/v1/webhooks/crm/redeliver", json={"first": 1})).json()
        assert nothing == {"count": 0}, "what was not planned yet comes anyway"
        whole, cursor = [], ""
        while True:
            page = (await crm.get("/v1/webhooks/crm/deliveries", params={"limit": 2, "after": cursor})).json()
            whole += page["data"]
            if not page["has_more"]:
                break
            cursor = page["next_cursor"]
    assert events
    assert whole == []
    assert made["pending"] == 0


async def test_a_webhook_is_paused_enabled_and_removed_by_people_alone_and_each_is_audited(
    here: Place, receiver: Receiver
) -> None:
    async with await here.client("admin") as crm:
        made = (await crm.post("/v1/webhooks", json={"name": "crm", "url": receiver.url()})).json()
        paused = (await crm.post("/v1/webhooks/crm/pause")).json()
        enabled = (await crm.post("/v1/webhooks/crm/enable")).json()
        removed = await crm.delete(f"/v1/webhooks/{made['id']}")
        gone = await crm.get("/v1/webhooks/crm")
        for path in ("rotate", "test", "enable", "pause"):
            assert (await crm.post(f"/v1/webhooks/nobody/{path}")).status_code == 404
    assert (paused["state"], enabled["state"]) == ("disabled", "active")
    assert (removed.status_code, removed.content, gone.status_code) == (204, b"", 404)
    rows = await here.log.read(lambda c: audited(c, limit=100))
    told = [(row.what, row.about) for row in rows if row.what.startswith("webhook.")]
    assert told == [(f"webhook.{word}", (made["id"],)) for word in ("added", "paused", "enabled", "removed")]


async def test_log_8_a_webhook_asked_for_twice_at_once_under_one_key_is_made_once(here: Place) -> None:
    said = {"name": "crm", "url": "https://127.0.0.1/events"}
    async with await here.client() as crm:
        asked = [crm.post("/v1/webhooks", json=said, headers={"Idempotency-Key": "once"}) for _ in range(4)]
        answers = await asyncio.gather(*asked)
    assert sorted(each.status_code for each in answers) == [200, 200, 200, 201]
    assert len({each.json()["id"] for each in answers}) == 1
    assert [bool(each.json()["secret"]) for each in answers].count(True) == 1
