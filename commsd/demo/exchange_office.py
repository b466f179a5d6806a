"""What all legs of the Twilio stand-in share: the people, the calls, the alerts, and how a call changes its state.

A step of a call is taken here and nowhere else, because each one is also an event that somebody may have subscribed to.
"""

import asyncio
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import repeat
from typing import Any

from commsd.demo.exchange_call import Call, Caller, Person, Recording, progress_fields, sid
from commsd.demo.exchange_post import InOrder, Post, Webhook
from commsd.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """An entry of Twilio's debugger: what an operator would find in the console."""

    code: int
    call_sid: str
    url: str
    at: datetime


@dataclass(slots=True, kw_only=True)
class Office:
    """What all legs share.

    words_per_second: how fast Say reads. action_after_hangup: whether a Dial's action is requested when the caller
    has gone (undocumented: commsd must bear both). calls_per_second: the pace at which placed calls leave Twilio's
    queue; None: at once. price_per_minute: of every leg, in USD; None: no call has a price. priced_after: seconds from
    the end of a call until its price is known.
    """

    world: World
    account_sid: str
    post: Post
    people: dict[str, Person] = field(default_factory=dict)
    calls: dict[str, Call] = field(default_factory=dict)
    alerts: list[Alert] = field(default_factory=list)
    words_per_second: float = 2.5
    action_after_hangup: bool = True
    calls_per_second: float | None = None
    price_per_minute: Decimal | None = None
    priced_after: float = 60.0
    recordings: dict[str, Recording] = field(default_factory=dict)
    began_at: datetime = field(init=False)
    _leaves_next: datetime | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _queues: dict[tuple[str, str], InOrder] = field(default_factory=dict)
    _told: dict[str, list[asyncio.Task[None]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.began_at = self.world.now()

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def stop(self) -> None:
        """Ends every call as a power cut would: nobody is told."""
        while tasks := tuple(self._tasks):
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def tell(self, call: Call, hook: Webhook) -> None:
        """Posts a webhook beside the call, in order with the others of its kind."""
        queue = self._queues.setdefault((call.sid, hook.kind), InOrder(self.post))
        self._told.setdefault(call.parent_sid or call.sid, []).append(self.spawn(queue.send(hook)))

    async def all_told(self, call: Call) -> None:
        """Returns when every webhook of the call and of the legs it dialled has been posted."""
        while posts := self._told.pop(call.sid, None):
            await asyncio.gather(*posts)

    def new_call(self, *, from_: str, to: str, direction: str, parent_sid: str | None = None) -> Call:
        call = Call(
            sid=sid("CA", self.world.new_id),
            account_sid=self.account_sid,
            from_=from_,
            to=to,
            direction=direction,
            created_at=self.world.now(),
            parent_sid=parent_sid,
        )
        self.calls[call.sid] = call
        return call

    def wait_in_queue(self) -> float:
        """Seconds until a call that is placed now leaves Twilio's queue."""
        if self.calls_per_second is None:
            return 0.0
        now = self.world.now()
        leaves = max(self._leaves_next or now, now)
        self._leaves_next = leaves + timedelta(seconds=1 / self.calls_per_second)
        return (leaves - now).total_seconds()

    def alert(self, code: int, call: Call, url: str = "") -> None:
        self.alerts.append(Alert(code=code, call_sid=call.sid, url=url, at=self.world.now()))

    def price_of(self, call: Call) -> str | None:
        """What a call cost, each begun minute of talk, as far as it is known by now."""
        known_at = call.ended_at + timedelta(seconds=self.priced_after) if call.ended_at else None
        if self.price_per_minute is None or known_at is None or self.world.now() < known_at:
            return None
        minutes = -(-call.seconds // 60) if call.answered_at else 0
        return f"{-minutes * self.price_per_minute:.5f}"

    def engaged(self, number: str) -> bool:
        """Whether somebody speaks on this number now."""
        return any(call.status == "in-progress" and number in (call.to, call.from_) for call in self.calls.values())

    def step(self, call: Call, event: str, status: str) -> None:
        """Moves a call on (`initiated` is no REST status) and posts the event to whoever subscribed to it."""
        now = self.world.now()
        call.updated_at = now
        if event == "ringing":
            call.started_at = call.started_at or now
        elif event == "answered":
            call.answered_at = now
        elif event == "completed":
            call.ended_at = now
        call.status = "queued" if event == "initiated" else status
        fields = progress_fields(call, status, call.sequence, now)
        call.sequence += 1
        if call.status_callback and event in call.events:
            hook = Webhook(
                kind="call-status",
                url=call.status_callback,
                fields=fields,
                method=call.status_method,
                call_sid=call.sid,
            )
            self.tell(call, hook)

    def finish(self, call: Call, status: str) -> None:
        """Ends a call once; later calls change nothing."""
        if call.finished:
            return
        call.gone.set()
        if call.direction == "inbound":
            call.sequence = 0  # a number's status callback is its only one
        self.step(call, "completed", status)


@dataclass(slots=True)
class Hand:
    """What the person at the far end does when he is asked for something."""

    keys: Iterator[str]
    says: str = ""
    speaks_for: float = 3.0
    confidence: float = 0.9


def hand_of(someone: Caller | Person) -> Hand:
    """A machine presses nothing."""
    if isinstance(someone, Caller):
        return Hand(iter(tuple(someone.keys)), someone.says, someone.speaks_for, someone.confidence)
    if someone.voicemail:
        return Hand(iter(()))
    if isinstance(someone.presses, str):
        return Hand(repeat(someone.presses), someone.says)
    return Hand(iter(someone.presses), someone.says)
