"""Whether a writing asks to be rung, or to speak with a person, and on which number. Pure; four languages.

Only what the writer wrote now counts: no quotes, nothing below a closing formula. A wish is a request in so many words;
a call that is told of ("you called me") or forbidden is none. What comes of a wish is decided in `owed_ack`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers
from phonenumbers import Leniency, PhoneNumberFormat, PhoneNumberMatcher

from commsd.channels.mail.language import own_words

READ = 2000
"""Characters; whoever wants a call says so before that."""

LONGEST = 400
"""Characters of a sentence that are read: what is longer is no sentence."""

BARE_WORDS = 14
"""A reply to us of at most so many words that has a number in it answers our offer to ring."""

_ME = r"(?:me|us|my\s+\w+|our\s+\w+)"
_SOMEBODY = (
    r"(?:some(?:one|body)|anyone|anybody|one\s+of\s+you(?:r\s+\w+)?|a\s+colleague|your\s+(?:team|office|support))"
)
_SOFT = r"(?:\s+(?:please|just|kindly|also|possibly|perhaps|maybe|then|quickly|briefly|at\s+least|still|ever|back))*"
_PERSON = (
    r"(?:a\s+|an\s+|the\s+|your\s+|one\s+of\s+your\s+)?(?:real\s+|actual\s+|live\s+|human\s+)*"
    r"(?:human(?:\s+being)?|person|some(?:one|body)|anyone|anybody|representative|operator|staff|employees?"
    r"|colleagues?|member\s+of\s+(?:staff|your\s+team)|manager|supervisor|advis[eo]r|agent|team)"
)
_EN: tuple[str, ...] = (
    rf"\b(?:can|could|would|will)\s+(?:you|{_SOMEBODY}){_SOFT}\s+(?:call|ring|phone|telephone)\s+{_ME}\b",
    rf"\b(?:please|pls|plz|kindly)(?:\s+(?:do|just|also|then|try\s+to|have\s+(?:{_SOMEBODY}|[a-z]+)|get\s+{_SOMEBODY}\s+to"
    rf"|ask\s+(?:{_SOMEBODY}|[a-z]+)\s+to|be\s+so\s+kind\s+(?:as\s+)?to|let\s+{_SOMEBODY}))*,?"
    rf"\s+(?:call|ring|phone|telephone)\s+(?:{_ME}|back)\b",
    r"^(?:(?:hi|hello|hey|ok|okay|so|and|or|also|just|then|yes|thanks|dear\s+[^,]*)[,\s]+)*(?:call|ring|phone)\s+(?:me|us)\b",
    r"\bgive\s+(?:me|us)\s+a\s+(?:quick\s+|short\s+|brief\s+)?(?:call|ring|bell|buzz|phone\s+call)\b",
    r"\b(?:i|we)(?:'d|’d|\s+would|\s+want|\s+need|\s+wish|\s+hope)?\s+(?:really\s+)?"
    r"(?:like|love|prefer|appreciate|request|want|need|ask\s+for|hope\s+for|for)\s+(?:to\s+(?:have|get|receive)\s+)?"
    r"(?:a|an|your)\s+(?:quick\s+|short\s+|brief\s+|personal\s+)?(?:call[-\s]?back|phone\s?call|telephone\s+call|return\s+call|call)\b",
    r"\b(?:i|we)(?:'d|’d|\s+would)\s+(?:like|love|prefer)\s+to\s+be\s+(?:called|rung|phoned)\b",
    r"\b(?:requesting|request|awaiting|(?:waiting|asking|hoping|looking)\s+for|expecting|need)\s+(?:a|an|your)\s+"
    r"(?:call[-\s]?back|phone\s?call|return\s+call)\b",
    r"^(?:a\s+)?call[-\s]?back\s+(?:please|requested|wanted|needed)\b|^please\s+call\s*$",
    rf"\b(?:appreciate|grateful|great|nice|good|helpful|glad|happy|kind|thankful|wonderful)\b.{{0,20}}\bif\s+"
    rf"(?:you|{_SOMEBODY})\s+(?:can|could|would|might)?{_SOFT}\s*(?:call|called|ring|rang|phone|phoned)\s+{_ME}\b",
    rf"\b(?:like|love|want|wish|need|prefer|rather|can\s+i|could\s+i|may\s+i|can\s+we|could\s+we|let\s+me)\s+(?:please\s+|just\s+|"
    rf"really\s+|to\s+)*(?:speak|talk|chat)\s+(?:directly\s+)?(?:to|with)\s+{_PERSON}\b",
    r"\b(?:can|could|may|shall)\s+(?:we|i)\s+(?:please\s+|maybe\s+)*(?:talk|speak|discuss|have\s+a\s+(?:call|chat))\b.{0,50}"
    r"\b(?:(?:on|by|over|via)\s+(?:the\s+)?(?:tele)?phone|a\s+call)\b",
    r"\b(?:let's|let\s+us|i(?:'d|’d|\s+would)\s+(?:like|love|prefer|rather)(?:\s+to)?)\s+(?:talk|speak|discuss)\b.{0,50}"
    r"\b(?:on|by|over|via)\s+(?:the\s+)?(?:tele)?phone\b",
)
_EN += (
    r"\b(?:could|can|may|might)\s+(?:i|we)\s+(?:please\s+)?(?:get|have|receive|request|arrange|ask\s+for)\s+an?\s+"
    r"(?:quick\s+|short\s+)?(?:phone\s?call|call[-\s]?back|call)\b",
    rf"\bpossible\s+(?:for\s+(?:you|{_SOMEBODY})\s+)?to\s+(?:call|ring|phone|telephone)\s+{_ME}\b",
    r"\b(?:please|kindly|could\s+you|can\s+you|would\s+you)\s+(?:please\s+)?(?:arrange|schedule|organi[sz]e|set\s+up)\s+an?\s+"
    r"(?:call[-\s]?back|phone\s?call|call)\b",
)
_EN_NOT = (
    r"(?:\bdo\s+not|\bdon['’]?t|\bnever|\bnot|n['’]t|\bno\s+need|\bneedn['’]?t|\bwithout|\binstead\s+of|\bstop|\bno)\s+"
    r"(?:\w+\s+){0,4}?(?:call|ring|phone|telephone|calling|ringing|phoning|speak|talk|call[-\s]?back|phone\s?call|called)",
    r"\b(?:call|ring|phone)\s+(?:me|us)\s+(?:a\s+(?!lot|bit)\w+|names|crazy|old|stupid|cynical|picky|\w+[-\s]fashioned|back\s+then)",
    r"\b(?:why|how\s+often|when|whenever|before|after|each\s+time|every\s+time)\s+(?:did|do|does|would|will)?\s*(?:you|they)"
    r"\s+(?:\w+\s+)?(?:call|ring|phone)",
)
_NAMED = re.compile(
    r"\b[Cc]all\s+(?:me|us)\s+(?!Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[A-Z][a-z]+"
)

_MICH = r"(?:mich|mir|uns|meine\s+\w+|meinen\s+\w+)"
_WER = r"(?:sie|du|ihr|jemand|eine[rn]?|man|frau\s+\w+|herr\s+\w+)"
_DE: tuple[str, ...] = (
    rf"\b(?:rufen|ruf|rufe|ruft)\s+(?:sie\s+|doch\s+|bitte\s+|mal\s+)*{_MICH}\b(?:\s+[\w.:,+/-]+){{0,9}}?\s+(?:an|zurück|durch)\b",
    r"\b(?:läuten|telefonieren|ring|ringt|ringen|klingel|klingeln)\s+(?:sie\s+|doch\s+|bitte\s+)*(?:mich|mir|uns|bei\s+mir|bei\s+uns)\b",
    r"\b(?:ruf|ruft|rufen\s+sie)\s+(?:doch\s+|bitte\s+|mal\s+|kurz\s+|einfach\s+)*(?:an|zurück|durch)\b",
    rf"\b(?:können|könnten|kann|könnte|kannst|könntest|könnt|würden|würdest|wollen|mögen|möchten|wäre\s+es\s+möglich)\s+{_WER}?\b"
    rf".{{0,60}}?\b{_MICH}\b.{{0,70}}?\b(?:anrufen|zurückrufen|anzurufen|zurückzurufen|durchrufen|anläuten|anklingeln)\b",
    r"\bbitte\b.{0,40}?\b(?:um\s+(?:\w+\s+)?(?:rückruf|anruf)|anrufen|zurückrufen|durchrufen)\b",
    r"\b(?:bitte|bitten|ersuche|gebeten)\b.{0,30}?\bum\s+(?:\w+\s+){0,3}?(?:rückruf|anruf|telefonat|telefontermin)|"
    r"\bum\s+(?:\w+\s+){0,2}(?:rückruf|anruf)\s+(?:\w+\s+)?gebeten",
    rf"\b(?:bitte|bitten)\s+(?:sie|euch|dich)\b.{{0,20}}?\b{_MICH}\b.{{0,40}}?\b(?:anzurufen|zurückzurufen)\b",
    r"\b(?:rückruf|anruf)\s+(?:erbeten|erwünscht|gewünscht|bitte|nötig|wäre\s+\w+)|^(?:bitte\s+)?rückruf\s*(?:$|bitte|unter)",
    r"\b(?:hätte|hätten|wünsche|wünschen|möchte|möchten|brauche|brauchen|erwarte|erwarten|erhoffe|warte|warten|freue|freuen)\b"
    r".{0,40}?\b(?:einen|ihren|euren|deinen|auf\s+\w+|über\s+\w+)\s+(?:\w+\s+)?(?:rückruf|anruf|telefonat)\b",
    rf"\b(?:schön|nett|gut|toll|lieb|dankbar|freuen|super|prima|hilfreich|freundlich)\b.{{0,30}}?\bwenn\s+(?:{_WER}\b.{{0,20}}?\b{_MICH}|{_MICH}\s+{_WER})\b"
    r".{0,60}?\b(?:anrufen|zurückrufen|anruft|zurückruft|anriefen|zurückriefen|anrufst|anrufe|anrufen\s+\w+)\b",
    r"\b(?:melden\s+sie\s+sich|meldet\s+euch|melde\s+dich)\s+(?:\w+\s+){0,4}?(?:telefonisch|per\s+telefon|am\s+telefon)\b",
    r"\b(?:kontaktieren|erreichen)\s+sie\s+(?:mich|uns)\s+(?:bitte\s+)?(?:telefonisch|per\s+telefon)\b",
    r"\b(?:möchte|möchten|will|wollen|würde|würden|kann|könnte|können|könnten|darf|wünsche|muss|hätte)\b.{0,50}?\bmit\s+"
    r"(?:\w+\s+){0,3}?(?:menschen|person|mitarbeiter(?:in)?|jemand(?:em|en)?|kolleg\w+|ansprechpartner(?:in)?|berater(?:in)?|zuständigen)\b"
    r".{0,30}?\b(?:sprechen|reden|telefonieren|zu\s+sprechen|unterhalten)\b",
    r"\b(?:können|könnten|wollen|lassen\s+sie)\s+(?:wir|uns)\b.{0,50}?\b(?:telefonieren|am\s+telefon|telefonisch|per\s+telefon)\b",
    r"\b(?:möchte|möchten|würde|würden|will)\b.{0,40}?\b(?:telefonisch|am\s+telefon|per\s+telefon)\b.{0,30}?\b"
    r"(?:sprechen|besprechen|klären|reden)\b",
    r"\b(?:möchte|möchten|will|würde)\b.{0,25}?\b(?:angerufen|zurückgerufen)\s+werden\b",
)
_DE += (
    rf"\b(?:möglich|schön|nett|gut|toll|bitte|hoffe|wünsche)\b.{{0,20}}?,?\s+dass\s+(?:mich|uns)\s+{_WER}\b.{{0,30}}?\b"
    r"(?:anruft|zurückruft|anrufen|zurückrufen)\b",
)
_DE_NOT = (
    r"\b(?:nicht|nie|niemals|keinesfalls|nicht\s+mehr)\s+(?:\w+\s+){0,3}?(?:an|zurück|anrufen|anzurufen|zurückrufen|telefonieren|"
    r"sprechen|reden|angerufen|telefonisch)\b",
    r"\b(?:kein(?:en|em|e)?|ohne|statt|anstatt|danke\s+für|dank\s+für|nach|seit|wegen|bei)\s+(?:\w+\s+){0,2}?(?:rückruf|anruf|"
    r"telefonat|anzurufen|zurückzurufen|telefonisch)\w*",
    r"\b(?:rückruf|anruf)\b\s+(?:\w+\s+){0,2}?nicht\b",
    r"\b(?:warum|wieso|weshalb|wozu)\b.{0,20}?\b(?:rufen|ruft|rufst)\b.{0,30}?\b(?:an|zurück)\b",
    r"\b(?:bevor|ehe|falls|sobald|als|nachdem|obwohl|dass)\s+(?:sie|ihr|du)\b.{0,20}?\b(?:anrufen|zurückrufen|anruft)\b",
)

_MIG = r"(?:mig|os|min\s+\w+|vores\s+\w+)"
_DA: tuple[str, ...] = (
    rf"\b(?:kan|kunne|vil|ville|må|gider|mon)\s+(?:i|du|de|nogen|en\s+(?:af\s+jer|kollega|medarbejder|fra\s+\w+)|man|jeg\s+få\s+(?:jer|dig|dem|nogen)\s+til\s+at)\b"
    rf".{{0,40}}?\bring(?:e)?\b(?:\s+(?:lige|venligst|gerne|tilbage|op|i\s+\w+|på\s+\w+))*\s*(?:til\s+{_MIG}|{_MIG}|tilbage|op)\b",
    rf"\bring(?:\s+(?:lige|venligst|gerne|bare|endelig|meget\s+gerne))*\s+(?:til\s+{_MIG}|{_MIG}\s+op|{_MIG}|tilbage|op)\b",
    r"\b(?:venligst|bedes|bedes\s+venligst)\s+ringe?(?:\s+(?:til|tilbage|op|mig|på))\b",
    r"\b(?:vil|ville)\s+(?:\w+\s+){0,3}?(?:gerne|hellere|helst)\s+(?:\w+\s+){0,2}?(?:ringes|kontaktes\s+telefonisk)(?:\s+op)?\b",
    r"\b(?:vil|ville|kan|kunne|må|ønsker)\s+(?:\w+\s+){0,4}?(?:tale|snakke)\s+(?:\w+\s+)?med\s+(?:et\s+|en\s+|nogen\s+|jer\s+|en\s+rigtig\s+)?"
    r"(?:(?:rigtig\w*|levende)\s+)?(?:menneske|person|medarbejder|kollega|rådgiver|nogen|en\s+af\s+jer|i\s+telefon)\b",
    r"\b(?:vil|ville|kan|kunne|må|skal)\s+(?:\w+\s+){0,4}?(?:tale|snakke|drøfte)\b.{0,40}?\b(?:i|over|pr\.?|via)\s+telefon(?:en)?\b",
    r"\b(?:beder|bede|ønsker|ønske|håber|venter|vil\s+gerne\s+have|sætter\s+pris)\b.{0,20}?\b(?:om|på|et)\s+(?:jeres\s+|et\s+|dit\s+)?(?:opkald|opringning|telefonopkald)\b",
    r"\b(?:kontakt|kontakter|kontakte)\s+(?:venligst\s+)?(?:mig|os)\s+(?:venligst\s+|gerne\s+)?(?:telefonisk|på\s+telefon|pr\.?\s+telefon|via\s+telefon)\b",
    rf"\b(?:rart|dejligt|godt|fint|taknemmelig|glad|pris\s+på)\b.{{0,25}}?\b(?:hvis|om|at)\s+(?:i|du|de|nogen)\b.{{0,15}}?\bring(?:er|e|ede)?\b.{{0,10}}?(?:{_MIG}|tilbage|op)\b",
    r"^(?:opkald|opringning)\s+(?:ønskes|bedes|tak)\b",
)
_DA += (
    rf"\b(?:i|du|de)\s+(?:må|er\s+velkom\w+\s+til\s+at)\s+(?:\w+\s+){{0,2}}?ringe\s+(?:til\s+)?{_MIG}\b",
    r"\b(?:kan|må|vil|kunne)\s+(?:\w+\s+){0,3}?blive\s+ringet\s+op\b",
)
_DA_NOT = (
    r"\b(?:ikke|aldrig|næppe)\s+(?:\w+\s+){0,3}?(?:ring|ringe|ringes|opkald|tale|snakke|telefon\w*)\b",
    r"\bring\s+(?:\w+\s+){0,3}?ikke\b|\bringe?s?\s+(?:\w+\s+){0,2}?ikke\b",
    r"\b(?:uden|lad\s+være|i\s+stedet\s+for|frem\s+for|fremfor|intet|ingen|tak\s+for)\s+(?:\w+\s+){0,3}?(?:ring\w*|opkald\w*|opringning\w*)",
    r"\b(?:hvorfor|når|da|inden|før|efter\s+at)\s+(?:i|du|de|nogen)?\s*(?:\w+\s+)?ring(?:e|er|ede|de)\b",
)

_SAYA = r"(?:saya|kami|aku|ibu\s+saya|suami\s+saya|istri\s+saya)"
_ID: tuple[str, ...] = (
    rf"\b(?:tolong|mohon|harap|silakan|coba|bisa|bisakah|boleh|bolehkah|dapatkah|minta)\b(?:\s+(?:segera|anda|bapak|ibu|pihak\s+\w+|"
    rf"tim\s+\w+|seseorang|kiranya|untuk|agar|supaya|bantu|dibantu|saya))*\s+(?:me)?(?:nelepon|nelpon|telepon|telpon|telp|tlp|hubungi\s+via\s+telepon|call)\s*(?:kembali\s+|balik\s+|ke\s+)?(?:{_SAYA}|balik|kembali|ke\s+nomor|di\s+nomor|nomor)\b",
    rf"^(?:(?:halo|hai|pak|bu|kak|min|mas|mbak)[,\s]+)*(?:telepon|telpon|telp|call)\s+(?:{_SAYA}|balik|kembali)"
    r"(?=\s*(?:[.,!?]|$|ya\b|dong\b|segera|besok|nanti|sekarang|hari|pukul|jam|pada|di\b|ke\b|jika|kalau|bila|setelah|sebelum|balik|kembali))",
    rf"\bhubungi\s+(?:kembali\s+)?{_SAYA}\b.{{0,30}}?\b(?:telepon|telpon|telp|hp|ponsel|(?:di|ke|pada)\s+(?:nomor|no)|08\d|\+62)",
    rf"\b(?:hubungi|kontak|kabari)\s+{_SAYA}\b.{{0,25}}?\b(?:lewat|via|melalui|per)\s+(?:telepon|telpon|hp|ponsel)\b",
    r"\b(?:minta|mohon|ingin|mau|harap|berharap|bisa|bisakah|boleh|bolehkah|menunggu|butuh|perlu)\b(?:\s+(?:untuk|agar|saya|kami|sekali|segera|bisa|dapat|langsung))*\s+"
    r"(?:ditelepon|ditelpon|dihubungi\s+(?:kembali\s+)?(?:lewat|via|melalui|per)\s+(?:telepon|telpon)|telepon\s+balik|telepon\s+dari|panggilan\s+(?:balik|telepon)|telponan)\b",
    r"\b(?:ingin|mau|mohon|bisa|bisakah|boleh|bolehkah|butuh|perlu|minta|dapatkah)\b(?:\s+(?:untuk|saya|kami|kita|sekali|segera|dapat|kiranya))*\s+(?:ber)?bicara\b.{0,25}?\b"
    r"(?:dengan\s+(?:\w+\s+){0,2}?(?:orang|manusia|petugas|staf|staff|cs|customer\s+service|admin|seseorang|karyawan|pegawai|manajer)|"
    r"(?:lewat|via|melalui|di|per)\s+(?:telepon|telpon))\b",
    rf"\b(?:senang|berterima\s+kasih|terbantu|baik)\b.{{0,25}}?\b(?:jika|kalau|bila|apabila)\b.{{0,30}}?\b(?:menelepon|menelpon|telepon|telpon)\s+{_SAYA}\b",
)
_ID_NOT = (
    r"\b(?:jangan|tidak\s+perlu|tidak\s+usah|tak\s+perlu|tak\s+usah|nggak\s+usah|gak\s+usah|ga\s+usah|tidak|bukan|tanpa|belum|enggan|daripada)\b"
    r"(?:\s+\w+){0,4}?\s+(?:\w*te?le?pon\w*|telp|call|bicara|berbicara|dihubungi|hubungi|menghubungi|panggilan|ditelpon|menelpon|nelpon)",
    r"\b(?:kemarin|tadi|sudah|telah|pernah|mengapa|kenapa|ketika|saat|sebelum|setelah|sejak|terima\s+kasih\s+(?:sudah|telah|atas))\b(?:\s+\w+){0,4}?\s+"
    r"(?:\w*te?le?pon\w*|nelpon|menelpon|ditelpon|bicara|berbicara|panggilan)",
)


def _any(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{each})" for each in patterns), re.IGNORECASE)


_LANGUAGES = tuple(
    (re.compile(hint, re.IGNORECASE), _any(wish), _any(none))
    for hint, wish, none in (
        (r"\bcall|\bring|phone|\bbell\b|buzz|speak|talk|chat", _EN, _EN_NOT),
        (r"ruf|läut|telefon|sprech|reden|klingel|\bring|unterhalten|besprechen|klären", _DE, _DE_NOT),
        (r"\bring|tale|snakke|opkald|opringning|telefon|drøfte", _DA, _DA_NOT),
        (r"[tn]e?le?pon|telp|tlp|hubungi|bicara|kontak|kabari|panggil|\bcall", _ID, _ID_NOT),
    )
)
"""What a language's wishes cannot do without, the wishes, and what undoes them."""

_HINTING = (
    *("call", "ring", "phone", "bell", "buzz", "speak", "talk", "chat"),
    *("ruf", "läut", "telefon", "sprech", "reden", "klingel", "unterhalten", "klären"),
    *("tale", "snakke", "opkald", "drøfte"),
    *("elepon", "elpon", "lepon", "lpon", "telp", "tlp", "hubungi", "bicara", "kontak", "kabari", "panggil"),
)
"""What the hints of all languages come down to, in lower case."""

_SOFTENED = re.compile(r"\b(vil|kan|kunne|gider)\s+(i|du|de)\s+ikke\b", re.IGNORECASE)
"""A Danish question that asks the more politely for its "not"."""

_CLOSING = re.compile(
    r"\s*(?:(?:(?:with\s+)?(?:kind|best|warm|many)\s+(?:regards|wishes)|regards|yours\s+(?:sincerely|faithfully|truly)|sincerely|cheers|thanks\s+and\s+regards"
    r"|(?:mit\s+)?(?:freundlichen?|besten?|herzlichen?|vielen?|lieben?|schönen?)\s+(?:grüßen?|grüssen?|gruß|gruss)|mfg|vg|lg|hochachtungsvoll"
    r"|(?:med\s+)?(?:venlig|venlige|bedste|kærlig|mange)\s+hils(?:en|ner)|(?:de\s+bedste\s+)?hilsner|mvh|vh|dbh|hilsen"
    r"|(?:salam|hormat)(?:\s+(?:hormat|hangat|kami|saya|sejahtera))?|terima\s+kasih\s+dan\s+salam|sekian)\b[\w\s]{0,30}[,.!]?\s*)$",
    re.IGNORECASE,
)
_SENTENCES = re.compile(r"(?<=[.!?])\s+|(?<=[,:])\n|[;•\v]")
_SHORT_LINE = 50  # a wrapped line is longer; what follows a shorter one begins anew
_NO_NUMBER = re.compile(
    r"(?:order|invoice|ref(?:erence)?|customer|article|serial|bestell|rechnung|auftrag|kunden|artikel|serien|vorgangs|"
    r"ordre|faktura|kunde|vare|pesanan|faktur|invoice|resi|rekening|iban|fax|telefax|faks)\w*\W{0,4}(?:no\.?|nr\.?|number|nummer|nomor|#)?\W{0,3}$",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"(?:tel\w*\.?|phone|mobile|cell|mobil\w*|handy|tlf\.?|hp|wa|whatsapp|ponsel|number|nummer|nomor|no\.?|nr\.?|unter|på|at|on|di|ke|under)\W{0,4}$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class CallWish:
    """number: E.164, as the writer gave it; None where none stands there."""

    number: str | None


@lru_cache(maxsize=128)
def call_wish(
    subject: str, text: str, *, region: str | None, ours: frozenset[str] = frozenset(), to_us: bool = False
) -> CallWish | None:
    """The wish to be rung that stands in a mail, or None.

    region: ISO 3166, where the writer's national numbers count. ours: E.164 numbers that are our own. to_us: it answers
    an offer of ours, so that a number alone is the wish.
    """
    own = _before_closing(own_words(text, READ))
    if _may_ask(subject + own) and any(_asks(sentence) for sentence in _sentences(subject, own)):
        return CallWish(_number(own, region, ours) or _number(own_words(text, READ), region, ours, labelled=True))
    if to_us and len(own.split()) <= BARE_WORDS and (number := _number(own, region, ours)):
        return CallWish(number)
    return None


def _sentences(subject: str, own: str) -> Iterator[str]:
    yield re.sub(r"^\s*(?:\w{1,4}\s*:\s*)+", "", subject)
    parted = re.sub(rf"(?m)^(.{{1,{_SHORT_LINE}}})\n(?=[A-ZÄÖÜÆØÅ])", "\\1\v", own)
    for sentence in _SENTENCES.split(parted):
        yield " ".join(sentence[:LONGEST].split())


def _asks(sentence: str) -> bool:
    """A request that no refusal, report or question of why runs into."""
    if not _may_ask(sentence) or _NAMED.search(sentence):
        return False
    sentence = _SOFTENED.sub(r"\1 \2", sentence)
    return any(hint.search(sentence) and _stands(wish, none, sentence) for hint, wish, none in _LANGUAGES)


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


def _number(own: str, region: str | None, ours: frozenset[str], *, labelled: bool = False) -> str | None:
    """The first number that can be rung. labelled: only one that is called a telephone number, as in a signature."""
    for found in PhoneNumberMatcher(own, region, Leniency.VALID, max_tries=50):
        e164 = phonenumbers.format_number(found.number, PhoneNumberFormat.E164)
        before = own[max(0, found.start - 30) : found.start]
        plain = not labelled and found.raw_string.strip()[:1] in "+0("
        if e164 in ours or _NO_NUMBER.search(before) or not (plain or _LABEL.search(before)):
            continue
        return e164
    return None
