"""The name a writer can be greeted by: of a display name, what surely is one. Pure.

What stands there was written by a stranger, or by their machine, and goes out under our name: in doubt it is none, and
the greeting is the plain one.
"""

import re
from functools import lru_cache

from commsd.channels.mail.mime import plain_line

MAX_NAME = 60

_PARTICLES = (
    r"von|vom|van|vande|ver|zu|zum|zur|der|den|de|del|della|dela|da|das"
    r"|di|do|dos|du|la|le|el|al|bin|binti|bint|ibn|ter|ten|te|af|av|y|e|und|and|og|dan"
)
_NAME_PART = re.compile(rf"(?:(?:{_PARTICLES})\s+)*[^\W\d_][^\W\d_'’.-]*(?:[-'’][^\W\d_]+)*\.?", re.IGNORECASE)
_FIRST_NAMES = re.compile(r"[^\W\d_][\w'’-]*\.?(?:\s+[^\W\d_][\w'’-]*\.?){0,2}")
_TITLE = re.compile(r"(?:(?:dr|prof|dipl|ing|mag|med|phil|jur)\b[.\w-]*\s+)+", re.IGNORECASE)
_FIRM_OR_OFFICE = re.compile(
    r"\b(?:gmbh|ag|kg|ohg|ug|mbh|e\.?v|ltd|limited|inc|llc|llp|plc|corp|corporation|co|company|group|aps|a/s|ivs|amba|pt|cv|tbk|bv|nv|sa|sarl|srl|spa|oy|ab"
    r"|md|phd|msc|bsc|mba|ma|ba|msc|cpa|esq|jr|sr|ii|iii|einkauf|vertrieb|verkauf|buchhaltung|personal|leitung|versand|abteilung"
    r"|sales|purchasing|accounting|accounts|marketing|support|service|department|dept|office|team|hr|it|finance|logistics"
    r"|salg|indkøb|bogholderi|regnskab|kundeservice|penjualan|pembelian|keuangan|bagian)\b",
    re.IGNORECASE,
)
_OFFICES = (
    r"info|kontakt|contact|support|service|help|helpdesk|kunden-?service|kunde-?service|customer\s+(?:service|care|support)|sales|office|büro|kontor"
    r"|admin|administrator|administration|postmaster|webmaster|hostmaster|mailer-daemon|root|user|owner|test|mail|e-?mail|team|orders?|bestellung(?:en)?"
    r"|billing|buchhaltung|einkauf|vertrieb|verkauf|empfang|zentrale|sekretariat|newsletter|marketing|system|server|scanner|scan|drucker|printer|kopierer"
    r"|copier|fax|android|samsung|galaxy|outlook|gmail|unknown|unbekannt|undisclosed\s+recipients?|anonymous|anonym|me|ich|privat|private|layanan\s+pelanggan"
)
_NOBODY = re.compile(
    rf"(?:the\s+|das\s+|unser\s+)?(?:{_OFFICES})(?:[\s-]*(?:team|desk|department|dept\.?|abteilung))?"
    r"|.*\b(?:no[\s._-]*reply|do[\s._-]*not[\s._-]*reply|iphone|ipad|macbook|mailer[\s-]daemon)\b.*",
    re.IGNORECASE,
)
_SAYING = re.compile(
    r"(?:your?|you're|ihr|ihre|dein|deine|euer|din|dit|jeres|dear|hello|hi|guten|liebe[rs]?|kære|win\s+an?|call|click|free|urgent|wichtig|achtung|selamat|anda)\s",
    re.IGNORECASE,
)
_UNFIT = re.compile(r"[@<>/\\{}\[\]|!?#:;_%*=$€£^~]|www\.|\d{4}|\.\w{2,}$")


@lru_cache(maxsize=4096)
def greeting_name(display: str) -> str | None:
    """A display name fit to be greeted by: "Clarke, Jane" turned round; None for addresses, offices and the like."""
    name = re.sub(r"\s+via\s.*$", "", plain_line(display).strip("'\" "), flags=re.IGNORECASE).strip("'\" ")
    name = _in_order(name)
    letters = re.search(r"[^\W\d_]{2}", name)
    if not letters or len(name) > MAX_NAME or _UNFIT.search(name) or _NOBODY.fullmatch(name) or _is_saying(name):
        return None
    return name


def _in_order(name: str) -> str:
    """First name first, without a firm, an office or a degree behind a comma."""
    parts = [part.strip() for part in name.split(",")]
    while len(parts) > 1 and (not parts[-1] or _FIRM_OR_OFFICE.search(parts[-1])):
        parts.pop()
    if len(parts) != 2 or _FIRM_OR_OFFICE.search(parts[0]):
        return parts[0] if len(parts) == 2 else ", ".join(parts)
    title = _TITLE.match(parts[0])
    last = parts[0][title.end() :] if title else parts[0]
    if not _NAME_PART.fullmatch(last) or not _FIRST_NAMES.fullmatch(parts[1]):
        return ", ".join(parts)
    return f"{title[0] if title else ''}{parts[1]} {last}"


def _is_saying(name: str) -> bool:
    """Whether it reads as a sentence: it speaks to somebody, or has a small word that stands in no name."""
    words = name.split()
    small = [word for word in words if word.islower() and not word.endswith(".") and not re.fullmatch(_PARTICLES, word)]
    return bool(_SAYING.match(name)) or (len(words) > 2 and bool(small) and len(small) < len(words)) or len(small) > 3
