"""`init` and `check`: from nothing to a configuration that works. `config`, to look at it, stands in config.py."""

import asyncio
import os
import tempfile
from pathlib import Path

import typer

from commsd.cli.config import config_app
from commsd.cli.draft import Answers, draft, usual_zone
from commsd.cli.output import as_json
from commsd.cli.place import HERE, MAIN, example, folder
from commsd.config.load import inspect, render
from commsd.config.read import Finding, Severity
from commsd.config.settings import Config
from commsd.config.unit import ADDRESS, TEXT, ZONE, Form
from commsd.core.policy import Version
from commsd.core.record import Json
from commsd.errors import ConfigError, Refused

app = typer.Typer()
app.add_typer(config_app, name="config")

PRIVATE = 0o700


@app.command(
    epilog=example(
        "commsd init",
        'commsd init /etc/commsd --yes --name "Example Ltd" --timezone Europe/Berlin --address support@example.com',
    )
)
def init(
    folder_name: str = typer.Argument(str(HERE), metavar="[DIR]", help="Where to write it.", show_default=True),
    name: str = typer.Option("", help="What your customers know you by."),
    timezone: str = typer.Option("", help="Your time zone, such as Europe/Berlin."),
    address: str = typer.Option("", help="The address customers write to."),
    imap: str = typer.Option("", "--imap-host", help="Its IMAP server."),
    smtp: str = typer.Option("", "--smtp-host", help="The server that sends its mail."),
    hours: str = typer.Option("mon-fri 09:00-17:00", help="When you are open."),
    store: str = typer.Option("", help="The url of the database; an SQLite file by default."),
    yes: bool = typer.Option(False, "--yes", help="Ask nothing: take the usual answers for what no flag says."),
) -> None:
    """Write a commented configuration, from flags or from answers to a few questions."""
    place = Path(folder_name).expanduser().absolute()
    if (place / MAIN).exists():
        raise Refused(f"{place / MAIN} is there already", remedy="edit it, or name another folder")
    ask = (lambda _question, usual, _form=TEXT: usual) if yes else _ask
    if yes and not address:
        raise typer.BadParameter("say which address customers write to", param_hint="--address")
    address = address or _ask("The address customers write to", "", ADDRESS)
    domain = address.rpartition("@")[2]
    answers = Answers(
        address=address,
        name=name or ask("What your customers know you by", domain.partition(".")[0].title()),
        timezone=timezone or ask("Your time zone", usual_zone(os.environ), ZONE),
        hours=hours,
        imap_host=imap or ask("Its IMAP server", f"imap.{domain}"),
        smtp_host=smtp or ask("The server that sends its mail", f"smtp.{domain}"),
        store=store or _usual_store(place),
    )
    _write(place, draft(answers))
    typer.echo(f"wrote {place / MAIN}")
    typer.echo(f"now put the password of {address} into {place / 'credentials' / answers.mailbox}, mode 0600, then:")
    typer.echo(f"  commsd --config {place} check --online")
    typer.echo("to name a person in acknowledgements, add [agent.NAME]; its phone, if it has one, is printed in each")


def _ask(question: str, usual: str, form: Form[str] = TEXT) -> str:
    """An answer that can be used: asked again until it can, so that the others are not given in vain."""
    while True:
        said = str(typer.prompt(question, default=usual or None)).strip()
        if form.parse(said) is not None:
            return said
        typer.echo(f'  "{said}" is not {form.what}: {form.remedy}')


def _usual_store(place: Path) -> str:
    below = Path("/var/lib/commsd") if Path("/etc") in place.parents else place / "state"
    return f"sqlite:///{below / 'commsd.db'}"


def _write(place: Path, text: str) -> None:
    """The folder with this main file, written only where `check` finds no mistake in it."""
    with tempfile.TemporaryDirectory() as trial:
        (Path(trial) / MAIN).write_text(text, "utf-8")
        findings = [each for each in inspect(Path(trial))[1] if each.severity is Severity.ERROR]
    if findings:
        what = "\n".join(f"{each.what}\n  {each.remedy}" for each in findings)
        raise typer.BadParameter(f"nothing was written, because:\n{what}")
    try:
        place.mkdir(parents=True, exist_ok=True)
        (place / "credentials").mkdir(mode=PRIVATE, exist_ok=True)
        with (place / MAIN).open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise Refused(f"{place} cannot be written: {error.strerror}", remedy="name another folder") from error


WITHOUT_SECRETS = "fine but for the secrets, without which `commsd run` does not start"


@app.command(epilog=example("commsd check", "commsd --config /etc/commsd check --online"))
def check(
    ctx: typer.Context,
    online: bool = typer.Option(False, "--online", help="Also log in to IMAP, SMTP, Twilio and the store."),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Validate the whole configuration: every mistake at once, with its place and what to write."""
    config, findings = inspect(folder(ctx).path, need_secrets=online)
    if not json and findings:
        typer.echo(render(findings))
    if config is None:
        if json:
            as_json({"fine": False, "summary": None, "findings": [_finding(each) for each in findings]})
        raise typer.Exit(ConfigError.exit_code)
    summary = summarised(config)
    code, said = _online(config, json) if online else (0, [])
    if json:
        found = [_finding(each) for each in findings]
        as_json({"fine": code == 0, "summary": summary, "findings": found} | ({"online": said} if online else {}))
    elif code == 0:
        starts = online or not findings or inspect(folder(ctx).path, need_secrets=True)[0] is not None
        typer.echo(f"{'fine' if starts else WITHOUT_SECRETS}: {summary}")
    raise typer.Exit(code)


def _online(config: Config, json: bool) -> tuple[int, list[Json]]:
    from commsd.cli.online import exit_code, look  # the mail and Twilio libraries are slow to import

    found = asyncio.run(look(config, os.environ))
    if not json:
        for each in found:
            typer.echo(str(each))
    return exit_code(found), [each.as_json() for each in found]


def summarised(config: Config) -> str:
    """What is configured, in one line."""
    mail, phone = config.settings.get("mail"), config.settings.get("phone")
    boxes, lines = len(mail.mailboxes) if mail else 0, len(phone.lines) if phone else 0
    parts = [
        *([_counted(boxes, "mailbox", "mailboxes")] if boxes else []),
        *([_counted(lines, "line", "lines")] if lines else []),
        _policies(config.version),
    ]
    return ", ".join(parts)


def _policies(version: Version) -> str:
    """The policy of the rule that takes all the rest, then those for some."""
    usual = version.rules[-1].policy if version.rules else None
    others = sorted(set(version.policies) - {usual})
    return f"policy {usual or 'none'}" + (f" (for some: {', '.join(others)})" if others else "")


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _finding(finding: Finding) -> Json:
    return {
        "severity": finding.severity.value,
        "file": finding.place.file,
        "line": finding.place.line,
        "column": finding.place.column,
        "what": finding.what,
        "remedy": finding.remedy,
    }
