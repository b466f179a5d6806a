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
        self._undecided: dict[tuple[Key, str], datetime] = {}
        self._named: set[tuple[Key, str]] = set()
        self._in_force = False

    def begin(self) -> None:
        """A configuration is about to name its channels anew; until it is in force, the former ones count."""
        self._named = set()

    def watch(self, name: str, kind: str, part: str = "") -> None:
        """A part there is, of which nothing is known yet."""
        self._named.add(((name, kind), part))
        if not self._in_force:
            self._add((name, kind), part)

    def in_force(self) -> None:
        """The configuration that named its channels counts from now on; what it did not name is forgotten."""
        self._in_force = True
        for key, part in self._named:
            self._add(key, part)
        for key, parts in list(self._channels.items()):
            self._channels[key] = {part: known for part, known in parts.items() if (key, part) in self._named}
            if not self._channels[key]:
                del self._channels[key]

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

    def undecided(self, name: str, kind: str, part: str, since: datetime | None) -> None:
        """A mail was seen to lie there since then that is not taken up; None: none is."""
        self._undecided.pop(((name, kind), part), None)
        if since is not None:
            self._undecided[(name, kind), part] = since

    def undecided_since(self, key: Key, part: str) -> datetime | None:
        """Since when one was."""
        return self._undecided.get((key, part))

    def judge(self, degraded: Mapping[Key, str]) -> None:
        """The channels that do not do their work, with what is wrong, as the watchman found; all others do."""
        self._judged = dict(degraded)

    def degraded_by_name(self) -> Mapping[str, str]:
        """Those, as "mailbox support", with the reason."""
        return {f"{kind} {name}": reason for (name, kind), reason in sorted(self._judged.items())}

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

    def _add(self, key: Key, part: str) -> None:
        self._channels.setdefault(key, {}).setdefault(part, Part(since=self._world.now()))

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
