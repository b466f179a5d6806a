"""schemathesis reads our OpenAPI, asks what it allows and what it forbids, with every check it has: it finds nothing.

A few random requests a route here, for each scope; `python -m tests.bench.fuzz [EXAMPLES] [SCOPE…]` asks for
longer, and for each field at its limits.
"""

import asyncio

import pytest

from commsd.crm.keys import SCOPES
from commsd.crm.schema import answer
from tests.crm.fuzzing import findings
from tests.crm.serving import Place, place, rang, wrote
from tests.world import ScriptedWorld

FEW = 1


@pytest.mark.parametrize("scope", SCOPES)
async def test_evt3_a_key_of_each_scope_is_answered_as_described(
    scope: str, sqlite_url: str, scripted_world: ScriptedWorld
) -> None:
    async with place(sqlite_url, scripted_world.world) as here:
        found, asked = await _asked(here, scope)
    assert asked > 20
    assert found == []


async def test_the_judge_sees_an_answer_that_is_not_as_described(
    sqlite_url: str, scripted_world: ScriptedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = answer.Answer(forms={answer.JSON: {"type": "array"}})
    monkeypatch.setattr("commsd.crm.schema.openapi.ANSWERS", {**answer.ANSWERS, "GET /v1/schemas": wrong})
    async with place(sqlite_url, scripted_world.world) as here:
        found, _ = await _asked(here, "events:read")
    assert len(found) == 1
    assert "GET /v1/schemas: response_schema_conformance" in found[0]


async def _asked(here: Place, scope: str) -> tuple[list[str], int]:
    await wrote(here)
    await rang(here)
    await here.numbered()
    async with await here.client(scope) as crm:
        key = crm.headers["Authorization"]
    found, asked = await asyncio.to_thread(findings, here.url, key, examples=FEW, seed=6, limits=False)
    return [str(each) for each in found], asked
