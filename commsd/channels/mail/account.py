"""The `[mailbox.*]` tables -> frozen settings: which mailboxes are watched, how they are reached, what they are for.

Every mistake is noted on the table with its place. Logging in is `imap` and `send`; finding servers is `discover`.
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from commsd.channels.mail.folder import is_junk
from commsd.channels.mail.sender_pattern import SenderPattern, letterhead_of, senders_of
from commsd.channels.mail.sent_names import AUTO, must_be_folder, own_folders
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
    sent: its own Sent folders by name, or "auto". staff: other mailboxes, whose own are read there.
    observe: nothing reaches a customer.
    backfill: how far back mail is recorded silently at the first start; zero: only what comes from now on.
    senders: who wrote, behind a fax or letter gateway. authserv_ids: whose Authentication-Results are believed.
    system_senders: local parts such as "postmaster" that are heard. invitations, precedence, html: of acknowledgements.
    bounce_address: the envelope sender where the server refuses the empty one.
    letterhead: lines over a printed acknowledgement, our name first; none: the name of the firm alone.
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
    sent: tuple[str, ...] = (AUTO,)
    staff: tuple[str, ...] = ()
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
    letterhead: tuple[str, ...] = ()
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
_HOST = re.compile(r"[^\s/@:\[\]]+|\[[0-9A-Fa-f:.]+\]|[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.%\w]*")
"""A name, or an address; that of IPv6 with or without brackets, and nothing with a port behind it."""

HOST = Form(
    "a host",
    'write its name alone, such as "imap.example.com"; the port has a key of its own',
    lambda value: value if isinstance(value, str) and _HOST.fullmatch(value) else None,
    "",
)


LOCAL_PART = Form(
    "the part of an address before its @",
    'write that part alone, such as "postmaster"',
    lambda value: value if isinstance(value, str) and re.fullmatch(r"[^\s@]{1,64}", value) else None,
    "",
)
AUTHSERV = Form(
    "the id of a mail server",
    'write what its Authentication-Results begin with, such as "mx.example.com", or "-" if they name none',
    lambda value: value if isinstance(value, str) and re.fullmatch(r"[^\s@;=()\"]{1,253}", value) else None,
    "",
)
_CHANNELS = (Channel.EMAIL.value, Channel.FAX.value, Channel.LETTER.value)
_PROVIDERS = ("microsoft", "google")
_IMAP_PORTS = {Tls.IMPLICIT: 993, Tls.STARTTLS: 143, Tls.NONE: 143}
_SMTP_PORTS = {Tls.IMPLICIT: 465, Tls.STARTTLS: 587, Tls.NONE: 25}


def read_settings(root: Table, firm: Firm) -> MailSettings:
    """All `[mailbox.*]` tables."""
    tables = root.tables("mailbox")
    lines = _lines(root)
    mailboxes = {name: _mailbox(table, firm, lines) for name, table in tables.items()}
    _one_mailbox_per_address(mailboxes, tables)
    return MailSettings(_with_own_folders(mailboxes, tables, firm))


def _lines(root: Table) -> Mapping[str, str | None]:
    """The lines in the order of the file, each with its team as it stands there."""
    tables = root.tables("line") if root.names("line") else {}
    teams = {name: table.contents.get("team") for name, table in tables.items()}
    return {name: team if isinstance(team, str) else None for name, team in teams.items()}


def _line(table: Table, lines: Mapping[str, str | None]) -> str | None:
    """Whence calls asked for here are made: as named, else the first line of the team, else the first there is."""
    if named := known_name(table, "line", lines, "line"):
        return named
    team = table.contents.get("team")
    return next((name for name, theirs in lines.items() if team and theirs == team), next(iter(lines), None))


def _mailbox(table: Table, firm: Firm, lines: Mapping[str, str | None]) -> Mailbox:
    role = MailboxRole(table.choice("role", tuple(MailboxRole), "inbox"))
    channel = Channel(table.choice("channel", _CHANNELS, "email"))
    imap = _imap(table.table("imap", required=True))
    on_paper = channel is not Channel.EMAIL
    writes = role is MailboxRole.INBOX and not on_paper
    smtp = _smtp(table.table("smtp", required=writes), imap) if writes or table.has("smtp") else None
    return Mailbox(
        name=table.name,
        address=table.read("address", ADDRESS),
        aliases=table.many("aliases", ADDRESS),
        imap=imap,
        smtp=smtp,
        channel=channel,
        team=known_name(table, "team", firm.people.teams, "team"),
        person=known_name(table, "person", firm.people.agents, "agent"),
        line=_line(table, lines),
        folder=_watched(table),
        sent=table.many("sent", TEXT, () if role is MailboxRole.LOG or (on_paper and smtp is None) else (AUTO,)),
        role=role,
        done=_done(table, role),
        poll=_positive(table, "poll", "30s"),
        backfill=table.read("start", START, "now"),
        max_age=_positive(table, "max_age", "24h"),
        ack_budget=table.read("ack_budget", RATE, "3000/h"),
        follow_up=FollowUp(table.choice("follow_up", tuple(FollowUp), "short")),
        forwarders=table.many("forwarders", ADDRESS),
        own_list_ids=table.many("own_list_ids", TEXT),
        contact_forms=table.many("contact_forms", ADDRESS),
        senders=senders_of(table, on_paper=on_paper),
        letterhead=letterhead_of(table, on_paper=on_paper),
        authserv_ids=table.many("authserv_ids", AUTHSERV),
        system_senders=table.many("system_senders", LOCAL_PART),
        invitations=table.flag("invitations", False),
        precedence=table.flag("precedence", True),
        html=table.flag("html", False),
        bounce_address=table.maybe("bounce_address", ADDRESS),
        on_unknown=OnUnknown(table.choice("on_unknown", tuple(OnUnknown), "resend")),
        observe=observes(table, firm.observe),
    )


def _watched(table: Table) -> str:
    """The folder customers' mail is in; never the one for spam, whose senders are borrowed names. mail.md N18."""
    name = table.text("folder", "INBOX")
    if is_junk(name):
        table.error("folder", f'folder = "{name}" is where spam lies', 'write "INBOX"; people move out what is none')
    return name


def _done(table: Table, role: MailboxRole) -> tuple[str, ...]:
    """Folders that close a case; only customers' mail can be moved there."""
    if role is not MailboxRole.INBOX and table.has("done"):
        table.error("done", f'done does nothing with role = "{role}"', "remove it; the inbox customers write to has it")
    names = table.many("done", TEXT, ("Done",))
    return tuple(name for item, name in enumerate(names) if must_be_folder(table, "done", name, item))


def _with_own_folders(mailboxes: Mapping[str, Mailbox], tables: Mapping[str, Table], firm: Firm) -> dict[str, Mailbox]:
    """The mailboxes, each with those Sent folders that are its own; the staff's are read by the staff's mailboxes."""
    written = {name: mailbox.sent for name, mailbox in mailboxes.items()}
    settled: dict[str, Mailbox] = {}
    for name, mailbox in mailboxes.items():
        sent = own_folders(tables[name], mailbox.sent, written, firm.people.agents)
        if not mailbox.sent and mailbox.role is MailboxRole.SENT_ONLY:
            tables[name].error("sent", 'role = "sent-only" with no `sent` reads nothing', 'write sent = ["auto"]')
        settled[name] = replace(mailbox, sent=sent, staff=tuple(each for each in mailbox.sent if each in written))
    return settled


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
    if tls is not told and port in usual.values() and tls is not Tls.NONE:
        what = f'tls = "{tls}" on port {port}, where nearly all servers speak "{told}"'
        table.warn("tls", what, f'write tls = "{told}", or port = {usual[tls]}')
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
    usual = SecretSource("credential", f"{table.path.split('.')[1]}-oauth", folder)
    if not table.has("refresh_token"):
        table.findings.secrets.append((table.place("oauth"), usual))
    return OAuth(
        provider=table.choice("oauth", _PROVIDERS),
        client_id=table.maybe("client_id", TEXT),
        client_secret=table.secret("client_secret"),
        tenant=table.text("tenant", "common"),
        refresh_token=table.secret("refresh_token") or usual,
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
