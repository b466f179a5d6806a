"""The configuration that `init` writes: a few answers become a commented commsd.toml. Pure."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import available_timezones

AUTH_TOKEN = "twilio-auth-token"
"""What the file with the account's auth token is called."""

LOCALTIME = Path("/etc/localtime")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What was answered, as it goes into the file. Hosts may carry a port; country, tls: "" where nothing was said.

    line: a Twilio number, "" for none; calls_url: where Twilio reaches us, "" where it cannot and its list is polled.
    """

    address: str
    name: str
    timezone: str
    hours: str
    imap_host: str
    smtp_host: str
    store: str
    country: str = ""
    tls: str = ""
    oauth: str | None = None
    line: str = ""
    account_sid: str = ""
    calls_url: str = ""

    @property
    def mailbox(self) -> str:
        """What the mailbox is called: the part before the @."""
        return re.sub(r"[^a-z0-9_-]", "-", self.address.partition("@")[0].lower()).strip("-") or "support"

    @property
    def credential(self) -> str:
        """What the file with its password, or its refresh token, is called."""
        return f"{self.mailbox}-oauth" if self.oauth else self.mailbox


def draft(answers: Answers) -> str:
    """The text of commsd.toml."""
    box = answers.mailbox
    return f"""\
# commsd. After each change: commsd check. All settings with their meaning: README.md in the source's config/ folder.

[service]
name     = {_text(answers.name)}
timezone = {_text(answers.timezone)}
hours    = {_text(answers.hours)}
{_country(answers.country)}
# mode   = "observe"             # to begin quietly: everything is recorded and decided, no customer gets anything
# languages = ["en", "de", "da", "id"]    # the first is the default

[store]
url = {_text(answers.store)}
# url = "postgresql://commsd@db.example.com/commsd"

[mailbox.{box}]
address = {_text(answers.address)}
# aliases = ["help@example.com"]
# person  = "anna"               # named in the acknowledgement; needs [agent.anna]

[mailbox.{box}.imap]
host     = {_host(answers.imap_host, "port    ")}{_tls(answers.tls)}
username = {_text(answers.address)}
{_login(answers)}

[mailbox.{box}.smtp]
host = {_host(answers.smtp_host, "port")}        # the same login

# [agent.anna]
# name  = "Anna Berg"
# mail  = ["anna@example.com"]
# phone = "+493023125011"        # printed in every acknowledgement that names this person
{_telephone(answers)}
# Without sla/*.toml: ack 15m, first and next response 4h, callback 2h, promises warned 15m before.
"""


def _country(country: str) -> str:
    if not country:
        return '# country = "DE-BE"              # public holidays; without it the office is open on them'
    return f"country  = {_text(country)}             # its public holidays"


def _login(answers: Answers) -> str:
    place = f"credentials/{answers.credential} beside this file, mode 0600, or LoadCredential="
    if answers.oauth:
        return f"auth     = {{ oauth = {_text(answers.oauth)} }}    # {place}"
    return f"password = {{ credential = {_text(answers.credential)} }}    # {place}"


def _telephone(answers: Answers) -> str:
    """The Twilio account and its line; nothing where there is none."""
    if not answers.line:
        return ""
    token = f"credentials/{AUTH_TOKEN} beside this file, mode 0600, or LoadCredential="
    if answers.calls_url:
        reach = f"public_url  = {_text(answers.calls_url)}    # what Twilio signs"
        rung = '# rounds = [["anna"]]            # who is rung; needs [agent.anna] with a phone'
    else:
        reach = "webhooks    = false                 # Twilio's call list is polled: we answer no call, we make it good"
        rung = (
            '# team   = "service"             # whose phones ring for callbacks; needs [team.service]\n'
            "# With webhooks = true and public_url we answer the calls: config/README.md, A telephone line."
        )
    return f"""
[twilio]
account_sid = {_text(answers.account_sid)}
auth_tokens = [{{ credential = {_text(AUTH_TOKEN)} }}]    # {token}
{reach}

[line.hotline]
number = {_text(answers.line)}
# tell   = ["anna"]              # one notice per missed call, at once
{rung}
"""


def _tls(tls: str) -> str:
    return f"\ntls      = {_text(tls)}" if tls else ""


def usual_zone(env: Mapping[str, str], localtime: Path = LOCALTIME) -> str:
    """This machine's time zone as an IANA name, UTC where it has none."""
    linked = str(localtime.resolve()).partition("/zoneinfo/")[2] if localtime.exists() else ""
    return next((name for name in (env.get("TZ", ""), linked) if name in available_timezones()), "UTC")


def _host(said: str, key: str) -> str:
    """The host, and the port on the next line where one was said with it. key: as wide as the keys beside it."""
    host, colon, port = said.strip().rpartition(":")
    if not colon or not port.isdecimal() or (":" in host and not host.endswith("]")):
        return _text(said)
    return f"{_text(host)}\n{key} = {int(port)}"


def _text(value: str) -> str:
    """A TOML string: JSON's escapes are among TOML's."""
    return json.dumps(value, ensure_ascii=False)
