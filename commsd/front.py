"""What the daemon shows the outside: its two listeners and what answers behind them.

A reload replaces what answers; the sockets stay. When that happens is the daemon's business.
"""

from collections.abc import Sequence
from typing import NamedTuple

from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from commsd.channels.channel import Channel, Means
from commsd.config.settings import Config
from commsd.crm import api
from commsd.crm.audit import Audit
from commsd.crm.keys import Keys
from commsd.crm.limits import Limits
from commsd.crm.request import Api
from commsd.crm.sequencer import Head
from commsd.store.log import Log
from commsd.web import links, watch
from commsd.web.board import Board
from commsd.web.pages import static_routes
from commsd.web.pulse import Pulse
from commsd.web.server import Listener, application, bind
from commsd.web.session import Sessions
from commsd.web.watch import Health
from commsd.world import World


class Doorway:
    """The application behind a listener, which a reload replaces while the socket stays."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


class Surface(NamedTuple):
    """The applications behind the two listeners."""

    own: ASGIApp
    public: ASGIApp


class Front:
    """The listeners: the API and the page on one, Twilio's webhooks and links for people on the other or the same."""

    def __init__(self, config: Config, log: Log, world: World, pulse: Pulse) -> None:
        http = config.http
        self.health = Health(degraded=pulse.degraded_by_name, checks={"store": log.away})
        self.head, self.pulse = Head(), pulse
        self._log, self._world = log, world
        self._limits = Limits(world, http.rate, http.export_rate)  # a reload does not fill the buckets
        self._own, self._public = Doorway(), Doorway()
        proxies = http.trusted_proxies
        self.own = Listener("api", self._own, bind(*http.listen), world, trusted_proxies=proxies)
        self.public: Listener | None = None
        if http.public and http.public_listen != http.listen:
            self.public = Listener("public", self._public, bind(*http.public_listen), world, trusted_proxies=proxies)

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """Those that are open."""
        return (self.own, self.public) if self.public else (self.own,)

    def made(self, config: Config, means: Means, channels: Sequence[Channel]) -> Surface:
        """What the listeners would answer by this config."""
        hooks = [route for channel in channels for route in channel.routes(config.settings[channel.name], means)]
        acts = links.Links(
            self._log, lambda: means.rules.terms, self._world, means.key, config.firm.people, config.firm.zone
        ).routes()
        inward = self._inward(config, means) + acts  # the buttons of the page go there, whatever is public
        if config.http.public and self.public is None:
            inward += hooks
        return Surface(application(inward, self.health), application([*hooks, *acts, *static_routes()], self.health))

    def open(self, surface: Surface) -> None:
        """Answer like this from now on."""
        self._own.app, self._public.app = surface.own, surface.public

    async def drain(self) -> None:
        """Answer what was accepted, then close."""
        self.health.draining.set()
        for listener in self.listeners:
            await listener.drain()

    def _inward(self, config: Config, means: Means) -> list[BaseRoute]:
        keys = Keys(self._log, self._world)
        surface = Api(
            log=self._log,
            keys=keys,
            audit=Audit(self._log, self._world),
            limits=self._limits,
            exits=config.webhooks,
            terms=lambda: means.rules.terms,
            world=self._world,
            key=means.key,
            head=self.head,
            people=config.firm.people,
            goals=config.goals,
            draining=self.health.draining,
        )
        board = Board(
            log=self._log,
            world=self._world,
            key=means.key,
            sessions=Sessions(log=self._log, world=self._world, key=means.key),
            keys=keys,
            audit=Audit(self._log, self._world),
            limits=self._limits,
            health=self.health,
            firm=config.firm.name,
            zone=config.firm.zone,
            channels=self.pulse.states,
            observing=config.observing,
        )
        return [
            *watch.routes(self.health, self.pulse.metrics, self._log, self._world),
            *api.routes(surface),
            *board.routes(),
            *static_routes(),
        ]
