"""Snapshot, then tail: everything there is and the cursor at which to go on."""

import asyncio
import csv
import io
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from commsd.core.change import Change
from commsd.crm import snapshot as route
from commsd.store import backup, feed
from tests.crm.serving import Place, place, rang, wrote
from tests.world import ScriptedWorld

PATH = "/v1/interactions/snapshot"


def _read(response: httpx.Response) -> tuple[str, list[Any], dict[str, Any]]:
    first, *records, last = [orjson.loads(line) for line in response.content.splitlines()]
    assert first["snapshot"]["cursor"] == response.headers["commsd-next-cursor"]
    assert last["snapshot"]["whole"] is True
    assert last["snapshot"]["interactions"] == len(records)
    return first["snapshot"]["cursor"], records, last


async def test_log7_a_snapshot_begins_with_the_cursor_at_which_to_tail(here: Place) -> None:
    first = (await wrote(here)).interactions[0]
    await here.numbered()
    async with await here.client() as client:
        cursor, records, _ = _read(await client.get(PATH))
        assert [record["id"] for record in records] == [first.id]
        assert records[0]["subject"] == "Delivery"
        later = (await rang(here)).interactions[0]
        await here.numbered()
        tail = (await client.get("/v1/events", params={"after": cursor, "types": "interaction.*"})).json()
    assert [event["subject"] for event in tail["data"]] == [later.id]


async def test_log7_a_snapshot_joined_under_write_load_loses_nothing(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written on while it is read; numbered and not; changed behind the reader's back."""
    monkeypatch.setattr(route, "AT_ONCE", 3)
    for number in range(10):
        await wrote(here, f"jane{number}@example.org", f"before {number}")
    await here.numbered()
    for number in range(3):
        await wrote(here, f"kim{number}@example.org", f"not numbered {number}")
    known: dict[str, int] = {}
    async with await here.client() as client:
        async with client.stream("GET", PATH) as response:
            lines = response.aiter_lines()
            cursor = orjson.loads(await anext(lines))["snapshot"]["cursor"]
            writes = asyncio.ensure_future(_write_on(here))
            async for line in lines:
                record = orjson.loads(line)
                if "snapshot" not in record:
                    known[record["id"]] = max(record["revision"], known.get(record["id"], 0))
            await writes
        await here.numbered()
        while True:
            page = (await client.get("/v1/events", params={"after": cursor, "types": "interaction.*"})).json()
            for event in page["data"]:
                known[event["subject"]] = max(event["data"]["revision"], known.get(event["subject"], 0))
            cursor = page["next_cursor"]
            if not page["has_more"]:
                break
    assert known == await _committed(here)
    assert len(known) > 20


async def _write_on(here: Place) -> None:
    for number in range(12):
        await wrote(here, f"lee{number}@example.org", f"meanwhile {number}")
        await rang(here, f"+4930231250{number:02}", f"CA{number}")


async def _committed(here: Place) -> dict[str, int]:
    from sqlalchemy import func, select

    from commsd.store import schema

    table = schema.interactions
    return await here.log.read(
        lambda c: {row[0]: row[1] for row in c.execute(select(table.c.id, func.max(table.c.revision)).group_by("id"))}
    )


async def test_log7_a_snapshot_that_broke_off_goes_on_behind_the_last_line(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(route, "AT_ONCE", 2)
    ids = [(await wrote(here, f"jane{number}@example.org")).interactions[0].id for number in range(7)]
    async with await here.client() as client:
        cursor, records, _ = _read(await client.get(PATH))
        assert [record["id"] for record in records] == ids
        again = await client.get(PATH, params={"after": ids[3], "cursor": cursor})
        same, rest, _ = _read(again)
        table = await client.get(PATH, params={"after": ids[5], "cursor": cursor}, headers={"Accept": "text/csv"})
    assert same == cursor
    assert [record["id"] for record in rest] == ids[4:]
    assert table.text.startswith(ids[6])


async def test_to_go_on_takes_both_the_place_and_the_first_cursor(here: Place) -> None:
    change = await wrote(here)
    async with await here.client() as client:
        alone = await client.get(PATH, params={"after": change.interactions[0].id})
        edited = await client.get(PATH, params={"after": change.interactions[0].id, "cursor": "AAAA"})
    assert (alone.status_code, alone.json()["type"]) == (400, "urn:commsd:problem:invalid-request")
    assert (edited.status_code, edited.json()["type"]) == (400, "urn:commsd:problem:invalid-cursor")


async def test_log5_a_snapshot_of_another_life_of_the_database_does_not_go_on(here: Place) -> None:
    change = await wrote(here)
    await here.numbered()
    async with await here.client() as client:
        cursor, *_ = _read(await client.get(PATH))
        await here.log.writer.write(lambda connection: feed.renew(connection, here.world.new_id()))
        refused = await client.get(PATH, params={"after": change.interactions[0].id, "cursor": cursor})
        tailed = await client.get("/v1/events", params={"after": cursor})
        fresh, records, _ = _read(await client.get(PATH))
        assert (await client.get("/v1/events", params={"after": fresh})).status_code == 200
    assert refused.status_code == tailed.status_code == 409
    assert refused.json()["type"] == "urn:commsd:problem:feed-epoch-changed"
    assert PATH in refused.json()["remedy"]
    assert len(records) == 1


async def test_log5_a_reader_of_a_restored_backup_is_told_and_recovers_without_loss(
    tmp_path: Path, scripted_world: ScriptedWorld
) -> None:
    """What the restored database knows, the reader knows in the end; it has read on in neither life unawares."""
    source, copy = tmp_path / "one" / "commsd.db", tmp_path / "other.db"
    async with place(f"sqlite:///{source}", scripted_world.world) as here:
        kept = (await wrote(here, subject="before the backup")).interactions[0].id
        await here.numbered()
        await asyncio.to_thread(backup.copy, source, copy, scripted_world.world.new_id(), lambda _done, _pages: None)
        await rang(here)
        await here.numbered()
        async with await here.client() as client:
            cursor = (await client.get("/v1/events")).json()["next_cursor"]
            early = (await client.get("/v1/events", params={"limit": 1})).json()["next_cursor"]
    async with place(f"sqlite:///{copy}", scripted_world.world) as here:
        await wrote(here, "kim@example.org", "after the restore")
        for number in range(5):  # beyond the number of the old cursor
            await wrote(here, f"lee{number}@example.org")
        await here.numbered()
        async with await here.client() as client:
            for old in (cursor, early):
                refused = await client.get("/v1/events", params={"after": old})
                assert (refused.status_code, refused.json()["type"]) == (409, "urn:commsd:problem:feed-epoch-changed")
            fresh, records, _ = _read(await client.get(PATH))
            later = (await wrote(here, "max@example.org")).interactions[0].id
            await here.numbered()
            tail = (await client.get("/v1/events", params={"after": fresh, "types": "interaction.*"})).json()["data"]
        assert {record["id"] for record in records} | {event["subject"] for event in tail} == {*await _committed(here)}
    assert records[0]["id"] == kept
    assert [event["subject"] for event in tail] == [later]


async def test_prv3_a_snapshot_without_the_scope_names_nobody(here: Place) -> None:
    await wrote(here, "jane@example.org", "Delivery", name="Jane Clarke")
    async with await here.client("events:read") as client:
        response = await client.get(PATH)
        table = await client.get(PATH, headers={"Accept": "text/csv"})
    _, (record,), _ = _read(response)
    assert record["subject"] is None
    assert "/subject" in record["privacy"]["redactions"]
    for text in (response.text, table.text):
        assert "jane" not in text.lower()
    async with await here.client("callbacks:write") as client:
        assert (await client.get(PATH)).status_code == 403


async def test_a_snapshot_as_a_table_has_headings_and_a_line_each(here: Place) -> None:
    await wrote(here, "jane@example.org", '=HYPERLINK("x"),\r\nsecond line')
    await rang(here, "+493023125099")
    async with await here.client() as client:
        response = await client.get(PATH, headers={"Accept": "text/csv"})
    assert response.headers["content-type"].startswith("text/csv")
    mail, call = csv.DictReader(io.StringIO(response.text, newline=""))
    assert mail["subject"] == '\'=HYPERLINK("x"),\r\nsecond line'
    assert (call["customer"], call["outcome"]) == ("+493023125099", "missed")


async def test_a_live_call_is_not_in_a_snapshot_and_comes_with_its_verdict(here: Place) -> None:
    from commsd.core.interaction import Outcome

    live: Change = await rang(here, outcome=Outcome.PENDING)
    async with await here.client() as client:
        _, records, _ = _read(await client.get(PATH))
    assert records == []
    assert live.interactions


async def test_a_snapshot_that_cannot_be_finished_is_a_broken_connection(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(route, "AT_ONCE", 2)
    for number in range(6):
        await wrote(here, f"jane{number}@example.org")
    read, reads = here.log.engine.read, 0

    async def breaks(f: Any) -> Any:
        nonlocal reads
        reads += 1
        if reads > 4:
            raise OSError("gone")
        return await read(f)

    async with await here.client() as client:
        monkeypatch.setattr(here.log.engine, "read", breaks)
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(PATH, headers={"Accept": "text/csv"})


async def test_a_snapshot_is_not_cut_short_unseen_where_the_server_stops(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(route, "AT_ONCE", 1)
    for number in range(4):
        await wrote(here, f"jane{number}@example.org")
    seen: list[str] = []

    async def read(client: httpx.AsyncClient) -> None:
        async with client.stream("GET", PATH) as response:
            here.health.draining.set()
            async for line in response.aiter_lines():
                seen.append(line)

    async with await here.client() as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await read(client)
    assert "whole" not in "".join(seen)


async def test_a_head_request_reads_nothing(here: Place) -> None:
    await wrote(here)
    async with await here.client() as client:
        response = await client.head(PATH)
    assert response.status_code == 200
    assert response.headers["commsd-next-cursor"]
