"""The demo's config folder, written as an operator would: mailboxes, lines, people, hours, rules, credentials.

Nothing in it is known to the product: what it says could stand in anybody's /etc/commsd.
"""

import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from commsd.demo.people import CAI, COLLEAGUES, DEA, DOMAIN, HOTLINE, SALES, SALES_LINE, SUPPORT, WORKSHOP

PUBLIC_URL = "https://calls.example.com"
"""What the Twilio stand-in signs; it never goes there, but to the daemon's listener."""

ACCOUNT = "AC" + "0" * 32
ZONE = "Europe/Berlin"
RING = 4
"""Seconds for which a telephone rings: shorter than anybody would set it, because somebody is watching."""

QUIET_PAST = 30
"""Minutes past this minute, in any zone of whole hours: for one minute then nobody is rung."""

PROMISED = 12
"""Seconds in which a cancellation is promised an answer that the scene does not give."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """Where the daemon finds the others, all on loopback. page: the port of its own page, 0 for any."""

    imap: int
    smtp: int
    twilio: str
    page: int
    mail_password: str = field(repr=False)
    auth_token: str = field(repr=False)


def furnish(folder: Path, near: Neighbours, digest: datetime) -> None:
    """Write the config folder, which must not exist yet. digest: at this time of day, when no demo runs any more."""
    (folder / "sla").mkdir(parents=True)
    (folder / "credentials").mkdir(mode=0o700)
    (folder / "commsd.toml").write_text(_main(folder, near, digest), encoding="utf-8")
    (folder / "sla" / "demo.toml").write_text(RULES, encoding="utf-8")
    _credential(folder, "mail", near.mail_password)
    _credential(folder, "twilio", near.auth_token)


def _credential(folder: Path, name: str, value: str) -> None:
    descriptor = os.open(folder / "credentials" / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(value)


def _main(folder: Path, near: Neighbours, digest: datetime) -> str:
    tables = (
        _house(folder, near),
        *(_agent(colleague.id) for colleague in COLLEAGUES),
        _team(),
        f'[notices]\ndigest = "{digest.astimezone(ZoneInfo(ZONE)):%H:%M}"\n',
        _mailbox("support", SUPPORT, "anna", "hotline", near),
        _mailbox("sales", SALES, "bo", "sales", near),
        _telephone(near, digest + timedelta(minutes=QUIET_PAST)),
    )
    return "\n".join(tables)


def _house(folder: Path, near: Neighbours) -> str:
    return f"""\
[service]
name = "Example Ltd"
timezone = "{ZONE}"
languages = ["en", "de", "da", "id"]
internal_domains = ["{DOMAIN}"]

[store]
url = "sqlite:///{folder.resolve() / "commsd.db"}"

[http]
listen = "127.0.0.1:{near.page}"
public_listen = "127.0.0.1:0"
"""


def _agent(agent_id: str) -> str:
    agent = next(colleague for colleague in COLLEAGUES if colleague.id == agent_id)
    languages = ", ".join(f'"{language}"' for language in agent.languages)
    phone = f'phone = "{agent.phone}"\n' if agent.phone else ""
    return f"""\
[agent.{agent.id}]
name = "{agent.name}"
mail = ["{agent.mail}"]
{phone}languages = [{languages}]
"""


def _team() -> str:
    return f"""\
[team.service]
kind = "service"
members = ["anna", "bo"]
lead = "{CAI.id}"

[team.workshop]
kind = "technical"
members = ["{DEA.id}"]
"""


def _mailbox(name: str, address: str, person: str, line: str, near: Neighbours) -> str:
    return f"""\
[mailbox.{name}]
address = "{address}"
team = "service"
person = "{person}"
line = "{line}"
[mailbox.{name}.imap]
host = "127.0.0.1"
port = {near.imap}
tls = "none"
username = "{address}"
password = {{ credential = "mail" }}
[mailbox.{name}.smtp]
host = "127.0.0.1"
port = {near.smtp}
username = ""
"""


def _telephone(near: Neighbours, quiet: datetime) -> str:
    return f"""\
[callbacks]
first_try_after = "3s"
quiet_hours = "{quiet:%H:%M}-{quiet + timedelta(minutes=1):%H:%M}"   # so that people can be rung at three, too

[twilio]
account_sid = "{ACCOUNT}"
auth_tokens = [{{ credential = "twilio" }}]
public_url = "{PUBLIC_URL}"
api_base_url = "{near.twilio}"

[line.hotline]
number = "{HOTLINE}"
team = "service"
languages = ["de", "en", "da", "id"]
rounds = [["anna"]]
ring = "{RING}s"

[line.sales]
number = "{SALES_LINE}"
team = "service"
languages = ["de", "en", "da", "id"]
rounds = [["bo"]]
ring = "{RING}s"

[line.workshop]
number = "{WORKSHOP}"
team = "workshop"
languages = ["de", "en", "da", "id"]
rounds = []                          # nobody is rung: a missed call is told at once, and rung back on one's own mobile
tell = ["{DEA.id}"]
"""


RULES = f"""\
[calendar.always]                    # so that the demo works at three on a Sunday morning
tz = "{ZONE}"
hours = "24x7"

[ladder.lead]
steps = [{{ at = "due", tell = ["lead"] }}]

[policy.standard]
calendar = "always"
ack = "15m"
first_response = "4h"
next_response = "4h"
callback = "2h"
promise = {{ warn = "15m" }}
ladder = "lead"

[policy.cancellation]
based_on = "standard"
ack = "{PROMISED}s"
first_response = "{PROMISED}s"

[[rule]]
match = {{ keywords = ["cancel*"] }}
policy = "cancellation"

[[rule]]
policy = "standard"
"""
