"""MAIL: mailboxes watched over IMAP, acknowledged over SMTP; email, and letter and fax that arrive by mailbox."""

from commsd.channels.channel import Channel, Duties, Means, Routes
from commsd.channels.mail.account import MailSettings, read_settings


def _duties(settings: MailSettings, means: Means) -> Duties:
    from commsd.channels.mail.staffing import duties_of

    return duties_of(settings, means)


def _routes(settings: MailSettings, means: Means) -> Routes:
    from commsd.channels.mail.staffing import routes_of

    return routes_of(settings, means)


MAIL = Channel(name="mail", tables=("mailbox",), read_settings=read_settings, duties=_duties, routes=_routes)
