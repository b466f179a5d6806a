"""Where the usual houses of mail keep their servers, so that `init` need not ask for what everybody can look up. Pure.

As their own help pages give them. A house that is not here is asked for its two servers.
"""

from collections.abc import Mapping
from dataclasses import dataclass

OTHER = "other"


@dataclass(frozen=True, slots=True)
class Provider:
    """imap, smtp: host, with its port where that is not the usual one with TLS from the start (993, 465).

    domains: of addresses that are surely there. oauth: it takes no password. note: what to know of the password.
    """

    imap: str
    smtp: str
    domains: frozenset[str] = frozenset()
    oauth: str | None = None
    note: str = ""


_APP_PASSWORD = "it takes an app password, not the one you log in with: make one in the account's security settings"

PROVIDERS: Mapping[str, Provider] = {
    "google": Provider(
        "imap.gmail.com", "smtp.gmail.com", frozenset({"gmail.com", "googlemail.com"}), note=_APP_PASSWORD
    ),
    "microsoft": Provider("outlook.office365.com", "smtp.office365.com:587", oauth="microsoft"),
    "fastmail": Provider(
        "imap.fastmail.com", "smtp.fastmail.com", frozenset({"fastmail.com", "fastmail.fm"}), note=_APP_PASSWORD
    ),
    "icloud": Provider(
        "imap.mail.me.com", "smtp.mail.me.com:587", frozenset({"icloud.com", "me.com", "mac.com"}), note=_APP_PASSWORD
    ),
    "mailbox.org": Provider("imap.mailbox.org", "smtp.mailbox.org", frozenset({"mailbox.org"})),
    "ionos": Provider("imap.ionos.de", "smtp.ionos.de"),
    "strato": Provider("imap.strato.de", "smtp.strato.de"),
    "hetzner": Provider("mail.your-server.de", "mail.your-server.de"),
    "one.com": Provider("imap.one.com", "send.one.com"),
    "ovh": Provider("ssl0.ovh.net", "ssl0.ovh.net"),
    "gandi": Provider("mail.gandi.net", "mail.gandi.net"),
}


def provider_of(domain: str) -> str:
    """Who surely hosts addresses of that domain; OTHER where nobody does."""
    return next((name for name, each in PROVIDERS.items() if domain.lower() in each.domains), OTHER)


def servers_of(name: str, domain: str) -> Provider:
    """The servers of a provider; the most usual names in that domain for OTHER."""
    return PROVIDERS.get(name) or Provider(f"imap.{domain}", f"smtp.{domain}")
