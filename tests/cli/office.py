"""A config folder with a real store behind it, and the command line run on it in this process."""

import asyncio
import io
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from commsd.cli import main
from commsd.config.load import load
from commsd.core import key
from commsd.core.change import Change, Original, change_of
from commsd.core.contact import identity_of
from commsd.core.interaction import (
    CALL_SID,
    MESSAGE_ID,
    Actor,
    Channel,
    Direction,
    ExternalId,
    Interaction,
    Kind,
    Outcome,
    Party,
    Role,
    Stored,
)
from commsd.sla.rules.in_force import Rules
from commsd.store.engine import open_engine
from commsd.store.log import Log
from commsd.store.migrate import upgrade
from commsd.world import real_world

T = TypeVar("T")

PEOPLE = """
[agent.anna]
name = "Anna Berg"
mail = ["anna@example.com"]
[team.service]
members = ["anna"]
lead = "anna"
"""

CONFIG = """
[service]
name = "Example Ltd"
timezone = "Europe/Berlin"
hours = "mon-sun 00:00-24:00"
[store]
url = "sqlite:///{store}"
[mailbox.support]
address = "support@example.com"
team = "service"
imap = {{ host = "imap.example.com", username = "support@example.com", password = {{ env = "PASSWORD" }} }}
smtp = {{ host = "smtp.example.com" }}
"""

RAW = b"From: jane@example.org\r\nSubject: Delivery\r\n\r\nWhere is it? \xff\r\n"


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, as JSON."""
        return json.loads(self.out)


class _Bytes(io.TextIOWrapper):
    """Text that also takes bytes, as sys.stdout does."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)

    def text(self) -> str:
        """All that was written."""
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode("utf-8", "surrogateescape")


def commsd(*words: str) -> Ran:
    """Run `commsd WORDS` and see how it ends."""
    out, err = _Bytes(), _Bytes()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main(words)
        except SystemExit as exited:
            code = exited.code if isinstance(exited.code, int) else 1
    return Ran(code, out.text(), err.text())


@dataclass(frozen=True, slots=True)
class Office:
    """A firm of one mailbox with Anna in it. folder: its configuration."""

    folder: Path

    def commsd(self, *words: str) -> Ran:
        """Run a command on this firm."""
        return commsd("--config", str(self.folder), *words)

    def done(self, *words: str) -> Ran:
        """Run a command that must end well."""
        ran = self.commsd(*words)
        assert ran.code == 0, ran.out + ran.err
        return ran

    def decide(self, keys: tuple[str, ...], fact: Callable[..., Interaction], **more: Any) -> Change:
        """Record one interaction the way the daemon does."""

        async def work(log: Log, rules: Rules) -> Change:
            return await log.decide(keys, lambda items: change_of(fact(items), items, rules.terms) + Change(**more))

        return self.with_log(work)

    def with_log(self, work: Callable[[Log, Rules], Awaitable[T]]) -> T:
        """Do something on the store as the daemon would open it."""
        return asyncio.run(_with_log(self.folder, work))

    def mail(self, sender: str = "jane@example.org", subject: str = "Delivery", **more: Any) -> Interaction:
        """A mail comes in; it has its original and a reason for not being acknowledged."""
        kept = Original(sha256="ab" * 32, media_type="message/rfc822", content=RAW)
        values: Mapping[str, Any] = {
            "channel": Channel.EMAIL,
            "kind": Kind.MESSAGE,
            "mailbox": "support",
            "outcome": Outcome.REACHED,
            "reason": "no-ack:too-old",
            "subject": subject,
            "parties": (Party(Role.FROM, sender, "Jane Clarke"),),
            "external_ids": (ExternalId(MESSAGE_ID, "one@example.org"),),
            "original": Stored(kept.sha256, kept.media_type, len(RAW)),
        }
        change = self.decide(key.of_addresses(sender), _inbound({**values, **more}), originals=(kept,))
        return change.interactions[0]

    def missed_call(self, number: str = "+493023125099", sid: str = "CA1") -> Change:
        """Somebody rings in vain."""
        values = {
            "channel": Channel.PHONE,
            "kind": Kind.CALL,
            "line": "hotline",
            "outcome": Outcome.MISSED,
            "parties": (Party(Role.CALLER, number),) if identity_of(number) else (),
            "external_ids": (ExternalId(CALL_SID, sid),),
        }
        return self.decide((*key.of_addresses(number), key.of_call(sid)), _inbound(values))


def _inbound(values: Mapping[str, Any]) -> Callable[..., Interaction]:
    def fact(items: Any) -> Interaction:
        told = {"occurred_at": items.now, **values}
        return Interaction(
            id=items.new_id(),
            direction=Direction.INBOUND,
            actor=Actor.CUSTOMER,
            recorded_at=items.now,
            **told,
        )

    return fact


async def _with_log(folder: Path, work: Callable[[Log, Rules], Awaitable[T]]) -> T:
    config = load(folder)
    engine, world = open_engine(config.store_url({})), real_world()
    log = Log(engine, world)
    try:
        await engine.commit(upgrade)
        log.start()
        rules = Rules(log)
        await rules.bring_in(config.version, config.sla_files, world.now())
        return await work(log, rules)
    finally:
        await log.close()


def built(folder: Path, more: str = "", people: str = PEOPLE) -> Path:
    """The folder with its main file."""
    folder.mkdir(parents=True, exist_ok=True)
    main_file = CONFIG.format(store=folder / "commsd.db") + people + more
    (folder / "commsd.toml").write_text(main_file, "utf-8")
    return folder


@contextmanager
def within(folder: Path) -> Iterator[None]:
    """Work in this folder, as a person in a shell does."""
    import os

    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
