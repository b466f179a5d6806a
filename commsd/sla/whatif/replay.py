"""Sharing a replay out: the past in parts, a process a core, each with the store opened for reading only.

Nothing leaves these processes but counts. What is counted stands in `core.whatif`. Few cases are replayed right here.
"""

import gc
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from commsd.core.policy import Version, as_json, from_json
from commsd.core.whatif.replay import Question, Replay
from commsd.core.whatif.tally import Tally
from commsd.errors import CommsdError
from commsd.store import history
from commsd.store.history import Part, Span
from commsd.store.reading import Reading, read_only
from commsd.store.versions import all_versions

PART = 500
"""Cases a worker takes at a time: a second or less of work, so that whoever stops it waits no longer."""

ALONE = 2000
"""Fewer cases than this are done before another process has started."""

Tell = Callable[[int, int], None]
"""Is told how many cases are done, and of how many."""


class ReplayFailed(CommsdError):
    """A process that replayed a part of the past has gone."""


@dataclass(frozen=True, slots=True)
class Past:
    """Where the past lies, and the parts of it that the question is about."""

    url: str
    parts: tuple[Part, ...]

    @property
    def cases(self) -> int:
        """How many cases are to be replayed."""
        return sum(part.cases for part in self.parts)


def standing(store: Reading) -> tuple[Version, ...]:
    """All versions that came in force or will, in that order."""
    kept = [each for each in store.read(all_versions) if each.withdrawn_at is None]
    return tuple(each.version for each in sorted(kept, key=lambda each: (each.version.effective_from, each.number)))


def span_of(question: Question) -> Span:
    """The window of a question."""
    return Span(question.since, question.until)


def past_of(store: Reading, url: str, span: Span) -> Past:
    """The past of this window."""
    return Past(url, store.read(lambda connection: history.parts(connection, span, PART)))


def reach(store: Reading) -> tuple[datetime, datetime] | None:
    """From when to when anything is known; None for nothing."""
    return store.read(history.reach)


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def replayed(past: Past, question: Question, tell: Tell, processes: int) -> Tally:
    """The tally of the whole window. Raises ReplayFailed, Unreachable."""
    if processes < 2 or past.cases < ALONE:
        return _here(past, question, tell)
    whole, done = Tally(), 0
    with _workers(past.url, question, processes) as pool:
        for tally in _shared_out(pool, past.parts, 2 * processes):
            whole.add(tally)
            done += tally.cases
            tell(done, past.cases)
    return whole


def _here(past: Past, question: Question, tell: Tell) -> Tally:
    replay, done = Replay(question), 0
    with read_only(past.url) as store:
        for part in past.parts:
            _take(store, replay, question, part)
            done += part.cases
            tell(done, past.cases)
    return replay.tally


def _take(store: Reading, replay: Replay, question: Question, part: Part) -> None:
    """Replay one part. The cases are read first, so that no statement stays open meanwhile."""
    span, personal = span_of(question), question.personal
    for case in store.read(lambda c: list(history.cases(c, part, span, question.now, personal=personal))):
        replay.take(case)


@contextmanager
def _workers(url: str, question: Question, processes: int) -> Iterator[ProcessPoolExecutor]:
    """The workers, gone afterwards: also after Ctrl-C, when nobody waits for what they are at."""
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(
        processes,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin,
        initargs=(url, _plain(question)),
    )
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in set(multiprocessing.active_children()) - others:
            child.terminate()
        raise
    pool.shutdown()


def _shared_out(pool: ProcessPoolExecutor, parts: Sequence[Part], ahead: int) -> Iterator[Tally]:
    """The tallies of the parts as they come, never more of them waiting than `ahead`."""
    left = iter(parts)
    running: set[Future[Tally]] = set()
    try:
        while True:
            while len(running) < ahead and (part := next(left, None)) is not None:
                running.add(pool.submit(_work, part))
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for each in done:
                yield each.result()
    except BrokenProcessPool as error:
        raise ReplayFailed(
            "a process of the replay ended without a word",
            remedy="look whether the host ran out of memory; --processes 1 replays in one process, which needs least",
        ) from error


def _plain(question: Question) -> tuple[Question, tuple[Any, ...], Any]:
    """The question with its versions as JSON: what another process works out about calendars must be its own."""
    versions = tuple(as_json(version) for version in question.history)
    candidate = as_json(question.candidate)
    bare = replace(question.candidate, rules=(), policies={}, calendars={}, ladders={})
    return replace(question, history=(), candidate=bare), versions, candidate


@dataclass(slots=True)
class _Worker:
    """What a worker process works with."""

    store: Reading
    question: Question
    leaving: ExitStack


_AT_WORK: list[_Worker] = []
"""The one worker of this process; filled when it starts."""


def _begin(url: str, asked: tuple[Question, tuple[Any, ...], Any]) -> None:
    """Start a worker process. Ctrl-C is its parent's to hear; what it makes goes away without the collector's help."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()
    gc.set_threshold(200_000, 50, 1000)
    question, versions, candidate = asked
    whole = replace(question, history=tuple(map(from_json, versions)), candidate=from_json(candidate))
    leaving = ExitStack()
    _AT_WORK.append(_Worker(leaving.enter_context(read_only(url)), whole, leaving))


def _work(part: Part) -> Tally:
    """The tally of one part, in a worker process."""
    (worker,) = _AT_WORK
    replay = Replay(worker.question)
    _take(worker.store, replay, worker.question, part)
    return replay.tally
