"""What the mail channel works with, made of its settings: duties, and the page of the customers' links."""

from collections.abc import Sequence

from starlette.routing import BaseRoute

from commsd.channels.channel import Means
from commsd.channels.mail import submission
from commsd.channels.mail.account import Mailbox, MailboxRole, MailSettings, OnUnknown
from commsd.channels.mail.accounts import Accounts
from commsd.channels.mail.books import Books
from commsd.channels.mail.customer_links import CustomerLinks
from commsd.channels.mail.desk import Desk, us_of
from commsd.channels.mail.first_to import by_address
from commsd.channels.mail.holiday import Holidays
from commsd.channels.mail.letter import ON_PAPER
from commsd.channels.mail.lookout import Lookout
from commsd.channels.mail.null_sender import NullSender
from commsd.channels.mail.paper_texts import paper_texts
from commsd.channels.mail.printing import FOLDER, Print
from commsd.channels.mail.reading import INBOX, readings_of
from commsd.channels.mail.renewal import Renewal
from commsd.channels.mail.rounds import Rounds
from commsd.channels.mail.second_line import SecondLine
from commsd.channels.mail.send import PLACES, Send
from commsd.channels.mail.sent_copy import SentCopies
from commsd.channels.mail.suppression import Us
from commsd.channels.mail.texts import load_texts
from commsd.channels.mail.watch import Watch
from commsd.duty import Duty
from commsd.store.tokens import Tokens


def duties_of(settings: MailSettings, means: Means) -> Sequence[Duty]:
    """All that works while the daemon runs: for each mailbox its watches, its rounds and its sending."""
    texts = load_texts(means.folder / "templates")
    duties: list[Duty] = []
    accounts = Accounts(Tokens(means.log, means.key), means.claims, means.world)
    others: dict[str, Desk] = {}
    for mailbox in settings.mailboxes.values():
        paper = paper_texts(mailbox.channel, texts, means.folder / "templates") if _on_paper(mailbox) else None
        desk = Desk(
            mailbox=mailbox,
            firm=means.firm,
            us=us_of(mailbox, settings, means.firm, means.key),
            texts=paper.mail if paper else texts,
            key=means.key,
            sender=_sender(mailbox, settings, means),
            holidays=holidays_of(means),
            paper=paper,
            post=means.post,
            others=others,
        )
        others |= by_address([desk])
        access = accounts.imap(mailbox)
        line = SecondLine(access.connect)
        shared = (means.log, means.claims, means.rules, means.world, means.pulse)
        watches = [Watch(desk, each, access.connect, *shared, settings.mailboxes) for each in readings_of(mailbox)]
        duties += watches[: mailbox.role is not MailboxRole.SENT_ONLY]
        if others_of_it := watches[mailbox.role is not MailboxRole.SENT_ONLY :]:
            looks = [Lookout(desk, INBOX, means.claims, means.world, means.pulse)] if _takes_mail(mailbox) else []
            duties.append(Rounds(mailbox.name, [*others_of_it, *looks], line, mailbox.poll, means.world))
        if mailbox.smtp:
            server = submission.Submission(accounts.smtp(mailbox, mailbox.smtp), size=PLACES)
            duties.append(_sending(mailbox, server, line, means))
    if duties:
        duties.append(Books(means.log, means.claims, means.rules, means.world))
    duties += _renewals(accounts, means)
    if means.state and any(map(_on_paper, settings.mailboxes.values())):
        shared_by_all = (means.firm, means.post, means.log, means.claims, means.world)
        duties.append(Print(means.state / FOLDER, settings.mailboxes, *shared_by_all))
    return duties


def holidays_of(means: Means) -> Holidays:
    """What free days are called, by the rules of the folder."""
    texts = ((path.name, path.read_text("utf-8")) for path in sorted((means.folder / "sla").glob("*.toml")))
    return Holidays(tuple(texts), means.firm.country)


def _renewals(accounts: Accounts, means: Means) -> Sequence[Duty]:
    return [
        Renewal(names, grant, means.pulse.metrics, means.world) for grant, names in accounts.grants_with_mailboxes()
    ]


def _takes_mail(mailbox: Mailbox) -> bool:
    return mailbox.role is MailboxRole.INBOX


def _on_paper(mailbox: Mailbox) -> bool:
    return mailbox.channel in ON_PAPER and mailbox.role is MailboxRole.INBOX


def _sender(mailbox: Mailbox, settings: MailSettings, means: Means) -> Mailbox | None:
    """From where acknowledgements of letters and faxes leave whose own mailbox sends none: where notices do."""
    if mailbox.smtp or not _on_paper(mailbox) or means.post is None:
        return None
    return settings.mailboxes.get(means.post.via or "")


def _sending(mailbox: Mailbox, server: submission.Submission, line: SecondLine, means: Means) -> Send:
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
        copies=SentCopies(mailbox.name, line.session, mailbox.sent),
        sender=NullSender(mailbox.name, mailbox.bounce_address or mailbox.address, means.log),
        hold=mailbox.on_unknown is OnUnknown.HOLD,
    )


def routes_of(settings: MailSettings, means: Means) -> Sequence[BaseRoute]:
    """The page where customers ask to be rung, where they can reach a page of ours."""
    if not settings.mailboxes or not means.firm.public_url:
        return ()
    texts = load_texts(means.folder / "templates")
    desks = {
        name: Desk(mailbox=mailbox, firm=means.firm, us=Us(key=means.key), texts=texts, key=means.key)
        for name, mailbox in settings.mailboxes.items()
    }
    return CustomerLinks(desks, means).routes()
