"""Attainment over HTTP, on both stores."""

from datetime import timedelta

from openapi_spec_validator import validate

from commsd.core.answer_level import Goal
from commsd.core.interaction import Outcome
from commsd.core.record import instant
from commsd.crm.api import openapi
from tests.crm.serving import Place, rang, wrote
from tests.world import ScriptedWorld

ROUTE = "/v1/reports/attainment"


async def test_attainment_of_a_window_is_told_with_its_n(here: Place, scripted_world: ScriptedWorld) -> None:
    await wrote(here)
    await rang(here)
    scripted_world.advance(timedelta(days=1))
    async with await here.client("events:read") as crm:
        answer = (await crm.get(ROUTE)).json()
        one = (await crm.get(ROUTE, params={"by": "channel"})).json()
        window = {"from": instant(here.world.now() - timedelta(days=9)), "to": instant(here.world.now())}
        same = (await crm.get(ROUTE, params=window)).json()
        none = (await crm.get(ROUTE, params={"from": instant(here.world.now() - timedelta(hours=1))})).json()
    late = {row["clock"]: (row["n"], row["breached"], row["attainment"]) for row in answer["total"]}
    assert late == {"ack": (1, 1, 0.0), "callback": (1, 1, 0.0), "first_response": (1, 1, 0.0)}
    assert list(answer["by"]) == ["policy", "channel", "team", "agent", "tier", "hour"]
    assert [row["channel"] for row in one["by"]["channel"]] == ["email", "phone", "email"]
    assert same["total"] == answer["total"]
    assert none["clocks"] == 0


async def test_nobody_personal_is_in_it(here: Place) -> None:
    await wrote(here, address="jane@example.org", subject="A private matter")
    async with await here.client("events:read") as crm:
        text = (await crm.get(ROUTE)).text
    assert "jane" not in text
    assert "private" not in text


async def test_what_cannot_be_asked_is_refused_in_words(here: Place) -> None:
    async with await here.client("events:read") as crm:
        for query, said in (
            ("from=2026-05-02T00:00:00Z&to=2026-05-01T00:00:00Z", "the window has no clocks in it"),
            ("from=2020-05-02T00:00:00Z&to=2026-05-01T00:00:00Z", "longer than 400 days"),
            ("by=mood", "write one of policy"),
            ("since=yesterday", "from, to, by"),
            ("from=yesterday", "write a time"),
        ):
            answer = await crm.get(f"{ROUTE}?{query}")
            assert answer.status_code == 400, query
            assert said in answer.text, answer.text
    async with await here.client("callbacks:write") as crm:
        assert (await crm.get(ROUTE)).status_code == 403


def test_the_description_knows_the_route() -> None:
    described = openapi()
    validate(described)
    assert described["paths"][ROUTE]["get"]["operationId"] == "get_reports_attainment"


async def test_the_answer_level_of_a_line_that_aims_at_one_is_told(here: Place, scripted_world: ScriptedWorld) -> None:
    here.goals["hotline"] = Goal(0.8, timedelta(seconds=20))
    await rang(here)
    await rang(here, "+493023125098", "CA2", outcome=Outcome.REACHED, ring=timedelta(seconds=5))
    await rang(here, "+493023125097", "CA3", outcome=Outcome.REACHED, ring=timedelta(seconds=25))
    scripted_world.advance(timedelta(minutes=1))
    async with await here.client("events:read") as crm:
        (level,) = (await crm.get(ROUTE)).json()["answer_level"]
        before = {"to": instant(here.world.now() - timedelta(hours=1))}
        (earlier,) = (await crm.get(ROUTE, params=before)).json()["answer_level"]
    assert level == {
        "line": "hotline",
        "aim": 0.8,
        "within_ms": 20_000,
        "reached": 1 / 3,
        "in_time": 1,
        "late": 1,
        "missed": 1,
        "gone_at_once": 0,
    }
    assert (earlier["reached"], earlier["in_time"]) == (None, 0)
