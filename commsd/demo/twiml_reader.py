"""TwiML documents as values, read the way Twilio reads them; what a verb does to a call stands in exchange_leg.py.

Pure. Only verbs, nouns and attributes that commsd may emit are known here; anything else is an error, because a
document that Twilio would take and we would not understand must not pass a test by being ignored.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias
from xml.etree import ElementTree

from commsd.errors import CommsdError

# verb -> (attributes, children); Twilio's pages on TwiML voice verbs, each listing its attributes
KNOWN: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    name: (frozenset(attributes.split()), frozenset(children.split()))
    for name, attributes, children in (
        ("Response", "", "Say Play Pause Gather Record Dial Redirect Hangup Reject"),
        ("Say", "voice language loop", ""),
        ("Play", "loop digits", ""),
        ("Pause", "length", ""),
        (
            "Gather",
            "action method input timeout numDigits finishOnKey actionOnEmptyResult language hints speechTimeout "
            "bargeIn profanityFilter speechModel",
            "Say Play Pause",
        ),
        (
            "Record",
            "action method timeout maxLength finishOnKey playBeep trim recordingStatusCallback "
            "recordingStatusCallbackMethod recordingStatusCallbackEvent transcribe transcribeCallback",
            "",
        ),
        (
            "Dial",
            "action method timeout timeLimit callerId answerOnBridge sequential ringTone hangupOnStar",
            "Number Client Sip",
        ),
        (
            "Number",
            "url method statusCallback statusCallbackMethod statusCallbackEvent sendDigits machineDetection "
            "machineDetectionTimeout amdStatusCallback amdStatusCallbackMethod",
            "",
        ),
        ("Client", "url method statusCallback statusCallbackMethod statusCallbackEvent", "Identity Parameter"),
        ("Identity", "", ""),
        ("Parameter", "name value", ""),
        ("Sip", "url method statusCallback statusCallbackMethod statusCallbackEvent username password", ""),
        ("Redirect", "method", ""),
        ("Hangup", "", ""),
        ("Reject", "reason", ""),
    )
}
MAX_NOUNS = 10  # twilio.com/docs/voice/twiml/number: ten nouns in one Dial
_PARSE_FAILURE, _SCHEMA = 12100, 12200


class TwimlError(CommsdError):
    """Twilio would refuse this document. `code` is its error number (12100 not XML, 12200 not TwiML)."""

    def __init__(self, code: int, what: str) -> None:
        super().__init__(what, remedy="compare the document with Twilio's page on that verb")
        self.code = code


@dataclass(frozen=True, slots=True)
class Say:
    """A sentence that is read out."""

    text: str
    language: str = ""
    voice: str = ""


@dataclass(frozen=True, slots=True)
class Play:
    """A sound that is played."""

    url: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence. As the first verb it does not answer the call."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Gather:
    """Prompts, then digits or speech. `action` None: the document's own URL."""

    prompts: tuple[Say | Play | Pause, ...]
    action: str | None
    method: str
    inputs: frozenset[str]
    timeout: float
    num_digits: int | None
    finish_on_key: str
    on_empty: bool
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A message from the caller. `timeout`: silence that ends it; `action` None: the document's own URL."""

    action: str | None
    method: str
    timeout: float
    max_length: float
    finish_on_key: str
    status_callback: str | None
    events: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Noun:
    """Somebody to ring. kind: number, client, sip. `url`: the whisper he hears before the bridge.

    detects: a machine is listened for, and `amd_callback` told by `amd_method`.
    """

    kind: str
    target: str
    url: str | None
    method: str
    status_callback: str | None
    events: frozenset[str]
    detects: bool = False
    amd_callback: str | None = None
    amd_method: str = "POST"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dial:
    """Rings the nouns, at once or one after the other, and bridges the first that takes it."""

    nouns: tuple[Noun, ...]
    action: str | None
    method: str
    timeout: float
    time_limit: float
    caller_id: str | None
    answer_on_bridge: bool
    sequential: bool


@dataclass(frozen=True, slots=True)
class Redirect:
    """Goes on with another document."""

    url: str
    method: str


@dataclass(frozen=True, slots=True)
class Hangup:
    """Ends the leg that hears it."""


@dataclass(frozen=True, slots=True)
class Reject:
    """Refuses the call unanswered. reason: busy or rejected."""

    reason: str


Verb: TypeAlias = Say | Play | Pause | Gather | Record | Dial | Redirect | Hangup | Reject


def read(document: str | bytes) -> tuple[Verb, ...]:
    """The verbs in order. Raises TwimlError for what Twilio, or this reader, does not take."""
    try:
        root = ElementTree.fromstring(document)
    except ElementTree.ParseError as error:
        raise TwimlError(_PARSE_FAILURE, f"the document is not XML: {error}") from error
    if root.tag != "Response":
        raise TwimlError(_SCHEMA, f"<{root.tag}> stands where <Response> must")
    _check(root)
    return tuple(_verb(element) for element in root)


def _check(element: ElementTree.Element) -> None:
    attributes, children = KNOWN[element.tag]
    if strange := element.attrib.keys() - attributes:
        raise TwimlError(_SCHEMA, f"<{element.tag}> has no attribute {', '.join(sorted(strange))}")
    for child in element:
        if child.tag not in children:
            raise TwimlError(_SCHEMA, f"<{child.tag}> may not stand in <{element.tag}>")
        _check(child)


def _verb(element: ElementTree.Element) -> Verb:
    match element.tag:
        case "Gather":
            return _gather(element)
        case "Record":
            return _record(element)
        case "Dial":
            return _dial(element)
        case "Redirect":
            return Redirect(_text(element), element.get("method", "POST"))
        case "Reject":
            return Reject(element.get("reason", "rejected"))
        case "Hangup":
            return Hangup()
    return _prompt(element)


def _prompt(element: ElementTree.Element) -> Say | Play | Pause:
    match element.tag:
        case "Say":
            return Say(_text(element), element.get("language", ""), element.get("voice", ""))
        case "Play":
            return Play(_text(element))
    return Pause(_seconds(element, "length", 1))


def _gather(element: ElementTree.Element) -> Gather:
    digits = element.get("numDigits")
    return Gather(
        prompts=tuple(_prompt(child) for child in element),
        action=element.get("action"),
        method=element.get("method", "POST"),
        inputs=_words(element, "input", "dtmf"),
        timeout=_seconds(element, "timeout", 5),
        num_digits=int(digits) if digits else None,
        finish_on_key=element.get("finishOnKey", "#"),
        on_empty=_true(element, "actionOnEmptyResult"),
        language=element.get("language", "en-US"),
    )


def _record(element: ElementTree.Element) -> Record:
    return Record(
        action=element.get("action"),
        method=element.get("method", "POST"),
        timeout=_seconds(element, "timeout", 5),
        max_length=_seconds(element, "maxLength", 3600),
        finish_on_key=element.get("finishOnKey", "1234567890*#"),
        status_callback=element.get("recordingStatusCallback"),
        events=_words(element, "recordingStatusCallbackEvent", "completed"),
    )


def _dial(element: ElementTree.Element) -> Dial:
    nouns = tuple(_noun(child) for child in element)
    if not nouns and _text(element):
        nouns = (_noun(element),)
    if not 1 <= len(nouns) <= MAX_NOUNS:
        raise TwimlError(_SCHEMA, f"<Dial> with {len(nouns)} numbers")
    return Dial(
        nouns=nouns,
        action=element.get("action"),
        method=element.get("method", "POST"),
        timeout=_seconds(element, "timeout", 30),
        time_limit=_seconds(element, "timeLimit", 14400),
        caller_id=element.get("callerId"),
        answer_on_bridge=_true(element, "answerOnBridge"),
        sequential=_true(element, "sequential"),
    )


def _noun(element: ElementTree.Element) -> Noun:
    identity = element.find("Identity")
    target = _text(element if identity is None else identity)
    return Noun(
        kind="number" if element.tag == "Dial" else element.tag.lower(),
        target=f"client:{target}" if element.tag == "Client" else target,
        url=element.get("url"),
        method=element.get("method", "POST"),
        status_callback=element.get("statusCallback"),
        events=_words(element, "statusCallbackEvent", "completed"),
        detects=element.get("machineDetection") is not None,
        amd_callback=element.get("amdStatusCallback"),
        amd_method=element.get("amdStatusCallbackMethod", "POST"),
    )


def _text(element: ElementTree.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def _words(element: ElementTree.Element, name: str, default: str) -> frozenset[str]:
    return frozenset(element.get(name, default).split())


def _true(element: ElementTree.Element, name: str) -> bool:
    return element.get(name, "false").lower() == "true"


def _seconds(element: ElementTree.Element, name: str, default: float) -> float:
    text = element.get(name)
    if text is None:
        return default
    try:
        return float(text)
    except ValueError as error:
        raise TwimlError(_SCHEMA, f'<{element.tag} {name}="{text}"> is not a number of seconds') from error
