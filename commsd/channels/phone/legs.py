"""Whose telephone a callback of ours holds just now, so that no caller's round is wasted on a busy tone.

Told by what this process commits, so a hint: of what another one dials nobody here knows, and the caller hears one ring
more. Who may be rung for a callback, the store says (`dial.line_state`).
"""

from datetime import datetime

from commsd.channels.phone.dial.line_state import LONGEST
from commsd.core.agent import People
from commsd.core.callback import State
from commsd.core.change import Change
from commsd.store.log import Log

_ON_THE_LINE = (State.DIALLING, State.TALKING)


class Legs:
    """Our people's legs of calls that we placed."""

    def __init__(self, log: Log) -> None:
        self._up: dict[str, tuple[str, datetime]] = {}
        log.listen(self._hear)

    def phones(self, people: People, now: datetime) -> frozenset[str]:
        """The telephones that are taken; none for longer than Twilio lets a call of ours last."""
        names = {name for name, since in self._up.values() if now < since + LONGEST}
        agents = (people.agents.get(name) for name in names)
        return frozenset(agent.phone for agent in agents if agent and agent.phone)

    def _hear(self, change: Change) -> None:
        for callback in change.callbacks:
            live = callback.live if callback.state in _ON_THE_LINE else None
            if live and live.id and live.by:
                self._up[callback.id] = live.by, live.at
            else:
                self._up.pop(callback.id, None)
