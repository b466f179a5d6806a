"""Whether a writing asks to be rung, or to speak with a person, and on which number. Pure; four languages.

Only what the writer wrote now counts: no quotes, nothing below a closing formula. A wish is a request in so many words;
a call that is told of ("you called me") or forbidden is none. What comes of a wish is decided in `owed_ack`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from commsd.channels.mail import call_phrases as phrases
from commsd.channels.mail.call_number import number_in
from commsd.channels.mail.call_time import time_named
from commsd.channels.mail.language import own_words

READ = 2000
"""Characters; whoever wants a call says so before that."""

LONGEST = 400
"""Characters of a sentence that are read: what is longer is no sentence."""

BARE_WORDS = 14
"""A reply to us of at most so many words that has a number in it answers our offer to ring."""


def _any(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{each})" for each in patterns), re.IGNORECASE)


_LANGUAGES = tuple(
    (re.compile(hint, re.IGNORECASE), _any(wish), _any(none), _any(refused))
    for hint, wish, none, refused in (
        (r"\bcall|\bring|phone|\bbell\b|buzz|speak|talk|chat", phrases.EN, phrases.EN_NOT, phrases.EN_REFUSED),
        (
            r"ruf|läut|telefon|sprech|reden|klingel|\bring|unterhalten|besprechen|klären",
            phrases.DE,
            phrases.DE_NOT,
            phrases.DE_REFUSED,
        ),
        (
            r"\bring|tale|snakke|kald|opringning|telefon|drøfte|tlf|tales ved|på tråden",
            phrases.DA,
            phrases.DA_NOT,
            phrases.DA_REFUSED,
        ),
        (
            r"[tn]e?le?pon|telp|tlp|hubungi|bicara|kontak|kabari|panggil|\bcall",
            phrases.ID,
            phrases.ID_NOT,
            phrases.ID_REFUSED,
        ),
    )
)
"""What a language's wishes cannot do without, the wishes, what undoes one that it runs into, and the refusals, which
undo all that a sentence says."""

_HINTING = (
    *("call", "ring", "phone", "bell", "buzz", "speak", "talk", "chat"),
    *("ruf", "läut", "telefon", "sprech", "reden", "klingel", "unterhalten", "klären"),
    *("tale", "snakke", "kald", "drøfte", "tlf", "tråden"),
    *("elepon", "elpon", "lepon", "lpon", "telp", "tlp", "hubungi", "bicara", "kontak", "kabari", "panggil"),
)
"""What the hints of all languages come down to, in lower case."""

_VERBS = "call|ring|phone|telephone"
_AN_HOUR = r"(?:\w+\.?\s+){0,2}?(?:\d|noon|lunch|mittag|middag|frokost)"
_SOFTENED = tuple(
    (re.compile(said, re.IGNORECASE), meant)
    for said, meant in (
        (r"\b(vil|kan|kunne|gider)\s+(i|du|de)\s+ikke\b", r"\1 \2"),
        (r"\b(could|can|would|will)\s+you\s+not\b", r"\1 you"),
        (
            r"\b(?:could|can|would|wo)n['’]?t\s+you\b|\bwhy\s+(?:don['’]?t|do\s+not|can['’]?t)\s+you\b|\bwhy\s+not\b",
            "could you",
        ),
        (
            r"\b(?:warum|wieso|weshalb)\s+(rufen\s+sie|ruft\s+ihr|rufst\s+du)\s+(mich|uns)\s+nicht(?:\s+(?:einfach|mal|kurz))*\b",
            r"\1 \2",
        ),
        (
            rf"\b(?:do\s+not|don['’]?t|not)\s+({_VERBS})\s+(me\s+|us\s+)?(?=(?:before|after|between|until)\s+{_AN_HOUR})",
            r"\1 \2",
        ),
        (
            rf"\b(?:nicht|ikke|jangan)\s+(?=(?:vor|nach|zwischen|während|før|efter|mellem|sebelum|setelah|antara)\s+{_AN_HOUR})",
            "",
        ),
        (rf"\bikke\s+(?=til\s+(?:mig|os)\s+(?:før|efter|mellem)\s+{_AN_HOUR})", ""),
        (rf"\bjangan\s+(?=\w*te?le?pon\s+(?:saya|kami)\s+(?:sebelum|setelah|antara)\s+{_AN_HOUR})", ""),
    )
)
"""A "not" that asks the more politely, or only says when."""

_REPORTED = re.compile(
    r"\b(?:said|says|wrote|written|told|schrieb\w*|sagten?|geschrieben|gesagt|skrev|sagde|skrevet|sagt|bilang|tulis|menulis|kata)"
    r"(?:\s+\w+){0,2}\s*:.*",
    re.IGNORECASE,
)
"""What somebody is reported to have asked for."""

_CLOSING = re.compile(
    r"\s*(?:(?:(?:with\s+)?(?:kind|best|warm|many)\s+(?:regards|wishes)|regards|yours\s+(?:sincerely|faithfully|truly)|sincerely|cheers|thanks\s+and\s+regards"
    r"|(?:mit\s+)?(?:freundlichen?|besten?|herzlichen?|vielen?|lieben?|schönen?)\s+(?:grüßen?|grüssen?|gruß|gruss)|mfg|vg|lg|hochachtungsvoll"
    r"|(?:med\s+)?(?:venlig|venlige|bedste|kærlig|mange)\s+hils(?:en|ner)|(?:de\s+bedste\s+)?hilsner|mvh|vh|dbh|hilsen"
    r"|(?:salam|hormat)(?:\s+(?:hormat|hangat|kami|saya|sejahtera))?|terima\s+kasih\s+dan\s+salam|sekian)\b[\w\s]{0,30}[,.!]?\s*)$",
    re.IGNORECASE,
)
_SENTENCES = re.compile(r"(?<=[.!?])(?<!\bkl\.)(?<!\bnr\.)\s+|(?<=[,:])\n|[;•\v]")
_SHORT_LINE = 50  # a wrapped line is longer; what follows a shorter one begins anew


@dataclass(frozen=True, slots=True)
class CallWish:
    """number: E.164, as the writer gave it; None where none stands there. when: the time asked for, in the words of
    `call_time`; None where none is named."""

    number: str | None
    when: str | None = None


@lru_cache(maxsize=128)
def call_wish(
    subject: str,
    text: str,
    *,
    region: str | None,
    sure: bool = True,
    ours: frozenset[str] = frozenset(),
    to_us: bool = False,
) -> CallWish | None:
    """The wish to be rung that stands in a mail, or None.

    region: ISO 3166, where the writer's national numbers count; sure: whether that is known of the writer. ours: E.164
    numbers that are our own. to_us: it answers an offer of ours, so that a number alone is the wish.
    """
    own = _before_closing(own_words(text, READ))
    asking = (sentence for sentence in _sentences(subject, own) if _asks(sentence)) if _may_ask(subject + own) else ()
    if sentence := next(iter(asking), None):
        number = number_in(own, region, ours, sure=sure)
        number = number or number_in(own_words(text, READ), region, ours, sure=sure, labelled=True)
        return CallWish(number, time_named(sentence))
    if to_us and len(own.split()) <= BARE_WORDS and (number := number_in(own, region, ours, sure=sure)):
        return CallWish(number, time_named(own))
    return None


def _sentences(subject: str, own: str) -> Iterator[str]:
    yield re.sub(r"^\s*(?:\w{1,4}\s*:\s*)+", "", subject)
    parted = re.sub(rf"(?m)^(.{{1,{_SHORT_LINE}}})\n(?=[A-ZÄÖÜÆØÅ])", "\\1\v", own)
    for sentence in _SENTENCES.split(parted):
        yield " ".join(sentence[:LONGEST].split())


def _asks(sentence: str) -> bool:
    """A request that no report or question of why runs into, in a sentence that refuses none."""
    if not _may_ask(sentence) or phrases.NAMED.search(sentence):
        return False
    sentence = _REPORTED.sub("", sentence)
    for said, meant in _SOFTENED:
        sentence = said.sub(meant, sentence)
    spoken = [each for each in _LANGUAGES if each[0].search(sentence)]
    if any(refused.search(sentence) for *_, refused in spoken):
        return False
    return any(_stands(wish, none, sentence) for _, wish, none, _ in spoken)


def _may_ask(text: str) -> bool:
    """Whether a word stands there that every hint needs; most mails have none, and this is quick."""
    plain = text.lower()
    return any(word in plain for word in _HINTING)


def _stands(wish: re.Pattern[str], none: re.Pattern[str], sentence: str) -> bool:
    wishes = [found.span() for found in wish.finditer(sentence)]
    denied = [found.span() for found in none.finditer(sentence)] if wishes else []
    return any(all(end <= begins or start >= ends for start, end in denied) for begins, ends in wishes)


def _before_closing(own: str) -> str:
    """What stands above "Kind regards": below it are names and numbers of a signature."""
    lines = own.splitlines()
    end = next((at for at, line in enumerate(lines) if at and _CLOSING.match(line)), len(lines))
    return "\n".join(lines[:end])
