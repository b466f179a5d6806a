"""What our own people hear when the machine rings them for a callback, in four languages. Pure.

Voice, days and times come from the texts for callers (`prompts`). A language without texts here falls back to English.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """One language. In braces: firm, line, day, clock, digits, name, purpose.

    rang, asked, long_ago: since when a call is owed. other: where the number is not the one he rang from.
    result_machine: where a machine seems to have answered. last: where nobody pressed a key.
    """

    opening: str
    rang: str
    asked: str
    long_ago: str
    name: str
    number: str
    other: str
    purpose: str
    accept: str
    unless: str
    gone: str
    connecting: str
    busy: str
    no_answer: str
    failed: str
    again: str
    result: str
    result_machine: str
    noted: str
    last: str


ENGLISH = Wording(
    opening="{firm}, a callback on the line {line}.",
    rang="The customer rang {day} at {clock}.",
    asked="The customer has asked to be rung.",
    long_ago="The customer has been waiting for more than six days.",
    name="It is {name}.",
    number="The number is {digits}.",
    other="The caller rang from another number and gave this one. Please say so first.",
    purpose="It is about: {purpose}.",
    accept="To be put through, press one.",
    unless="You are put through in a moment. If it does not suit you, ring off.",
    gone="This callback needs nothing from you now. Thank you, goodbye.",
    connecting="We are ringing the customer.",
    busy="The line is engaged.",
    no_answer="Nobody answers.",
    failed="The call cannot be put through.",
    again="The callback stays open and is tried again. Goodbye.",
    result="What came of the call? Spoken with the customer, press one. An answering machine, press two. "
    "Somebody else, press three. To be rung again, press four.",
    result_machine="It seems that a machine took the call. If it was an answering machine, press two. "
    "Spoken with the customer, press one. Somebody else, press three. To be rung again, press four.",
    noted="Thank you, that is noted. Goodbye.",
    last="We shall ask for the result in writing. Goodbye.",
)

GERMAN = Wording(
    opening="{firm}, ein Rückruf auf der Leitung {line}.",
    rang="Angerufen wurde {day} um {clock}.",
    asked="Gewünscht wird ein Anruf.",
    long_ago="Auf den Anruf wird seit mehr als sechs Tagen gewartet.",
    name="Es geht um {name}.",
    number="Die Nummer ist {digits}.",
    other="Angerufen wurde von einer anderen Nummer, diese wurde dabei genannt. Bitte sagen Sie das zuerst.",
    purpose="Das Anliegen: {purpose}.",
    accept="Zum Verbinden drücken Sie die Eins.",
    unless="Sie werden gleich verbunden. Passt es nicht, legen Sie auf.",
    gone="Für diesen Rückruf ist jetzt nichts mehr zu tun. Danke, auf Wiederhören.",
    connecting="Wir rufen jetzt an.",
    busy="Der Anschluss ist besetzt.",
    no_answer="Es meldet sich niemand.",
    failed="Die Verbindung kommt nicht zustande.",
    again="Der Rückruf bleibt offen und wird wieder versucht. Auf Wiederhören.",
    result="Was hat das Gespräch ergeben? Gesprochen: die Eins. Anrufbeantworter: die Zwei. "
    "Jemand anderes: die Drei. Noch einmal anrufen: die Vier.",
    result_machine="Anscheinend hat eine Maschine den Anruf angenommen. War es ein Anrufbeantworter: die Zwei. "
    "Gesprochen: die Eins. Jemand anderes: die Drei. Noch einmal anrufen: die Vier.",
    noted="Danke, das ist vermerkt. Auf Wiederhören.",
    last="Wir fragen schriftlich nach dem Ergebnis. Auf Wiederhören.",
)

DANISH = Wording(
    opening="{firm}, et opkald, vi skylder, på linjen {line}.",
    rang="Kunden ringede {day} {clock}.",
    asked="Kunden har bedt om at blive ringet op.",
    long_ago="Kunden har ventet i mere end seks dage.",
    name="Det er {name}.",
    number="Nummeret er {digits}.",
    other="Der blev ringet fra et andet nummer, og dette blev oplyst. Sig det som det første.",
    purpose="Det drejer sig om: {purpose}.",
    accept="Tryk et for at blive stillet igennem.",
    unless="Du bliver stillet igennem om et øjeblik. Passer det ikke, så læg på.",
    gone="Der er ikke mere at gøre ved dette opkald lige nu. Tak, farvel.",
    connecting="Vi ringer til kunden.",
    busy="Der er optaget.",
    no_answer="Ingen svarer.",
    failed="Opkaldet kan ikke gennemføres.",
    again="Opkaldet skyldes stadig og prøves igen. Farvel.",
    result="Hvad kom der ud af samtalen? Talt med kunden, tryk et. En telefonsvarer, tryk to. "
    "En anden person, tryk tre. Ring op igen, tryk fire.",
    result_machine="Det ser ud til, at en maskine tog opkaldet. Var det en telefonsvarer, tryk to. "
    "Talt med kunden, tryk et. En anden person, tryk tre. Ring op igen, tryk fire.",
    noted="Tak, det er noteret. Farvel.",
    last="Vi spørger skriftligt om resultatet. Farvel.",
)

INDONESIAN = Wording(
    opening="{firm}, panggilan balik untuk saluran {line}.",
    rang="Pelanggan menelepon {day} {clock}.",
    asked="Pelanggan meminta untuk ditelepon.",
    long_ago="Pelanggan sudah menunggu lebih dari enam hari.",
    name="Namanya {name}.",
    number="Nomornya {digits}.",
    other="Penelepon memakai nomor lain dan memberikan nomor ini. Mohon sampaikan itu lebih dahulu.",
    purpose="Perihal: {purpose}.",
    accept="Untuk disambungkan, tekan satu.",
    unless="Sebentar lagi Anda disambungkan. Jika tidak bisa, silakan tutup telepon.",
    gone="Untuk panggilan balik ini sekarang tidak ada yang perlu dilakukan. Terima kasih.",
    connecting="Kami sedang menghubungi pelanggan.",
    busy="Nomor pelanggan sedang sibuk.",
    no_answer="Tidak ada yang menjawab.",
    failed="Panggilan tidak dapat disambungkan.",
    again="Panggilan balik tetap terbuka dan akan dicoba lagi. Terima kasih.",
    result="Bagaimana hasilnya? Sudah berbicara, tekan satu. Mesin penjawab, tekan dua. "
    "Orang lain, tekan tiga. Telepon lagi, tekan empat.",
    result_machine="Tampaknya panggilan dijawab oleh mesin. Jika itu mesin penjawab, tekan dua. "
    "Sudah berbicara dengan pelanggan, tekan satu. Orang lain, tekan tiga. Telepon lagi, tekan empat.",
    noted="Terima kasih, sudah dicatat.",
    last="Hasilnya akan kami tanyakan secara tertulis. Terima kasih.",
)

_LANGUAGES: Mapping[str, Wording] = {"en": ENGLISH, "de": GERMAN, "da": DANISH, "id": INDONESIAN}


def wording(language: str) -> Wording:
    """The texts of a language, such as "de"."""
    return _LANGUAGES.get(language, ENGLISH)
