"""The order in a reply to a notice: the words on its first line -> what is to be done. Four languages, any case.

Pure. An owed call that is closed by a misread line is never made, so a line is an order only where nothing else can be
meant by it. Whose notice it answers and whether it can be done, `reply` says.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from unicodedata import category
from zoneinfo import ZoneInfo

from commsd.core.appointment import time_in
from commsd.core.entry import Result
from commsd.core.link import Act

LONGEST = 280
READ = 200
"""Lines of a mail that are looked at."""


@dataclass(frozen=True, slots=True)
class Order:
    """What one of our people wants done. due: the time to call again, aware UTC. note: the line, if it says more."""

    act: Act | Result
    due: datetime | None = None
    note: str | None = None


VOCABULARY: Mapping[Act | Result, Sequence[str]] = {
    Act.DONE: ("done", "erledigt", "fertig", "færdig", "klaret", "selesai", "beres"),
    Act.JUNK: ("junk", "spam", "müll", "sampah"),
    Act.ANSWERED: (
        *("answered elsewhere", "answered", "anders beantwortet", "beantwortet", "besvaret andetsteds", "besvaret"),
        *("sudah dijawab", "dijawab"),
    ),
    Act.HOLDING: ("holding answer", "holding", "zwischenbescheid", "foreløbigt svar", "jawaban sementara"),
    Act.CLAIM: ("claim", "mine", "i call back", "ich übernehme", "übernehme", "jeg tager den", "saya ambil"),
    Result.REACHED: ("reached", "erreicht", "truffet", "tersambung"),
    Result.CALL_AGAIN: ("call again", "again", "nochmal", "noch einmal", "wieder", "igen", "lagi"),
    Result.VOICEMAIL: ("voicemail", "mailbox", "anrufbeantworter", "telefonsvarer", "pesan suara"),
    Result.WRONG_PERSON: (
        *("wrong number", "wrong person", "falsche nummer", "forkert nummer", "salah nomor", "salah sambung"),
    ),
    Result.DECLINED: ("declined", "abgelehnt", "afslået", "menolak"),
}
"""What may be written: English, German, Danish, Indonesian."""

WORDS: Mapping[str, Act | Result] = {word: act for act, words in VOCABULARY.items() for word in words}

_EITHER = "|".join(sorted(map(re.escape, WORDS), key=len, reverse=True))
_ORDER = re.compile(rf"(?:{_EITHER})(?!\w)")
_MEANT = re.compile(rf"(?<!\w)(?:{_EITHER})(?!\w)")
_DOUBT = re.compile(
    r"\?|(?<!\w)(?:\w+n't|not|no|nobody|none|never|only|but|yet|until|unless|voice|"
    r"still|wait\w*|needs?|though|however|call|kidding|really|wrong|"
    r"trotzdem|dennoch|doch|wart\w*|ruf\w*|braucht|falsch|stadig|venter|mangler|forkert|masih|menunggu|perlu|salah|"
    r"nicht|kein\w*|niemand\w*|nie|nur|aber|noch|erst|ikke|ingen|aldrig|kun|men|endnu|tidak|belum|bukan|hanya|tapi)(?!\w)"
)
_POLITE = re.compile(
    r"(?:\s+(?:thanks?|thx|cheers|please|pls|danke|bitte|tak|venligst|terima kasih|tolong"
    r"|him|her|them|it|this|the|customer|mail|now|jetzt|nu|sekarang|ihn|sie|es|kunden?|den|ham|hende|dia)(?!\w))*"
)
"""Words that may follow and change nothing."""

_GREETING = re.compile(
    r"(?:hi|hello|hey|dear|good (?:morning|afternoon|evening)|hallo|moin|servus|guten (?:tag|morgen|abend)|liebe[rs]?"
    r"|hej|kære|god(?:morgen|dag|aften)|halo|selamat (?:pagi|siang|sore|malam))\b",
    re.IGNORECASE,
)
_ATTRIBUTION = re.compile(r"(?:(?:on|am|den|d\.|pada)\s|\d{4}-\d\d-\d\d).*\d", re.IGNORECASE)
_ORIGINAL = re.compile(
    r"\s*(?:-{2,}.*-{2,}|_{8,}|(?:from|von|fra|dari)\s*:\s.*|sent from my .*|-- ?)\s*$", re.IGNORECASE
)


def order_in(text: str, now: datetime, zone: ZoneInfo) -> Order | None:
    """What the first line that its writer typed says; None where it is no order, or says more than one.

    zone: the firm's, in which a time is meant: the next such time.
    """
    line = typed_line(text)
    said = " ".join(unicodedata.normalize("NFC", line).casefold().replace("’", "'").strip(" *_\"'").split())
    found = _ORDER.match(said)
    if found is None or len(said) > LONGEST:
        return None
    act, rest = WORDS[found[0]], said[found.end() :]
    if act is Result.CALL_AGAIN:
        due = time_in(rest, now, zone)
        return Order(act, due, line) if due else None
    return Order(act, note=line if re.search(r"\w", rest) else None) if _changes_nothing(rest) else None


def typed_line(text: str) -> str:
    """The first line above or below the quoted mail, without a greeting; "" where nothing was typed."""
    lines = "".join(char for char in text if category(char) != "Cf").splitlines()[:READ]  # ZERO WIDTH SPACE and such
    for number, line in enumerate(lines):
        if _ORIGINAL.match(line):
            return ""
        if line.lstrip().startswith(">") or _attributes(lines, number):
            continue
        words = _ungreeted(line.strip())
        if words.strip(" .,!"):
            return words
    return ""


def _changes_nothing(rest: str) -> bool:
    """Whether what follows the word is polite, or a remark behind a comma that is no other order and no doubt."""
    if _DOUBT.search(rest) or _MEANT.search(rest):
        return False
    polite = _POLITE.match(rest)
    remark = (rest[polite.end() :] if polite else rest).lstrip()
    return not re.match(r"\w", remark)


def _attributes(lines: list[str], number: int) -> bool:
    """Whether the line is the one above a quotation ("On … wrote:"), which may be broken in two or three."""
    for start in range(max(number - 2, 0), number + 1):
        if _ATTRIBUTION.match(lines[start].strip()):
            ends = next((n for n in range(start, min(start + 3, len(lines))) if lines[n].rstrip().endswith(":")), None)
            if ends is not None and number <= ends:
                return True
    return False


def _ungreeted(line: str) -> str:
    """The line behind "Hi," or "Hello Anna,"; nothing of a line that only greets."""
    if not _GREETING.match(line):
        return line
    return line.partition(",")[2].strip()
