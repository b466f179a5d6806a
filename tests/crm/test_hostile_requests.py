"""Requests made to hurt: each is answered with what is wrong in it, and the next one is served as ever."""

from typing import Any

import pytest

from tests.crm.serving import Place, wrote

EARLY, LATE = "0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00"
READS = (
    "/v1/cases/%00",
    "/v1/interactions/%00",
    "/v1/interactions/%00/raw",
    "/v1/interactions?case=%00",
    "/v1/callbacks/a%00b",
    "/v1/events?types=%00",
    "/v1/events?after=%00",
    f"/v1/interactions?since={EARLY}",
    f"/v1/interactions?since={LATE}",
    f"/v1/clocks?due_before={EARLY}",
    f"/v1/clocks?due_before={LATE}",
    "/v1/interactions?limit=%EF%BC%95",
    "/v1/events?after=" + "A" * 3000,
)
JANE, CALLER = {"address": "jane@example.org"}, {"address": "+493023125099"}
TOUCHES: dict[str, dict[str, Any]] = {
    "nul in the subject": {"customer": JANE, "subject": "a\0b"},
    "nul in the name": {"customer": JANE | {"name": "a\0b"}},
    "nul in the address": {"customer": {"address": "a\0b@example.org"}},
    "nul in the case": {"case_id": "a\0b"},
    "nul in the line": {"channel": "phone", "customer": CALLER, "line": "a\0b", "outcome": "missed"},
    "nul in a tag": {"customer": JANE, "tags": ["a\0"]},
    "nul in the agent": {"customer": JANE, "agent": "a\0"},
    "nul in what others call it": {"customer": JANE, "external_ids": [{"system": "a\0", "id": "b"}]},
    "before the calendar": {"customer": JANE, "occurred_at": "0001-01-01T00:00:00+14:00"},
    "after the calendar": {"customer": JANE, "ended_at": LATE},
    "a promise after the calendar": {"customer": JANE, "promise": {"due_at": LATE}},
    "an address that grows": {"customer": {"address": "ß" * 300 + "@example.org"}},
    "a domain that grows": {"customer": {"address": "a@" + ".".join(["ü" * 50] * 6)}},
    "other kinds": {"customer": 5, "partial": "yes", "promise": [], "tags": {}, "external_ids": [1]},
}


@pytest.mark.parametrize("path", READS)
async def test_a_hostile_question_is_no_failure_of_ours(here: Place, path: str) -> None:
    await wrote(here)
    async with await here.client() as crm:
        assert (await crm.get(path)).status_code in (200, 400, 404)


@pytest.mark.parametrize("name", TOUCHES)
async def test_a_hostile_touch_is_refused_and_the_next_recorded(here: Place, name: str) -> None:
    async with await here.client() as crm:
        refused = await crm.post("/v1/interactions", json={"channel": "letter", **TOUCHES[name]})
        after = await crm.post(
            "/v1/interactions", json={"channel": "letter", "customer": {"address": "bob@example.org"}}
        )
        listed = (await crm.get("/v1/interactions")).json()["data"]
    assert refused.status_code == 400
    assert refused.json()["errors"]
    assert [known["id"] for known in listed] == [after.json()["id"]]
