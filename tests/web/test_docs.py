"""/docs is enough to write against: every route, record and event is there, and its programs run."""

import asyncio
import re
import shlex
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from standardwebhooks.webhooks import Webhook

from commsd.crm.api import OPERATIONS
from commsd.crm.keys import SCOPES
from commsd.crm.request import Operation
from commsd.crm.schema.catalogue import event_types
from commsd.crm.schema.form import NEEDED
from commsd.web.docs import HOUSE, MEANING, snippet, values
from tests.crm.serving import place, rang, wrote
from tests.world import ScriptedWorld

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


async def test_the_page_holds_every_route_event_and_scope_and_loads_nothing_from_outside(
    sqlite_url: str, scripted_world: ScriptedWorld
) -> None:
    async with place(sqlite_url, scripted_world.world) as here, httpx.AsyncClient(base_url=here.url) as browser:
        answer = await browser.get("/docs")
        sheets = re.findall(r'<link rel="stylesheet" href="([^"]+)"', answer.text)
        for sheet in sheets:
            assert (await browser.get(sheet)).headers["content-type"].startswith("text/css")
    assert answer.status_code == 200
    assert len(sheets) == 2
    for operation in OPERATIONS:
        assert f"{operation.method}</span> {operation.path}</code>" in answer.text, operation.path
    for name in (*event_types(), *SCOPES):
        assert f"<code>{name}</code>" in answer.text
    assert re.findall(r'(?:src|href)="(?:https?:)?//', answer.text) == []
    assert re.findall(r"<script|<style|style=| on[a-z]+=", answer.text) == []
    assert set(MEANING) == set(SCOPES)


async def test_every_link_of_the_page_leads_somewhere(sqlite_url: str, scripted_world: ScriptedWorld) -> None:
    async with place(sqlite_url, scripted_world.world) as here, httpx.AsyncClient(base_url=here.url) as browser:
        text = (await browser.get("/docs")).text
    anchors, wanted = re.findall(r'id="([^"]+)"', text), re.findall(r'href="#([^"]+)"', text)
    assert set(wanted) <= set(anchors)
    assert len(set(anchors)) == len(anchors)


async def test_the_columns_the_page_names_are_those_of_the_table(
    sqlite_url: str, scripted_world: ScriptedWorld
) -> None:
    async with place(sqlite_url, scripted_world.world) as here, await here.client() as crm:
        answer = await crm.get("/v1/interactions/snapshot", headers={"Accept": "text/csv"})
    assert answer.text.splitlines()[0].split(",") == list(values()["columns"])


def test_every_route_says_what_it_answers_and_how_to_ask() -> None:
    for _, sections in values()["groups"]:
        for each in sections:
            assert each["request"].startswith("curl "), each["operation"].path
            assert "{" not in each["request"].splitlines()[0]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: f"{each.method} {each.path}")
async def test_every_request_of_the_page_is_one_the_api_takes(
    operation: Operation, sqlite_url: str, scripted_world: ScriptedWorld
) -> None:
    """Typed as it stands: the sample's id is nobody's, but nothing is missing."""
    request = next(
        each["request"] for _, sections in values()["groups"] for each in sections if each["operation"] is operation
    )
    words = shlex.split(request)
    sent = words[words.index("--json") + 1] if "--json" in words else None
    needed = NEEDED.get(f"{operation.method} {operation.path}", ())
    assert set(needed) <= set(orjson.loads(sent or "{}"))
    async with place(sqlite_url, scripted_world.world) as here, await here.client() as crm:
        path = next(word for word in words if word.startswith(HOUSE)).removeprefix(HOUSE)
        headers = {"Content-Type": "application/json"} if sent else {}
        answer = await crm.request(operation.method, path, content=sent, headers=headers)
    assert answer.status_code not in (400, 405, 415, 422), answer.text


async def test_log8_the_consumer_of_the_page_takes_each_event_once_and_goes_on_after_a_restart(
    sqlite_url: str, scripted_world: ScriptedWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with place(sqlite_url, scripted_world.world) as here:
        key = await here.keys.add("crm", ["events:read"])
        for number, act in enumerate((wrote, rang)):
            await act(here)
            await here.numbered()
            if number:
                await asyncio.to_thread(_followed, here.url, key)
            await asyncio.to_thread(_followed, here.url, key)
        async with await here.client("events:read") as crm:
            truth = (await crm.get("/v1/interactions")).json()["data"]
    db = sqlite3.connect(tmp_path / "copy.db")
    have = set(db.execute("SELECT id, revision, outcome FROM interaction"))
    assert have == {(each["id"], each["revision"], each["outcome"]) for each in truth}
    assert len(have) == 2
    db.close()


def _followed(url: str, key: str) -> None:
    """One life of the consumer that reads once."""
    program: dict[str, Any] = {"URL": url, "KEY": key}
    exec(snippet("follow").replace('"wait": 20', '"wait": 0'), program)
    program["follow"]()
    program["crm"].close()
    program["db"].close()


@pytest.mark.parametrize("body", [b'{"type":"commsd.clock.breached.v1"}', "ä €".encode()])
def test_whk1_the_verifier_of_the_page_believes_what_is_signed_and_nothing_else(body: bytes) -> None:
    program: dict[str, Any] = {}
    exec(snippet("verify"), program)
    verified, now = program["verified"], program["time"].time()
    headers = _signed(body, now)
    assert verified(SECRET, headers, body)
    assert verified(SECRET, {**headers, "webhook-signature": f"v1,bm8= {headers['webhook-signature']}"}, body)
    assert not verified(SECRET, headers, body + b" ")
    assert not verified(SECRET, _signed(body, now - 600), body)
    assert not verified("whsec_" + "A" * 32, headers, body)
    assert not verified(SECRET, {**headers, "webhook-id": "another"}, body)


def _signed(body: bytes, at: float) -> dict[str, str]:
    """As the library of Standard Webhooks signs."""
    moment = datetime.fromtimestamp(int(at), UTC)
    signature = Webhook(SECRET).sign("event-1", moment, body.decode())
    return {"webhook-id": "event-1", "webhook-timestamp": str(int(at)), "webhook-signature": signature}
