"""For machines that watch: is it alive, does it work, and the figures at this moment."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from commsd.store import feed
from commsd.store.call_figures import CallFigures, call_figures
from commsd.store.log import Log
from commsd.store.query import Figures, figures
from commsd.telemetry import Metrics
from commsd.world import World

Check = Callable[[], str | None]


@dataclass(slots=True)
class Health:
    """Whether this process should get requests. checks: by name, what is wrong or None.

    started: the store is open and the listeners stand. draining: set when the daemon stops. degraded: channels that do
    not do their work, which is no reason to send requests elsewhere.
    """

    started: bool = False
    draining: asyncio.Event = field(default_factory=asyncio.Event)
    checks: dict[str, Check] = field(default_factory=dict)
    degraded: Callable[[], Mapping[str, str]] = dict

    def reasons(self) -> dict[str, str]:
        """Why it is not ready; empty where it is."""
        if self.draining.is_set():
            return {"daemon": "stopping"}
        if not self.started:
            return {"daemon": "starting"}
        return {name: said for name, check in self.checks.items() if (said := check())}


def routes(health: Health, metrics: Metrics, log: Log, world: World) -> list[BaseRoute]:
    """/-/healthy, /-/ready and /metrics; none needs a key."""

    async def healthy(_request: Request) -> Response:
        return Response("it turns\n", media_type="text/plain")

    async def ready(_request: Request) -> Response:
        reasons = health.reasons()
        body = orjson.dumps({"ready": not reasons, "reasons": reasons, "degraded": health.degraded()})
        return Response(body, status_code=503 if reasons else 200, media_type="application/json")

    async def scraped(_request: Request) -> Response:
        now = world.now()
        today = now.date().isoformat()
        counted, waiting, (_, last), oldest, calls = await log.read(
            lambda c: (figures(c), feed.oldest_unnumbered(c), feed.head(c), feed.oldest_at(c), call_figures(c, today))
        )
        take(metrics, counted, waiting, last, now)
        metrics.feed_oldest.set(oldest.timestamp() if oldest else 0.0)
        take_calls(metrics, calls, now)
        return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return [Route("/-/healthy", healthy), Route("/-/ready", ready), Route("/metrics", scraped)]


def take(metrics: Metrics, counted: Figures, waiting: datetime | None, last: int, now: datetime) -> None:
    """Set the gauges that are counted in the store; what is no longer there goes."""
    metrics.callbacks.clear()
    for state, count in counted.callbacks.items():
        metrics.callbacks.labels(state).set(count)
    metrics.clocks.clear()
    for (clock, state), count in counted.clocks.items():
        metrics.clocks.labels(clock, state).set(count)
    metrics.deliveries_open.clear()
    for state, count in counted.unsent.items():
        metrics.deliveries_open.labels(state).set(count)
    metrics.oldest_callback.set(_age(counted.oldest_callback, now))
    metrics.feed_lag.set(_age(waiting, now))
    metrics.feed_last.set(last)


def take_calls(metrics: Metrics, counted: CallFigures, now: datetime) -> None:
    """The same of what only owed calls have."""
    metrics.callbacks_held.clear()
    for rule, count in counted.held.items():
        metrics.callbacks_held.labels(rule).set(count)
    metrics.dialling_cost.clear()
    for currency, amount in counted.spent.items():
        metrics.dialling_cost.labels(currency).set(amount)
    metrics.escalated_age.set(_age(counted.escalated, now))


def _age(since: datetime | None, now: datetime) -> float:
    return max((now - since).total_seconds(), 0.0) if since else 0.0
