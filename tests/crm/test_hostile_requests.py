"""Requests made to hurt: each is answered with what is wrong in it, and none is our failure."""

import time

import pytest

from tests.crm.serving import Place, wrote, rang

EARLY, LATE = "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"
CUSTOMER = {"address": "jane@example.org"}


@pytest.mark.parametrize("path", ["/v1/cases/%00", "/v1/interactions/%00", "/v1/interactions?case=%00", "/v1/interactions/%00/raw", "/v1/callbacks/a%00b", "/v1/interactions?after=%00","/v1/events?types=%00", "/v1/interactions?contact=%00",
  f"/v1/interactions?since={EARLY.replace('+','%2B')}", f"/v1/interactions?since={LATE}", f"/v1/clocks?due_before={EARLY.replace('+','%2B')}", f"/v1/clocks?due_before={LATE}", "/v1/events?after=%00", "/v1/events?types=*", "/v1/events?types=%25*", "/v1/interactions?limit=%EF%BC%95", "/v1/interactions/" + "x" * 5000, "/v1/cases/\ud7ff", "/v1/events?after=" + "A" * 3000])
async def test_a_hostile_reading_request_is_no_failure(here: Place, path: str) -> None:
    await wrote(here)
    async with await here.client() as crm:
        answer = await crm.get(path)
    print(path[:60], answer.status_code, answer.text[:200])
    assert answer.status_code < 500


BODIES = {
  "nul text": {"channel": "letter", "customer": CUSTOMER, "subject": "a\0b"},
  "nul name": {"channel": "letter", "customer": CUSTOMER | {"name": "a\0b"}},
  "nul addr": {"channel": "letter", "customer": {"address": "a\0b@example.org"}},
  "nul case": {"channel": "letter", "case_id": "a\0b"},
  "nul line": {"channel": "phone", "customer": {"address": "+493023125099"}, "line": "a\0b", "outcome": "missed"},
  "nul tag": {"channel": "letter", "customer": CUSTOMER, "tags": ["a\0"]},
  "nul agent": {"channel": "letter", "customer": CUSTOMER, "agent": "a\0"},
  "nul ext": {"channel": "letter", "customer": CUSTOMER, "external_ids": [{"system": "a\0", "id": "b\0"}]},
  "nul reply": {"channel": "letter", "customer": CUSTOMER, "in_reply_to": "a\0"},
  "early": {"channel": "letter", "customer": CUSTOMER, "occurred_at": EARLY},
  "early2": {"channel": "letter", "customer": CUSTOMER, "occurred_at": "0001-01-01T00:00:00Z"},
  "early3": {"channel": "letter", "customer": CUSTOMER, "occurred_at": "1500-01-01T00:00:00Z"},
  "early4": {"channel": "letter", "customer": CUSTOMER, "occurred_at": "1970-01-01T00:00:00Z"},
  "early end": {"channel": "letter", "customer": CUSTOMER, "ended_at": EARLY},
  "late end": {"channel": "letter", "customer": CUSTOMER, "ended_at": LATE},
  "late due": {"channel": "letter", "customer": CUSTOMER, "promise": {"due_at": LATE}},
  "late due2": {"channel": "letter", "customer": CUSTOMER, "promise": {"due_at": "9999-12-31T23:59:59Z"}},
  "late due3": {"channel": "letter", "customer": CUSTOMER, "promise": {"due_at": "3000-01-01T00:00:00Z"}},
  "again": {"channel": "phone", "direction": "outbound", "customer": {"address": "+493023125099"}, "result": "call_again", "due": "9999-12-31T23:59:59Z"},
  "long addr": {"channel": "letter", "customer": {"address": "j" * 308 + "@example.org"}},
  "idna addr": {"channel": "letter", "customer": {"address": "ß" * 300 + "@example.org"}},
  "idna dom": {"channel": "letter", "customer": {"address": "a@" + ".".join(["ü" * 50] * 6)}},
  "fold": {"channel": "letter", "customer": {"address": "ﬃ" * 300 + "@example.org"}},
  "many tags": {"channel": "letter", "customer": CUSTOMER, "tags": ["x" * 1000] * 200},
  "priority": {"channel": "letter", "customer": CUSTOMER, "priority": "whatever"},
  "internal msg": {"channel": "letter", "customer": CUSTOMER, "direction": "internal"},
  "call pending": {"channel": "phone", "customer": {"address": "+493023125099"}, "outcome": "pending"},
  "agent long": {"channel": "letter", "customer": CUSTOMER, "agent": "x" * 64},
  "call missed": {"channel": "phone", "customer": {"address": "+493023125099"}, "outcome": "missed", "result": "reached"},
  "empty": {}, "promise kind": {"channel": "phone", "kind": "promise", "customer": CUSTOMER, "promise": {"due_at": "2030-01-01T00:00:00Z"}},
  "ended before": {"channel": "phone", "customer": {"address": "+493023125099"}, "occurred_at": "2026-03-01T00:00:00Z", "ended_at": "2020-03-01T00:00:00Z"},
  "types": {"channel": ["letter"], "customer": 5, "partial": "yes", "promise": [], "tags": {}, "external_ids": [1]},
  "missed text": {"channel": "phone", "kind":"call", "customer": {"address": "+493023125099"}, "outcome": "missed", "line": "x"*64},
}


@pytest.mark.parametrize("name", BODIES)
async def test_a_hostile_touch_is_no_failure(here: Place, name: str) -> None:
    async with await here.client() as crm:
        t = time.monotonic()
        answer = await crm.post("/v1/interactions", json=BODIES[name])
        print(name, answer.status_code, round(time.monotonic() - t, 2), answer.text[:300])
        after = await crm.post("/v1/interactions", json={"channel": "letter", "customer": {"address": "bob@example.org"}})
        reads = [await crm.get(p) for p in ("/v1/interactions", "/v1/cases", "/v1/clocks?state=all", "/v1/callbacks", "/v1/events", "/v1/clocks?state=all&limit=1", "/v1/interactions?limit=1", "/v1/cases?limit=1")]
    await here.numbered()
    from commsd.store.claims import Claims
    assert answer.status_code < 500
    assert after.status_code == 201
    assert all(r.status_code == 200 for r in reads), [(r.status_code, r.text[:100]) for r in reads]
    assert time.monotonic() - t < 5
