"""The past is read as the live decisions saw it, in parts, and nothing can be written on the way."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError

from commsd.core import key
from commsd.core.change import Change, change_of
from commsd.core.clock import clocks
from commsd.core.interaction import (
    Actor,
    Automation,
    Channel,
    Detail,
    Direction,
    Interaction,
    Kind,
    Outcome,
    Party,
    Promise,
    Role,
)
from commsd.core.open_items import OpenItems
from commsd.core.record import apart, record
from commsd.core.touch import Touch, touches_of
from commsd.core.whatif.past import PastCase, differences
from commsd.errors import ConfigError, Unreachable
from commsd.store import history
from commsd.store.engine import open_engine
from commsd.store.history import Part, Span, touches_of_rows
from commsd.store.log import Log
from commsd.store.migrate import upgrade
from commsd.store.reading import read_only
from tests.core.items import JANE, answer_to, mail_from, moved
from tests.house import TERMS, items_of
from tests.world import ScriptedWorld

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
EVER = Span(NOON - timedelta(days=365), NOON + timedelta(days=365))


MAIL = Interaction(
    id="i1",
    channel=Channel.EMAIL,
    kind=Kind.MESSAGE,
    direction=Direction.INBOUND,
    actor=Actor.CUSTOMER,
    outcome=Outcome.REACHED,
    occurred_at=NOON,
    recorded_at=NOON,
    mailbox="support",
    language="de",
    subject="Delivery of order 2041",
    preview="Where is it? Please cancel",
    parties=(Party(Role.FROM, "jane@example.org", "Jane"), Party(Role.TO, "a@example.com"), Party(Role.CC, "b@x")),
)


def read_back(*facts: Interaction, personal: bool = True) -> tuple[Touch, ...]:
    """The touches of these interactions as they are read from rows."""
    rows = []
    for each in facts:
        bare, fields = apart(Interaction, record(each))
        bare["clocks"] = [{"clock": "ack", "opened_by": each.id}]
        rows.append((orjson.dumps(bare).decode(), orjson.dumps(fields).decode() if fields else None))
    return touches_of_rows(rows, personal=personal)


DETAILS = (
    Detail(),
    Detail(callback_id="cb"),
    Detail(callback_id="cb", withdraws=("p1", "p2")),
    Detail(callbacks=("cb", "another")),
    Detail(order="time"),
    Detail(order="time", callbacks=("cb",)),
    Detail(result="reached"),
    Detail(promise=Promise(id="p1", due_at=NOON + timedelta(hours=1), via="call", replaces="p0"), result="call_again"),
    Detail(reason="rule", attrs={"priority": "urgent"}),
    Detail(reason="customer", voids="i0", void_case=True, keeps=("p1", "p2"), observed=True),
)


@pytest.mark.parametrize("kind", Kind)
def test_every_sort_of_interaction_is_read_as_the_touches_it_is(kind: Kind) -> None:
    sorts = product(Direction, Actor, (None, *Outcome), Automation, DETAILS)
    for direction, actor, outcome, automation, detail in sorts:
        one = replace(
            MAIL,
            kind=kind,
            direction=direction,
            actor=actor,
            outcome=outcome,
            automation=automation,
            detail=detail,
            caused_by="i9",
            partial=actor is Actor.AGENT,
        )
        assert read_back(one) == touches_of(one)


TEXTS = st.one_of(st.none(), st.text(max_size=40), st.just('"clocks":[{'), st.just(',"clocks":[1]}'))
LATER = st.integers(0, 10**9).map(lambda ms: NOON + timedelta(milliseconds=ms))


@given(subject=TEXTS, preview=TEXTS, note=TEXTS, reason=TEXTS, at=LATER, recorded=LATER, line=TEXTS)
def test_whatever_a_stranger_writes_is_read_as_it_is(
    subject: str | None,
    preview: str | None,
    note: str | None,
    reason: str | None,
    at: datetime,
    recorded: datetime,
    line: str | None,
) -> None:
    detail = Detail(note=note, reason=reason, attrs={"tier": reason or ',"clocks":[', '"clocks"': ":["})
    one = replace(
        MAIL, subject=subject, preview=preview, detail=detail, occurred_at=at, recorded_at=recorded, line=line
    )
    assert read_back(one) == touches_of(one)


def test_touches_stand_in_the_order_of_their_record() -> None:
    early = replace(MAIL, id="b", recorded_at=NOON - timedelta(minutes=1))
    same = replace(MAIL, id="a")
    assert [touch.id for touch in read_back(MAIL, same, early)] == ["b", "a", "i1"]


def test_without_personal_fields_nothing_personal_is_in_the_facts() -> None:
    (touch,) = read_back(MAIL, personal=False)
    assert touch.facts == {"channel": "email", "mailbox": "support", "language": "de"}


def test_what_was_erased_reads_as_if_nothing_had_been_there() -> None:
    bare, _ = apart(Interaction, record(MAIL))
    (touch,) = touches_of_rows([(orjson.dumps(bare).decode(), None)], personal=True)
    assert touch.facts == {"channel": "email", "mailbox": "support", "language": "de"}


async def lived(log: Log, world: ScriptedWorld, *makers: Callable[[Any], Interaction]) -> str:
    """A case in which this happened, an hour apart; its id."""
    case_id = ""
    for make in makers:

        def decide(items: OpenItems, make: Callable[[Any], Interaction] = make, case_id: str = case_id) -> Change:
            made = make(items)
            return change_of(replace(made, case_id=case_id or made.case_id), items, TERMS)

        keys = (*key.of_addresses(JANE), *([key.of_case(case_id)] if case_id else []))
        change = await log.decide(keys, decide)
        case_id = change.cases[0].id
        world.advance(timedelta(hours=1))
    return case_id


def read(url: str, span: Span, now: datetime, *, size: int = 100, personal: bool = True) -> list[PastCase]:
    with read_only(url) as store:
        parts = store.read(lambda c: history.parts(c, span, size))
        found: list[PastCase] = []
        for part in parts:
            found += store.read(partial(_cases, part=part, span=span, now=now, personal=personal))
        return found


def _cases(connection: Connection, part: Part, span: Span, now: datetime, personal: bool) -> list[PastCase]:
    return list(history.cases(connection, part, span, now, personal=personal))


STORY = (
    mail_from(preview="please cancel it"),
    answer_to(),
    mail_from(subject="Re: Delivery"),
    moved("", Kind.HOLD, reason="customer"),
    moved("", Kind.SET, attrs={"priority": "urgent", "tier": "gold"}),
    mail_from(subject="Re: Delivery"),
    answer_to(partial=True),
    moved("", Kind.CLOSE),
)


async def test_a_case_that_was_lived_is_read_as_decisions_saw_it(
    log: Log, store_url: str, scripted_world: ScriptedWorld
) -> None:
    case_id = await lived(log, scripted_world, *STORY)
    file = (await items_of(log, key.of_case(case_id))).files[case_id]
    (case,) = await asyncio.to_thread(read, store_url, EVER, scripted_world.now)
    assert (case.id, case.attrs) == (case_id, file.case.attrs)
    assert case.touches == tuple(touch for fact in file.interactions for touch in touches_of(fact))
    recorded = {
        (each.value.clock.value, each.value.n, each.value.state.value, each.value.due_at) for each in file.clocks
    }
    assert {(each.clock, each.n, each.state, each.due_at) for each in case.logged} == recorded


async def test_the_replay_of_what_was_lived_is_the_log(log: Log, store_url: str, scripted_world: ScriptedWorld) -> None:
    for _ in range(3):
        await lived(log, scripted_world, *STORY)
        scripted_world.advance(timedelta(days=20))
    for personal in (True, False):
        past = await asyncio.to_thread(read, store_url, EVER, scripted_world.now, personal=personal)
        found = [(case, clocks(case.touches, TERMS.versions, case.attrs, scripted_world.now)) for case in past]
        assert [each for case, now in found for each in differences(case, now, scripted_world.now)] == []
        assert sum(len(now) for _, now in found) == 9


async def test_only_cases_that_were_alive_in_the_window_are_read(
    log: Log, store_url: str, scripted_world: ScriptedWorld
) -> None:
    start = scripted_world.now
    first = await lived(log, scripted_world, mail_from(), answer_to())
    scripted_world.advance(timedelta(days=30))
    second = await lived(log, scripted_world, mail_from(subject="Invoice"), answer_to())

    async def alive(since: timedelta, until: timedelta) -> list[str]:
        past = await asyncio.to_thread(read, store_url, Span(start + since, start + until), scripted_world.now)
        return [case.id for case in past]

    day = timedelta(days=1)
    assert await alive(0 * day, day) == [first]
    assert await alive(-day, 0 * day) == []
    assert await alive(2 * day, 29 * day) == []
    assert await alive(2 * day, 40 * day) == [second]
    assert await alive(0 * day, 40 * day) == [first, second]


async def test_parts_hold_every_case_once(log: Log, store_url: str, scripted_world: ScriptedWorld) -> None:
    made = []
    for matter in ("Delivery", "Invoice", "Return", "Repair", "Praise"):
        made.append(await lived(log, scripted_world, mail_from(subject=matter), answer_to()))
        scripted_world.advance(timedelta(days=20))
    for size in (1, 2, 5, 100):
        past = await asyncio.to_thread(read, store_url, EVER, scripted_world.now, size=size)
        assert [case.id for case in past] == sorted(made)


async def test_nothing_can_be_written_through_it(log: Log, store_url: str, scripted_world: ScriptedWorld) -> None:
    await lived(log, scripted_world, mail_from())

    def wipe() -> None:
        with read_only(store_url) as store:
            store.read(lambda c: c.execute(text("DELETE FROM interactions")))

    with pytest.raises((DBAPIError, Unreachable)):
        await asyncio.to_thread(wipe)
    assert len(await asyncio.to_thread(read, store_url, EVER, scripted_world.now)) == 1


async def test_the_index_of_the_current_is_used(log: Log, store_url: str, scripted_world: ScriptedWorld) -> None:
    """Without it each part would look at every interaction there is."""
    if log.engine.dialect != "sqlite":
        return
    await lived(log, scripted_world, *STORY)
    asked: list[str] = []

    def plan(connection: Connection) -> str:
        event.listen(connection, "before_cursor_execute", lambda c, cursor, said, *_: asked.append(said))
        list(history.cases(connection, Part("a", "b", 1), EVER, scripted_world.now, personal=True))
        (about,) = (said for said in asked if "FROM interactions" in said)
        values = ("x",) * about.count("?")
        rows = connection.connection.cursor().execute(f"EXPLAIN QUERY PLAN {about}", values).fetchall()
        return " ".join(row[3] for row in rows)

    def look() -> str:
        with read_only(store_url) as store:
            return store.read(plan)

    said = await asyncio.to_thread(look)
    assert "USING INDEX ix_interactions_case" in said
    assert "SCAN" not in said


def test_a_store_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(Unreachable), read_only(f"sqlite:///{tmp_path / 'none.db'}") as store:
        store.read(lambda c: history.parts(c, EVER, 10))
    with pytest.raises(ConfigError), read_only("mysql://x") as store:
        pass


def test_an_empty_log_reaches_nowhere(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'commsd.db'}"
    asyncio.run(_made(url))
    with read_only(url) as store:
        assert store.read(history.reach) is None
        assert store.read(lambda c: history.parts(c, EVER, 10)) == ()


async def _made(url: str) -> None:
    engine = open_engine(url)
    await engine.commit(upgrade)
    await engine.close()
