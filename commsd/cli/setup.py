"""`check`: whether the configuration works. `config`, to look at it, stands in config.py; `init` in init.py."""

import asyncio
import os

import typer

from commsd.cli.config import config_app
from commsd.cli.output import as_json
from commsd.cli.place import example, folder
from commsd.config.load import inspect, render
from commsd.config.read import Finding
from commsd.config.settings import Config
from commsd.core.policy import Version
from commsd.core.record import Json
from commsd.errors import ConfigError

app = typer.Typer()
app.add_typer(config_app, name="config")

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
