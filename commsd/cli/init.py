"""`init`: from nothing to a configuration that works, by flags or by answers to a few questions."""

import asyncio
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import typer

from commsd.channels.mail.account import Tls
from commsd.cli.draft import AUTH_TOKEN, Answers, draft, usual_zone
from commsd.cli.output import as_json
from commsd.cli.place import HERE, MAIN, example
from commsd.cli.providers import OTHER, PROVIDERS, Provider, provider_of, servers_of
from commsd.config.load import inspect, render
from commsd.config.read import Severity, did_you_mean
from commsd.config.unit import ADDRESS, TEXT, ZONE, Form
from commsd.core.record import Json
from commsd.errors import ConfigError, Refused

app = typer.Typer()

PRIVATE, SECRET = 0o700, 0o600
FOLDER = "credentials"


@app.command(
    epilog=example(
        "commsd init",
        'commsd init /etc/commsd --yes --name "Example Ltd" --timezone Europe/Berlin --address support@example.com',
        "commsd init --yes --address support@example.com --provider ionos --password-stdin --try",
        "commsd init --address support@example.com --line +493023125010 --twilio-account AC…",
    )
)
def init(
    folder_name: str = typer.Argument(str(HERE), metavar="[DIR]", help="Where to write it.", show_default=True),
    name: str = typer.Option("", help="What your customers know you by."),
    timezone: str = typer.Option("", help="Your time zone, such as Europe/Berlin."),
    country: str = typer.Option("", help="Whose public holidays you keep, such as DE or DE-BE."),
    address: str = typer.Option("", help="The address customers write to."),
    provider: str = typer.Option("", help=f"Who hosts it: {', '.join(PROVIDERS)} or {OTHER}."),
    imap: str = typer.Option("", "--imap-host", metavar="HOST[:PORT]", help="Its IMAP server."),
    smtp: str = typer.Option("", "--smtp-host", metavar="HOST[:PORT]", help="The server that sends its mail."),
    tls: Tls | None = typer.Option(None, help="For both servers, where the port does not tell.", show_default=False),
    hours: str = typer.Option("mon-fri 09:00-17:00", help="When you are open."),
    line: str = typer.Option("", metavar="NUMBER", help="A Twilio number that customers ring, such as +493023125010."),
    account: str = typer.Option("", "--twilio-account", metavar="SID", help="The Twilio account it belongs to: AC…"),
    calls_url: str = typer.Option("", metavar="URL", help="Where Twilio reaches this host; none: its list is polled."),
    store: str = typer.Option("", help="The url of the database; an SQLite file by default."),
    password_stdin: bool = typer.Option(False, "--password-stdin", help="Read the password from standard input."),
    attempt: bool = typer.Option(False, "--try", help="Log in at the end, as `commsd check --online` does."),
    yes: bool = typer.Option(False, "--yes", help="Ask nothing: take the usual answers for what no flag says."),
    json: bool = typer.Option(False, "--json", help="Print JSON, and ask nothing."),
) -> None:
    """Write a commented configuration, from flags or from answers to a few questions; log in to try it if wanted."""
    place = Path(folder_name).expanduser().absolute()
    if (place / MAIN).exists():
        raise Refused(f"{place / MAIN} is there already", remedy="edit it, or name another folder")
    asks = not (yes or json)
    if not asks and not address:
        raise typer.BadParameter("say which address customers write to", param_hint="--address")
    if bool(line) != bool(account) or (calls_url and not line):
        raise typer.BadParameter("--line and --twilio-account go together, --calls-url goes with them")
    if provider not in ("", OTHER, *PROVIDERS):
        raise typer.BadParameter(did_you_mean(provider, (*PROVIDERS, OTHER)), param_hint="--provider")

    def ask(question: str, usual: str, form: Form[str] = TEXT) -> str:
        return _ask(question, usual, form) if asks else usual

    address = address or ask("The address customers write to", "", ADDRESS)
    domain = address.rpartition("@")[2]
    known = imap and smtp
    hosted = provider or (OTHER if known else ask("Who hosts it", provider_of(domain), _PROVIDER))
    servers, fixed = servers_of(hosted, domain), hosted != OTHER
    answers = Answers(
        address=address,
        name=name or ask("What your customers know you by", domain.partition(".")[0].title()),
        timezone=timezone or ask("Your time zone", usual_zone(os.environ), ZONE),
        country=country or ask("Whose public holidays you keep, such as DE-BE; - for none", "-", _COUNTRY).strip("-"),
        hours=hours,
        imap_host=imap or (servers.imap if fixed else ask("Its IMAP server", servers.imap)),
        smtp_host=smtp or (servers.smtp if fixed else ask("The server that sends its mail", servers.smtp)),
        store=store or _usual_store(place),
        tls=tls or "",
        oauth=servers.oauth,
        line=line,
        account_sid=account,
        calls_url=calls_url,
    )
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else _password(answers) if asks else ""
    _write(place, draft(answers))
    if password:
        _keep(place / FOLDER / answers.credential, password)
    if not json:
        _say(place, answers, servers, kept=bool(password))
    tries = attempt or (asks and bool(password) and typer.confirm("Log in now to try it", default=True))
    code, looks = _tried(place, json) if tries else (0, None)
    if json:
        as_json(_record(place, answers, bool(password)) | ({} if looks is None else {"online": looks}))
    raise typer.Exit(code)


def _country(said: object) -> str | None:
    from holidays import list_supported_countries  # slow to import

    country, _, part = str(said).strip("-").partition("-")
    known = list_supported_countries()
    return str(said) if not country or (country in known and (not part or part in known[country])) else None


def _provider(said: object) -> str | None:
    return str(said) if said in (*PROVIDERS, OTHER) else None


_COUNTRY = Form("a country with known holidays", 'write its two letters, such as "DE", "DE-BE" or "DK"', _country, "")
_PROVIDER = Form("a provider known here", f"write one of {', '.join(PROVIDERS)} or {OTHER}", _provider, OTHER)


def _ask(question: str, usual: str, form: Form[str] = TEXT) -> str:
    """An answer that can be used: asked again until it can, so that the others are not given in vain."""
    while True:
        said = str(typer.prompt(question, default=usual or None)).strip()
        if form.parse(said) is not None:
            return said
        typer.echo(f'  "{said}" is not {form.what}: {form.remedy}')


def _password(answers: Answers) -> str:
    """Typed unseen; empty where it is to come later, or where none is taken."""
    if answers.oauth:
        return ""
    question = f"The password of {answers.address}; just Enter to put it there later"
    return str(typer.prompt(question, default="", hide_input=True, show_default=False))


def _say(place: Path, answers: Answers, servers: Provider, *, kept: bool) -> None:
    typer.echo(f"wrote {place / MAIN}")
    what = f"{'refresh token' if answers.oauth else 'password'} of {answers.address}"
    where = place / FOLDER / answers.credential
    typer.echo(f"the {what} is in {where}" if kept else f"now put the {what} into {where}, mode 0600")
    if answers.line:
        typer.echo(f"now put the auth token of the Twilio account into {place / FOLDER / AUTH_TOKEN}, mode 0600")
    if servers.oauth:
        typer.echo("how to get one: config/README.md, Mailboxes that log in by OAuth")
    elif servers.note:
        typer.echo(servers.note)
    typer.echo(f"then: commsd --config {place} check --online")
    typer.echo("to name a person in acknowledgements, add [agent.NAME]; its phone, if it has one, is printed in each")


def _record(place: Path, answers: Answers, kept: bool) -> Json:
    return {
        "file": str(place / MAIN),
        "mailbox": answers.mailbox,
        "credential": str(place / FOLDER / answers.credential),
        "credential_written": kept,
    }


def _tried(place: Path, json: bool) -> tuple[int, Sequence[Json]]:
    """What `check --online` says of it, and the exit code that asks for."""
    from commsd.cli.online import exit_code, look  # the mail and Twilio libraries are slow to import

    config, findings = inspect(place, need_secrets=True)
    if config is None:
        typer.echo(render(findings), err=True)
        return ConfigError.exit_code, []
    found = asyncio.run(look(config, os.environ))
    if not json:
        for each in found:
            typer.echo(str(each))
    return exit_code(found), [each.as_json() for each in found]


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
        (place / FOLDER).mkdir(mode=PRIVATE, exist_ok=True)
        with (place / MAIN).open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise Refused(f"{place} cannot be written: {error.strerror}", remedy="name another folder") from error


def _keep(path: Path, secret: str) -> None:
    """The secret in a file of its own, for this user alone. One that is there stays."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, SECRET)
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}", remedy="put the password there by hand") from error
    with os.fdopen(file, "w", encoding="utf-8") as opened:
        opened.write(f"{secret}\n")
