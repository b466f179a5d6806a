"""Counts what a change of rules would move, over all open cases of a store, before it is brought in force.

Reads only. Few cases are counted here; many by worker processes with connections of their own, so that the count
takes seconds, holds nobody up, and the daemon does not notice. What counts stands in `core.impact`.
"""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from commsd.core.impact import Amendment, Impact, impact, is_personal
from commsd.core.policy import as_json, from_json
from commsd.errors import TryAgain
from commsd.store.reading import Reading, read_only
from commsd.store.versions import concerned, open_cases, open_clocks

CHUNK = 400
"""Cases read at once: a list of ids any database takes."""

FEW = 4000
"""Fewer cases than this are counted sooner here than worker processes are started."""

WORKERS = 4

Told = Callable[[int, int], None]
"""How many cases are counted, of how many."""


def counted(url: str, amendment: Amendment, since: datetime | None, told: Told) -> tuple[Impact, int]:
    """What the change does, and how many clocks are open. since: it also concerns what began then.

    Blocks for seconds. Raises Unreachable, TryAgain.
    """
    with read_only(url) as store:
        ids = store.read(partial(concerned, since=since))
        open_now = store.read(open_clocks)
        chunks = [ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK)]
        found = _here(store, amendment, chunks) if len(ids) < FEW else _by_workers(url, amendment, chunks)
        whole = Impact()
        for part in found:
            whole += part
            told(whole.cases, len(ids))
    return whole, open_now


def _here(store: Reading, amendment: Amendment, chunks: Sequence[Sequence[str]]) -> Iterator[Impact]:
    personal = is_personal((*amendment.before, *amendment.after))
    last_effect = amendment.last_effect if amendment.retargets else None
    for ids in chunks:
        cases = store.read(partial(open_cases, ids=ids, last_effect=last_effect, personal=personal))
        yield impact(cases, amendment)


def _by_workers(url: str, amendment: Amendment, chunks: Sequence[Sequence[str]]) -> Iterator[Impact]:
    plain = _Plain(
        before=[as_json(version) for version in amendment.before],
        after=[as_json(version) for version in amendment.after],
        now=amendment.now,
        at=amendment.at,
        retargets=amendment.retargets,
    )
    count = min(WORKERS, os.cpu_count() or 1, len(chunks))
    spawning = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(count, mp_context=spawning, initializer=_begin, initargs=(url, plain))
    try:
        for done in as_completed([pool.submit(_count, ids) for ids in chunks]):
            yield done.result()
    except BrokenProcessPool as error:
        remedy = "look at the memory that is left, then try again"
        raise TryAgain("a process that counted the clocks died", remedy=remedy) from error
    finally:
        pool.shutdown(cancel_futures=True)


_open = ExitStack()
_at_work: list[tuple[Reading, Amendment]] = []


class _Plain(NamedTuple):
    """An amendment as it goes to a worker: compiled rules do not travel."""

    before: list[Any]
    after: list[Any]
    now: datetime
    at: datetime
    retargets: bool


def _begin(url: str, plain: _Plain) -> None:
    """In a worker: the store and the rules, once for all chunks."""
    amendment = Amendment(
        before=tuple(map(from_json, plain.before)),
        after=tuple(map(from_json, plain.after)),
        now=plain.now,
        at=plain.at,
        retargets=plain.retargets,
    )
    _at_work.append((_open.enter_context(read_only(url)), amendment))


def _count(ids: Sequence[str]) -> Impact:
    store, amendment = _at_work[-1]
    return next(_here(store, amendment, [ids]))
