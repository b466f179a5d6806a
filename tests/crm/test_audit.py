"""What is written down of who came: refusals, changes of keys, and who saw what of people; ids and nothing more."""

import httpx
import orjson

from commsd.crm.audit import DENIED, KEY_ADDED, KEY_REVOKED, KEY_ROTATED, MOST_WAITING, READ, Audit
from commsd.store.audit import AuditRow, audited, drop_audited
from tests.crm.serving import Place, wrote
from tests.eventually import eventually
from tests.world import ScriptedWorld


async def told(here: Place, what: str | None = None) -> tuple[AuditRow, ...]:
    await here.audit.settled()
    return await here.log.read(lambda c: audited(c, limit=1000, what=what))


async def test_audit_a_read_of_personal_data_is_one_row_a_request_with_the_ids_shown(here: Place) -> None:
    change = await wrote(here, address="jane@example.org", subject="A private matter")
    await wrote(here, address="bob@example.org", subject="Another")
    async with await here.client("events:read", "events:read:pii") as crm:
        listed = (await crm.get("/v1/interactions")).json()["data"]
        await crm.get(f"/v1/interactions/{change.interactions[0].id}")
    first, second = await told(here, READ)
    assert (first.caller, first.route, first.scope) == ("key:key 0", "GET /v1/interactions", "events:read")
    assert set(first.about) == {known["id"] for known in listed}
    assert second.about == (change.interactions[0].id,)
    assert first.outcome == "done"


async def test_audit_a_reader_without_the_scope_reads_nothing_personal_and_leaves_no_row(here: Place) -> None:
    await wrote(here)
    async with await here.client("events:read") as crm:
        assert (await crm.get("/v1/interactions")).status_code == 200
    assert await told(here, READ) == ()


async def test_audit_the_feed_with_personal_fields_is_told_as_a_span(here: Place) -> None:
    await wrote(here)
    await here.numbered()
    async with await here.client("events:read", "events:read:pii") as crm:
        count = len((await crm.get("/v1/events")).json()["data"])
        async with crm.stream("GET", "/v1/events", headers={"Accept": "text/event-stream"}):
            pass
    assert [row.about for row in await told(here, READ)] == [(f"events:1-{count}",), ("events:1-",)]


async def test_audit_every_refusal_is_told_with_route_and_scope_and_nothing_of_who_it_was(here: Place) -> None:
    async with await here.client("events:read") as crm, httpx.AsyncClient(base_url=here.url) as nobody:
        assert (await crm.get("/v1/audit")).status_code == 403
        assert (await nobody.get("/v1/cases")).status_code == 401
        assert (await nobody.get("/v1/cases", headers={"Authorization": "Bearer csd_x"})).status_code == 401
    assert [(row.caller, row.route, row.scope, row.outcome) for row in await told(here, DENIED)] == [
        ("key:key 0", "GET /v1/audit", "admin", "refused"),
        ("nobody", "GET /v1/cases", "events:read", "refused"),
        ("nobody", "GET /v1/cases", "events:read", "refused"),
    ]


async def test_audit_a_key_made_rotated_and_revoked_is_told_with_who_did_it(here: Place) -> None:
    await here.keys.add("crm", ["events:read"], by="cli:anna")
    await here.keys.rotate("crm", here.world.now().replace(year=2040), by="cli:anna")
    await here.keys.revoke("crm", by="cli:bo")
    rows = await told(here)
    assert [(row.what, row.caller) for row in rows] == [
        (KEY_ADDED, "cli:anna"),
        (KEY_ROTATED, "cli:anna"),
        (KEY_REVOKED, "cli:bo"),
    ]
    old, new = rows[1].about
    assert rows[0].about == (old,)
    assert set(rows[2].about) == {old, new}


async def test_audit_is_read_page_by_page_by_an_admin_alone(here: Place) -> None:
    for number in range(7):
        await here.audit.write(here.audit.row(DENIED, caller=f"key:{number % 2}", about=[str(number)]))
    async with await here.client("admin") as crm:
        pages, cursor = [], ""
        while True:
            page = (await crm.get("/v1/audit", params={"limit": 3, "after": cursor, "what": DENIED})).json()
            pages += page["data"]
            if not page["has_more"]:
                break
            cursor = page["next_cursor"]
        of_one = (await crm.get("/v1/audit", params={"caller": "key:1", "what": DENIED})).json()["data"]
    assert [row["about"] for row in pages] == [[str(number)] for number in range(7)]
    assert [row["about"] for row in of_one] == [["1"], ["3"], ["5"]]


async def test_audit_holds_no_personal_data_and_no_secret(here: Place) -> None:
    await wrote(here, address="jane@example.org", subject="A private matter", name="Jane Clarke")
    text = await here.keys.add("crm", ["admin"])
    async with httpx.AsyncClient(base_url=here.url, headers={"Authorization": f"Bearer {text}"}) as crm:
        await crm.get("/v1/interactions?contact=jane@example.org")
        await crm.get("/v1/interactions")
        await crm.get("/v1/cases/jane@example.org")
        answer = await crm.get("/v1/audit")
        wrong = await crm.get("/v1/cases", headers={"Authorization": "Bearer jane@example.org"})
    assert wrong.status_code == 401
    whole = orjson.dumps([str(row) for row in await told(here)]).decode() + answer.text
    for secret in ("jane", "Jane", "private", "127.0.0.1", text.split("_", 2)[2]):
        assert secret not in whole


async def test_audit_is_kept_for_its_time_and_then_let_go(here: Place, scripted_world: ScriptedWorld) -> None:
    await here.audit.write(here.audit.row(READ, caller="key:crm"))
    before = scripted_world.world.now()
    assert await here.log.writer.write(lambda c: drop_audited(c, before.replace(year=2020))) == 0
    assert await here.log.writer.write(lambda c: drop_audited(c, before)) == 1
    assert await told(here) == ()


async def test_audit_rows_that_wait_for_the_database_do_not_fill_the_memory(here: Place) -> None:
    stuck = Audit(here.log, here.world)
    for _ in range(MOST_WAITING + 50):
        stuck.note(stuck.row(DENIED, caller="nobody"))
    assert len(stuck._waiting) == MOST_WAITING
    assert stuck._dropped == 50
    for waiting in list(stuck._waiting):
        waiting.cancel()
    await eventually(lambda: not stuck._waiting)
