"""The people of the demo: who writes, who rings, who answers; what they say and what must come of it. Pure.

One fixed opening scene, and visitors without end. All of them are invented.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime, formataddr

from commsd.demo.exchange_call import TRUTH, Person
from commsd.demo.table import Wanted

DOMAIN = "example.com"
SUPPORT, SALES = f"support@{DOMAIN}", f"sales@{DOMAIN}"
HOTLINE, SALES_LINE, WORKSHOP = "+493023125010", "+493023125020", "+493023125030"


@dataclass(frozen=True, slots=True, kw_only=True)
class Colleague:
    """One of our people. phone: "" for one who has only a mobile of her own, which commsd does not know."""

    id: str
    name: str
    phone: str
    languages: tuple[str, ...]

    @property
    def mail(self) -> str:
        """The address."""
        return f"{self.id}@{DOMAIN}"


ANNA = Colleague(id="anna", name="Anna Berg", phone="+493023125011", languages=("de", "en"))
BO = Colleague(id="bo", name="Bo Lund", phone="+493023125012", languages=("da", "en"))
CAI = Colleague(id="cai", name="Cai Hartono", phone="+493023125013", languages=("id", "en"))
DEA = Colleague(id="dea", name="Dea Falk", phone="", languages=("de", "da"))
COLLEAGUES = (ANNA, BO, CAI, DEA)
"""Anna has the support mailbox and is away from her desk; Bo sells and picks up; Cai leads. Dea stands in the workshop:
she is told of calls by mail, rings back on her own mobile, and answers with one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A mail. id: its Message-ID without brackets. to: where a copy of it lies, in this order.

    at: seconds after the doors open. headers: what marks a machine. again: the mail of their own that they go on from.
    wanted: what must come of it; None for visitors after the scene.
    """

    at: float = 0.0
    id: str
    name: str
    address: str
    subject: str
    text: str
    to: tuple[str, ...] = (SUPPORT,)
    headers: Mapping[str, str] = field(default_factory=dict)
    again: str = ""
    wanted: Wanted | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """A telephone call. patience: seconds after which the caller hangs up."""

    at: float = 0.0
    name: str
    number: str
    line: str
    patience: float
    wanted: Wanted | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One of our people answers a mail from the mail program, so that a copy lies in Sent."""

    at: float = 0.0
    to: Letter
    by: Colleague
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallBack:
    """One of our people claims the callback of this number and says what came of it."""

    at: float = 0.0
    number: str
    by: Colleague


@dataclass(frozen=True, slots=True, kw_only=True)
class OneLine:
    """One of our people answers the notice of this number's missed call with one line."""

    at: float = 0.0
    number: str
    by: Colleague
    text: str


Act = Letter | Ring | Answer | CallBack | OneLine


def replied(line: OneLine, notice: EmailMessage, now: datetime) -> bytes:
    """The reply to the notice as it reaches the mailbox that the notice came from."""
    mail = EmailMessage(policy=policy.SMTP)
    mail["From"] = formataddr((line.by.name, line.by.mail))
    mail["To"] = str(notice["From"])
    mail["Subject"] = f"Re: {notice['Subject']}"
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<line.{line.number.strip('+')}@{DOMAIN}>"
    mail["In-Reply-To"] = mail["References"] = str(notice["Message-ID"])
    mail.set_content(f"{line.text}\n")
    return mail.as_bytes()


def written(letter: Letter, now: datetime) -> bytes:
    """The mail as it reaches the mailbox."""
    mail = EmailMessage(policy=policy.SMTP)
    mail["From"] = formataddr((letter.name, letter.address))
    mail["To"] = letter.to[0]
    mail["Subject"] = letter.subject
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{letter.id}>"
    if letter.again:
        mail["In-Reply-To"] = mail["References"] = f"<{letter.again}>"
    for name, value in letter.headers.items():
        mail[name] = value
    mail.set_content(letter.text)
    return mail.as_bytes()


def answered(answer: Answer, now: datetime) -> bytes:
    """The answer as the mail program leaves it in Sent."""
    letter = answer.to
    mail = EmailMessage(policy=policy.SMTP)
    mail["From"] = formataddr((answer.by.name, letter.to[0]))
    mail["To"] = formataddr((letter.name, letter.address))
    mail["Subject"] = f"Re: {letter.subject}"
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<answer.{letter.id.partition('@')[0]}@{DOMAIN}>"
    mail["In-Reply-To"] = mail["References"] = f"<{letter.id}>"
    mail.set_content(answer.text)
    return mail.as_bytes()


JANE = Letter(
    at=0.2,
    id="jane.1@mail.example.org",
    name="Jane Clarke",
    address="jane@example.org",
    subject="Delivery of the oak table",
    text="Good morning,\n\ncould you please tell me when my table will be delivered? I am at home on Thursday.\n\n"
    "Jane Clarke\n",
    wanted=Wanted(key="jane.1@mail.example.org", who="Jane Clarke", by="mail", language="en"),
)
PETRA = Letter(
    at=0.9,
    id="petra.1@mail.example.org",
    name="Petra Weber",
    address="petra@example.org",
    subject="Frage zur Rechnung 4711",
    text="Guten Tag,\n\nauf meiner Rechnung ist die Lieferung zweimal berechnet. Bitte prüfen Sie das und schicken Sie "
    "mir eine neue.\n\nPetra Weber\n",
    wanted=Wanted(key="petra.1@mail.example.org", who="Petra Weber", by="mail", language="de", answered=True),
)
METTE = Letter(
    at=1.3,
    id="mette.1@mail.example.org",
    name="Mette Holm",
    address="mette@example.org",
    subject="Stolen mangler et ben",
    text="Hej,\n\njeg har modtaget stolen i dag, men den mangler et ben. Hvornår kan jeg få et nyt?\n\nVenlig hilsen\n"
    "Mette Holm\n",
    to=(SUPPORT, SALES),
    wanted=Wanted(key="mette.1@mail.example.org", who="Mette Holm", by="mail", language="da"),
)
SARI = Letter(
    at=1.7,
    id="sari.1@mail.example.org",
    name="Sari Wulandari",
    address="sari@example.org",
    subject="Ongkos kirim ke Bandung",
    text="Selamat pagi,\n\nsaya ingin tahu berapa ongkos kirim lemari ini ke Bandung dan kapan barang bisa sampai. "
    "Terima kasih.\n\nSari Wulandari\n",
    to=(SALES, SALES),
    wanted=Wanted(key="sari.1@mail.example.org", who="Sari Wulandari", by="mail", language="id"),
)
TOM = Letter(
    at=0.5,
    id="tom.1@mail.example.org",
    name="Tom Reed",
    address="tom@example.org",
    subject="Please cancel my order",
    text="Hello,\n\nI need to cancel my order before it leaves your house today. Please confirm this.\n\nTom Reed\n",
    wanted=Wanted(key="tom.1@mail.example.org", who="Tom Reed", by="mail", language="en", breach="first_response"),
)
NEWS = Letter(
    at=2.1,
    id="issue.88@news.example.net",
    name="Chairs Weekly",
    address="editors@news.example.net",
    subject="Twelve chairs you should have seen",
    text="This week: chairs, chairs and more chairs.\n",
    headers={
        "List-Id": "Chairs Weekly <weekly.news.example.net>",
        "List-Unsubscribe": "<https://news.example.net/u>",
    },
    wanted=Wanted(key="issue.88@news.example.net", who="Chairs Weekly", by="mail", silence="no-ack:list"),
)
AWAY = Letter(
    at=2.5,
    id="ooo.7@mail.example.org",
    name="Kim Larsen",
    address="kim@example.org",
    subject="Out of office",
    text="I am away until Monday and will read your message then.\n",
    headers={"Auto-Submitted": "auto-replied"},
    wanted=Wanted(key="ooo.7@mail.example.org", who="Kim's robot", by="mail", silence="no-ack:auto-submitted"),
)
JANE_AGAIN = Letter(
    at=5.5,
    id="jane.2@mail.example.org",
    name="Jane Clarke",
    address="jane@example.org",
    subject="Re: Delivery of the oak table",
    text="One thing more: could you please bring it up to the second floor?\n\nJane Clarke\n",
    again="jane.1@mail.example.org",
    wanted=Wanted(key="jane.2@mail.example.org", who="Jane, once more", by="mail", language="en", short=True),
)

LARS, BUDI, ULRIKE, PREMIUM = "+4532123456", "+628123456789", "+493023125500", "+499001234567"
HENRIK = "+493023125501"

SCENE: Sequence[Act] = (
    JANE,
    TOM,
    PETRA,
    METTE,
    SARI,
    NEWS,
    AWAY,
    JANE_AGAIN,
    Answer(at=7.0, to=PETRA, by=ANNA, text="Guten Tag Frau Weber,\n\nSie haben recht. Eine neue Rechnung liegt bei.\n"),
    Ring(
        at=0.7,
        name="Ulrike Kern",
        number=ULRIKE,
        line=SALES_LINE,
        patience=20,
        wanted=Wanted(key=ULRIKE, who="Ulrike Kern", by="phone", language="de", talked=True),
    ),
    Ring(
        at=0.3,
        name="Lars Nielsen",
        number=LARS,
        line=HOTLINE,
        patience=4,
        wanted=Wanted(key=LARS, who="Lars Nielsen", by="phone", language="da", misses=1, closed="reached"),
    ),
    Ring(
        at=25.0,
        name="Budi Santoso",
        number=BUDI,
        line=HOTLINE,
        patience=4,
        wanted=Wanted(key=BUDI, who="Budi Santoso", by="phone", language="id", misses=2, machine=True),
    ),
    Ring(at=30.0, name="Budi Santoso", number=BUDI, line=HOTLINE, patience=4),
    Ring(
        at=3.5,
        name="Henrik Maurer",
        number=HENRIK,
        line=WORKSHOP,
        patience=5,
        wanted=Wanted(key=HENRIK, who="Henrik Maurer", by="phone", language="de", misses=1, closed="reached"),
    ),
    OneLine(at=9.0, number=HENRIK, by=DEA, text="reached"),
    Ring(
        at=2.6,
        name="0900 12345",
        number=PREMIUM,
        line=HOTLINE,
        patience=6,
        wanted=Wanted(key=PREMIUM, who="A dear number", by="phone", language="de", misses=1, held="type:premium_rate"),
    ),
)
"""The opening, by who; `at` says when. Tom's mail is a cancellation, for which the demo's rules promise an answer in
seconds: his clock is the one that runs out."""

ON_THE_PHONE: Mapping[str, Person] = {
    ANNA.phone: Person(answers_after=5, presses=("1", TRUTH)),
    BO.phone: Person(answers_after=2, talks_for=4),
    LARS: Person(answers_after=2, talks_for=3),
    BUDI: Person(answers_after=2, talks_for=3, voicemail=True),
}
"""Who picks up; all others let it ring. Anna is too slow for those who ring; a key of hers says what came of a talk."""


_FIRST = {
    "en": ("Alice", "Harry", "Grace", "Oliver", "Ruth", "Simon"),
    "de": ("Klara", "Jonas", "Sabine", "Uwe", "Miriam", "Lukas"),
    "da": ("Freja", "Anders", "Karen", "Niels", "Signe", "Jens"),
    "id": ("Dewi", "Agus", "Putri", "Rizal", "Wati", "Hadi"),
}
_LAST = {
    "en": ("Marsh", "Doyle", "Finch", "Hale", "Porter"),
    "de": ("Brandt", "Keller", "Vogel", "Sommer", "Lenz"),
    "da": ("Krogh", "Lind", "Dahl", "Vinter", "Skov"),
    "id": ("Lestari", "Wijaya", "Pratama", "Hidayat", "Siregar"),
}
_MATTERS = {
    "en": (
        ("A question about order {n}", "Could you please tell me whether order {n} has left your house?"),
        ("The lamp in order {n} does not work", "The lamp that came with my order does not work. Could you help me?"),
    ),
    "de": (
        ("Bestellung {n}", "Können Sie mir bitte sagen, wann die Bestellung {n} bei mir ankommt?"),
        ("Umtausch zu {n}", "Ich möchte den Sessel gern umtauschen, er ist leider zu groß. Wie geht das bitte?"),
    ),
    "da": (
        ("Spørgsmål til ordre {n}", "Kan jeg få ordre {n} leveret om aftenen? Jeg er ikke hjemme om dagen."),
        ("Faktura {n}", "Jeg har ikke fået nogen faktura for min ordre. Kan jeg få den sendt igen?"),
    ),
    "id": (
        ("Pesanan {n}", "Apakah pesanan {n} sudah dikirim? Saya belum menerima nomor resi sampai hari ini."),
        ("Ukuran meja {n}", "Saya ingin tahu ukuran meja ini dan apakah tersedia warna lain. Terima kasih."),
    ),
}
_REPLIES = {
    "en": "Thank you for asking. We have looked into it and will put it right today.",
    "de": "Vielen Dank für Ihre Nachricht. Wir haben nachgesehen und bringen das heute in Ordnung.",
    "da": "Tak for din besked. Vi har set på det og bringer det i orden i dag.",
    "id": "Terima kasih atas pertanyaan Anda. Kami sudah memeriksanya dan akan membereskannya hari ini.",
}
_NUMBERS = {"en": "+4420794601{n:02}", "de": "+4930231255{n:02}", "da": "+45321234{n:02}", "id": "+6281234567{n:02}"}
_RINGS_EVERY = 4


def visitor(number: int) -> Letter | Ring:
    """The next who writes or rings after the scene, counted from 0; always another person, every language in turn."""
    language = ("en", "de", "da", "id")[number % 4]
    turn = number // 4
    first, last = _FIRST[language], _LAST[language]
    name = f"{first[turn % len(first)]} {last[(turn // len(first) + turn) % len(last)]}"
    if number % _RINGS_EVERY == (turn % _RINGS_EVERY):
        line = HOTLINE if turn % 2 else SALES_LINE
        phone = _NUMBERS[language].format(n=10 + turn % 90)
        return Ring(name=name, number=phone, line=line, patience=14.0)
    subject, text = _MATTERS[language][turn % 2]
    order = 2100 + number
    return Letter(
        id=f"visitor.{number}@mail.example.org",
        name=name,
        address=f"{name.lower().replace(' ', '.')}.{number}@example.org",
        subject=subject.format(n=order),
        text=f"{text.format(n=order)}\n\n{name}\n",
        to=(SUPPORT if turn % 3 else SALES,),
    )


def reply(letter: Letter, number: int) -> Answer:
    """What one of our people answers this visitor, whose number it is."""
    by = ANNA if letter.to[0] == SUPPORT else BO
    return Answer(to=letter, by=by, text=_REPLIES[("en", "de", "da", "id")[number % 4]] + f"\n\n{by.name}\n")


def pause_before(number: int) -> float:
    """Seconds until visitor `number` comes: lively at first, then as a quiet afternoon."""
    return min(4.0 + number * 0.75, 25.0)
