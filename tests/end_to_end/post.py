"""A day's post of a firm, made up by chance: people, machines, bounces, lists, large mails, broken ones, and copies.

The same seed gives the same post. Each mail says whether it is owed an acknowledgement.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from tests.end_to_end.house import ADDRESS

LARGE = 600_000


@dataclass(frozen=True, slots=True)
class Mail:
    """id: its Message-ID with brackets, "" for none; sender: from whom; owed: whether an acknowledgement is due."""

    number: int
    id: str
    sender: str
    owed: bool
    raw: bytes


WORDS = (
    "Good morning, could you please tell me where my order {n} is? Thank you.",
    "Guten Tag, meine Bestellung {n} ist noch nicht angekommen. Können Sie bitte nachsehen?",
    "Hej, min ordre {n} er ikke kommet endnu. Kan I se, hvor den er? Mange tak.",
    "Selamat pagi, pesanan saya {n} belum sampai. Mohon dicek, terima kasih banyak.",
)


def post(chance: Random, count: int) -> Iterator[Mail]:
    """So many mails, about a tenth of them copies of one of the last hundred before them."""
    recent: list[Mail] = []
    for number in range(count):
        if recent and chance.random() < 0.1:
            yield chance.choice(recent)
            continue
        kind = chance.choices(list(KINDS), weights=list(KINDS.values()))[0]
        mail = kind(number, chance)
        recent = [*recent[-99:], mail]
        yield mail


def _mail(number: int, owed: bool, text: bytes, *lines: str, sender: str = "", id: bool = True) -> Mail:
    who = sender or f"customer-{number}@example.org"
    known = f"<post-{number}@example.org>" if id else ""
    fields = {
        "From": f"Customer {number} <{who}>",
        "To": ADDRESS,
        "Subject": f"Order {number} has not arrived",
        "Date": f"Wed, 04 Mar 2026 09:{number // 60 % 60:02}:{number % 60:02} +0000",
        **({"Message-ID": known} if known else {}),
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=utf-8",
    }
    for line in lines:
        name, _, value = line.partition(": ")
        fields[name] = value
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return Mail(number, known, who, owed, head.encode("utf-8", "surrogateescape") + b"\r\n" + text + b"\r\n")


def _words(number: int, chance: Random) -> bytes:
    return chance.choice(WORDS).format(n=number).encode()


PLAIN = b"Content-Type: text/plain; charset=utf-8\r\n\r\n"


def _parts(*parts: bytes) -> bytes:
    return b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + b"--b--"


def _plain(number: int, chance: Random) -> Mail:
    return _mail(number, True, _words(number, chance))


def _html(number: int, chance: Random) -> Mail:
    body = b"<html><body><p>" + _words(number, chance) + b"</p></body></html>"
    return _mail(number, True, body, "Content-Type: text/html; charset=utf-8")


def _several(number: int, chance: Random) -> Mail:
    picture = b"Content-Type: image/png; name=a.png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo="
    body = _parts(PLAIN + _words(number, chance), picture)
    return _mail(number, True, body, "Content-Type: multipart/mixed; boundary=b")


def _without_id(number: int, chance: Random) -> Mail:
    return _mail(number, True, _words(number, chance), id=False)


def _large(number: int, chance: Random) -> Mail:
    line = chance.randbytes(38).hex().encode() + b"\r\n"
    paper = b"Content-Type: application/pdf; name=a.pdf\r\n\r\n" + line * (LARGE // len(line))
    body = _parts(PLAIN + _words(number, chance), paper)
    return _mail(number, True, body, "Content-Type: multipart/mixed; boundary=b")


def _odd_charset(number: int, chance: Random) -> Mail:
    return _mail(number, True, _words(number, chance), "Content-Type: text/plain; charset=klingon")


def _cut_short(number: int, chance: Random) -> Mail:
    """A multipart whose end never came."""
    body = _parts(PLAIN + _words(number, chance)).removesuffix(b"--b--")
    return _mail(number, True, body, "Content-Type: multipart/mixed; boundary=b")


def _noise(number: int, chance: Random) -> Mail:
    noise = bytes(chance.choice(range(14, 256)) for _ in range(300))
    body = _words(number, chance) + b"\r\n" + noise
    return _mail(number, True, body, "Content-Type: text/plain; charset=iso-2022-jp")


def _nobody(number: int, chance: Random) -> Mail:
    return _mail(number, False, _words(number, chance), "From: Robot:;")


def _answering(number: int, chance: Random) -> Mail:
    word = chance.choice(("auto-replied", "auto-generated", "AUTO-REPLIED (rule 7)"))
    return _mail(number, False, b"I am away until Monday.", f"Auto-Submitted: {word}")


def _robot(number: int, chance: Random) -> Mail:
    name = chance.choice(("no-reply", "noreply", "do-not-reply", "mailer-daemon"))
    return _mail(number, False, b"Your invoice is ready.", sender=f"{name}@shop-{number}.example")


def _list(number: int, chance: Random) -> Mail:
    line = chance.choice(
        ("List-Id: <news.example.org>", "Precedence: bulk", "List-Unsubscribe: <mailto:off@example.org>")
    )
    return _mail(number, False, b"Our news of this week.", line)


def _bounce(number: int, chance: Random) -> Mail:
    status = b"Reporting-MTA: dns; mx.example.org\r\n\r\nFinal-Recipient: rfc822; who@example.org\r\n"
    status += b"Action: failed\r\nStatus: 5.1.1\r\n"
    body = _parts(PLAIN + b"It could not be delivered.", b"Content-Type: message/delivery-status\r\n\r\n" + status)
    lines = ("Return-Path: <>", "Subject: Undelivered Mail Returned to Sender")
    kind = 'Content-Type: multipart/report; report-type=delivery-status; boundary="b"'
    return _mail(number, False, body, *lines, kind, sender=f"mailer-daemon@mx-{number}.example")


KINDS: dict[Callable[[int, Random], Mail], float] = {
    _plain: 34,
    _html: 10,
    _several: 10,
    _without_id: 3,
    _large: 0.5,
    _odd_charset: 2,
    _cut_short: 2,
    _noise: 2,
    _nobody: 1,
    _answering: 10,
    _robot: 8,
    _list: 10,
    _bounce: 8,
}
"""How often each kind comes."""
