"""MAIL: mailboxes watched over IMAP, acknowledged over SMTP; email, and letter and fax that arrive by mailbox."""

from collections.abc import Awaitable, Callable, Sequence

from starlette.routing import BaseRoute

from commsd.channels.channel import Channel, Means
from commsd.channels.mail import imap, submission
from commsd.channels.mail.account import Mailbox, MailboxRole, MailSettings, OnUnknown, Server, read_settings
from commsd.channels.mail.desk import Desk
from commsd.channels.mail.null_sender import NullSender
from commsd.channels.mail.reading import INBOX, SENT
from commsd.channels.mail.send import PLACES, Send
from commsd.channels.mail.sent_copy import SentCopies
from commsd.channels.mail.session import Session
from commsd.channels.mail.suppression import Us
from commsd.channels.mail.texts import load_texts
from commsd.channels.mail.watch import Watch
from commsd.duty import Duty
from commsd.errors import ConfigError

DEADLINE = 30.0


def _duties(settings: MailSettings, means: Means) -> Sequence[Duty]:
    texts = load_texts(means.folder / "templates")
    duties: list[Duty] = []
    for mailbox in settings.mailboxes.values():
        desk = Desk(
            mailbox=mailbox,
            firm=means.firm,
            us=us(mailbox, settings, means),
            texts=texts,
            key=means.key,
        )
        connect = _connector(mailbox)
        shared = (means.log, means.claims, means.rules, means.world, means.pulse)
        means.pulse.watch(mailbox.name, "mailbox")
        if mailbox.role is not MailboxRole.SENT_ONLY:
            duties.append(Watch(desk, INBOX, connect, *shared))
        if mailbox.sent:
            duties.append(Watch(desk, SENT, connect, *shared))
        if mailbox.smtp:
            duties.append(_sending(mailbox, submission.Submission(handed_in(mailbox.smtp), size=PLACES), connect, means))
    return duties


def _sending(
    mailbox: Mailbox, server: submission.Submission, connect: Callable[[], Awaitable[Session]], means: Means
) -> Send:
    """The duty that hands in what this mailbox owes.

    Without a bounce_address its own address stands in for nobody: bounces of our answers come to where they are
    silenced, and who answers machines without a thought would have answered to that address anyway.
    """
    return Send(
        mailbox.name,
        server,
        means.log,
        means.claims,
        means.rules,
        means.world,
        means.pulse,
        copies=SentCopies(mailbox.name, connect, mailbox.sent),
        sender=NullSender(mailbox.name, mailbox.bounce_address or mailbox.address, means.log),
        hold=mailbox.on_unknown is OnUnknown.HOLD,
    )


def us(mailbox: Mailbox, settings: MailSettings, means: Means) -> Us:
    """Our side as the suppression rules of one mailbox see it."""
    return Us(
        addresses=frozenset(address.lower() for address in settings.addresses),
        people=frozenset(address.lower() for address in means.firm.people.addresses),
        internal_domains=means.firm.internal_domains,
        key=means.key,
        forwarders=frozenset(address.lower() for address in mailbox.forwarders),
        own_list_ids=frozenset(name.lower() for name in mailbox.own_list_ids),
        contact_forms=frozenset(address.lower() for address in mailbox.contact_forms),
    )


def _connector(mailbox: Mailbox) -> Callable[[], Awaitable[Session]]:
    """Opens a session; the password is read anew each time, so that a rotated one is seen."""
    server = mailbox.imap
    endpoint = imap.Endpoint(server.host, server.port, server.tls.value, str(server.ca) if server.ca else None)

    async def connect() -> Session:
        credentials = imap.Credentials(server.username or mailbox.address, _password(server))
        return await imap.connect(endpoint, credentials, deadline=DEADLINE)

    return connect


def handed_in(server: Server) -> submission.Server:
    """The SMTP server with its secret read."""
    return submission.Server(
        host=server.host,
        port=server.port,
        tls=server.tls.value,
        username=server.username if server.password else None,
        password=_password(server) if server.password else None,
        ca=str(server.ca) if server.ca else None,
    )


def _password(server: Server) -> str:
    if server.oauth:
        raise ConfigError(
            f"{server.host}: login by OAuth comes with a later release",
            remedy='use password = { credential = "…" } until then, with an app password where the provider has them',
        )
    return server.password.read().reveal() if server.password else ""


def _routes(settings: MailSettings, means: Means) -> Sequence[BaseRoute]:
    return ()


MAIL = Channel(name="mail", tables=("mailbox",), read_settings=read_settings, duties=_duties, routes=_routes)
