"""Which of the numbers in a writing is to be rung. Pure.

Only a valid one that is neither ours nor costly nor the number of an order; one that could be somebody else's is none.
"""

import re
from collections.abc import Iterator

from phonenumbers import Leniency, PhoneNumberMatch, PhoneNumberMatcher

from commsd.core.number import parse_number
from commsd.core.screen import refusal

_IS = r"(?:is|are|was|lautet|ist|war|er|var|adalah|ialah|yaitu)"
_NO_NUMBER = re.compile(
    r"(?:order|invoice|ref(?:erence)?|customer|article|serial|bestell|rechnung|auftrag|kunden|artikel|serien|vorgangs|"
    r"ordre|faktura|kunde|vare|pesanan|faktur|invoice|resi|rekening|iban|fax|telefax|faks)\w*\W{0,4}(?:no\.?|nr\.?|number|nummer|nomor|#)?"
    rf"\W{{0,3}}(?:{_IS}\W{{1,3}})?$",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"(?:tel\w*\.?|phone|mobile|cell|mobil\w*|handy|tlf\.?|hp|wa|whatsapp|ponsel|number|nummer|nomor|no\.?|nr\.?|unter|på|at|on|di|ke|under)\W{0,4}$",
    re.IGNORECASE,
)
_DIALLED = re.compile(r"(?<![\w+])(?:\+|\(?0)[\d(](?:[\d ().\-]|(?<=\d)/(?=\d)){5,20}\d(?!\w)")
"""What a reader would dial, whether or not it is a number in the country we take it for."""


def number_in(
    text: str, region: str | None, ours: frozenset[str], *, sure: bool = True, labelled: bool = False
) -> str | None:
    """The first number that can be rung, E.164.

    region: where national numbers count. sure: the writer is known to dial there; else a national number is only taken
    where no other one stands. labelled: only one that is called a telephone number, as in a signature.
    """
    written = {
        match[0].strip() for match in _DIALLED.finditer(text) if not _NO_NUMBER.search(_before(text, match.start()))
    }
    for found in _valid(text, region):
        number = parse_number(found.raw_string, region)
        raw, before = found.raw_string.strip(), _before(text, found.start)
        plain = not labelled and raw[:1] in "+0("
        if number is None or number.e164 in ours or refusal(number) or _NO_NUMBER.search(before):
            continue
        if not (plain or _LABEL.search(before)) or not (sure or raw.startswith(("+", "00")) or len(written) <= 1):
            continue
        return number.e164
    return None


def _valid(text: str, region: str | None) -> Iterator[PhoneNumberMatch]:
    return iter(PhoneNumberMatcher(text, region, Leniency.VALID, max_tries=50))


def _before(text: str, start: int) -> str:
    return text[max(0, start - 30) : start]
