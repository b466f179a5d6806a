"""What the dialler asks of the store: the next due calls in their order, and who is busy. On SQLite and PostgreSQL."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import create_engine

from commsd.core import key
from commsd.core.callback import (
    Attempt,
    Callback,
    CloseReason,
    bridged,
    claimed,
    closed,
    dialled,
    ended,
    escalated,
    held,
    looked_at,
    tried,
)
from commsd.core.case import Case
from commsd.core.change import Change
from commsd.store import callbacks, schema
from commsd.store.log import Log
from commsd.store.rows import write
from tests.core.items import TUESDAY, Books, call_from, given, result_of
from tests.store.test_query_plans import plans

MINUTE = timedelta(minutes=1)
ASTIR = "ix_callbacks_look (look_at>? AND look_at<?)"


def owed(place: int, line: str = "hotline", **more: object) -> Callback:
    books = Books()
    books.take(call_from(number=f"+49302312{place:04}"))
    at = TUESDAY + place * MINUTE
    made = {"id": f"callback-{place}", "case_id": f"case-{place}", "opened_at": at, "look_at": at, "due_at": at}
    return replace(books.callback, line=line, **given(made | more))


def _attempt(by: str = "anna") -> Attempt:
    return Attempt(at=TUESDAY, by=by, result=None, id=f"try-{by}")


async def _keep(log: Log, *made: Callback, cases: tuple[Case, ...] = ()) -> None:
    await log.decide((), lambda _: Change(callbacks=made, cases=cases))


async def _waiting(log: Log, minutes: int, line: str = "hotline", limit: int = 10) -> list[str]:
    found = await log.read(lambda c: callbacks.waiting(c, line, TUESDAY + minutes * MINUTE, limit))
    return [each.id.removeprefix("callback-") for each in found]


async def test_q5_due_calls_come_in_the_order_of_their_clocks(log: Log) -> None:
    late, soon = owed(1, due_at=TUESDAY + 9 * MINUTE), owed(2, due_at=TUESDAY + 5 * MINUTE)
    await _keep(log, late, soon, owed(3, line="other"), owed(4, look_at=TUESDAY + 60 * MINUTE))
    assert await _waiting(log, 10) == ["2", "1"]
    assert await _waiting(log, 10, limit=1) == ["2"]
    assert await _waiting(log, 60) == ["4", "2", "1"]
    assert await _waiting(log, 60, line="other") == ["3"]


async def test_q5_of_those_due_together_the_urgent_case_comes_first(log: Log) -> None:
    same: dict[str, Any] = {"due_at": TUESDAY, "opened_at": TUESDAY}
    books = Books()
    books.take(call_from())
    (file,) = books.files.values()
    case = replace(file.case, id="case-2", priority="urgent")
    await _keep(log, owed(1, **same), owed(2, **same), owed(3, **same), cases=(case,))
    assert await _waiting(log, 10) == ["2", "1", "3"]


async def test_q5_of_very_many_due_calls_the_first_are_the_first(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callbacks, "FEW", 5)
    await _keep(log, *(owed(n, due_at=TUESDAY - n * MINUTE) for n in range(20)))
    assert await _waiting(log, 60, limit=3) == ["19", "18", "17"]


@pytest.mark.parametrize("few", [0, callbacks.FEW])
async def test_q5_page_after_page_no_due_call_is_left_out(log: Log, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callbacks, "FEW", few)
    await _keep(log, *(owed(n, due_at=TUESDAY) for n in range(7)))

    async def page(skip: int) -> Sequence[Callback]:
        return await log.read(lambda c: callbacks.waiting(c, "hotline", TUESDAY + 9 * MINUTE, 3, skip))

    pages = [await page(skip) for skip in (0, 3, 6, 9)]
    assert [[each.id[-1] for each in page] for page in pages] == [["0", "1", "2"], ["3", "4", "5"], ["6"], []]


@pytest.mark.parametrize("few", [0, callbacks.FEW])
async def test_q5_a_call_that_no_clock_times_stands_where_it_was_opened(
    log: Log, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callbacks, "FEW", few)
    await _keep(log, owed(3), owed(2, due_at=None), owed(1))
    assert await _waiting(log, 10, limit=2) == ["1", "2"]
    assert await _waiting(log, 10) == ["1", "2", "3"]


async def test_q5_the_urgent_one_of_many_due_together_is_among_the_first_read(log: Log) -> None:
    books = Books()
    books.take(call_from())
    (file,) = books.files.values()
    case = replace(file.case, id="case-5", priority="urgent")
    await _keep(log, *(owed(n, due_at=TUESDAY) for n in range(6)), cases=(case,))
    assert await _waiting(log, 10, limit=2) == ["5", "0"]


async def test_numbers_and_purposes_come_with_what_is_read(log: Log) -> None:
    await _keep(log, owed(1, purpose="the invoice"))
    (found,) = await log.read(lambda c: callbacks.waiting(c, "hotline", TUESDAY + MINUTE))
    assert (found.number, found.purpose) == (owed(1).number, "the invoice")


async def test_who_was_told_to_wait_is_not_due_before(log: Log) -> None:
    await _keep(log, owed(1))
    await _keep(log, looked_at(owed(1), TUESDAY + 30 * MINUTE))
    assert await _waiting(log, 29) == []
    assert await _waiting(log, 30) == ["1"]


async def test_what_is_in_a_hand_is_astir_when_its_time_comes(log: Log) -> None:
    now = TUESDAY
    mine = claimed(owed(1), "anna", now)
    placed = dialled(owed(2), _attempt(), now + MINUTE)
    confirm = ended(bridged(dialled(owed(3), _attempt("bo"), now), now), now, now + 2 * MINUTE)
    gone = closed(dialled(owed(4), _attempt("cai"), now + 9 * MINUTE), CloseReason.CLOSED_BY_HUMAN, now)
    rest = (held(owed(5), "dnc"), escalated(owed(6)), tried(dialled(owed(7), _attempt(), now), "busy", now))
    await _keep(log, mine, placed, confirm, gone, *rest)

    async def astir(minutes: int) -> list[str]:
        return [c.id[-1] for c in await log.read(lambda c: callbacks.astir(c, now + minutes * MINUTE))]

    assert await astir(0) == ["4"]
    assert await astir(2) == ["4", "2", "3"]
    assert await astir(30) == ["4", "2", "3", "1"]


async def test_p7_who_is_on_a_call_that_we_placed_is_known_until_it_ends(log: Log) -> None:
    async def calling() -> set[str]:
        return {each.live.by for each in await log.read(callbacks.under_way) if each.live and each.live.by}

    placed = dialled(owed(1), _attempt(), TUESDAY)
    talk = bridged(dialled(owed(2), _attempt("bo"), TUESDAY), TUESDAY)
    asked = ended(bridged(dialled(owed(3), _attempt("cai"), TUESDAY), TUESDAY), TUESDAY, TUESDAY)
    await _keep(log, placed, talk, asked)
    assert await calling() == {"anna", "bo"}
    await _keep(log, closed(talk, CloseReason.ANSWERED_INBOUND, TUESDAY))
    assert await calling() == {"anna", "bo"}, "until the legs are let go"
    await _keep(log, tried(placed, "no_answer", TUESDAY), ended(talk, TUESDAY, TUESDAY))
    assert await calling() == set()


async def test_how_many_calls_each_of_us_made_is_counted_from_the_log(log: Log) -> None:
    books = Books()
    books.take(call_from())
    change = books.take(result_of(books.callback, "reached"))
    await log.decide((key.of_case("x"),), lambda _: change)
    assert await log.read(lambda c: callbacks.calls_since(c, TUESDAY)) == {"anna": 1}
    assert await log.read(lambda c: callbacks.calls_since(c, TUESDAY + MINUTE)) == {}


@pytest.mark.parametrize("few", [0, callbacks.FEW])
def test_no_question_of_the_dialler_walks_through_the_table(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callbacks, "FEW", few)
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        schema.metadata.create_all(connection)
        write(connection, [Change(callbacks=(owed(1),))], TUESDAY, lambda: "id")
        with plans(connection) as found:
            callbacks.waiting(connection, "hotline", TUESDAY + MINUTE)
            callbacks.astir(connection, TUESDAY)
            callbacks.under_way(connection)
    engine.dispose()
    many, first, _whole, stirs, *_ = found
    assert "ix_callbacks_waiting (line=? AND look_at<?)" in many
    assert ("ix_callbacks_waiting (line=? AND look_at<?)" if few else "ix_callbacks_place (line=?)") in first
    assert ("TEMP B-TREE" in first) is bool(few)
    assert ASTIR in stirs
    assert [each for each in found if "SCAN" in each] == []
