"""Only what Twilio signed comes in: its vectors through a real HTTP server, and what else may be sent to us."""

import asyncio
import hmac
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import pytest
import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from commsd.channels.phone import guard
from commsd.channels.phone.guard import BODY, Guard, guard_of
from commsd.channels.phone.line import Twilio
from commsd.channels.phone.signature import genuine, public_url
from commsd.config.secret import SecretSource
from tests.channels.phone.listener import listening
from tests.world import ScriptedWorld

FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
FIELDS = [("CallSid", "CA1234567890ABCDE"), ("Digits", "1234"), ("From", "+14158675309"), ("To", "+18005551212")]


@asynccontextmanager
async def guarded(base: str, tokens: Sequence[str], **more: Any) -> AsyncIterator[str]:
    """A server that says what it let in."""
    async with _behind(Guard(base=base, tokens=lambda: tokens, elapsed=lambda: 0.0, **more)) as url:
        yield url


@asynccontextmanager
async def _behind(known: Guard) -> AsyncIterator[str]:
    async def take(request: Request) -> Response:
        admitted = await known.admit(request)
        return admitted if isinstance(admitted, Response) else JSONResponse(dict(admitted.fields))

    async with listening([Route("/{rest:path}", take, methods=["GET", "POST"])]) as url:
        yield url


async def sent(to: str, url: str, **request: Any) -> httpx.Response:
    """A request whose target is this URL's path and query, byte for byte as httpx leaves them."""
    target = urlsplit(url)
    async with httpx.AsyncClient(timeout=5) as client:
        return await client.request(
            request.pop("method", "POST"), f"{to}{target.path}?{target.query}".rstrip("?"), **request
        )


def vectors(shared: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((shared / "twilio/signature/vectors.json").read_text())
    assert len(found) == 25
    return found


async def test_g1_every_vector_of_twilio_holds_through_a_real_server(shared: Path) -> None:
    for vector in vectors(shared):
        tokens = vector["auth_token"] if isinstance(vector["auth_token"], list) else [vector["auth_token"]]
        base = "{0.scheme}://{0.netloc}".format(urlsplit(vector["url"]))
        headers: dict[str, Any] = {**FORM, "Host": "evil.example.net", "X-Forwarded-Host": "evil.example.net"}
        if vector["signature"] is not None:
            headers["X-Twilio-Signature"] = vector["signature"].encode("utf-8")
        if vector["algorithm"] != "HMAC_SHA1":
            headers["X-Twilio-Webhooks-Signature-Settings"] = f"key=k1,algorithm={vector['algorithm']}"
        body = (
            vector["body"]
            if vector["params"] is None
            else urlencode([(name, value) for name, value in vector["params"]])
        )
        if vector["params"] is None:
            headers["Content-Type"] = "application/json"
        if vector["name"].startswith("GET"):
            headers.pop("Content-Type")
        keys = {"k1": tokens[0]}
        async with guarded(base, tokens, shared_keys=keys.copy) as to:
            method = "GET" if vector["name"].startswith("GET") else "POST"
            answer = await sent(to, vector["url"], method=method, content=body.encode(), headers=headers)
        assert answer.status_code == _wanted(vector), vector["name"]
        assert answer.status_code == 200 or answer.content == b""


def _wanted(vector: dict[str, Any]) -> int:
    if vector["params"] is None:
        return 415  # no route of ours takes JSON, signed or not: telephony.md G7
    if vector["name"] == "same, validated with the fragment still on":
        return 200  # a fragment never leaves the client, and we cut one off before validating: G9
    return 200 if vector["valid"] else 403


@pytest.mark.parametrize(
    "url",
    [
        "https://[::1]:8443/voice",
        "https://[::1]/voice",
        "https://user:pass@calls.example.com:8443/voice",
        "http://calls.example.com/voice?",
        "https://calls.example.com/voice?x=%20a%2Bb&y=",
    ],
)
def test_g4_urls_that_the_library_would_cut_short_are_checked_whole(url: str) -> None:
    signature = _signature(url, dict(FIELDS))
    assert genuine(url, FIELDS, signature, ["12345"])
    assert not genuine(url.replace("/voice", "/status"), FIELDS, signature, ["12345"])


def _signature(url: str, fields: dict[str, str], token: str = "12345") -> str:
    """By the book: docs/usage/security, the full URL and then each field's name and value, sorted."""
    text = url + "".join(name + fields[name] for name in sorted(fields))
    return b64encode(hmac.digest(token.encode(), text.encode(), "sha1")).decode()


def test_g2_the_public_url_keeps_path_and_query_as_they_came() -> None:
    assert public_url("https://c.example.com/", b"/a%2Fb", b"x=%20a+b") == "https://c.example.com/a%2Fb?x=%20a+b"


@pytest.mark.parametrize("header", [None, "", "x", "é" * 28, "=" * 28])
def test_g4_a_missing_or_garbage_signature_is_no_signature(header: str | None) -> None:
    assert not genuine("https://ex.com/voice", FIELDS, header, ["12345"])


def test_without_a_token_nothing_is_genuine() -> None:
    assert not genuine("https://ex.com/voice", FIELDS, _signature("https://ex.com/voice", dict(FIELDS), ""), [])


@pytest.mark.parametrize(
    "settings",
    [
        "key=other,algorithm=HMAC_SHA256",
        "algorithm=HMAC_SHA256",
        "key=k1",
        "key=k1,algorithm=MD5",
        "key=k1,algorithm=HMAC_SHA1",
        "=,=,,",
    ],
)
def test_g6_a_shared_key_that_we_do_not_have_or_know_is_refused(settings: str) -> None:
    url = "https://ex.com/voice"
    signature = _signature(url, dict(FIELDS))
    assert not genuine(url, FIELDS, signature, ["12345"], settings_header=settings, shared_keys={"k1": "12345"})


async def test_fraud_forged_webhooks_too_long_too_many_and_not_text_are_refused_empty() -> None:
    url = "https://calls.example.com/twilio/voice"
    cases = {
        413: b"x=" + b"a" * BODY,
        403: "&".join(f"f{n}=1" for n in range(201)).encode(),
    }
    async with guarded("https://calls.example.com", ["12345"]) as to:
        for status, body in cases.items():
            answer = await sent(to, url, content=body, headers=FORM)
            assert (answer.status_code, answer.content) == (status, b"")
        answer = await sent(to, url, content=b"a=\xff\xfe", headers=FORM)
        assert answer.status_code == 403


async def test_g8_another_account_is_refused_although_signed() -> None:
    fields = {"AccountSid": "AC2", "CallSid": "CA1"}
    headers = {**FORM, "X-Twilio-Signature": _signature("https://ex.com/voice", fields)}
    async with guarded("https://ex.com", ["12345"], account_sid="AC1") as to:
        answer = await sent(to, "https://ex.com/voice", content=urlencode(fields), headers=headers)
    assert answer.status_code == 403


async def test_g5_a_rotated_token_is_seen_without_a_restart() -> None:
    fields = {"AccountSid": "AC1"}
    headers = {**FORM, "X-Twilio-Signature": _signature("https://ex.com/voice", fields, "new")}
    tokens = ["old"]
    async with guarded("https://ex.com", tokens) as to:
        refused = await sent(to, "https://ex.com/voice", content=urlencode(fields), headers=headers)
        tokens.append("new")
        taken = await sent(to, "https://ex.com/voice", content=urlencode(fields), headers=headers)
    assert (refused.status_code, taken.status_code) == (403, 200)


@pytest.mark.parametrize("spoofed", ["X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded", "Host", "X-Original-URL"])
async def test_g2_no_header_says_what_our_address_is(spoofed: str) -> None:
    """Signed for another address, or over http, and a header that claims we were asked there."""
    fields = {"AccountSid": "AC1"}
    headers = {
        **FORM,
        "X-Twilio-Signature": _signature("http://evil.example.net/voice", fields),
        spoofed: "http" if spoofed.endswith("Proto") else "evil.example.net",
    }
    async with guarded("https://ex.com", ["12345"]) as to:
        answer = await sent(to, "https://ex.com/voice", content=urlencode(fields), headers=headers)
        assert (answer.status_code, answer.content) == (403, b"")
        headers["X-Twilio-Signature"] = _signature("https://ex.com/voice", fields)
        assert (await sent(to, "https://ex.com/voice", content=urlencode(fields), headers=headers)).status_code == 200


async def test_g3_empty_fields_and_outer_white_space_are_kept_as_they_were_signed() -> None:
    fields = {
        "AccountSid": "AC1",
        "ToZip": "",
        "CalledZip": "",
        "Body": "  hello  \n",
        "ProfileName": "J\u00f6rg \u260e ",
    }
    headers = {**FORM, "X-Twilio-Signature": _signature("https://ex.com/voice", fields)}
    async with guarded("https://ex.com", ["12345"]) as to:
        answer = await sent(to, "https://ex.com/voice", content=urlencode(fields), headers=headers)
    assert answer.json() == fields


@pytest.mark.parametrize("url", ["https://ex.com/voice#rc=3", "https://ex.com/voice?a=1#rc=2&rp=ct,rt,5xx"])
def test_g9_a_fragment_is_not_signed(url: str) -> None:
    assert genuine(url, FIELDS, _signature(url.partition("#")[0], dict(FIELDS)), ["12345"])
    assert not genuine(url, FIELDS, _signature(url, dict(FIELDS)), ["12345"])


def _shared(url: str, fields: dict[str, str], secret: str) -> dict[str, str]:
    text = url + "".join(name + fields[name] for name in sorted(fields))
    signature = b64encode(hmac.digest(secret.encode(), text.encode(), "sha256")).decode()
    settings = "key=webhooks_sharedkey_1, algorithm=hmac_sha256"
    return {"X-Twilio-Signature": signature, "X-Twilio-Webhooks-Signature-Settings": settings}


def _account(folder: Path, **more: Any) -> Twilio:
    for name in ("old", "new", "shared"):
        (folder / name).write_text(f"{name}-secret")
    tokens = (SecretSource("file", str(folder / "old")), SecretSource("file", str(folder / "new")))
    shared = {"webhooks_sharedkey_1": SecretSource("file", str(folder / "shared"))}
    return Twilio(account_sid="AC1", auth_tokens=tokens, public_url="https://ex.com", shared_keys=shared, **more)


async def _status(known: Guard, headers: dict[str, str], fields: dict[str, str]) -> int:
    async with _behind(known) as to:
        return (await sent(to, "https://ex.com/voice", content=urlencode(fields), headers=FORM | headers)).status_code


async def test_g6_a_shared_key_signs_and_can_be_made_the_only_thing_that_does(tmp_path: Path) -> None:
    fields = {"AccountSid": "AC1", "CallSid": "CA1"}
    by_token = {"X-Twilio-Signature": _signature("https://ex.com/voice", fields, "old-secret")}
    by_key = _shared("https://ex.com/voice", fields, "shared-secret")
    by_wrong_key = _shared("https://ex.com/voice", fields, "old-secret")
    both, only = (guard_of(_account(tmp_path, **more), lambda: 0.0) for more in ({}, {"require_shared_key": True}))
    assert [await _status(both, each, fields) for each in (by_token, by_key, by_wrong_key)] == [200, 200, 403]
    assert [await _status(only, each, fields) for each in (by_token, by_key, by_wrong_key)] == [403, 200, 403]


async def test_g5_a_secret_that_was_taken_away_lets_nobody_in_a_second_later(scripted_world: ScriptedWorld) -> None:
    fields = {"AccountSid": "AC1"}
    signed, tokens = {"X-Twilio-Signature": _signature("https://ex.com/voice", fields, "old")}, ["old", "new"]
    known = Guard(base="https://ex.com", tokens=lambda: tuple(tokens), elapsed=scripted_world.world.elapsed)
    assert await _status(known, signed, fields) == 200
    tokens.remove("old")
    scripted_world.advance(timedelta(seconds=guard.KNOWN_FOR))
    assert await _status(known, signed, fields) == 403


async def test_g5_while_one_secret_cannot_be_read_the_other_still_lets_twilio_in(
    tmp_path: Path, scripted_world: ScriptedWorld
) -> None:
    fields = {"AccountSid": "AC1", "CallSid": "CA1"}
    signed = {"X-Twilio-Signature": _signature("https://ex.com/voice", fields, "new-secret")}
    known = guard_of(_account(tmp_path), scripted_world.world.elapsed)
    (tmp_path / "old").unlink()
    with structlog.testing.capture_logs() as logs:
        assert await _status(known, signed, fields) == 200
    assert [line["event"] for line in logs] == ["webhook.secret_missing"]
    (tmp_path / "new").unlink()
    scripted_world.advance(timedelta(seconds=guard.KNOWN_FOR))
    assert await _status(known, signed, fields) == 403


async def test_fraud_forged_webhooks_a_body_that_never_ends_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.05)
    async with guarded("https://ex.com", ["12345"]) as to, asyncio.timeout(5):
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(to).port)
        writer.write(b"POST /voice HTTP/1.1\r\nHost: ex.com\r\nContent-Length: 100\r\n\r\nCallSid=CA1&")
        assert b" 408 " in await reader.readline()
        writer.close()
