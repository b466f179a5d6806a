"""`sla apply`: rules from a folder come in force, after saying what they would move."""

import asyncio
import os
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path

import typer

from commsd.cli.house import House, opened
from commsd.cli.moment import moment
from commsd.cli.output import as_json, table, when
from commsd.cli.place import example, folder
from commsd.cli.sla.group import sla_app
from commsd.config.load import RULES, inspect, render
from commsd.config.read import Finding, Severity
from commsd.config.settings import Config
from commsd.core.impact import Amendment, Impact, Moves
from commsd.core.record import Json, instant
from commsd.errors import ConfigError, Refused
from commsd.sla.rules.in_force import LEAD, Plan, Rules
from commsd.sla.rules.rulefolder import Exchange
from commsd.store import node
from commsd.store.versions import Stored

NOTHING = Impact()


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
    config, findings = inspect(folder(ctx).path, rules=source)
    said = [each for each in findings if each.severity is Severity.ERROR or _is_in(source, each)]
    if said and not json:
        typer.echo(render(said))
    if config is None:
        if json:
            as_json({"changed": False, "applied": False, "findings": [_finding(each) for each in said]})
        raise typer.Exit(ConfigError.exit_code)
    at = moment(start, config.firm.zone, "--from") if start is not None else None
    wanted = _Wanted(config, folder(ctx).path, at, applies, confirm, dry_run)
    done = asyncio.run(_applied(wanted))
    if json:
        as_json(done.as_json() | {"findings": [_finding(each) for each in said]})
    else:
        _say(done, wanted)
    raise typer.Exit(1 if done.refused else 0)


def _is_in(source: Path, finding: Finding) -> bool:
    place = Path(finding.place.file).absolute()
    return source.absolute() in (place, place.parent)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What was asked for. config: with the candidate's rules in it."""

    config: Config
    folder: Path
    at: datetime | None
    applies: Applies
    confirm: bool
    dry_run: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """What came of it. refused: why it needs --confirm. stored: the version, once it was accepted."""

    plan: Plan
    copied: bool = False
    impact: Impact = NOTHING
    open_clocks: int = 0
    refused: tuple[str, ...] = ()
    stored: Stored | None = None
    waits: bool = False

    def as_json(self) -> Json:
        """As `--json` has it."""
        version = self.stored.version if self.stored else self.plan.version
        return {
            "changed": self.plan.version is not None,
            "applied": self.stored is not None,
            "needs_confirm": list(self.refused),
            "why": self.plan.why or None,
            "number": self.stored.number if self.stored else None,
            "id": version.id if version else None,
            "effective_from": instant(version.effective_from) if version else None,
            "applies": version.applies if version else None,
            "withdraws": [each.number for each in self.plan.withdraws],
            "copied": self.copied,
            "impact": {
                "cases": self.impact.cases,
                "open_clocks": self.open_clocks,
                **_counts(self.impact.total),
                "rejudged": self.impact.rejudged,
                "share": round(self.impact.share, 4),
                "by": [
                    {"policy": p, "clock": c, **_counts(each)} for (p, c), each in sorted(self.impact.moves.items())
                ],
                "other_policy": self.impact.other_policy,
                "policies": [
                    {"before": before or None, "after": after or None, "cases": cases}
                    for (before, after), cases in sorted(self.impact.policies.items())
                ],
            },
        }


def _counts(moves: Moves) -> Json:
    return {
        "moved": moves.moved,
        "earlier": moves.earlier,
        "later": moves.later,
        "due_at_once": moves.at_once,
        "lost": moves.lost,
        "gained": moves.gained,
    }


def _finding(finding: Finding) -> Json:
    place = finding.place
    return {
        "severity": finding.severity.value,
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "what": finding.what,
        "remedy": finding.remedy,
    }


async def _applied(wanted: _Wanted) -> _Done:
    async with opened(wanted.config) as house:
        plan = await _planned(wanted, house)
        if plan.version is None:
            return _Done(plan=plan, copied=not wanted.dry_run and await _files_mended(wanted, house))
        found, clocks = await _counted(wanted.config, house.rules, plan, house.world.now())
        refused = () if wanted.confirm else _against(found, wanted.config.rules.confirm_share)
        done = _Done(plan=plan, impact=found, open_clocks=clocks, refused=refused)
        if refused or wanted.dry_run:
            return done
        plan = await _planned(wanted, house)  # the count has taken its time
        stored = await _brought_in(wanted, house, plan)
        waits = stored.version.effective_from > house.world.now()
        return _Done(plan=plan, copied=True, impact=found, open_clocks=clocks, stored=stored, waits=waits)


async def _planned(wanted: _Wanted, house: House) -> Plan:
    rules, now = house.rules, house.world.now()
    if not rules.stored and wanted.at:
        raise Refused(
            "no rules are in force yet", remedy="leave --from out, or let `commsd run` bring in its own first"
        )
    start = wanted.at or (now + await rules.lead(now) if rules.stored else None)
    return rules.plan(wanted.config.version, now, start, wanted.applies.value, anew=True)


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


async def _brought_in(wanted: _Wanted, house: House, plan: Plan) -> Stored:
    exchange = Exchange(wanted.folder / RULES, wanted.config.sla_files)
    try:
        by = house.hand(None).by
        stored = await house.rules.accept(plan, wanted.config.sla_files, house.world.now(), by)
        _swap(exchange, stored)
    finally:
        exchange.drop()
    await _remember(wanted.config, house)
    ahead = stored.version.effective_from - house.world.now()
    if timedelta() < ahead <= LEAD:
        await house.world.sleep(ahead.total_seconds())
    return stored


def _swap(exchange: Exchange, stored: Stored) -> None:
    try:
        exchange.swap()
    except OSError as error:
        raise Refused(
            f"version {stored.number} is accepted, but {exchange.place} could not be exchanged: {error.strerror}",
            remedy=f"put its files there: commsd sla export {stored.number} DIR, then copy them",
        ) from error


async def _files_mended(wanted: _Wanted, house: House) -> bool:
    """Where the rules are in force already and the config's own files say something else, the files follow."""
    own, _ = inspect(wanted.folder)
    if own is not None and own.version.source == wanted.config.version.source:
        return False
    exchange = Exchange(wanted.folder / RULES, wanted.config.sla_files)
    try:
        exchange.swap()
    finally:
        exchange.drop()
    await _remember(wanted.config, house)
    return True


async def _remember(config: Config, house: House) -> None:
    """The daemon of this folder need not take these files for changed ones."""
    try:
        name = node.name(config.state_folder(os.environ))
    except (ConfigError, OSError):
        return
    if name:
        await house.rules.remember(name, config.version)


def _say(done: _Done, wanted: _Wanted) -> None:
    zone, plan = wanted.config.firm.zone, done.plan
    if plan.version is None:
        typer.echo(f"nothing changed: {plan.why}")
        if done.copied:
            typer.echo(f"their files were put into {wanted.folder / RULES}, where others stood")
        return
    _say_moves(done)
    start = when((done.stored.version if done.stored else plan.version).effective_from, zone)
    for each in plan.withdraws:
        waits = f"version {each.number}, which was to come at {when(each.version.effective_from, zone)},"
        typer.echo(f"{waits} {'is withdrawn' if done.stored else 'would be withdrawn'}")
    for reason in done.refused:
        typer.echo(f"not applied: {reason}: confirm with --confirm")
    if done.refused:
        typer.echo("  look at what it does with `commsd sla whatif`, then say --confirm")
    elif done.stored is None:
        typer.echo("nothing was written: --dry-run")
    elif plan.former is None:
        typer.echo(f"version {done.stored.number} is in force; it is the first")
    else:
        whom = "also for clocks that run" if done.stored.version.applies == "running" else "for new clocks"
        word = "waits: it comes in force at" if done.waits else "is in force since"
        typer.echo(f"version {done.stored.number} {word} {start}, {whom}")


def _say_moves(done: _Done) -> None:
    found = done.impact
    total = found.total
    typer.echo(f"{done.open_clocks} open clocks; {total.moved} due times move, {total.at_once} would be due at once")
    rows = [
        (policy, clock, each.clocks, each.earlier, each.later, each.at_once, each.lost, each.gained)
        for (policy, clock), each in sorted(found.moves.items())
        if each.moved or each.gained
    ]
    if rows:
        table(("policy", "clock", "open", "earlier", "later", "at once", "lost", "gained"), rows, "")
    if found.policies:
        pairs = ", ".join(
            f"{before or 'none'} -> {after or 'none'} {cases}"
            for (before, after), cases in sorted(found.policies.items())
        )
        typer.echo(f"{found.other_policy} cases match another policy from then on: {pairs}")
