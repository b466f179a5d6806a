"""`sla whatif`: what other rules would have made of the past. Reads the store; sends and writes nothing."""

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import typer

from commsd.cli.house import must_be_newest, must_be_there
from commsd.cli.moment import moment
from commsd.cli.output import as_json
from commsd.cli.place import example, folder
from commsd.cli.sla.group import sla_app
from commsd.config.load import inspect, load, render
from commsd.config.read import Finding, Severity, did_you_mean
from commsd.config.settings import Config
from commsd.core.calendar import CUSTOMER, is_zone, reached
from commsd.core.interaction import Channel
from commsd.core.policy import Version
from commsd.core.whatif.replay import Question
from commsd.core.whatif.report import Report
from commsd.errors import ConfigError, NotFound, Refused, Unreachable
from commsd.world import real_world

_BAR = 30


@sla_app.command(
    "whatif",
    epilog=example(
        "commsd sla whatif new-rules --from 2026-03-01 --to 2026-05-31",
        "commsd sla whatif new-rules --from 2026-03-01 --to 2026-05-31 --html spring.html",
        "commsd sla whatif new-rules --from 2026-05-01 --to 2026-05-31 --policy standard --quick",
    ),
)
def whatif(
    ctx: typer.Context,
    source: Path = typer.Argument(metavar="DIR", help="The folder with the *.toml of the rules to try."),
    first: str = typer.Option(..., "--from", metavar="DATE", help="The first day, in the firm's zone."),
    last: str = typer.Option(..., "--to", metavar="DATE", help="The last day; it counts too."),
    channel: list[str] = typer.Option([], metavar="NAME", help="Only clocks of this channel; may stand again."),
    tier: list[str] = typer.Option([], metavar="NAME", help="Only of this tier."),
    policy: list[str] = typer.Option([], metavar="NAME", help="Only of this policy, as it was or in DIR."),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
    html: Path | None = typer.Option(None, metavar="FILE", help="Write a page that needs no other file."),
    quick: bool = typer.Option(
        False, "--quick", help="Leave out longer hours and alerts, which take most of the time."
    ),
    processes: int = typer.Option(0, metavar="N", help="How many to share the work; one a core by default.", min=0),
) -> None:
    """Replay the past under the rules of a folder: what would have been late, and what not.

    A is what was, each clock under its own rules, and must give the log again: exit code 1 if it does not. B is DIR,
    in force for the whole window. The store is only read; nothing is sent. People's behaviour is kept as it was.
    """
    own = load(folder(ctx).path)
    since, until = _window(first, last, own.firm.zone, real_world().now())
    config, findings = inspect(folder(ctx).path, now=since, rules=source)
    if config is None:
        typer.echo(render([each for each in findings if each.severity is not Severity.NOTE]), err=json)
        raise typer.Exit(ConfigError.exit_code)
    _warn(findings, source)
    only = _Only(frozenset(channel), frozenset(tier), frozenset(policy))
    report, zone = _replayed(config, since, until, only, quick, processes)
    if html is not None:
        _write(html, report, zone, config.firm.name)
    if json:
        from commsd.core.whatif.record import as_json as whole

        as_json(whole(report))
    elif html is None:
        from commsd.sla.whatif.text import text

        for line in text(report, zone):
            typer.echo(line)
    raise typer.Exit(1 if report.differing else 0)


@dataclass(frozen=True, slots=True)
class _Only:
    """What alone is counted; empty for all."""

    channels: frozenset[str]
    tiers: frozenset[str]
    policies: frozenset[str]


def _window(first: str, last: str, zone: ZoneInfo, now: datetime) -> tuple[datetime, datetime]:
    """From the beginning of the first day to the end of the last, as far as that is past."""
    since, until = moment(first, zone, "--from"), moment(last, zone, "--to")
    if _is_day(last):
        until = reached(zone, datetime.combine(date.fromisoformat(last.strip()), datetime.min.time()) + timedelta(1))
    if since >= until:
        raise typer.BadParameter(f'"{first}" lies after --to {last}: name the earlier day first', param_hint="--from")
    if since >= now:
        raise typer.BadParameter(f'"{first}" is still to come: a replay is of the past', param_hint="--from")
    return since, min(until, now)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text.strip())
    except ValueError:
        return False
    return True


def _warn(findings: Sequence[Finding], source: Path) -> None:
    """What is odd about the candidate, beside the report."""
    place = source.resolve()
    said = [
        each
        for each in findings
        if each.severity is Severity.WARNING and place in Path(each.place.file).resolve().parents
    ]
    if said:
        typer.echo(render(said), err=True)


def _replayed(
    config: Config, since: datetime, until: datetime, only: _Only, quick: bool, processes: int
) -> tuple[Report, ZoneInfo]:
    from commsd.core.whatif.report import report  # the store is slow to import
    from commsd.sla.whatif import replay
    from commsd.store.migrate import revision
    from commsd.store.reading import read_only

    url = _url(config)
    with read_only(url) as store:
        must_be_newest(*store.read(revision))
        history = replay.standing(store)
        if not history:
            raise NotFound("no rules were ever in force here", remedy="`commsd run` brings in those of the config")
        _must_be_known(only, history, config.version)
        question = Question(
            history=history,
            candidate=config.version,
            since=since,
            until=until,
            now=real_world().now(),
            channels=only.channels,
            tiers=only.tiers,
            policies=only.policies,
            quick=quick,
        )
        past = replay.past_of(store, url, replay.span_of(question))
        if not past.parts:
            raise _nothing(replay.reach(store), config.firm.zone)
    with _Progress() as progress:
        tally = replay.replayed(past, question, progress.tell, processes or replay.cores())
    zone = _zone(config)
    return report(question, tally, zone, zone.key), zone


def _url(config: Config) -> str:
    try:
        must_be_there(config, os.environ)
    except OSError as error:
        raise Unreachable(
            f"the database cannot be opened: {error.strerror}", remedy="run this as the user the daemon runs as"
        ) from error
    return config.store_url(os.environ)


def _must_be_known(only: _Only, history: Sequence[Version], candidate: Version) -> None:
    policies = {name for version in (*history, candidate) for name in version.policies}
    for option, wanted, known in (
        ("--channel", only.channels, {each.value for each in Channel}),
        ("--policy", only.policies, policies),
    ):
        for name in sorted(wanted - known):
            raise typer.BadParameter(f'no {option[2:]} "{name}": {did_you_mean(name, known)}', param_hint=option)


def _nothing(reach: tuple[datetime, datetime] | None, zone: ZoneInfo) -> NotFound:
    if reach is None:
        return NotFound("the log is empty", remedy="there is nothing to replay yet")
    first, last = (f"{at.astimezone(zone):%Y-%m-%d}" for at in reach)
    return NotFound(
        "no case was open in these days", remedy=f"choose days from {first} to {last}, of which the log knows"
    )


def _zone(config: Config) -> ZoneInfo:
    """That of the calendar of most cases: of the last rule's policy; else the firm's."""
    version = config.version
    policy = version.policies.get(version.rules[-1].policy or "") if version.rules else None
    calendar = version.calendars.get(policy.calendar) if policy else None
    known = calendar is not None and calendar.tz != CUSTOMER and is_zone(calendar.tz)
    return ZoneInfo(calendar.tz) if calendar is not None and known else config.firm.zone


def _write(path: Path, report: Report, zone: ZoneInfo, firm: str) -> None:
    from commsd.sla.whatif.page import page

    try:
        path.write_text(page(report, zone, firm), "utf-8")
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}", remedy="name another file") from error
    typer.echo(f"wrote {path}", err=True)


class _Progress:
    """A bar on a terminal, with the time that is left; nothing where nobody looks."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._began = time.monotonic()
        self._drawn = False

    def __enter__(self) -> "_Progress":
        return self

    def __exit__(self, *_: object) -> None:
        if self._drawn:
            typer.echo("", err=True)

    def tell(self, done: int, of: int) -> None:
        """Draw how far it is."""
        if not self._shown or not done:
            return
        filled = _BAR * done // of
        left = (time.monotonic() - self._began) * (of - done) / done
        bar = "#" * filled + "." * (_BAR - filled)
        typer.echo(f"\r[{bar}] {done:,} of {of:,} cases, {left:.0f} s left   ", nl=False, err=True)
        self._drawn = True
