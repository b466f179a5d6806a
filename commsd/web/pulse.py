"""How each mailbox and line does at this moment, as its duties tell: for the page and the metrics."""

from commsd.telemetry import Metrics
from commsd.web.view import ChannelState
from commsd.world import World


class Pulse:
    """The state of every channel by name. A name beats when it worked and fails when it did not."""

    def __init__(self, metrics: Metrics, world: World) -> None:
        self.metrics = metrics
        self._world = world
        self._states: dict[str, ChannelState] = {}

    def watch(self, name: str, kind: str) -> None:
        """A channel there is, of which nothing is known yet."""
        self._states.setdefault(name, ChannelState(name=name, kind=kind))

    def beat(self, name: str, kind: str) -> None:
        """It worked just now."""
        now = self._world.now()
        self._states[name] = ChannelState(name=name, kind=kind, working=True, last_success=now)
        self.metrics.channel_success.labels(channel=name).set(now.timestamp())

    def fail(self, name: str, kind: str, said: str) -> None:
        """It did not work. said: what is wrong in a few words, without names of people."""
        before = self._states.get(name)
        last = before.last_success if before else None
        self._states[name] = ChannelState(name=name, kind=kind, working=False, last_success=last, said=said)

    def states(self) -> tuple[ChannelState, ...]:
        """All of them by name."""
        return tuple(self._states[name] for name in sorted(self._states))
