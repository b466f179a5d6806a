"""`lookback`: the past of mailboxes and lines, read and not touched: who was never answered, how long others waited."""

import asyncio
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import typer

from commsd.channels.mail import imap
from commsd.channels.mail.account import Mailbox, MailSettings
from commsd.channels.mail.accounts import DEADLINE, password_of
from commsd.channels.mail.desk import us_of
from commsd.channels.mail.imap_login import Credentials
from commsd.channels.mail.lookback import Gap, Past
from commsd.channels.mail.session import Session
from commsd.channels.phone.line import PhoneSettings
from commsd.cli.house import absent_database
from commsd.cli.judge import known_key
from commsd.cli.lookback_calls import past_calls, print_calls, record_of_calls
from commsd.cli.output import as_json, plain, span, table, when
from commsd.cli.place import example, folder
from commsd.config.load import load
from commsd.config.settings import Config
from commsd.config.unit import duration
from commsd.core.measure import Percentile
from commsd.core.past_calls_report import CallReport, report_of_calls
from commsd.core.past_mail import Counted, Gathering
from commsd.core.past_report import Lasted, Line, Report, report
from commsd.core.policy import Version
from commsd.core.record import Json, instant
from commsd.errors import CommsdError, ConfigError, Unreachable
from commsd.sla.whatif.replay import standing
from commsd.store.migrate import revision
from commsd.store.reading import read_only
from commsd.world import real_world

app = typer.Typer()

FINDINGS = 1
SHOWN = 40
"""Waiting people that are listed to be read; `--json` has all."""

LONGEST = timedelta(days=3650)
ALL = "all together"
_BAR = 30


@app.command(epilog=example("commsd lookback", "commsd lookback --since 90d --json > past.json"))
def lookback(
    ctx: typer.Context,
    since: str = typer.Option("30d", "--since", metavar="AGE", help="How far back, such as 7d or 12h."),
    json: bool = typer.Option(False, "--json", help="Print JSON: every figure, and everybody who waits."),
) -> None:
    """The past of all mailboxes and lines: who was never answered or called back, how long the others waited.

    Reads headers and Twilio's list of calls and writes nothing, neither there nor here; the daemon may run meanwhile.
    Exit 1 where somebody waits for longer than the rules allow, 69 where something could not be read whole.
    """
    config, now = load(folder(ctx).path), real_world().now()
    mail: MailSettings | None = config.settings.get("mail")
    phone: PhoneSettings | None = config.settings.get("phone")
    boxes = mail.mailboxes if mail else {}
    lines = phone.lines if phone and phone.twilio else {}
    if not boxes and not lines:
        raise ConfigError("no mailbox and no line is configured", remedy="add one: [mailbox.support]")
    begin = now - _age(since)
    version = _rules(config, now)
    gathering = Gathering({name: box.follow_up.value for name, box in boxes.items()})
    gaps = list(asyncio.run(_read(config, mail, gathering, begin))) if mail else []
    channels = {name: box.channel.value for name, box in boxes.items()}
    found = report(gathering.past(), version, channels, begin, now)
    calls = _calls(config, phone, version, begin, now, gaps) if phone and lines else None
    if json:
        as_json(_record(found, calls, version, gaps))
    else:
        _print(found, calls, config.firm.zone, boxes)
    for gap in gaps:
        where = f"{gap.mailbox}, {gap.folder}" if gap.folder else gap.mailbox or "calls"
        typer.echo(f"{plain(where)}: not read: {gap.error}", err=True)
    if gaps:
        raise typer.Exit(Unreachable.exit_code)
    late = any(_is_forgotten(each) for each in found.unanswered) or (calls and any(w.late for w in calls.waiting))
    raise typer.Exit(FINDINGS if late else 0)


def _age(text: str) -> timedelta:
    length = duration(text)
    if not length or length > LONGEST:
        raise typer.BadParameter(f'"{text}" is no age: write a number and a unit, such as 30d', param_hint="--since")
    return length


def _is_forgotten(each: Lasted) -> bool:
    return each.late and each.wait.perhaps_at is None


def _rules(config: Config, now: datetime) -> Version:
    """The rules in force; those of the files where none have come in force yet."""
    try:
        if absent_database(config, os.environ):
            return config.version
        with read_only(config.store_url(os.environ)) as store:
            found, newest = store.read(revision)
            history = standing(store) if found == newest else ()
    except (OSError, Unreachable):
        return config.version
    return next((version for version in reversed(history) if version.effective_from <= now), config.version)


async def _read(config: Config, mail: MailSettings, gathering: Gathering, since: datetime) -> Sequence[Gap]:
    """One mailbox after the other: a copy is always counted in the one named first."""
    gaps: list[Gap] = []
    key = known_key(config)
    with _Progress() as progress:
        for box in mail.mailboxes.values():
            us = us_of(box, mail, config.firm, key)
            gaps += await Past(box, us, partial(_connect, box), gathering, progress.tell).read(since)
    return gaps


async def _connect(box: Mailbox) -> Session:
    server = box.imap
    if server.oauth:  # a refresh would rotate what the daemon keeps
        what = f"mailbox {box.name} logs in by OAuth, and its tokens are the daemon's"
        raise ConfigError(what, remedy="give the account an app password for this command, or look back elsewhere")
    endpoint = imap.Endpoint(server.host, server.port, server.tls.value, str(server.ca) if server.ca else None)
    credentials = Credentials(server.username or box.address, password_of(server))
    return await imap.connect(endpoint, credentials, deadline=DEADLINE)


def _calls(
    config: Config, phone: PhoneSettings, version: Version, begin: datetime, now: datetime, gaps: list[Gap]
) -> CallReport | None:
    """What came of past calls; None, and a gap, where the list could not be read."""
    if phone.twilio is None:
        return None
    try:
        with _Progress() as progress:
            past = past_calls(config, phone, phone.twilio, begin, progress.count)
    except CommsdError as error:
        gaps.append(Gap(mailbox="", folder="", error=error))
        return None
    return report_of_calls(past, version, begin, now)


# --- as text


def _print(found: Report, calls: CallReport | None, zone: ZoneInfo, boxes: Mapping[str, Mailbox]) -> None:
    if boxes:
        _print_mail(found, zone, boxes)
    if boxes and calls:
        typer.echo("")
    if calls:
        print_calls(calls, zone)


def _print_mail(found: Report, zone: ZoneInfo, boxes: Mapping[str, Mailbox]) -> None:
    typer.echo(f"Mail from {when(found.since, zone)} to {when(found.until, zone)}. Nothing was changed.\n")
    lines = [*found.lines.items(), *([(ALL, found.total)] if len(found.lines) > 1 else [])]
    headings = ("MAILBOX", "RECEIVED", "BY PEOPLE", "ANSWERED", "WAITING", "TOO LATE", "HALF TOOK", "9 OF 10 TOOK")
    table(headings, [_row(name, line) for name, line in lines if line.counted.received or name == ALL], "no mail")
    for sentence in _sentences(found, boxes):
        typer.echo(f"\n{sentence}")
    waiting = found.unanswered[:SHOWN]
    if waiting:
        typer.echo("\nStill without an answer, longest first:")
        table(("WRITTEN", "WAITING", "IN OPEN HOURS", "", "FROM", "SUBJECT"), [_wait(w, zone) for w in waiting], "")
    if len(found.unanswered) > SHOWN:
        typer.echo(f"and {len(found.unanswered) - SHOWN} more, which --json lists")


def _row(name: str, line: Line) -> tuple[object, ...]:
    counted = line.counted
    half, most = line.open[50], line.open[90]
    return name, counted.received, counted.people, line.answered, line.unanswered, line.late, _about(half), _about(most)


def _about(found: Percentile | None) -> str | None:
    return ("over " if found.at_least else "") + span(timedelta(seconds=found.seconds)) if found else None


def _sentences(found: Report, boxes: Mapping[str, Mailbox]) -> Sequence[str]:
    total = found.total
    counted = total.counted
    said = []
    if total.answered or total.unanswered:
        half, most = _about(total.passed[50]), _about(total.passed[90])
        said.append(f"Times are opening hours by the rules in force. By the clock, half took {half}, 9 of 10 {most}.")
    if machines := counted.machines.total():
        reasons = ", ".join(f"{reason} {number}" for reason, number in counted.machines.most_common())
        said.append(f"By machines, which get no acknowledgement: {_mails(machines)} ({reasons}).")
    if counted.people:
        short = f", {counted.short} of them in two lines, to people who wrote again" if counted.short else ""
        said.append(f"commsd would have acknowledged {_mails(counted.full + counted.short)} at once{short}.")
    if counted.silent:
        reasons = ", ".join(f"{reason} {number}" for reason, number in counted.silent.most_common())
        said.append(f"People it would not have acknowledged: {reasons}.")
    if counted.copies:
        said.append(f"Copies of mails that are counted once: {counted.copies}.")
    if any(each.wait.perhaps_at for each in found.unanswered):
        said.append('"perhaps": we wrote to this person later, and nothing says that it was the answer.')
    if not found.answers and counted.people:
        said.append("No answer of our people was seen: list the Sent folders or staff mailboxes they use, in `sent`.")
    return said


def _mails(number: int) -> str:
    return "1 mail" if number == 1 else f"{number} mails"


def _wait(each: Lasted, zone: ZoneInfo) -> tuple[object, ...]:
    writing = each.wait.writing
    mark = "perhaps" if each.wait.perhaps_at else "late" if each.late else ""
    again = f" (and {each.wait.further} more)" if each.wait.further else ""
    open_time = span(each.open) if each.open is not None else None
    return when(writing.at, zone), span(each.passed), open_time, mark, writing.person, f"{writing.title}{again}"


# --- as JSON


def _record(found: Report, calls: CallReport | None, version: Version, gaps: Sequence[Gap]) -> Json:
    """calls: null where there is no line, or where Twilio's list could not be read. mailbox: null for that list."""
    return {
        "since": instant(found.since),
        "until": instant(found.until),
        "rules_version": version.id,
        "mail": {
            "mailboxes": {name: _line(line) for name, line in found.lines.items()},
            "total": _line(found.total),
            "answers": found.answers,
            "answers_to_nothing_seen": found.to_nobody_known,
            "unanswered": [_waiting(each) for each in found.unanswered],
        },
        "calls": record_of_calls(calls) if calls else None,
        "not_read": [
            {"mailbox": g.mailbox or None, "folder": g.folder or None, "what": g.error.what, "remedy": g.error.remedy}
            for g in gaps
        ],
    }


def _line(line: Line) -> Json:
    return {
        **_counted(line.counted),
        "answered": line.answered,
        "unanswered": line.unanswered,
        "late": line.late,
        "response_s": _percentiles(line.passed),
        "response_in_opening_hours_s": _percentiles(line.open),
    }


def _counted(counted: Counted) -> Json:
    return {
        "received": counted.received,
        "from_people": counted.people,
        "copies": counted.copies,
        "from_machines": dict(counted.machines.most_common()),
        "would_acknowledge": {"full": counted.full, "short": counted.short},
        "would_stay_silent": dict(counted.silent.most_common()),
    }


def _percentiles(found: Mapping[int, Percentile | None]) -> Json:
    names = {50: "median", 90: "p90"}
    return {names[p]: {"seconds": f.seconds, "at_least": f.at_least} if f else None for p, f in found.items()}


def _waiting(each: Lasted) -> Json:
    wait = each.wait
    return {
        "mailbox": wait.writing.mailbox,
        "from": wait.writing.person,
        "subject": wait.writing.title,
        "received_at": instant(wait.writing.at),
        "waiting_s": each.passed.total_seconds(),
        "waiting_in_opening_hours_s": each.open.total_seconds() if each.open is not None else None,
        "late": each.late,
        "wrote_again": wait.further,
        "perhaps_answered_at": instant(wait.perhaps_at) if wait.perhaps_at else None,
    }


@dataclass(slots=True)
class _Progress:
    """A bar on a terminal, a mailbox at a time; nothing where nobody looks."""

    began: float = 0.0
    drawn: str = ""

    def __enter__(self) -> "_Progress":
        return self

    def __exit__(self, *_: object) -> None:
        if self.drawn:
            typer.echo("", err=True)

    def count(self, done: int) -> None:
        """Say how many calls are read; how many there are, nobody knows before."""
        if sys.stderr.isatty():
            self.drawn = "calls"
            typer.echo(f"\rcalls {done:,} read   ", nl=False, err=True)

    def tell(self, mailbox: str, done: int, of: int) -> None:
        """Draw how far it is."""
        if not sys.stderr.isatty() or not of:
            return
        if self.drawn != mailbox:
            if self.drawn:
                typer.echo("", err=True)
            self.drawn, self.began = mailbox, time.monotonic()
        filled = _BAR * done // of
        left = (time.monotonic() - self.began) * (of - done) / max(done, 1)
        bar = "#" * filled + "." * (_BAR - filled)
        typer.echo(f"\r{mailbox} [{bar}] {done:,} of {of:,} mails, {left:.0f} s left   ", nl=False, err=True)
