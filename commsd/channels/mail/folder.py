"""Folders as an IMAP server lists them: their names in both spellings, and which of them holds what was sent.

Pure; `imap.py` asks for the list. Source: RFC 3501 sections 5.1.3 and 7.2.2, RFC 6154.
"""

import re
import unicodedata
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass

from commsd.channels.mail import wire


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder as the server lists it.

    name: as people read it. wire: as it goes over the wire, modified UTF-7. separator: between levels, "" for none.
    attributes: in lower case, "\\sent".
    """

    name: str
    wire: str
    attributes: frozenset[str] = frozenset()
    separator: str = ""

    @property
    def selectable(self) -> bool:
        """It can hold messages; others only hold folders."""
        return self.attributes.isdisjoint({"\\noselect", "\\nonexistent"})


_LIST = re.compile(rb"\* LIST ", re.IGNORECASE)


def listed(responses: Iterable[wire.Response]) -> tuple[Folder, ...]:
    """In the server's order."""
    found = []
    for response in responses:
        opening = _LIST.match(response[0])
        content = wire.values(response, opening.end()) if opening else []
        if len(content) < 3:
            continue
        attributes, separator, name = content[:3]
        if isinstance(name, bytes) and min(name, default=0) >= 0x20:  # a name with a line end cannot be asked for
            found.append(
                Folder(
                    name=decoded_name(name.decode("utf-8", "replace")),
                    wire=name.decode("utf-8", "surrogateescape"),
                    attributes=frozenset(flag.lower() for flag in wire.flags(attributes)),
                    separator=separator.decode("ascii", "replace") if isinstance(separator, bytes) else "",
                )
            )
    return tuple(found)


_SHIFTED = re.compile(r"&([^-]*)-")
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]+")


def decoded_name(wire_name: str) -> str:
    """A mailbox name out of modified UTF-7, RFC 3501 section 5.1.3. What is not valid stays as it came."""

    def decoded(shifted: re.Match[str]) -> str:
        if not shifted[1]:
            return "&"
        try:
            packed = shifted[1].replace(",", "/")
            return b64decode(packed + "=" * (-len(packed) % 4), validate=True).decode("utf-16-be")
        except ValueError:
            return shifted[0]

    return _SHIFTED.sub(decoded, wire_name)


def encoded_name(name: str) -> str:
    """A mailbox name in modified UTF-7. No character in it can end a command line."""

    def encoded(run: re.Match[str]) -> str:
        packed = b64encode(run[0].encode("utf-16-be", "surrogatepass")).decode()
        return f"&{packed.rstrip('=').replace('/', ',')}-"

    return _UNPRINTABLE.sub(encoded, name.replace("&", "&-"))


# The likeliest first; servers without SPECIAL-USE name the folder in the language of whoever set up the first client.
_USUAL_SENT = (
    "sent",
    "sent items",
    "sent messages",
    "sent mail",
    "gesendet",
    "gesendete elemente",
    "gesendete objekte",
    "gesendete nachrichten",
    "sendt",
    "sendte elementer",
    "sendt post",
    "sendte meddelelser",
    "terkirim",
    "item terkirim",
    "pesan terkirim",
    "surat terkirim",
    "éléments envoyés",
    "messages envoyés",
    "elementos enviados",
    "enviados",
    "posta inviata",
    "verzonden items",
    "verzonden",
    "skickat",
    "wysłane",
)
_USUAL_JUNK = frozenset(
    {
        *("junk", "junk mail", "junk e-mail", "junk email", "spam", "bulk", "bulk mail", "spamverdacht", "werbung"),
        *("junk-e-mail", "unerwünscht", "unerwünschte werbung", "uønsket mail", "uønsket e-mail", "uønsket post"),
        *("pesan sampah", "email sampah", "courrier indésirable", "indésirables", "correo no deseado"),
        *("posta indesiderata", "ongewenste e-mail", "skräppost", "wiadomości-śmieci"),
    }
)
_SENT_PARENTS = frozenset({"inbox", "[gmail]", "[google mail]"})


def sent_folder(candidates: Iterable[Folder]) -> Folder | None:
    """Where the people of this mailbox keep what they sent: by SPECIAL-USE (RFC 6154), else by the usual names."""
    open_ones = [folder for folder in candidates if folder.selectable]
    for folder in open_ones:
        if "\\sent" in folder.attributes:
            return folder
    ranked = [(rank, folder) for folder in open_ones if (rank := _sent_rank(folder)) is not None]
    return min(ranked, key=lambda pair: pair[0])[1] if ranked else None


def is_junk(name: str) -> bool:
    """Whether a folder of this name, as people read it, is where servers put what they take for spam."""
    return re.split(r"[/.\\]", unicodedata.normalize("NFC", name).casefold())[-1].strip() in _USUAL_JUNK


def named_folder(candidates: Iterable[Folder], name: str) -> Folder | None:
    """The folder of this name, as people read it: as written, else whatever its case, else below INBOX.

    Courier and older Dovecots keep all folders there, and mail programs do not show it.
    """
    wanted = unicodedata.normalize("NFC", name).casefold()
    levels = {folder: _levels(folder) for folder in candidates if folder.selectable}
    for same in (
        lambda folder: folder.name == name,
        lambda folder: "/".join(levels[folder]) == wanted or folder.name.casefold() == wanted,
        lambda folder: levels[folder][0] == "inbox" and "/".join(levels[folder][1:]) == wanted,
    ):
        if found := next(filter(same, levels), None):
            return found
    return None


def _levels(folder: Folder) -> list[str]:
    name = unicodedata.normalize("NFC", folder.name).casefold()
    return name.split(folder.separator) if folder.separator else [name]


def _sent_rank(folder: Folder) -> tuple[int, int] | None:
    levels = _levels(folder)
    if levels[-1] not in _USUAL_SENT or not _SENT_PARENTS.issuperset(levels[:-1]):
        return None
    return _USUAL_SENT.index(levels[-1]), len(levels)
