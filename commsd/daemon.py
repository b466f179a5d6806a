"""The one place where objects are made and tasks start: store, rules, duties, listeners; signals, reload, systemd.

A house is one running commsd. The demo and the tests open the same one.
"""

import asyncio
import fcntl
import os
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TextIO

import structlog
from starlette.routing import BaseRoute

from commsd.channels.channel import Channel, Means
from commsd.channels.mail.account import MailSettings
from commsd.channels.mail.notice import as_mail
from commsd.channels.registry import CHANNELS
from commsd.config.load import load
from commsd.config.secret import resolve
from commsd.config.settings import Config
from commsd.crm.sequencer import Sequencer
from commsd.duty import Duty, supervise
from commsd.errors import CommsdError
from commsd.sla.escalation import Escalation, Post
from commsd.sla.rules import Rules
from commsd.store import feed
from commsd.store.claims import Claims
from commsd.store.engine import Engine, is_unavailable, open_engine
from commsd.store.journal import Journal
from commsd.store.log import Log
from commsd.store.migrate import upgrade
from commsd.store.recovery import Recovery
from commsd.world import World, real_world

log = structlog.get_logger()

STOP_DEADLINE = 45.0
WATCHED_EVERY = 5.0


@dataclass(slots=True)
class House:
    """A running commsd."""

    config: Config
    env: Mapping[str, str]
    world: World
    means: Means
    channels: Sequence[Channel]
    group: asyncio.TaskGroup
    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def staff(self, config: Config) -> None:
        """Bring a config in force: its rules, and duties that work by it in place of the former ones."""
        await self.means.rules.bring_in(config.version, config.sla_files, self.world.now())
        await self.dismiss()
        self.config = config
        self.means = _means(config, self.means)
        for duty in (*_house_duties(config, self.means), *_channel_duties(config, self.means, self.channels)):
            self.tasks[duty.name] = self.group.create_task(supervise(duty, self.world), name=duty.name)

    async def dismiss(self) -> None:
        """Stop all duties; what is under way with a mail server is settled first."""
        for task in self.tasks.values():
            task.cancel()
        if self.tasks:
            await asyncio.wait(self.tasks.values(), timeout=STOP_DEADLINE)
        self.tasks = {}

    async def reload(self) -> bool:
        """Take the changed files in, or refuse them whole and run on as before; says whether they were taken."""
        try:
            config = await asyncio.to_thread(load, self.config.folder, self.channels, self.env, need_secrets=True)
            await self.staff(config)
        except CommsdError as error:
            log.error("config.refused", what=error.what, remedy=error.remedy)
            return False
        log.info("config.reloaded", version=config.version.id[:12])
        return True


@asynccontextmanager
async def opened(
    config: Config,
    env: Mapping[str, str],
    world: World,
    *,
    channels: Sequence[Channel] = CHANNELS,
) -> AsyncIterator[House]:
    """A house at work: store migrated, rules in force, duties running. Left, it drains and closes."""
    engine = open_engine(config.store_url(env))
    await _reachable(engine, world)
    store = Log(engine, world)
    store.start()
    await engine.commit(partial(feed.prepare, epoch=world.new_id()))
    life = node(config, env, world)
    means = _first_means(config, env, world, store, life.owner)
    try:
        if taken_up := await means.claims.inherit():
            log.warning("delivery.resumed", deliveries=taken_up)
        async with asyncio.TaskGroup() as group:
            house = House(config, env, world, means, channels, group)
            await house.staff(config)
            yield house
            await house.dismiss()
    finally:
        await store.close()
        life.lock.close()


async def run(folder: Path, env: Mapping[str, str] = os.environ) -> None:
    """The daemon, until SIGTERM or SIGINT. SIGHUP or a changed file reloads."""
    config = load(folder, need_secrets=True, env=env)
    stop, hup = asyncio.Event(), asyncio.Event()
    _on_signals(stop, hup)
    async with opened(config, env, real_world()) as house:
        _tell_systemd(env, "READY=1", f"STATUS=watching with {len(house.tasks)} duties")
        reloading = asyncio.ensure_future(_reload_when_told(house, hup))
        try:
            await stop.wait()
        finally:
            reloading.cancel()
        _tell_systemd(env, "STOPPING=1")
        log.info("daemon.stopping")


def _means(config: Config, before: Means) -> Means:
    return Means(
        folder=config.folder,
        firm=config.firm,
        rules=before.rules,
        log=before.log,
        claims=before.claims,
        journal=before.journal,
        world=before.world,
        key=before.key,
    )


def _first_means(config: Config, env: Mapping[str, str], world: World, store: Log, owner: str) -> Means:
    return Means(
        folder=config.folder,
        firm=config.firm,
        rules=Rules(store, config.cases.auto_close),
        log=store,
        claims=Claims(store, world, owner),
        journal=Journal(store),
        world=world,
        key=own_key(config, env),
    )


@dataclass(frozen=True, slots=True)
class Life:
    """This life of our node. owner: what it claims under. lock: kept open while it lasts; a kill lets it go too."""

    owner: str
    lock: TextIO


def node(config: Config, env: Mapping[str, str], world: World) -> Life:
    """Who we are: a name kept in the state folder, locked, so that whoever bore it before us is known to be dead."""
    path = config.state_folder(env) / "node"
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.open("a+")
    fresh = f"{socket.gethostname()[:20]}-{world.new_id()[-12:]}".replace("/", "-")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # another commsd lives on this folder: then we are nobody's heir
        return Life(f"{fresh}/{world.new_id()[-12:]}", lock)
    lock.seek(0)
    name = lock.read().strip()
    if not name:
        name = fresh
        lock.write(name)
        lock.flush()
    return Life(f"{name}/{world.new_id()[-12:]}", lock)


def own_key(config: Config, env: Mapping[str, str]) -> bytes:
    """The key that signs ids and links: the configured one, else one made once in the state folder, mode 0600."""
    if config.key is not None:
        return resolve(config.key, config.folder, env).reveal().encode()
    path = config.state_folder(env) / "key"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        pass
    return path.read_text().strip().encode()


async def _reachable(engine: Engine, world: World) -> None:
    """Wait for the database, saying so once, and bring its tables to this version."""
    told, pause = False, 1.0
    while True:
        try:
            await engine.commit(upgrade)
            return
        except Exception as error:
            if not is_unavailable(error):
                raise
            if not told:
                log.error("store.unavailable", error=type(error).__name__)
                told = True
        await world.sleep(pause * (0.5 + world.jitter() / 2))
        pause = min(pause * 2, 30.0)


def _house_duties(config: Config, means: Means) -> Sequence[Duty]:
    return (
        Recovery(means.claims, means.world),
        Sequencer(means.log, means.claims, means.world),
        Escalation(config.firm, _post(config, means), means.log, means.claims, means.rules, means.world),
    )


def _channel_duties(config: Config, means: Means, channels: Sequence[Channel]) -> Sequence[Duty]:
    return [duty for channel in channels for duty in channel.duties(config.settings[channel.name], means)]


def _post(config: Config, means: Means) -> Post:
    """How notices leave: from the mailbox named for it, else the first that can send."""
    mail: MailSettings | None = config.settings.get("mail")
    boxes = {name: box for name, box in mail.mailboxes.items() if box.smtp} if mail else {}
    via = boxes.get(config.notices.mailbox or "") or next(iter(boxes.values()), None)
    fallback = config.firm.people.mail_of(config.alarms.tell, config.firm.day(means.world.now()))
    if via is None:
        return Post(via=None, render=lambda notice: b"")
    return Post(
        via=via.name,
        render=partial(as_mail, sender=via.address, firm_name=config.firm.name, key=means.key),
        persons={name: box.person for name, box in boxes.items() if box.person},
        fallback=fallback or (via.address,),
    )


def _on_signals(stop: asyncio.Event, hup: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number, event in ((signal.SIGTERM, stop), (signal.SIGINT, stop), (signal.SIGHUP, hup)):
        loop.add_signal_handler(number, event.set)


async def _reload_when_told(house: House, hup: asyncio.Event) -> None:
    """On SIGHUP, or when a file of the config changed."""
    seen = _stamps(house.config.folder)
    while True:
        try:
            async with asyncio.timeout(WATCHED_EVERY):
                await hup.wait()
        except TimeoutError:
            if _stamps(house.config.folder) == seen:
                continue
        hup.clear()
        _tell_systemd(house.env, "RELOADING=1")
        seen = _stamps(house.config.folder)
        await house.reload()
        _tell_systemd(house.env, "READY=1")


def _stamps(folder: Path) -> Mapping[Path, tuple[int, int]]:
    files = (*folder.glob("*.toml"), *folder.glob("sla/*.toml"), *folder.glob("templates/*"))
    return {path: (stat.st_mtime_ns, stat.st_size) for path in files if (stat := path.stat())}


def _tell_systemd(env: Mapping[str, str], *words: str) -> None:
    """sd_notify(3): a datagram to the socket systemd named; nothing where it named none."""
    address = env.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        channel.connect("\0" + address[1:] if address.startswith("@") else address)
        channel.sendall("\n".join(words).encode())


Routes = Callable[[House], Sequence[BaseRoute]]
