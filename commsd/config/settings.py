"""The settings of the daemon itself: store, listeners, cases, notices, alarms, retention; and the config as a whole.

Agents, service and the channels' tables are read where they belong. Reading the folder is `load`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from pathlib import Path
from typing import Any, TypeVar

from commsd.config.read import Finding, Table
from commsd.config.secret import SecretSource, resolve
from commsd.config.unit import DURATION, LISTEN, NETWORK, RATE, SHARE, TEXT, TIME_OF_DAY, URL, Endpoint, Rate
from commsd.core.agent import known_name, known_names
from commsd.core.answer_level import Goal
from commsd.core.firm import Firm
from commsd.core.policy import Version
from commsd.egress.target import Exits
from commsd.errors import ConfigError

Length = TypeVar("Length", timedelta, timedelta | None)

_SHORTEST_UNREAD = timedelta(minutes=3)
"""A folder is looked at every 45 seconds at the latest, and a lost connection is made anew after some more."""

_SHORTEST_BEAT = timedelta(minutes=15)
_POST_TAKES = (timedelta(seconds=15), timedelta(seconds=30))
"""Standard Webhooks 1.0: receivers are given so long."""

_SHORTEST_FEED = timedelta(days=90)
_STORE_REMEDY = 'write "sqlite:////var/lib/commsd/commsd.db" or "postgresql://user@host/name"'
_SQLITE = "sqlite:///"
_POSTGRES = ("postgresql://", "postgresql+asyncpg://")


@dataclass(frozen=True, slots=True)
class Http:
    """Where we listen. public: whether the public listener is open; it may be the same as `listen`.

    rate: requests of one API key; export_rate: its snapshots and exports, which are counted apart.
    """

    listen: Endpoint
    public_listen: Endpoint
    public: bool
    trusted_proxies: tuple[str, ...]
    rate: Rate
    export_rate: Rate


@dataclass(frozen=True, slots=True)
class Cases:
    """auto_close: nothing owed and silent this long closes a case."""

    auto_close: timedelta


@dataclass(frozen=True, slots=True)
class Changes:
    """confirm_share: new rules that move more of the open due times than this need --confirm; 0.0 to 1.0."""

    confirm_share: float


@dataclass(frozen=True, slots=True)
class Notices:
    """mailbox: notices leave from it, None where none is named. digest: when, each working day."""

    mailbox: str | None
    digest: time


@dataclass(frozen=True, slots=True)
class Alarms:
    """unread_for: how long a channel may go unread. ping_url: fetched each minute while all is well.

    heartbeat: how often each mailbox writes to itself; None: never.
    """

    unread_for: timedelta
    ping_url: str | None
    heartbeat: timedelta | None
    tell: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Retention:
    """How long originals, idle contacts and the feed's events are kept."""

    originals: timedelta
    contacts_idle: timedelta
    events: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All that the folder says. settings: by the channel's name. sla_files: as written, by file name.

    store: the url, or the secret that holds it. key: signs ids and links; None: made once in the state folder.
    """

    folder: Path
    firm: Firm
    store: str | SecretSource
    key: SecretSource | None
    http: Http
    settings: Mapping[str, Any]
    cases: Cases
    rules: Changes
    notices: Notices
    alarms: Alarms
    retention: Retention
    version: Version
    sla_files: Mapping[str, str] = field(default_factory=dict)
    webhooks: Exits = field(default_factory=Exits)
    warnings: tuple[Finding, ...] = ()

    @property
    def observing(self) -> tuple[str, ...]:
        """What only observes, such as "mailbox support" and "line hotline"; ("everything",) where all of it does."""
        mail, phone = self.settings.get("mail"), self.settings.get("phone")
        modes = {f"mailbox {box.name}": box.observe for box in mail.mailboxes.values()} if mail else {}
        modes |= {f"line {line.name}": line.observe for line in phone.lines.values()} if phone else {}
        if modes and all(modes.values()):
            return ("everything",)
        return tuple(name for name, observes in modes.items() if observes)

    @property
    def goals(self) -> Mapping[str, Goal]:
        """The service levels that are aimed at, by line."""
        phone = self.settings.get("phone")
        return phone.goals if phone else {}

    def store_url(self, env: Mapping[str, str]) -> str:
        """The url of the store. Raises ConfigError where its secret is missing or holds something else."""
        if isinstance(self.store, str):
            return self.store
        url = resolve(self.store, self.folder, env).reveal()
        if not url.startswith((_SQLITE, *_POSTGRES)):
            raise ConfigError(f"{self.store} is not the url of a store", remedy=_STORE_REMEDY)
        return url

    def state_folder(self, env: Mapping[str, str]) -> Path:
        """Where key and printed letters live: $STATE_DIRECTORY, else beside the SQLite file. Raises ConfigError."""
        if given := env.get("STATE_DIRECTORY"):
            return Path(given.partition(":")[0])
        url = self.store_url(env)
        if url.startswith(_SQLITE):
            return Path(url.removeprefix(_SQLITE)).parent
        raise ConfigError("there is no state folder", remedy="set STATE_DIRECTORY, as systemd's StateDirectory= does")


def read_store(root: Table) -> str | SecretSource:
    """`[store] url`: a url, or where a secret one is kept. A url with a password in it is refused and not shown."""
    table = root.table("store", required=True)
    value = table.value("url")
    if isinstance(value, dict):
        return table.secret("url") or ""
    if not table.present:
        return ""
    url = table.text("url")
    if url.startswith("sqlite"):
        path = url.removeprefix(_SQLITE)
        if not url.startswith(_SQLITE) or not path.startswith("/") or path.endswith("/"):
            table.error(
                "url",
                f'url = "{url}" is not the path of a file',
                "write the whole path, with four slashes: " + _STORE_REMEDY,
            )
    elif url.startswith(_POSTGRES):
        login = url.partition("://")[2].rpartition("@")[0]
        if ":" in login or "password=" in url:
            table.error(
                "url", "url holds a password", 'keep the whole url elsewhere: write url = { credential = "store" }'
            )
    elif url:
        table.error("url", "url is neither SQLite's nor PostgreSQL's", _STORE_REMEDY)
    return url


def read_http(root: Table, firm: Firm) -> Http:
    """`[http]`. The public listener is open where Twilio or people's links need it."""
    table = root.table("http")
    return Http(
        listen=table.read("listen", LISTEN, "127.0.0.1:8025"),
        public_listen=table.read("public_listen", LISTEN, "127.0.0.1:8026"),
        public=_is_called(root.contents.get("twilio")) or firm.public_url is not None,
        trusted_proxies=table.many("trusted_proxies", NETWORK, ("127.0.0.1",)),
        rate=table.read("rate", RATE, "6000/m"),
        export_rate=table.read("export_rate", RATE, "600/h"),
    )


def _is_called(twilio: object) -> bool:
    """Whether Twilio's webhooks come to us."""
    return isinstance(twilio, Mapping) and twilio.get("webhooks", True) is not False


def read_cases(root: Table) -> Cases:
    """`[cases]`."""
    return Cases(root.table("cases").read("auto_close", DURATION, "7d"))


def read_changes(root: Table) -> Changes:
    """`[rules]`."""
    return Changes(root.table("rules").read("confirm_share", SHARE, "20%"))


def read_notices(root: Table) -> Notices:
    """`[notices]`."""
    table = root.table("notices")
    mailbox = known_name(table, "mailbox", root.names("mailbox"), "mailbox")
    return Notices(mailbox, table.read("digest", TIME_OF_DAY, "08:00"))


def read_alarms(root: Table, firm: Firm) -> Alarms:
    """`[alarms]`. No case stands behind an alarm, so "owner", "team" and "lead" mean nobody here."""
    table = root.table("alarms")
    return Alarms(
        unread_for=_at_least(
            table, "unread_for", _SHORTEST_UNREAD, "a look takes its time", table.read("unread_for", DURATION, "10m")
        ),
        ping_url=table.maybe("ping_url", URL),
        heartbeat=_at_least(
            table, "heartbeat", _SHORTEST_BEAT, "it would fill the mailboxes", table.maybe("heartbeat", DURATION)
        ),
        tell=known_names(table, "tell", firm.people.names(), "agent, team or route"),
    )


def _at_least(table: Table, key: str, shortest: timedelta, why: str, length: Length) -> Length:
    """The duration under a key; one that is shorter is a finding. why: what would come of it."""
    if length is not None and length < shortest and DURATION.parse(table.value(key)) is not None:
        what = f'{key} = "{table.value(key)}" is too short: {why}'
        least = f"{shortest.days}d" if shortest.days else f"{int(shortest.total_seconds() // 60)}m"
        table.error(key, what, f'write "{least}" or more')
    return length


def read_webhooks(root: Table) -> Exits:
    """`[webhooks]`: how posts to CRM systems leave the house."""
    table = root.table("webhooks")
    timeout = table.read("timeout", DURATION, "20s")
    if table.has("timeout") and not _POST_TAKES[0] <= timeout <= _POST_TAKES[1]:
        what = f'timeout = "{table.value("timeout")}" is not what receivers are given'
        table.error("timeout", what, 'write "15s" to "30s"')
    ca = table.maybe("ca", TEXT)
    path = table.folder / Path(ca).expanduser() if ca else None
    if path is not None and not path.is_file():
        table.error("ca", f"there is no file {path}", "name a PEM file with the certificates of your authority")
    return Exits(
        networks=table.many("private_networks", NETWORK),
        proxy=table.maybe("proxy", URL),
        ca=str(path) if path else None,
        timeout=timeout,
    )


def read_retention(root: Table) -> Retention:
    """`[retention]`."""
    table = root.table("retention")
    return Retention(
        originals=table.read("originals", DURATION, "400d"),
        contacts_idle=table.read("contacts_idle", DURATION, "1100d"),
        events=_at_least(
            table,
            "events",
            _SHORTEST_FEED,
            "a CRM that stands still over a season could not go on where it stopped",
            table.read("events", DURATION, "90d"),
        ),
    )
