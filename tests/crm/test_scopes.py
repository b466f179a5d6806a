"""What a key may see, word for word: one file a scope, compared with what the routes answer.

To make a file anew, delete it: the test that misses it writes it, and fails once.
"""

import re
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.crm.serving import Place, rang, wrote

GOLDEN = Path(__file__).parent / "golden" / "scopes"
ROUTES = ("/v1/interactions", "/v1/cases", "/v1/callbacks?state=all", "/v1/clocks?state=all", "/v1/events?limit=1000")
SCOPES = {
    "events-read": ("events:read",),
    "events-read-pii": ("events:read", "events:read:pii"),
    "bodies-read": ("events:read", "bodies:read"),
}
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


async def seen(here: Place, *scopes: str) -> dict[str, Any]:
    """What each route answers, its ids by the order in which they come."""
    async with await here.client(*scopes) as client:
        found = {route: (await client.get(route)).json()["data"] for route in ROUTES}
        contact = next(each["contact_id"] for each in found["/v1/interactions"])
        found["/v1/contacts/{id}"] = (await client.get(f"/v1/contacts/{contact}")).json()
    ids: dict[str, str] = {}
    text = _ID.sub(
        lambda each: ids.setdefault(each[0], f"id-{len(ids) + 1}"),
        orjson.dumps(found, option=orjson.OPT_SORT_KEYS).decode(),
    )
    plain: dict[str, Any] = orjson.loads(text)
    return plain


@pytest.mark.parametrize("name", SCOPES)
async def test_prv_3_what_a_key_of_each_scope_sees_is_what_its_file_says(here: Place, name: str) -> None:
    await wrote(here, name="Jane Clarke", preview="Where is it?")
    await rang(here)
    await here.numbered()
    now = await seen(here, *SCOPES[name])
    file = GOLDEN / f"{name}.json"
    if not file.exists():
        GOLDEN.mkdir(exist_ok=True)
        file.write_bytes(orjson.dumps(now, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        pytest.fail(f"{file.name} was missing and is written: look at it, then run this again")
    assert now == orjson.loads(file.read_bytes())


def at(record: dict[str, Any], pointer: str) -> Any:
    """What a JSON Pointer names; RFC 6901 section 4. Raises KeyError for a field that is not there."""
    value: Any = record
    for step in pointer[1:].split("/"):
        value = value[step]
    return value


@pytest.mark.parametrize("name", ["events-read", "bodies-read"])
async def test_prv_3_without_the_scope_fields_are_null_and_named_never_dropped(here: Place, name: str) -> None:
    await wrote(here, name="Jane Clarke")
    await rang(here)
    await here.numbered()
    whole, hidden = await seen(here, *SCOPES["events-read-pii"]), await seen(here, *SCOPES[name])
    text = orjson.dumps(hidden).decode()
    assert "jane" not in text.lower()
    assert "493023125099" not in text
    for route in ROUTES:
        for open_one, closed in zip(whole[route], hidden[route], strict=True):
            bare, full = closed.get("data", closed), open_one.get("data", open_one)
            assert bare.keys() == full.keys()
            assert all(at(bare, pointer) is None for pointer in bare["privacy"]["redactions"])
            assert full["privacy"]["redactions"] == []


async def test_prv_3_an_original_needs_the_scope_of_bodies(here: Place) -> None:
    fact = (await wrote(here)).interactions[0]
    for scopes, status in ((("events:read", "events:read:pii"), 403), (("bodies:read",), 404)):
        async with await here.client(*scopes) as client:
            assert (await client.get(f"/v1/interactions/{fact.id}/raw")).status_code == status
