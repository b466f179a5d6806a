"""How each mailbox and line does at this moment, as its duties tell: for the page and the metrics."""

from commsd.telemetry import Metrics
from commsd.web.view import ChannelState
from commsd.world import World


class Pulse:
    """The state of every channel. One beats when it worked and fails when it did not; a mailbox and a line of one name
    are two."""

    def __init__(self, metrics: Metrics, world: World) -> None:
        self.metrics = metrics
        self._world = world
        self._states: dict[tuple[str, str], ChannelState] = {}

    def watch(self, name: str, kind: str) -> None:
        """A channel there is, of which nothing is known yet."""
        self._states.setdefault((name, kind), ChannelState(name=name, kind=kind))

    def beat(self, name: str, kind: str) -> None:
        """It worked just now."""
        now = self._world.now()
        self._states[name, kind] = ChannelState(name=name, kind=kind, working=True, last_success=now)
        self.metrics.channel_success.labels(channel=name).set(now.timestamp())

    def fail(self, name: str, kind: str, said: str) -> None:
        """It did not work. said: what is wrong in a few words, without names of people."""
        before = self._states.get((name, kind))
        last = before.last_success if before else None
        self._states[name, kind] = ChannelState(name=name, kind=kind, working=False, last_success=last, said=said)

    def states(self) -> tuple[ChannelState, ...]:
        """All of them by name."""
        return tuple(self._states[key] for key in sorted(self._states))
