"""Whose telephone a callback of ours holds or waits for just now: no caller's round is wasted on a busy tone, and none
takes what an earlier call waits for.

Told by what this process commits, so a hint: of what another one dials nobody here knows, and the caller hears one ring
more, or is served out of turn. Who may be rung for a callback, the store says (`dial.line_state`).
"""

from collections.abc import Mapping
from datetime import datetime

from commsd.channels.phone.dial.line_state import LONGEST
from commsd.channels.phone.turns import Turn, Turns, joined
from commsd.core.agent import People
from commsd.core.callback import State
from commsd.core.change import Change
from commsd.store.log import Log

_ON_THE_LINE = (State.DIALLING, State.TALKING)


class Legs:
    """Our people's legs of calls that we placed, and of those to come."""

    def __init__(self, log: Log) -> None:
        self._up: dict[str, tuple[str, datetime]] = {}
        self._turns: dict[str, Turns] = {}
        log.listen(self._hear)

    def phones(self, people: People, now: datetime) -> frozenset[str]:
        """The telephones that are taken; none for longer than Twilio lets a call of ours last."""
        names = {name for name, since in self._up.values() if now < since + LONGEST}
        agents = (people.agents.get(name) for name in names)
        return frozenset(agent.phone for agent in agents if agent and agent.phone)

    def turns(self, people: People, now: datetime) -> Mapping[str, Turn]:
        """The telephones that owed calls wait for; of one that several lines' calls wait for, all in one."""
        found: dict[str, Turn] = {}
        for turns in self._turns.values():
            for name, turn in turns.of.items() if now < turns.until else ():
                agent = people.agents.get(name)
                if agent and agent.phone:
                    found[agent.phone] = joined(turn, found.get(agent.phone, turn))
        return found

    def _hear(self, change: Change) -> None:
        if isinstance(change.result, Turns):
            self._turns[change.result.line] = change.result
        for callback in change.callbacks:
            live = callback.live if callback.state in _ON_THE_LINE else None
            if live and live.id and live.by:
                self._up[callback.id] = live.by, live.at
            else:
                self._up.pop(callback.id, None)
