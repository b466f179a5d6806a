"""How known fax services, fax servers and scanners say in a mail what came and from whom. Data; `letter` applies it.

Only what was seen in use, with where it was seen. What is not here, a house names itself by `senders`.
"""

import re
from dataclasses import dataclass

from commsd.core.interaction import Channel

_SAID = r"(?P<number>\S.{0,80}?)"
"""What stands for the sender: a number in any writing, a name with a number in it, or a word such as "unknown"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """One kind of mail. subject, body: both must be found, where given; their groups say who it was.

    domain: what From must end in; None for what runs in the house and writes from any address.
    region: ISO 3166, whose national numbers it writes; None: those of our own country.
    """

    name: str
    channel: Channel
    subject: re.Pattern[str]
    body: re.Pattern[str] | None = None
    domain: str | None = None
    region: str | None = None


def _subject(expression: str) -> re.Pattern[str]:
    return re.compile(rf"\s*(?:{expression})\s*", re.IGNORECASE)


GATEWAYS = (
    Gateway(
        name="RingCentral",  # rules and parsers in public repositories, all for notify@ringcentral.com
        channel=Channel.FAX,
        subject=_subject(rf"New Fax Message from {_SAID}(?: on \d.*)?"),
        domain="ringcentral.com",
        region="US",
    ),
    Gateway(
        name="eFax",  # an Odoo and an LIMS import: 'eFax message from "…" - 1 page(s), Caller-ID: 1-613-…'
        channel=Channel.FAX,
        subject=_subject(
            r'(?:Corporate )?eFax(?: Corporate)? message from "(?P<name>[^"]*)"(?: - \d+ page\(s\))?'
            r"(?:, Caller-ID: (?P<number>.+))?"
        ),
        region="US",
    ),
    Gateway(
        name="MetroFax",  # FusionPBX's mail import, for noreply@metrofax.com
        channel=Channel.FAX,
        subject=_subject(
            r'MetroFax message from "?(?P<name>[^",]*)"?(?: - \d+ page\(s\))?(?:, Caller-ID: (?P<number>.+))?'
        ),
        domain="metrofax.com",
        region="US",
    ),
    Gateway(
        name="HylaFAX",  # bin/faxrcvd of HylaFAX
        channel=Channel.FAX,
        subject=_subject(rf"Facsimile received from {_SAID}"),
    ),
    Gateway(
        name="FreePBX",  # module fax, bin/fax2mail: "New fax from: %s", "New fax received" without a caller
        channel=Channel.FAX,
        subject=_subject(rf"New fax (?:from: {_SAID}|received)"),
    ),
    Gateway(
        name="ICTFAX",  # ictcore, Program/Faxtoemail: the number stands in the text alone
        channel=Channel.FAX,
        subject=_subject(r"You have received a Fax"),
        body=re.compile(r"^\s*Received from\s*:\s*(?P<number>.{1,80})$", re.IGNORECASE | re.MULTILINE),
    ),
    Gateway(
        name="Asterisk in German",  # several published fax-to-mail scripts, and mails quoted in Zammad's tests
        channel=Channel.FAX,
        subject=_subject(rf"(?:\[fax\] )?Neues Fax von:? {_SAID}(?: empfangen)?"),
    ),
    Gateway(
        name="Xerox",  # "Scanned from a Xerox Multifunction Printer", "Scan from a Xerox WorkCentre Pro #…"
        channel=Channel.LETTER,
        subject=_subject(r"Scan(?:ned)? from a Xerox .{1,80}"),
    ),
    Gateway(
        name="Konica Minolta",  # "Message from KM_C258"
        channel=Channel.LETTER,
        subject=_subject(r"Message from KM_\w+"),
    ),
    Gateway(
        name="Ricoh",  # 'Message from "RNP5838795908AB"'
        channel=Channel.LETTER,
        subject=_subject(r'Message from "?RNP[0-9A-F]{6,16}"?'),
    ),
    Gateway(
        name="Sharp",  # "Scanned image from MX-C301W"
        channel=Channel.LETTER,
        subject=_subject(r"Scanned image from MX-\w+"),
    ),
)

OUTGOING = re.compile(
    r"fax[\s_-]?(?:sende)?(?:bericht|protokoll)|sende(?:bericht|protokoll)|transmission (?:report|result)|fax report"
    r"|(?:tele)?fax\w*\b.{0,80}\b(?:gesendet|versendet|versandt|verschickt|zugestellt|sent|delivered|transmitted|sendt|terkirim)\b"
    r"|\b(?:gesendetes|outgoing|sent)\s+fax",
    re.IGNORECASE,
)
"""Subjects by which a gateway tells of a fax that we sent ourselves."""
