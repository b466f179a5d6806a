"""The one place where objects are made and tasks start: store, rules, duties, listeners; signals, reload, systemd.

A house is one running commsd. The demo and the tests open the same one.
"""

import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import Enum
from functools import partial
from pathlib import Path

import structlog

from commsd.channels.channel import Channel, Means
from commsd.channels.registry import CHANNELS
from commsd.config.load import RULES, load
from commsd.config.own_key import own_key
from commsd.config.saving import Files, stamps_of
from commsd.config.settings import Config
from commsd.duties import channel_duties, house_duties, post_for
from commsd.duty import Leaver, end, supervise, woken
from commsd.errors import CommsdError, ConfigError, StoreAway, TryAgain
from commsd.front import Front
from commsd.sla.rules.folderlock import PATIENCE, Busy
from commsd.sla.rules.handover import take_folder
from commsd.sla.rules.in_force import Rules
from commsd.store import feed, node
from commsd.store.claims import Claims
from commsd.store.engine import Engine, is_unavailable, open_engine
from commsd.store.journal import Journal
from commsd.store.log import Log
from commsd.store.migrate import DEADLINE, revision, upgrade
from commsd.store.silence import silence_of
from commsd.telemetry import Metrics
from commsd.web.call_meter import CallMeter
from commsd.web.pulse import Pulse
from commsd.world import World, real_world

log = structlog.get_logger()

STOP_DEADLINE = 30.0  # longer than a mail server is waited for, shorter than systemd waits for us
AT_THE_START = 10.0
"""Seconds for another process that brings rules into our folder; then those of the store have to do."""

WATCHED_EVERY = 5.0
SETTLES_IN = 1.0

TURN_OF_A_THREAD = 0.0005
"""Seconds for which a thread may keep the interpreter from others that are ready; Python's default is 5 ms."""


class Reload(Enum):
    """How a reload ended. LATER: the store was away, or other rules came in at that moment."""

    TAKEN = "taken"
    REFUSED = "refused"
    LATER = "later"


@dataclass(slots=True)
class House:
    """A running commsd."""

    config: Config
    env: Mapping[str, str]
    world: World
    means: Means
    channels: Sequence[Channel]
    group: asyncio.TaskGroup
    front: Front
    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    leavers: dict[str, Leaver] = field(default_factory=dict)
    leaving: set[asyncio.Task[None]] = field(default_factory=set)

    async def staff(self, config: Config) -> None:
        """Bring a config in force: its rules, and duties that work by it in place of the former ones.

        Everything is made before anything is changed, so that what cannot be made leaves the former at work.
        """
        means = _means(config, self.means)
        means.pulse.begin()
        surface = self.front.made(config, means, self.channels)
        duties = [*house_duties(config, means, self.front.head), *channel_duties(config, means, self.channels)]
        await self._bring_rules_in(config, means)
        await self._replaced()
        self.front.pulse.in_force()
        self.config, self.means = config, means
        self.front.open(surface)
        tasks = (self.group.create_task(supervise(duty, self.world), name=duty.name) for duty in duties)
        self.tasks = {task.get_name(): task for task in tasks}
        self.leavers = {duty.name: duty for duty in duties if isinstance(duty, Leaver)}

    async def _bring_rules_in(self, config: Config, means: Means) -> None:
        """The rules of the files in force, where they are others than before; then from this moment on."""
        node, now = means.claims.owner.partition("/")[0], self.world.now()
        place, patience = config.folder / RULES, PATIENCE if self.tasks else AT_THE_START
        try:
            files = (config.version, config.sla_files)
            taken = await take_folder(means.rules, place, *files, now, node, self.world, patience)
        except Busy as error:
            await means.rules.load()
            if self.tasks or not means.rules.stored:
                raise
            log.warning("rules.not_read", what=error.what, remedy="reload when it has ended")  # the mail shall not wait
            taken = None
        self.front.pulse.metrics.rules_applied.set(1)
        if taken and (ahead := taken.version.effective_from - self.world.now()) > timedelta():
            await self.world.sleep(ahead.total_seconds())
        if until := means.rules.holidays_end(now):
            log.warning("rules.ageing", until=until.isoformat())
        for calendar, zone in means.rules.lost_zones(now).items():
            log.warning("rules.zone_lost", calendar=calendar, zone=zone)

    async def _replaced(self) -> None:
        """Stop all duties for others in their place; what is with a mail server ends beside those, in its own time."""
        while self.leavers:
            name, leaver = self.leavers.popitem()
            leaver.leave()
            self.leaving.add(task := self.tasks.pop(name))
            task.add_done_callback(self.leaving.discard)
        await end(self.tasks.values(), STOP_DEADLINE)

    async def dismiss(self) -> None:
        """Stop all duties; what is under way with a mail server is settled first."""
        await end([*self.tasks.values(), *self.leaving], STOP_DEADLINE)

    async def reload(self) -> Reload:
        """Take the changed files in, or refuse them whole and run on as before."""
        try:
            config = await asyncio.to_thread(self._changed)
            await self.staff(config)
        except (StoreAway, TryAgain):
            return Reload.LATER
        except CommsdError as error:
            log.error("config.refused", what=error.what, remedy=error.remedy)
            return self._refused()
        except Exception as error:
            log.error("reload.failed", error=type(error).__name__, exc_info=error)
            return self._refused()
        self.front.pulse.metrics.config_reloaded.set(1)
        self.front.pulse.metrics.config_errors.set(0)
        log.info("config.reloaded", version=config.version.id[:12])
        return Reload.TAKEN

    def _changed(self) -> Config:
        """The files as they are now. Raises ConfigError for what cannot be taken in."""
        config = load(self.config.folder, self.channels, self.env, need_secrets=True)
        _must_not_move(self.config, config)
        if blank := [name for name, text in config.sla_files.items() if not text.strip()]:
            what = f"{config.folder / 'sla' / blank[0]} is empty"
            raise ConfigError(what, remedy="nothing if it is just being saved; else write rules into it, or remove it")
        return config

    def _refused(self) -> Reload:
        self.front.pulse.metrics.config_reloaded.set(0)
        self.front.pulse.metrics.config_errors.set(1)
        return Reload.REFUSED


@asynccontextmanager
async def opened(
    config: Config,
    env: Mapping[str, str],
    world: World,
    *,
    channels: Sequence[Channel] = CHANNELS,
) -> AsyncIterator[House]:
    """A house at work: store migrated, rules in force, listeners open, duties running. Left, it drains and closes.

    Raises CommsdError where a port is taken; a database that is away is waited for.
    """
    pulse = Pulse(Metrics(), world)
    engine = open_engine(config.store_url(env))
    await _reachable(engine, world)
    store = Log(engine, world)
    front = Front(config, store, world, pulse)
    store.listen(CallMeter(pulse.metrics).hear)
    store.start()
    life = node.begin(config.state_folder(env), world)
    try:
        await store.writer.write(partial(feed.prepare, epoch=world.new_id()))
        means = _first_means(config, env, store, world, pulse, life.owner)
        if resumed := await means.claims.inherit():
            log.warning("delivery.resumed", deliveries=resumed)
        async with asyncio.TaskGroup() as group:
            house = House(config, env, world, means, channels, group, front)
            await house.staff(config)
            serving = [group.create_task(supervise(each, world), name=each.name) for each in front.listeners]
            front.health.started = True
            pulse.metrics.config_reloaded.set(1)
            yield house
            await front.drain()
            await house.dismiss()
            for task in serving:
                task.cancel()
    finally:
        await store.close()
        life.end()


def spare_the_collector() -> None:
    """What the start made stays as long as we do: no later collection need walk through it, nor come so often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def share_the_interpreter() -> None:
    """A thread that counts through thousands of rows gives way to those who wait ten times sooner than by default.

    An answer passes between the loop and the writer several times, and each time might wait that long.
    """
    sys.setswitchinterval(TURN_OF_A_THREAD)


async def run(folder: Path, env: Mapping[str, str] = os.environ) -> None:
    """The daemon, until SIGTERM or SIGINT. SIGHUP or a changed file reloads."""
    config = load(folder, need_secrets=True, env=env)
    stop, hup, ready = asyncio.Event(), asyncio.Event(), asyncio.Event()
    _on_signals(stop, hup)
    working = asyncio.ensure_future(_work(stop, hup, ready, config, env))
    told = asyncio.ensure_future(stop.wait())
    await asyncio.wait({working, told}, return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    if stop.is_set() and not ready.is_set():  # still waiting for the database
        working.cancel()
        return
    await working


async def _work(
    stop: asyncio.Event, hup: asyncio.Event, ready: asyncio.Event, config: Config, env: Mapping[str, str]
) -> None:
    async with opened(config, env, real_world()) as house:
        ready.set()
        spare_the_collector()
        share_the_interpreter()
        _tell_systemd(env, "READY=1", f"STATUS=at work with {len(house.tasks)} duties")
        log.info("daemon.started", duties=len(house.tasks))
        reloading = asyncio.ensure_future(_reload_when_told(house, hup))
        await stop.wait()
        reloading.cancel()
        _tell_systemd(env, "STOPPING=1")
        log.info("daemon.stopping")


def _means(config: Config, before: Means) -> Means:
    return replace(before, folder=config.folder, firm=config.firm, post=post_for(config, before))


def _first_means(config: Config, env: Mapping[str, str], store: Log, world: World, pulse: Pulse, owner: str) -> Means:
    return Means(
        folder=config.folder,
        firm=config.firm,
        rules=Rules(store, config.cases.auto_close),
        log=store,
        claims=Claims(store, world, owner),
        journal=Journal(store),
        world=world,
        pulse=pulse,
        key=own_key(config, env),
        state=config.state_folder(env),
    )


async def _reachable(engine: Engine, world: World) -> None:
    """Wait for the database, saying so once, and bring its tables to this version."""
    told, pause = False, 1.0
    while True:
        try:
            await engine.read(revision)  # whether it answers at all, by the usual deadline
            await engine.commit(upgrade, DEADLINE)
            return
        except Exception as error:
            if not is_unavailable(error):
                raise
            if not told:
                said = silence_of(error, engine.dialect)
                log.error("store.unavailable", error=type(error).__name__, **said._asdict())
                told = True
        await world.sleep(pause * (0.5 + world.jitter() / 2))
        pause = min(pause * 2, 30.0)


def _must_not_move(before: Config, after: Config) -> None:
    """Raises ConfigError for what stays as it was at the start: the store, the listeners, the key."""
    fixed = {
        "[store] url": before.store == after.store,
        "[service] key": before.key == after.key,
        "[http]": replace(before.http, public=after.http.public) == after.http,
        "the public listener, which [twilio] or public_url opens,": before.http.public == after.http.public,
    }
    moved = [name for name, same in fixed.items() if not same]
    if moved:
        raise ConfigError(f"{' and '.join(moved)} cannot change while commsd runs", remedy="restart it to change that")


def _on_signals(stop: asyncio.Event, hup: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number, event in ((signal.SIGTERM, stop), (signal.SIGINT, stop), (signal.SIGHUP, hup)):
        loop.add_signal_handler(number, event.set)


async def _reload_when_told(house: House, hup: asyncio.Event) -> None:
    """On SIGHUP, or when a file of the config changed and two looks after that find it at rest: somebody saves it."""
    files, pause = Files(stamps_of(house.config.folder)), WATCHED_EVERY
    while True:
        told = await woken(hup, pause)
        rested = files.at_rest(stamps_of(house.config.folder))
        pause = WATCHED_EVERY if told or rested or not files.changed else SETTLES_IN
        if not told and not rested:
            continue
        hup.clear()
        _tell_systemd(house.env, "RELOADING=1")
        later = await house.reload() is Reload.LATER
        files.taken = {} if later else files.seen
        _tell_systemd(house.env, "READY=1")


def _tell_systemd(env: Mapping[str, str], *words: str) -> None:
    """sd_notify(3): a datagram to the socket systemd named; nothing where it named none."""
    address = env.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        channel.connect("\0" + address[1:] if address.startswith("@") else address)
        channel.sendall("\n".join(words).encode())
