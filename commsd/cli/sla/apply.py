"""`sla apply`: rules from a folder come in force, after saying what they would move."""

import asyncio
import os
import sys
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import typer

from commsd.cli.house import House, opened
from commsd.cli.moment import moment
from commsd.cli.output import as_json
from commsd.cli.place import example, folder
from commsd.cli.sla.applied import Applied, found, say
from commsd.cli.sla.group import sla_app
from commsd.config.load import RULES, inspect, render
from commsd.config.read import Finding, Severity
from commsd.config.settings import Config
from commsd.core.impact import Amendment, Impact
from commsd.errors import ConfigError, Refused, TryAgain
from commsd.sla.rules.folderlock import PATIENCE, held
from commsd.sla.rules.handover import finish, owed_to, remedy_of
from commsd.sla.rules.in_force import AT_ONCE, Plan, Rules
from commsd.sla.rules.rulefolder import Exchange, kept, print_of
from commsd.store import node
from commsd.store.versions import Stored
from commsd.world import World, real_world


class Applies(StrEnum):
    """Which clocks new rules govern."""

    NEW = "new"
    RUNNING = "running"


@sla_app.command(
    "apply",
    epilog=example(
        "commsd sla apply new-rules --dry-run",
        "commsd sla apply new-rules --applies running --confirm",
        'commsd sla apply winter --from "2026-12-01 08:00"',
    ),
)
def apply(
    ctx: typer.Context,
    source: Path = typer.Argument(metavar="DIR", help="The folder with the *.toml of the new rules."),
    start: str | None = typer.Option(
        None, "--from", metavar="T", help="When they come in force; at once by default.", show_default=False
    ),
    applies: Applies = typer.Option(Applies.NEW, help="For clocks that start from then on, or also for those running."),
    confirm: bool = typer.Option(False, "--confirm", help="Also where it makes clocks due at once, or moves many."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Say what would move; change nothing."),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Bring the rules of a folder in force: judged like `check`, counted, then copied over the config's own.

    Refused without --confirm where open clocks would be due at once, or where more of the open due times would move
    than [rules] confirm_share allows. The former files stay in the store: commsd sla versions, commsd sla export.
    """
    wanted = _Wanted(
        folder=folder(ctx).path,
        source=source,
        start=start,
        applies=applies,
        confirm=confirm,
        dry_run=dry_run,
        json=json,
    )
    done, zone = asyncio.run(_applied(wanted, real_world()))
    if json:
        as_json(done.as_json())
    else:
        say(done, zone)
    raise typer.Exit(1 if done.refused else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What was asked for."""

    folder: Path
    source: Path
    start: str | None
    applies: Applies
    confirm: bool
    dry_run: bool
    json: bool

    @property
    def place(self) -> Path:
        """Where the rules of the config lie."""
        return self.folder / RULES


@dataclass(frozen=True, slots=True)
class _Candidate:
    """The config with the new rules in it. at: when they come in force, if that was said."""

    config: Config
    at: datetime | None
    findings: tuple[Finding, ...]


async def _applied(wanted: _Wanted, world: World) -> tuple[Applied, ZoneInfo]:
    """What came of it, said before the lock is let go: who waits for it is judged against that."""
    if wanted.dry_run:
        candidate = _judged(wanted)
        done = await _brought_in(wanted, candidate)
    else:
        async with held(wanted.place, world, PATIENCE, partial(typer.echo, err=True)):
            candidate = _judged(wanted)
            done = await _brought_in(wanted, candidate)
    if done.stored and timedelta() < (ahead := done.stored.version.effective_from - world.now()) <= AT_ONCE:
        await world.sleep(ahead.total_seconds())
    waits = bool(done.stored and done.stored.version.effective_from > world.now())
    return replace(done, waits=waits), candidate.config.firm.zone


def _judged(wanted: _Wanted) -> _Candidate:
    """The new rules, judged like `check`. Says what it found, and ends the command where there are mistakes."""
    config, findings = inspect(wanted.folder, rules=wanted.source)
    said = tuple(each for each in findings if each.severity is Severity.ERROR or _is_in(wanted.source, each))
    if said and not wanted.json:
        typer.echo(render(said))
    if config is None:
        if wanted.json:
            as_json({"changed": False, "applied": False, "findings": [found(each) for each in said]})
        raise typer.Exit(ConfigError.exit_code)
    at = moment(wanted.start, config.firm.zone, "--from") if wanted.start is not None else None
    return _Candidate(config, at, said)


def _is_in(source: Path, finding: Finding) -> bool:
    place = Path(finding.place.file).absolute()
    return source.absolute() in (place, place.parent)


async def _brought_in(wanted: _Wanted, candidate: _Candidate) -> Applied:
    async with opened(candidate.config) as house:
        finished = None if wanted.dry_run else await finish(house.rules, wanted.place)
        plan = await _planned(wanted, candidate, house)
        done = Applied(
            plan=plan,
            source=wanted.source,
            place=wanted.place,
            findings=candidate.findings,
            finished=finished,
            at_work=await house.rules.somebody_works(house.world.now()),
            still_to_move=await house.rules.still_to_move(house.world.now()),
        )
        if plan.version is None:
            return replace(done, copied=not wanted.dry_run and await _files_mended(wanted, candidate.config, house))
        impact, clocks = await _counted(candidate.config, house.rules, plan, house.world.now())
        refused = () if wanted.confirm else _against(impact, candidate.config.rules.confirm_share)
        done = replace(done, impact=impact, open_clocks=clocks, refused=refused)
        if refused or wanted.dry_run:
            return done
        plan = await _planned(wanted, candidate, house)  # the count has taken its time
        return replace(done, plan=plan, copied=True, stored=await _accepted(wanted, candidate.config, house, plan))


async def _planned(wanted: _Wanted, candidate: _Candidate, house: House) -> Plan:
    rules, now = house.rules, house.world.now()
    if not rules.stored and candidate.at:
        raise Refused(
            "no rules are in force yet", remedy="leave --from out, or let `commsd run` bring in its own first"
        )
    start = candidate.at or (now + await rules.lead(now) if rules.stored else None)
    return rules.plan(candidate.config.version, now, start, wanted.applies.value, anew=True)


async def _counted(config: Config, rules: Rules, plan: Plan, now: datetime) -> tuple[Impact, int]:
    from commsd.sla.rules.impact import counted  # worker processes are slow to import

    assert plan.version is not None
    kept = [each.version for each in rules.standing if each not in plan.withdraws]
    after = sorted([*kept, plan.version], key=lambda version: version.effective_from)
    start, past = plan.version.effective_from, plan.version.effective_from < now and bool(kept)
    amendment = Amendment(
        before=rules.terms.versions,
        after=tuple(after),
        now=now,
        at=max(start, now),
        retargets=past or plan.version.applies == "running",
    )
    told = partial(_progress, sys.stderr.isatty())
    return await asyncio.to_thread(counted, config.store_url(os.environ), amendment, start if past else None, told)


def _progress(shown: bool, done: int, of: int) -> None:
    if shown:
        end = "\n" if done == of else ""
        typer.echo(f"\rcounting what moves: {done:,} of {of:,} cases{end}", nl=False, err=True)


def _against(found: Impact, limit: float) -> tuple[str, ...]:
    """What speaks against doing it unasked."""
    said = []
    if at_once := found.total.at_once:
        said.append(f"would make {at_once} open clock{'s' if at_once > 1 else ''} due at once")
    if found.share > limit:
        said.append(
            f"would move {found.share:.0%} of the open due times, more than {limit:.0%} ([rules] confirm_share)"
        )
    if found.rejudged:
        said.append(f"would change the verdict of {found.rejudged} clocks that stopped since then")
    return tuple(said)


async def _accepted(wanted: _Wanted, config: Config, house: House, plan: Plan) -> Stored:
    """The version, its files in place. Killed at any point in between, `handover` finishes it."""
    exchange = Exchange(wanted.place, config.sla_files)
    to, by = owed_to(wanted.place, exchange), house.hand(None).by
    try:
        _keep(wanted.place, house)
        stored = await house.rules.accept(plan, config.sla_files, house.world.now(), by, to)
    except (TryAgain, Refused):
        exchange.drop()
        raise
    _swap(exchange, stored)
    await house.rules.handed_over(to)
    exchange.drop()
    await _remember(config, house)
    return stored


def _keep(place: Path, house: House) -> None:
    """What stands in the folder and was never accepted is nowhere else."""
    accepted = {print_of(each.files) for each in house.rules.stored}
    if copy := kept(place, f"{place.name}.before-{house.world.now():%Y%m%dT%H%M%S.%fZ}", accepted):
        typer.echo(f"what stood in {place} is in no version: it is kept in {copy}", err=True)


def _swap(exchange: Exchange, stored: Stored) -> None:
    try:
        exchange.swap()
    except OSError as error:
        raise Refused(
            f"version {stored.number} is accepted, but its files could not be put into {exchange.place}: "
            f"{error.strerror}",
            remedy=f"the next `sla apply` or start of the daemon tries again; else {remedy_of(stored)}",
        ) from error


async def _files_mended(wanted: _Wanted, config: Config, house: House) -> bool:
    """Where the rules are in force already and the config's own files say something else, the files follow."""
    own, _ = inspect(wanted.folder)
    if own is not None and own.version.source == config.version.source:
        return False
    exchange = Exchange(wanted.place, config.sla_files)
    try:
        _keep(wanted.place, house)
        exchange.swap()
    finally:
        exchange.drop()
    await _remember(config, house)
    return True


async def _remember(config: Config, house: House) -> None:
    """The daemon of this folder need not take these files for changed ones."""
    try:
        name = node.name(config.state_folder(os.environ))
    except (ConfigError, OSError):
        return
    if name:
        await house.rules.remember(name, config.version)
