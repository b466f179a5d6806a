"""The `[mailbox.*]` tables -> frozen settings: which mailboxes are watched, how they are reached, what they are for.

Every mistake is noted on the table with its place. Logging in is `imap` and `send`; finding servers is `discover`.
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from commsd.config.read import Table
from commsd.config.secret import SecretSource
from commsd.config.unit import ADDRESS, DURATION, PORT, RATE, TEXT, URL, Form, Rate, duration
from commsd.core.agent import known_name
from commsd.core.contact import mail_identity
from commsd.core.firm import Firm, observes
from commsd.core.interaction import Channel


class Tls(StrEnum):
    """How the connection is made secret. NONE only on loopback."""

    IMPLICIT = "implicit"
    STARTTLS = "starttls"
    NONE = "none"


class MailboxRole(StrEnum):
    """INBOX: customers write here. SENT_ONLY: our people's answers are read. LOG: forwarded here = recorded."""

    INBOX = "inbox"
    SENT_ONLY = "sent-only"
    LOG = "log"


class FollowUp(StrEnum):
    """What a further writing in the same case gets."""

    SHORT = "short"
    FULL = "full"
    NONE = "none"


class OnUnknown(StrEnum):
    """What becomes of an acknowledgement that perhaps went out: sent once more as it was, or held for a person."""

    RESEND = "resend"
    HOLD = "hold"


_BUDGET = Rate(3000, timedelta(hours=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth:
    """How to get access tokens for an account. token_url: where, if not the provider's own. tenant: Microsoft's.

    refresh_token: the first one; where the provider rotates it, the newest is kept in the store.
    """

    provider: str  # "microsoft", "google"
    refresh_token: SecretSource
    client_id: str | None = None
    client_secret: SecretSource | None = None
    tenant: str = "common"
    token_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderPattern:
    """Where a gateway's mail says who wrote. Expressions with the groups number, mail, name or customer.

    subject, body: searched for there. header: the name of a field, searched for by `field`.
    """

    subject: str | None = None
    header: str | None = None
    field: str | None = None
    body: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One IMAP or SMTP server and how to log in there.

    username None: no login. password and oauth: at most one of them. ca: a PEM file trusted besides the system's.
    """

    host: str
    port: int
    tls: Tls
    username: str | None = None
    password: SecretSource | None = None
    oauth: OAuth | None = None
    ca: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """One watched mailbox. address, aliases: as configured. max_age: older mail is recorded and not acknowledged.

    channel: what its mail counts as: email, fax or letter. poll: also where the server has IDLE, as a net below it.
    sent: folder names, names of other mailboxes, or "auto". observe: nothing reaches a customer.
    backfill: how far back mail is recorded silently at the first start; zero: only what comes from now on.
    senders: who wrote, behind a fax or letter gateway. authserv_ids: whose Authentication-Results are believed.
    system_senders: local parts such as "postmaster" that are heard. invitations, precedence, html: of acknowledgements.
    bounce_address: the envelope sender where the server refuses the empty one.
    """

    name: str
    address: str
    aliases: tuple[str, ...] = ()
    imap: Server
    smtp: Server | None
    channel: Channel = Channel.EMAIL
    team: str | None = None
    person: str | None = None
    line: str | None = None
    folder: str = "INBOX"
    sent: tuple[str, ...] = ("auto",)
    role: MailboxRole = MailboxRole.INBOX
    done: tuple[str, ...] = ("Done",)
    poll: timedelta = timedelta(seconds=30)
    backfill: timedelta = timedelta(0)
    max_age: timedelta = timedelta(hours=24)
    ack_budget: Rate = _BUDGET
    follow_up: FollowUp = FollowUp.SHORT
    forwarders: tuple[str, ...] = ()
    own_list_ids: tuple[str, ...] = ()
    contact_forms: tuple[str, ...] = ()
    senders: tuple[SenderPattern, ...] = ()
    authserv_ids: tuple[str, ...] = ()
    system_senders: tuple[str, ...] = ()
    invitations: bool = False
    precedence: bool = True
    html: bool = False
    bounce_address: str | None = None
    on_unknown: OnUnknown = OnUnknown.RESEND
    observe: bool = False

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its address and aliases in the normal form of `core.contact`."""
        found = (mail_identity(address) for address in (self.address, *self.aliases))
        return tuple(identity.value for identity in found if identity)


@dataclass(frozen=True, slots=True)
class MailSettings:
    """All mailboxes by name, in the order of the file."""

    mailboxes: Mapping[str, Mailbox] = field(default_factory=dict)

    @property
    def addresses(self) -> frozenset[str]:
        """Every watched address and alias, in normal form: mail from these is from us."""
        return frozenset(address for mailbox in self.mailboxes.values() for address in mailbox.addresses)


def _backfill(value: object) -> timedelta | None:
    if value == "now":
        return timedelta(0)
    kind, _, since = value.partition(":") if isinstance(value, str) else ("", "", "")
    return (duration(since) or None) if kind == "backfill" else None


START = Form("a start", 'write "now" or "backfill:30d"', _backfill, timedelta(0))
HOST = Form(
    "a host",
    'write its name alone, such as "imap.example.com"; the port has a key of its own',
    lambda value: value if isinstance(value, str) and value and not set(value) & set(" /@\t\n") else None,
    "",
)


def _expression(value: object) -> str | None:
    """A regular expression, or None."""
    if not isinstance(value, str) or not value:
        return None
    try:
        re.compile(value)
    except (re.error, OverflowError, RecursionError):
        return None
    return value


EXPRESSION = Form("a regular expression", r'write one such as "from (?P<number>\\+[0-9]+)"', _expression, "")
_CHANNELS = (Channel.EMAIL.value, Channel.FAX.value, Channel.LETTER.value)
_PROVIDERS = ("microsoft", "google")
_IMAP_PORTS = {Tls.IMPLICIT: 993, Tls.STARTTLS: 143, Tls.NONE: 143}
_SMTP_PORTS = {Tls.IMPLICIT: 465, Tls.STARTTLS: 587, Tls.NONE: 25}


def read_settings(root: Table, firm: Firm) -> MailSettings:
    """All `[mailbox.*]` tables."""
    tables = root.tables("mailbox")
    lines = root.names("line")
    mailboxes = {name: _mailbox(table, firm, lines) for name, table in tables.items()}
    _one_mailbox_per_address(mailboxes, tables)
    return MailSettings(mailboxes)


def _mailbox(table: Table, firm: Firm, lines: tuple[str, ...]) -> Mailbox:
    role = MailboxRole(table.choice("role", tuple(MailboxRole), "inbox"))
    channel = Channel(table.choice("channel", _CHANNELS, "email"))
    imap = _imap(table.table("imap", required=True))
    writes = role is MailboxRole.INBOX and channel is not Channel.LETTER
    return Mailbox(
        name=table.name,
        address=table.read("address", ADDRESS),
        aliases=table.many("aliases", ADDRESS),
        imap=imap,
        smtp=_smtp(table.table("smtp", required=writes), imap) if writes or table.has("smtp") else None,
        channel=channel,
        team=known_name(table, "team", firm.people.teams, "team"),
        person=known_name(table, "person", firm.people.agents, "agent"),
        line=known_name(table, "line", lines, "line"),
        folder=table.text("folder", "INBOX"),
        sent=table.many("sent", TEXT, ("auto",)),
        role=role,
        done=table.many("done", TEXT, ("Done",)),
        poll=_positive(table, "poll", "30s"),
        backfill=table.read("start", START, "now"),
        max_age=_positive(table, "max_age", "24h"),
        ack_budget=table.read("ack_budget", RATE, "3000/h"),
        follow_up=FollowUp(table.choice("follow_up", tuple(FollowUp), "short")),
        forwarders=table.many("forwarders", ADDRESS),
        own_list_ids=table.many("own_list_ids", TEXT),
        contact_forms=table.many("contact_forms", ADDRESS),
        senders=tuple(_sender(row) for row in table.rows("senders")),
        authserv_ids=table.many("authserv_ids", TEXT),
        system_senders=table.many("system_senders", TEXT),
        invitations=table.flag("invitations", False),
        precedence=table.flag("precedence", True),
        html=table.flag("html", False),
        bounce_address=table.maybe("bounce_address", ADDRESS),
        on_unknown=OnUnknown(table.choice("on_unknown", tuple(OnUnknown), "resend")),
        observe=observes(table, firm.observe),
    )


def _sender(table: Table) -> SenderPattern:
    return SenderPattern(
        subject=table.maybe("subject", EXPRESSION),
        header=table.maybe("header", TEXT),
        field=table.maybe("field", EXPRESSION),
        body=table.maybe("body", EXPRESSION),
    )


def _positive(table: Table, key: str, default: str) -> timedelta:
    length = table.read(key, DURATION, default)
    if not length and DURATION.parse(table.value(key)) is not None:
        table.error(key, f'{key} = "{table.value(key)}" is no time at all', f'write more, such as "{default}"')
    return length


def _imap(table: Table) -> Server:
    tls, port = _tls(table, Tls.IMPLICIT, _IMAP_PORTS)
    password, oauth = _login(table)
    if table.present and not password and not oauth and not (table.has("password") or table.has("auth")):
        remedy = 'add password = { credential = "name" }, or auth = { oauth = "microsoft" }'
        table.error(None, f"password is missing in [{table.path}]", remedy)
    return Server(
        host=_host(table, tls),
        port=port,
        tls=tls,
        username=table.text("username") if table.present else "",
        password=password,
        oauth=oauth,
        ca=_ca(table),
    )


def _smtp(table: Table, imap: Server) -> Server:
    """What is not given is as for IMAP: tls, username, password or oauth, ca. username = "" is no login."""
    tls, port = _tls(table, imap.tls, _SMTP_PORTS)
    password, oauth = _login(table)
    if not table.has("password") and not table.has("auth"):
        password, oauth = imap.password, imap.oauth
    open_house = table.value("username") == ""
    username = None if open_house else table.maybe("username", TEXT) or imap.username
    return Server(
        host=_host(table, tls),
        port=port,
        tls=tls,
        username=username,
        password=None if open_house else password,
        oauth=None if open_house else oauth,
        ca=_ca(table) or imap.ca,
    )


def _tls(table: Table, otherwise: Tls, ports: Mapping[Tls, int]) -> tuple[Tls, int]:
    """How and where. A well-known port says how by itself: 465 and 993 begin with TLS, 587 and 143 turn to it."""
    port = table.maybe("port", PORT)
    usual = {Tls.IMPLICIT: ports[Tls.IMPLICIT], Tls.STARTTLS: ports[Tls.STARTTLS]}
    told = next((tls for tls, number in usual.items() if number == port), otherwise)
    tls = Tls(table.choice("tls", tuple(Tls), told))
    return tls, port or ports[tls]


def _host(table: Table, tls: Tls) -> str:
    host = table.read("host", HOST) if table.present else ""
    if host and tls is Tls.NONE and not _loopback(host):
        table.error(
            "tls", f'tls = "none" to {host} would send the password in the open', 'write "implicit" or "starttls"'
        )
    return host


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _login(table: Table) -> tuple[SecretSource | None, OAuth | None]:
    password = table.secret("password")
    if not table.has("auth"):
        return password, None
    if table.has("password"):
        table.error("auth", "password and auth both say how to log in", "keep one of them")
    return password, _oauth(table.table("auth"), table.folder)


def _oauth(table: Table, folder: Path) -> OAuth:
    """The refresh token's default place is named after the mailbox: `[mailbox.support.imap.auth]` -> support-oauth."""
    mailbox = table.path.split(".")[1]
    return OAuth(
        provider=table.choice("oauth", _PROVIDERS),
        client_id=table.maybe("client_id", TEXT),
        client_secret=table.secret("client_secret"),
        tenant=table.text("tenant", "common"),
        refresh_token=table.secret("refresh_token") or SecretSource("credential", f"{mailbox}-oauth", folder),
        token_url=table.maybe("token_url", URL),
    )


def _ca(table: Table) -> Path | None:
    name = table.maybe("ca", TEXT)
    return table.folder / Path(name) if name else None


def _one_mailbox_per_address(mailboxes: Mapping[str, Mailbox], tables: Mapping[str, Table]) -> None:
    """Two mailboxes with one address would each acknowledge the same mail."""
    owner: dict[str, str] = {}
    for name, mailbox in mailboxes.items():
        for address in mailbox.addresses:
            first = owner.setdefault(address, name)
            if first != name:
                key = "address" if mailbox.address.casefold() == address else "aliases"
                what = f"{address} is watched by [mailbox.{first}] already"
                tables[name].error(key, what, "give each address to one mailbox")
