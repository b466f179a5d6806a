"""The shape each channel's folder fills. A new channel is one folder and one line in `registry.py`.

Every command reads the config, and with it each channel's file `channel.py`; only the daemon needs what a channel works
with. So nothing of that is imported here or there but for the types, and by `duties` and `routes` when they are called.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from commsd.config.read import Table
from commsd.core.firm import Firm

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from commsd.duty import Duty
    from commsd.sla.notice.post import Post
    from commsd.sla.rules.in_force import Rules
    from commsd.store.claims import Claims
    from commsd.store.journal import Journal
    from commsd.store.log import Log
    from commsd.web.pulse import Pulse
    from commsd.world import World

Duties: TypeAlias = Sequence["Duty"]
Routes: TypeAlias = Sequence["BaseRoute"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """All that a channel works with: the firm, its rules, the store and the world.

    folder: the config's, for texts. key: signs ids and links. state: the folder of what this node keeps in files.
    post: how our own people are told; None before the config is in force.
    """

    folder: Path
    firm: Firm
    rules: "Rules"
    log: "Log"
    claims: "Claims"
    journal: "Journal"
    world: "World"
    pulse: "Pulse"
    key: bytes = field(repr=False)
    state: Path | None = None
    post: "Post | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One way in which customers reach us.

    tables: the top-level config tables it reads, e.g. ("mailbox",). read_settings: those tables -> its frozen
    settings; every mistake is noted on the Table with its place. duties and routes: what it runs with them.
    """

    name: str
    tables: tuple[str, ...]
    read_settings: Callable[[Table, Firm], Any]
    duties: Callable[[Any, Means], Duties]
    routes: Callable[[Any, Means], Routes]
