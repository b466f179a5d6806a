"""What Twilio tells of calls of ours while the store stands still, and what it says that cannot be read."""

import sqlite3

import pytest

from commsd.channels.phone.dial import webhooks
from commsd.demo.exchange import Webhook
from commsd.demo.exchange_post import WebhookFailed
from commsd.store import schema
from tests.channels.phone.conftest import Phone
from tests.channels.phone.hotline import ANNA, HOTLINE, PUBLIC
from tests.eventually import eventually

ATTEMPT = "00000000-0000-7000-8000-000000000001/00000000-0000-7000-8000-000000000002"


async def _signed(phone: Phone, step: str, **said: str) -> int | None:
    account = phone.exchange.office.account_sid
    fields = {"AccountSid": account, "CallSid": "CA9", "Direction": "outbound-api", "From": HOTLINE, "To": ANNA, **said}
    url = f"{PUBLIC}/twilio/dial/{ATTEMPT}/{step}"
    return (await phone.exchange.post.deliver(Webhook(kind="voice", url=url, fields=fields))).status


@pytest.mark.parametrize("step", ["status", "amd"])
async def test_w2_what_is_told_of_our_own_call_is_not_taken_as_kept_before_it_is(
    phone: Phone, sqlite_url: str, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    monkeypatch.setattr(webhooks, "ANSWER_WITHIN", 0.4)
    stalled = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    stalled.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(WebhookFailed):
            await _signed(phone, step, CallStatus="completed")
    finally:
        stalled.execute("ROLLBACK")
        stalled.close()
    assert phone.exchange.requests[-1].status == 503, "so that Twilio tells it again, should we die before the commit"

    async def durable() -> bool:
        return await phone.count(schema.journal) == 1

    await eventually(durable)


@pytest.mark.parametrize("step", ["status", "fallback"])
async def test_w7_an_error_url_that_is_none_loses_no_webhook(phone: Phone, step: str) -> None:
    said = {"CallStatus": "completed", "ErrorCode": "11200", "ErrorUrl": "https://[::1/agent"}
    assert await _signed(phone, step, **said) in (200, 204)
    assert await phone.count(schema.journal) == 1
