"""How each mailbox and line does at this moment, as its duties tell: for the page, the metrics and the watchman.

A channel has parts, such as the folders of a mailbox, and does as well as the worst of them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from commsd.telemetry import Metrics
from commsd.web.view import ChannelState
from commsd.world import World

Key = tuple[str, str]
"""Name and kind: a mailbox and a line of one name are two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a channel. working None: not known yet. failing_since: it has not worked since that attempt.

    since: it is part of what we watch. said: what is wrong in a few words, without names of people.
    """

    since: datetime
    working: bool | None = None
    last_success: datetime | None = None
    failing_since: datetime | None = None
    said: str | None = None


class Pulse:
    """The state of every channel. A part beats when it worked and fails when it did not."""

    def __init__(self, metrics: Metrics, world: World) -> None:
        self.metrics = metrics
        self._world = world
        self._channels: dict[Key, dict[str, Part]] = {}
        self._judged: Mapping[Key, str] = {}
        self._named: set[tuple[Key, str]] = set()

    def watch(self, name: str, kind: str, part: str = "") -> None:
        """A part there is, of which nothing is known yet."""
        self._named.add(((name, kind), part))
        self._channels.setdefault((name, kind), {}).setdefault(part, Part(since=self._world.now()))

    def keep_to_these(self) -> None:
        """Forget what was not named since the last call: a new configuration has no such channel or folder."""
        for key, parts in list(self._channels.items()):
            self._channels[key] = {part: known for part, known in parts.items() if (key, part) in self._named}
            if not self._channels[key]:
                del self._channels[key]
        self._named = set()

    def beat(self, name: str, kind: str, part: str = "") -> None:
        """It worked just now."""
        self._works((name, kind), part, self._world.now())

    def worked_elsewhere(self, name: str, kind: str, part: str, at: datetime) -> None:
        """Another node says that it worked then; what we know ourselves and is newer stays."""
        known = self._part((name, kind), part)
        if known.last_success is None or at > known.last_success:
            self._works((name, kind), part, at)

    def fail(self, name: str, kind: str, said: str, part: str = "") -> None:
        """It did not work. said: what is wrong in a few words, without names of people."""
        before = self._part((name, kind), part)
        self._channels.setdefault((name, kind), {})[part] = Part(
            since=before.since,
            working=False,
            last_success=before.last_success,
            failing_since=before.failing_since or self._world.now(),
            said=said,
        )

    def judge(self, degraded: Mapping[Key, str]) -> None:
        """The channels that do not do their work, with what is wrong, as the watchman found; all others do."""
        self._judged = dict(degraded)

    @property
    def degraded(self) -> Mapping[Key, str]:
        """Those, with what is wrong."""
        return self._judged

    def parts(self) -> Iterator[tuple[Key, str, Part]]:
        """Every part of every channel, in no order."""
        for key, parts in self._channels.items():
            for part, known in parts.items():
                yield key, part, known

    def said(self, name: str, kind: str) -> str | None:
        """What a part of it says is wrong."""
        return next((known.said for known in self._channels.get((name, kind), {}).values() if known.said), None)

    def states(self) -> tuple[ChannelState, ...]:
        """All of them by name."""
        return tuple(self._state(key) for key in sorted(self._channels))

    def _state(self, key: Key) -> ChannelState:
        parts = self._channels[key].values()
        says = {known.working for known in parts}
        reason = self._judged.get(key)
        working = False if False in says or reason else None if None in says else True
        return ChannelState(
            name=key[0],
            kind=key[1],
            working=working,
            last_success=self._last_success(key),
            said=self.said(*key) or reason,
        )

    def _part(self, key: Key, part: str) -> Part:
        return self._channels.get(key, {}).get(part) or Part(since=self._world.now())

    def _works(self, key: Key, part: str, at: datetime) -> None:
        before = self._part(key, part)
        self._channels.setdefault(key, {})[part] = Part(since=before.since, working=True, last_success=at)
        if (worst := self._last_success(key)) is not None:
            self.metrics.channel_success.labels(channel=key[0]).set(worst.timestamp())

    def _last_success(self, key: Key) -> datetime | None:
        """When all of it was last known to work."""
        times = [known.last_success for known in self._channels[key].values()]
        known = [at for at in times if at is not None]
        return min(known) if len(known) == len(times) else None
