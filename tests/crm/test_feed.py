"""The feed over HTTP: its forms, its cursors, what it does when events are gone, and how its answers travel."""

import asyncio
import gzip
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest
from backports import zstd
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from commsd.core.interaction import Party, Role, Stored
from commsd.crm.cursor import feed_cursor
from commsd.crm.delivered_form import coding_of
from commsd.crm.event import LARGEST, partition_of
from commsd.store import feed, schema
from tests.crm.serving import KEY, Place, rang, types, wrote

EVENTS = "/v1/events"
LINES = {"Accept": "application/x-ndjson"}
BATCH = {"Accept": "application/cloudevents-batch+json"}
STREAM = {"Accept": "text/event-stream"}
_UNPACK: Mapping[str, Callable[[bytes], bytes]] = {"gzip": gzip.decompress, "zstd": zstd.decompress}


async def happened(here: Place, mails: int = 1) -> None:
    for number in range(mails):
        await wrote(here, f"jane{number}@example.org", f"Delivery {number}")
    await here.numbered()


async def get(crm: httpx.AsyncClient, headers: Mapping[str, str] | None = None, **query: Any) -> httpx.Response:
    return await crm.get(EVENTS, params=query, headers=headers)


async def let_go(here: Place, count: int) -> int:
    """The oldest so many events are past their time."""
    later = here.world.now() + timedelta(days=1)
    return await here.log.writer.write(lambda connection: feed.drop_events(connection, later, count))


async def streamed(crm: httpx.AsyncClient, count: int, last: str | None = None) -> tuple[list[Any], list[str]]:
    """The next events of a stream and their cursors."""
    events: list[Any] = []
    ids: list[str] = []
    async with crm.stream("GET", EVENTS, headers=STREAM | ({"Last-Event-ID": last} if last else {})) as response:
        async for line in response.aiter_lines():
            if line.startswith("id: "):
                ids.append(line[4:])
            if line.startswith("data: "):
                events.append(orjson.loads(line[6:]))
            if len(events) == count:
                break
    return events, ids


def kind(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("urn:commsd:problem:")


async def test_log_6_page_poll_stream_lines_and_batch_give_the_same_events(here: Place) -> None:
    await happened(here)
    async with await here.client("events:read") as crm:
        page = (await get(crm)).json()["data"]
        polled = (await get(crm, wait=60)).json()["data"]
        lines, batch = await get(crm, LINES), await get(crm, BATCH)
        events, ids = await streamed(crm, len(page))
        resumed, _ = await streamed(crm, len(page) - 2, last=ids[1])
    assert len(page) == 5
    assert polled == batch.json() == [orjson.loads(line) for line in lines.text.splitlines()] == events == page
    assert resumed == page[2:]
    assert lines.headers["Commsd-Next-Cursor"] == batch.headers["Commsd-Next-Cursor"] == ids[-1]
    assert batch.headers["Content-Type"] == "application/cloudevents-batch+json"


async def test_log_6_many_streams_at_the_head_get_each_event_once(here: Place) -> None:
    await happened(here)
    async with await here.client("events:read") as crm:
        start = (await get(crm)).json()["next_cursor"]
        readers = [asyncio.ensure_future(streamed(crm, 5, start)) for _ in range(20)]
        await get(crm)
        await wrote(here, "late@example.org", "Late")
        await here.numbered()
        found = await asyncio.gather(*readers)
        page = (await get(crm, after=start)).json()["data"]
    assert len(page) == 5
    assert all(events == page for events, _ in found)


async def test_log_4_a_filter_that_matches_nothing_moves_on_in_bounded_pages(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "STRETCH", 7)
    await happened(here, 10)
    async with await here.client("events:read") as crm:
        pages, cursor, more = 0, "", True
        while more:
            answer = (await get(crm, types="rules.changed", after=cursor)).json()
            cursor, more, pages = answer["next_cursor"], answer["has_more"], pages + 1
            assert answer["data"] == []
        whole = await get(crm, types="contact.created", limit=1000, wait=1)
        events = [*whole.json()["data"]]
        while whole.json()["has_more"]:
            whole = await get(crm, types="contact.created", limit=1000, after=whole.json()["next_cursor"])
            events += whole.json()["data"]
    assert pages == 8  # 50 events, seven at a time
    assert len(events) == 10


async def test_log_4_a_page_says_how_far_the_head_is_behind(here: Place) -> None:
    await happened(here)
    async with await here.client("events:read") as crm:
        answer = (await get(crm)).json()
    assert set(answer) == {"data", "next_cursor", "has_more", "head_lag_seconds"}
    assert answer["head_lag_seconds"] == 0


async def test_log_5_a_cursor_goes_on_with_the_types_it_came_with_and_no_others(here: Place) -> None:
    await happened(here)
    await rang(here)
    await here.numbered()
    async with await here.client("events:read") as crm:
        calls = (await get(crm, types="callback.*,clock.*", limit=1)).json()["next_cursor"]
        same = await get(crm, types="commsd.clock.*, callback.*,clock.*", after=calls)
        other = await get(crm, types="interaction.*", after=calls)
        everything = await get(crm, after=calls)
    assert same.status_code == 200
    assert kind(other) == kind(everything) == (400, "invalid-cursor")
    assert "other `types`" in other.json()["detail"]


async def test_log_5_a_cursor_for_every_reader_is_good_with_any_types(here: Place) -> None:
    await happened(here)
    epoch, _ = await here.log.read(feed.head)
    async with await here.client("events:read") as crm:
        some = await get(crm, types="clock.*", after=feed_cursor(KEY, epoch, 0))
        all_of = await get(crm, after=feed_cursor(KEY, epoch, 0))
    assert types(some.json()["data"]) == ["clock.started", "clock.started"]
    assert len(all_of.json()["data"]) == 5


async def test_log_5_a_cursor_older_than_what_is_kept_is_gone_and_says_where_to_go_on(here: Place) -> None:
    await happened(here, 2)
    async with await here.client("events:read") as crm:
        early = (await get(crm, limit=2)).json()["next_cursor"]
        edge = (await get(crm, limit=4)).json()["next_cursor"]
        assert await let_go(here, 4) == 4
        gone, stream = await get(crm, after=early), await get(crm, STREAM | {"Last-Event-ID": early})
        on = await get(crm, after=gone.json()["oldest_cursor"])
        at_the_edge, fresh = await get(crm, after=edge), await get(crm)
    assert kind(gone) == kind(stream) == (410, "cursor-expired")
    assert gone.json()["snapshot"] == "/v1/interactions/snapshot"
    assert on.json()["data"] == at_the_edge.json()["data"] == fresh.json()["data"]
    assert [int(event["sequence"]) for event in fresh.json()["data"]] == [5, 6, 7, 8, 9, 10]


async def test_log_5_a_reader_that_retention_overtakes_is_told_so_and_skips_nothing(here: Place) -> None:
    await happened(here, 2)
    async with await here.client("events:read") as crm:
        first = (await get(crm, limit=2)).json()
        assert await let_go(here, 1) == 1
        second = await get(crm, limit=2, after=first["next_cursor"])
        assert await let_go(here, 100) == 9
        third = await get(crm, limit=2, after=second.json()["next_cursor"])
        end = await get(crm)
    assert second.status_code == 200
    assert kind(third) == (410, "cursor-expired")
    assert (end.json()["data"], end.json()["has_more"]) == ([], False)


async def test_log_10_the_metrics_say_how_old_the_oldest_event_is(here: Place) -> None:
    async with await here.client("events:read") as crm:
        empty = (await crm.get("/metrics")).text
        await happened(here)
        filled = (await crm.get("/metrics")).text
    name = "commsd_feed_oldest_event_timestamp_seconds"
    assert f"{name} 0.0" in empty
    value = next(float(line.split()[1]) for line in filled.splitlines() if line.startswith(f"{name} "))
    assert value == pytest.approx(here.world.now().timestamp())


async def test_log_11_an_unchanged_page_is_told_in_a_line(here: Place) -> None:
    await happened(here)
    async with await here.client("events:read") as crm:
        whole = await get(crm)
        same = await get(crm, {"If-None-Match": f'"another", {whole.headers["ETag"]}'})
        await happened(here, 2)
        other = await get(crm, {"If-None-Match": whole.headers["ETag"]})
    assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", whole.headers["ETag"])
    assert whole.headers["Cache-Control"] == "private, no-cache"
    assert other.status_code == 200


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [("gzip", "gzip"), ("gzip, zstd", "zstd"), ("zstd;q=0, gzip", "gzip"), ("*", "zstd"), ("identity", None)],
)
async def test_log_11_answers_are_compressed_as_the_caller_takes_them(
    here: Place, accepted: str, coding: str | None
) -> None:
    await happened(here, 20)
    async with await here.client("events:read") as crm:
        plain = await get(crm, {"Accept-Encoding": "identity"})
        async with crm.stream("GET", EVENTS, headers={"Accept-Encoding": accepted}) as response:
            raw = b"".join([part async for part in response.aiter_raw()])
        stream = await crm.send(
            crm.build_request("GET", EVENTS, headers=STREAM | {"Accept-Encoding": accepted}), stream=True
        )
        await stream.aclose()
    whole = _UNPACK[coding](raw) if coding else raw
    assert whole == plain.content
    assert response.headers.get("Content-Encoding") == coding
    assert coding is None or len(raw) < len(whole) / 4
    assert "Content-Encoding" not in stream.headers
    assert "Accept-Encoding" in plain.headers["Vary"]


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [("", None), ("br", None), ("gzip;q=0.5, zstd;q=0.1", "gzip"), ("*;q=0", None), ("gzip;q=x", None)],
)
def test_log_11_the_coding_is_the_best_that_is_allowed(accepted: str, coding: str | None) -> None:
    assert coding_of(accepted) == coding


async def test_log_11_what_is_personal_is_kept_by_nobody_on_the_way(here: Place) -> None:
    await happened(here)
    async with await here.client("events:read", "events:read:pii") as crm:
        answers = [await get(crm), await crm.get("/v1/interactions")]
    for answer in answers:
        assert answer.headers["Cache-Control"] == "no-store"
        assert "ETag" not in answer.headers


async def test_evt_1_every_event_is_one_that_the_official_sdk_takes(here: Place) -> None:
    await happened(here)
    await rang(here)
    await here.numbered()
    for scopes in (("events:read",), ("events:read", "events:read:pii")):
        async with await here.client(*scopes) as crm:
            raw = (await get(crm)).json()["data"]
        assert len(raw) > 8
        for each in raw:
            read = JSONFormat().read(CloudEvent, orjson.dumps(each))
            assert read.get_dataschema() == f"urn:commsd:schema:{each['type']}"
            assert read.get_extension("partitionkey") == each["partitionkey"]
            assert read.get_extension("recordedtime")
            assert len(read.get_extension("sequence")) == 20


async def test_evt_1_an_event_says_what_is_personal_in_it(here: Place) -> None:
    await happened(here)
    said = []
    for scopes in (("events:read",), ("events:read", "events:read:pii")):
        async with await here.client(*scopes) as crm:
            said.append({event["type"]: event["dataclassification"] for event in (await get(crm)).json()["data"]})
    bare, whole = said
    assert bare["commsd.interaction.recorded.v1"] == "pseudonymous"
    assert whole["commsd.interaction.recorded.v1"] == "personal"
    assert bare["commsd.clock.started.v1"] == whole["commsd.clock.started.v1"] == "internal"


async def test_evt_1_all_of_one_matter_has_one_partition_key(here: Place) -> None:
    change = await wrote(here)
    await here.numbered()
    async with await here.client("events:read") as crm:
        events = (await get(crm)).json()["data"]
    keys = {event["type"].split(".")[1]: event["partitionkey"] for event in events}
    case_id, contact_id = change.cases[0].id, change.contacts[0].id
    assert keys == {"contact": contact_id, "case": case_id, "interaction": case_id, "clock": case_id}


def test_evt_1_what_belongs_to_no_matter_is_in_order_by_person() -> None:
    assert partition_of("interaction", "i", {"case_id": None, "contact_id": "c"}) == "c"
    assert partition_of("interaction", "i", {"case_id": None, "contact_id": None}) == "i"


async def test_evt_1_no_event_is_larger_than_64_kib_and_what_gave_way_is_named(here: Place) -> None:
    files = tuple(Stored(sha256="0" * 64, media_type="text/plain", size_bytes=1) for _ in range(900))
    parties = tuple(Party(Role.CC, f"someone.else.{number}@example.org", "Someone Else") for number in range(900))
    parties = (Party(Role.FROM, "jane@example.org"), *parties)
    await wrote(here, parties=parties, attachments=files, tags=tuple(f"a rather long tag {n}" for n in range(4000)))
    await here.numbered()
    cut = []
    for scopes in (("events:read",), ("events:read", "events:read:pii")):
        async with await here.client(*scopes) as crm:
            answer = await get(crm, types="interaction.recorded")
        (event,) = answer.json()["data"]
        assert len(orjson.dumps(event)) <= LARGEST
        cut.append(event["data"]["cut"])
        assert event["data"]["tags"] == []
    assert cut[0] == ["/tags"]
    assert set(cut[1]) > {"/tags"}


async def test_evt_3_what_was_stored_is_told_as_it_was_stored(here: Place) -> None:
    await happened(here)
    table = schema.feed
    old = '{"specversion":"1.0","id":"x","type":"commsd.clock.met.v1","source":"urn:commsd:x","data":{"by":null}}'
    statement = table.update().where(table.c.seq == 4).values(event=old, type="clock.met")
    await here.log.writer.write(lambda connection: connection.execute(statement))
    async with await here.client("events:read") as crm:
        assert old in (await get(crm)).text


async def test_more_types_than_anybody_needs_are_refused(here: Place) -> None:
    async with await here.client("events:read") as crm:
        answer = await get(crm, types=",".join(f"a.b{number}" for number in range(51)))
    assert kind(answer) == (400, "invalid-request")


@pytest.mark.parametrize(
    "asked", ["interaction", "interaction.record", "contcat.*", "clock.breached,nothing.at_all", "%"]
)
async def test_a_type_that_never_comes_is_no_quiet_day(here: Place, asked: str) -> None:
    async with await here.client("events:read") as crm:
        answer = await get(crm, types=asked)
    assert kind(answer) == (400, "invalid-request")
    assert answer.json()["errors"][0]["pointer"] == "?types"
