"""The feed is dense and complete for whoever reads it, also while many write and whoever numbers it changes."""

import asyncio
from datetime import timedelta

import orjson
import pytest
from sqlalchemy import insert, select

from commsd.core.change import Change
from commsd.core.event import Event
from commsd.crm.sequencer import Sequencer
from commsd.errors import LeaseLost
from commsd.store import feed, schema
from commsd.store.claims import Claims
from commsd.store.engine import open_engine
from commsd.store.log import Log
from commsd.world import real_world
from tests.crm.serving import Place, mail_from, wrote
from tests.world import ScriptedWorld

WRITERS, EACH = 4, 60


async def numbers_and_ids(log: Log) -> tuple[list[int], list[str]]:
    rows = await log.read(
        lambda c: c.execute(select(schema.feed.c.seq, schema.feed.c.event).order_by(schema.feed.c.seq)).all()
    )
    return [row.seq for row in rows], [orjson.loads(row.event)["id"] for row in rows]


async def test_a_reader_under_write_load_sees_exactly_what_was_committed(here: Place) -> None:
    """Two processes' worth of sequencers, several writers, one reader that follows the cursor the whole time."""
    store, world = open_engine(str(here.log.engine.url)), real_world()  # type: ignore[attr-defined]
    await store.close()
    del world
