"""What customers read in texts from us, in four languages, and how long that is as SMS (3GPP TS 23.038). Pure.

Written times name the weekday and the date, for a text may be read the next day.
"""

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from commsd.channels.phone.prompts import spoken

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("^{}\\[~]|€\f")
"""Two places each."""

_ASCII = str.maketrans(
    {
        "’": "'",
        "‘": "'",
        "“": '"',
        "”": '"',
        "„": '"',
        "–": "-",
        "—": "-",
        "…": "...",
        "\u00a0": " ",
        "Ł": "L",
        "ł": "l",
        "Đ": "D",
        "đ": "d",
        "Œ": "OE",
        "œ": "oe",
        "ı": "i",
    }
)
_LONGEST_NAME = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """One language. In braces: firm; by, which begins with its own space or is empty; at. when, until: of an instant.

    missed: a missed call; written: one of who wants answers in writing; both with _brief for who likes few words.
    received: a message came; rung: the same, to who is to be rung about it; agreed: the time asked for is noted;
    stopped: no more texts, and the call that is owed; stopped_noted: to who wants no call. from_: in place of by, where
    we ring from then on and not before.
    """

    missed: str
    missed_brief: str
    written: str
    written_brief: str
    received: str
    rung: str
    agreed: str
    stopped: str
    stopped_noted: str
    by: Callable[[datetime], str]
    from_: Callable[[datetime], str]
    at: Callable[[datetime], str]


_EN_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_EN_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_DE_DAYS = ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag")
_DE_MONTHS = (
    "Januar", "Februar", "März", "April", "Mai", "Juni",
    "Juli", "August", "September", "Oktober", "November", "Dezember",
)  # fmt: skip
_DA_DAYS = ("mandag", "tirsdag", "onsdag", "torsdag", "fredag", "lørdag", "søndag")
_DA_MONTHS = (
    "januar", "februar", "marts", "april", "maj", "juni",
    "juli", "august", "september", "oktober", "november", "december",
)  # fmt: skip
_ID_DAYS = ("Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu", "Minggu")
_ID_MONTHS = (
    "Januari", "Februari", "Maret", "April", "Mei", "Juni",
    "Juli", "Agustus", "September", "Oktober", "November", "Desember",
)  # fmt: skip


def _en(at: datetime) -> str:
    return f"{_EN_DAYS[at.weekday()]} {at.day} {_EN_MONTHS[at.month - 1]}"


def _de(at: datetime) -> str:
    return f"{_DE_DAYS[at.weekday()]}, {at.day}. {_DE_MONTHS[at.month - 1]}"


def _da(at: datetime) -> str:
    return f"{_DA_DAYS[at.weekday()]} den {at.day}. {_DA_MONTHS[at.month - 1]} kl. {at:%H.%M}"


def _id(at: datetime) -> str:
    return f"hari {_ID_DAYS[at.weekday()]}, {at.day} {_ID_MONTHS[at.month - 1]} pukul {at:%H.%M}"


ENGLISH = Texts(
    missed="{firm}: sorry that nobody could take your call. We will ring you{by}. If another time suits you "
    "better, reply with that time, for example 15:00, or tell us what it is about. For no more texts: STOP.",
    written="{firm}: sorry that nobody could take your call. You will have an answer in writing{by}. If you like, "
    "reply and tell us what it is about. For no more texts: STOP.",
    missed_brief="{firm}: sorry that nobody could take your call. We will ring you{by}. For no more texts: STOP.",
    written_brief="{firm}: sorry that nobody could take your call. You will have an answer in writing{by}. For no more "
    "texts: STOP.",
    received="{firm}: thank you, your message is with us. You will have an answer{by}.",
    rung="{firm}: thank you, your message is with us. We will ring you about it{by}.",
    agreed="{firm}: thank you, we will ring you {at}.",
    stopped="{firm}: you will get no more texts from us. We still owe you a call and will ring you{by}. "
    "If it is not wanted any more, answer NO.",
    stopped_noted="{firm}: you will get no more texts from us. What you rang about stays noted with us. "
    "If it has been settled, answer NO.",
    by=lambda at: f" by {at:%H:%M} on {_en(at)}",
    from_=lambda at: f" from {at:%H:%M} on {_en(at)}",
    at=lambda at: f"at {at:%H:%M} on {_en(at)}",
)
GERMAN = Texts(
    missed="{firm}: Es tut uns leid, wir haben Ihren Anruf verpasst. Wir rufen Sie{by} zurück. Lieber zu einer anderen "
    "Zeit? Antworten Sie mit der Uhrzeit, etwa 15:00, oder schreiben Sie uns, worum es geht. Keine Nachrichten mehr: "
    "STOP.",
    written="{firm}: Es tut uns leid, wir haben Ihren Anruf verpasst. Sie erhalten{by} eine schriftliche Antwort. "
    "Wenn Sie möchten, schreiben Sie uns, worum es geht. Keine Nachrichten mehr: STOP.",
    missed_brief="{firm}: Entschuldigung, wir haben Sie verpasst. Wir rufen Sie{by} zurück. Abmelden: STOP.",
    written_brief="{firm}: Entschuldigung, wir haben Sie verpasst. Sie erhalten{by} eine schriftliche Antwort. "
    "Abmelden: STOP.",
    received="{firm}: Danke, Ihre Nachricht ist bei uns. Sie erhalten{by} eine Antwort.",
    rung="{firm}: Danke, Ihre Nachricht ist bei uns. Wir rufen Sie{by} dazu an.",
    agreed="{firm}: Danke, wir rufen Sie {at} an.",
    stopped="{firm}: Sie erhalten keine Nachrichten mehr von uns. Ein Anruf steht noch aus, wir rufen Sie{by} zurück. "
    "Wird er nicht mehr gebraucht, antworten Sie NEIN.",
    stopped_noted="{firm}: Sie erhalten keine Nachrichten mehr von uns. Ihr Anliegen bleibt bei uns vermerkt. Hat es "
    "sich erledigt, antworten Sie NEIN.",
    by=lambda at: f" spätestens am {_de(at)}, um {at:%H:%M} Uhr",
    from_=lambda at: f" ab {_de(at)}, {at:%H:%M} Uhr",
    at=lambda at: f"am {_de(at)}, um {at:%H:%M} Uhr",
)
DANISH = Texts(
    missed="{firm}: undskyld, ingen nåede at tage dit opkald. Vi ringer til dig{by}. Passer et andet tidspunkt bedre, "
    "så svar blot med klokkeslættet, f.eks. 15.00, eller skriv, hvad det drejer sig om. Ikke flere beskeder: STOP.",
    written="{firm}: undskyld, ingen nåede at tage dit opkald. Du får et skriftligt svar{by}. Du er velkommen til at "
    "svare på denne besked og skrive, hvad det drejer sig om. Ikke flere beskeder: STOP.",
    missed_brief="{firm}: undskyld, ingen nåede at tage dit opkald. Vi ringer til dig{by}. Ikke flere beskeder: STOP.",
    written_brief="{firm}: undskyld, ingen nåede at tage dit opkald. Du får et skriftligt svar{by}. Ikke flere "
    "beskeder: STOP.",
    received="{firm}: tak, din besked er hos os. Du får svar{by}.",
    rung="{firm}: tak, din besked er hos os. Vi ringer til dig om den{by}.",
    agreed="{firm}: tak, vi ringer til dig {at}.",
    stopped="{firm}: du får ikke flere beskeder fra os. Vi skylder dig stadig et opkald og ringer til dig{by}. "
    "Er det ikke nødvendigt mere, så svar NEJ.",
    stopped_noted="{firm}: du får ikke flere beskeder fra os. Det, du ringede om, er fortsat noteret hos os. "
    "Er det klaret, så svar NEJ.",
    by=lambda at: f" senest {_da(at)}",
    from_=lambda at: f" fra {_da(at)}",
    at=_da,
)
DANISH_FORMAL = replace(
    DANISH,
    missed="{firm}: undskyld, ingen nåede at tage Deres opkald. Vi ringer til Dem{by}. Passer et andet tidspunkt "
    "bedre, så svar blot med klokkeslættet, f.eks. 15.00, eller skriv, hvad det drejer sig om. Ikke flere beskeder: "
    "STOP.",
    written="{firm}: undskyld, ingen nåede at tage Deres opkald. De får et skriftligt svar{by}. De er velkommen til at "
    "svare på denne besked og skrive, hvad det drejer sig om. Ikke flere beskeder: STOP.",
    missed_brief="{firm}: undskyld, ingen nåede at tage Deres opkald. Vi ringer til Dem{by}. Ikke flere "
    "beskeder: STOP.",
    written_brief="{firm}: undskyld, ingen nåede at tage Deres opkald. De får et skriftligt svar{by}. Ikke flere "
    "beskeder: STOP.",
    received="{firm}: tak, Deres besked er hos os. De får svar{by}.",
    rung="{firm}: tak, Deres besked er hos os. Vi ringer til Dem om den{by}.",
    agreed="{firm}: tak, vi ringer til Dem {at}.",
    stopped="{firm}: De får ikke flere beskeder fra os. Vi skylder Dem stadig et opkald og ringer til Dem{by}. "
    "Er det ikke nødvendigt mere, så svar NEJ.",
    stopped_noted="{firm}: De får ikke flere beskeder fra os. Det, De ringede om, er fortsat noteret hos os. "
    "Er det klaret, så svar NEJ.",
)
INDONESIAN = Texts(
    missed="{firm}: mohon maaf, telepon Anda belum sempat kami jawab. Kami akan menelepon Anda{by}. Bila waktu lain "
    "lebih cocok, balas dengan jamnya, misalnya 15.00, atau tuliskan keperluan Anda. Tidak mau pesan lagi: STOP.",
    written="{firm}: mohon maaf, telepon Anda belum sempat kami jawab. Anda akan mendapat jawaban tertulis{by}. Bila "
    "berkenan, balas pesan ini dan tuliskan keperluan Anda. Tidak mau pesan lagi: STOP.",
    missed_brief="{firm}: mohon maaf, telepon Anda belum terjawab. Kami akan menelepon Anda{by}. Berhenti: STOP.",
    written_brief="{firm}: mohon maaf, telepon Anda belum terjawab. Anda akan mendapat jawaban tertulis{by}. "
    "Berhenti: STOP.",
    received="{firm}: terima kasih, pesan Anda sudah kami terima. Anda akan mendapat jawaban{by}.",
    rung="{firm}: terima kasih, pesan Anda sudah kami terima. Kami akan menelepon Anda tentang hal ini{by}.",
    agreed="{firm}: terima kasih, kami akan menelepon Anda {at}.",
    stopped="{firm}: Anda tidak akan menerima pesan lagi dari kami. Kami masih berutang telepon dan akan menelepon "
    "Anda{by}. Jika tidak perlu lagi, balas TIDAK.",
    stopped_noted="{firm}: Anda tidak akan menerima pesan lagi dari kami. Keperluan Anda tetap kami catat. Jika sudah "
    "selesai, balas TIDAK.",
    by=lambda at: f" paling lambat {_id(at)}",
    from_=lambda at: f" mulai {_id(at)}",
    at=_id,
)
LANGUAGES: Mapping[str, Texts] = {"en": ENGLISH, "de": GERMAN, "da": DANISH, "id": INDONESIAN}


def texts(language: str, address_as: Mapping[str, str]) -> Texts:
    """The texts of a language, in the firm's form of address; English for one that has none."""
    if language == "da" and address_as.get("da") == "de":
        return DANISH_FORMAL
    return LANGUAGES.get(language, ENGLISH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tongue:
    """How one customer is written to. zone: theirs; ours: the firm's, whose name is not said. brief: in few words."""

    firm: str
    language: str
    address_as: Mapping[str, str]
    zone: ZoneInfo
    ours: ZoneInfo
    brief: bool = False

    @property
    def _texts(self) -> Texts:
        return texts(self.language, self.address_as)

    def missed(self, by: datetime | None, *, opens: bool = False) -> str:
        """opens: we ring from then on and not before."""
        text = self._texts.missed_brief if self.brief else self._texts.missed
        return self._filled(text, by=self._by(by, opens=opens))

    def written(self, by: datetime | None) -> str:
        return self._filled(self._texts.written_brief if self.brief else self._texts.written, by=self._by(by))

    def received(self, by: datetime | None) -> str:
        return self._filled(self._texts.received, by=self._by(by))

    def rung(self, by: datetime | None, *, opens: bool = False) -> str:
        """opens: we ring from then on and not before."""
        return self._filled(self._texts.rung, by=self._by(by, opens=opens))

    def stopped_noted(self) -> str:
        return self._filled(self._texts.stopped_noted)

    def stopped(self, by: datetime | None, *, opens: bool = False) -> str:
        """opens: we ring from then on and not before."""
        return self._filled(self._texts.stopped, by=self._by(by, opens=opens))

    def agreed(self, at: datetime) -> str:
        there = at.astimezone(self.zone)
        return self._filled(self._texts.agreed, at=self._texts.at(there) + self._zone(at))

    def _by(self, by: datetime | None, *, opens: bool = False) -> str:
        words = self._texts.from_ if opens else self._texts.by
        return words(by.astimezone(self.zone)) + self._zone(by) if by else ""

    def _zone(self, at: datetime) -> str:
        if at.astimezone(self.zone).utcoffset() == at.astimezone(self.ours).utcoffset():
            return ""
        city = self.zone.key.rpartition("/")[2].replace("_", " ")
        return spoken(self.language, self.address_as).zone(city)

    def _filled(self, text: str, **more: str) -> str:
        return plain(text.format(firm=" ".join(self.firm.split())[:_LONGEST_NAME].rstrip(), **more))


def plain(text: str) -> str:
    """The text in the letters of GSM-7 where it can be, for else it is twice as long; accents may go, nothing more."""
    text = text.translate(_ASCII)
    bare = "".join(letter if _places(letter) else _without_marks(letter) for letter in text)
    return bare if all(map(_places, bare)) else text


def _without_marks(letter: str) -> str:
    return "".join(part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part))


def _places(letter: str) -> int:
    return 1 if letter in _BASIC else 2 if letter in _EXTENDED else 0


def segments(text: str) -> int:
    """How many SMS it costs: 160 places alone or 153 in each of several; 70 and 67 where a letter is not in GSM-7."""
    places = [_places(letter) for letter in text]
    alone, part = (160, 153) if all(places) else (70, 67)
    length = sum(places) if all(places) else len(text.encode("utf-16-le")) // 2
    return 1 if length <= alone else -(-length // part)
