"""Only what Twilio signed comes in: its vectors through a real HTTP server, and what else may be sent to us."""

import hmac
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from commsd.channels.phone.guard import BODY, Guard
from commsd.channels.phone.signature import genuine, public_url
from tests.channels.phone.listener import listening

FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
FIELDS = [("CallSid", "CA1234567890ABCDE"), ("Digits", "1234"), ("From", "+14158675309"), ("To", "+18005551212")]


@asynccontextmanager
async def guarded(base: str, tokens: Sequence[str], **more: Any) -> AsyncIterator[str]:
    """A server that says what it let in."""
    guard = Guard(base=base, tokens=lambda: tokens, **more)

    async def take(request: Request) -> Response:
        admitted = await guard.admit(request)
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


async def test_every_vector_of_twilio_holds_through_a_real_server(shared: Path) -> None:
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
        async with guarded(base, tokens, shared_keys={"k1": tokens[0]}) as to:
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
def test_urls_that_the_library_would_cut_short_are_checked_whole(url: str) -> None:
    signature = _signature(url, dict(FIELDS))
    assert genuine(url, FIELDS, signature, ["12345"])
    assert not genuine(url.replace("/voice", "/status"), FIELDS, signature, ["12345"])


def _signature(url: str, fields: dict[str, str], token: str = "12345") -> str:
    """By the book: docs/usage/security, the full URL and then each field's name and value, sorted."""
    text = url + "".join(name + fields[name] for name in sorted(fields))
    return b64encode(hmac.digest(token.encode(), text.encode(), "sha1")).decode()


def test_the_public_url_keeps_path_and_query_as_they_came() -> None:
    assert public_url("https://c.example.com/", b"/a%2Fb", b"x=%20a+b") == "https://c.example.com/a%2Fb?x=%20a+b"


@pytest.mark.parametrize("header", [None, "", "x", "é" * 28, "=" * 28])
def test_a_missing_or_garbage_signature_is_no_signature(header: str | None) -> None:
    assert not genuine("https://ex.com/voice", FIELDS, header, ["12345"])


def test_without_a_token_nothing_is_genuine() -> None:
    assert not genuine("https://ex.com/voice", FIELDS, _signature("https://ex.com/voice", dict(FIELDS), ""), [])


@pytest.mark.parametrize(
    "settings", ["key=other,algorithm=HMAC_SHA256", "algorithm=HMAC_SHA256", "key=k1", "key=k1,algorithm=MD5", "=,=,,"]
)
def test_a_shared_key_that_we_do_not_have_or_know_is_refused(settings: str) -> None:
    url = "https://ex.com/voice"
    signature = _signature(url, dict(FIELDS))
    assert not genuine(url, FIELDS, signature, ["12345"], settings_header=settings, shared_keys={"k1": "12345"})


async def test_too_long_too_many_and_not_text_are_refused_empty() -> None:
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


async def test_another_account_is_refused_although_signed() -> None:
    fields = {"AccountSid": "AC2", "CallSid": "CA1"}
    headers = {**FORM, "X-Twilio-Signature": _signature("https://ex.com/voice", fields)}
    async with guarded("https://ex.com", ["12345"], account_sid="AC1") as to:
        answer = await sent(to, "https://ex.com/voice", content=urlencode(fields), headers=headers)
    assert answer.status_code == 403


async def test_a_rotated_token_is_seen_without_a_restart() -> None:
    fields = {"AccountSid": "AC1"}
    headers = {**FORM, "X-Twilio-Signature": _signature("https://ex.com/voice", fields, "new")}
    tokens = ["old"]
    async with guarded("https://ex.com", tokens) as to:
        refused = await sent(to, "https://ex.com/voice", content=urlencode(fields), headers=headers)
        tokens.append("new")
        taken = await sent(to, "https://ex.com/voice", content=urlencode(fields), headers=headers)
    assert (refused.status_code, taken.status_code) == (403, 200)
