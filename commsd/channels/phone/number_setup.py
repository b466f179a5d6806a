"""How a number is set up at Twilio against how it has to be, with the value to set. Pure.

What Twilio says of a number is read in call_list.py; `check --online` and the sweep ask here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from commsd.channels.phone.line import Line, Twilio
from commsd.channels.phone.twiml import RETRY_STATUS, RETRY_TWIML

VOICE, STATUS = "/twilio/voice", "/twilio/call-status"


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberSetup:
    """A number as Twilio has it; docs/phone-numbers/api/incomingphonenumber-resource. "" where nothing is set."""

    sid: str
    number: str
    voice_url: str = ""
    voice_method: str = "POST"
    status_callback: str = ""
    fallback_url: str = ""
    sms_url: str = ""
    application_sid: str = ""
    trunk_sid: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong and the value to set. grave: calls do not reach us so."""

    said: str
    remedy: str
    grave: bool = False


def faults(line: Line, setups: Mapping[str, NumberSetup], twilio: Twilio) -> tuple[Fault, ...]:
    """What is wrong with a line's number, the gravest first. setups: by number.

    Where the call list is polled, what answers a call is none of our business.
    """
    found = setups.get(line.number.e164)
    if found is None:
        remedy = "check `number`, and that account_sid is the account the number belongs to"
        return (Fault("the account at Twilio has no such number", remedy, grave=True),)
    if not twilio.webhooks:
        return ()
    return tuple(_faults(found, (twilio.public_url or "").rstrip("/")))


def reaches_us(setup: NumberSetup, twilio: Twilio) -> bool:
    """Whether Twilio sends the number's calls to us."""
    routed = setup.application_sid or setup.trunk_sid
    return (
        twilio.webhooks and not routed and _bare(setup.voice_url) == f"{(twilio.public_url or '').rstrip('/')}{VOICE}"
    )


def _faults(found: NumberSetup, base: str) -> Iterator[Fault]:
    voice = f"{base}{VOICE}{RETRY_TWIML}"
    routed = found.application_sid or found.trunk_sid
    if routed:
        said = f"Twilio sends its calls to {routed}, and not to us"
        yield Fault(said, f"unlink that from the number, then {_to_set(found, 'voice-url', voice)}", grave=True)
    elif _bare(found.voice_url) != f"{base}{VOICE}":
        said = f"Twilio sends its calls to {_bare(found.voice_url) or 'nowhere'}, and not to us"
        yield Fault(said, _to_set(found, "voice-url", voice), grave=True)
    elif found.voice_method != "POST":
        said = f"Twilio asks for its calls by {found.voice_method}"
        yield Fault(said, _to_set(found, "voice-method", "POST"), grave=True)
    if _bare(found.status_callback) != f"{base}{STATUS}":
        said = "Twilio does not tell us when its calls are over: a missed one is known minutes later"
        yield Fault(said, _to_set(found, "status-callback", f"{base}{STATUS}{RETRY_STATUS}"))
    if not found.fallback_url:
        said = "it has no fallback: while this machine is down, callers hear an error"
        yield Fault(said, f"put what `commsd twiml fallback` prints on another host and {_fallback(found)}")
    elif urlsplit(found.fallback_url).hostname == urlsplit(base).hostname:
        said = "its fallback lies on the host whose failure it is for"
        yield Fault(said, f"put what `commsd twiml fallback` prints on another host and {_fallback(found)}")


def _fallback(found: NumberSetup) -> str:
    return _to_set(found, "voice-fallback-url", "https://ANOTHER-HOST/fallback.xml")


def _to_set(found: NumberSetup, name: str, value: str) -> str:
    return f'run: twilio api:core:incoming-phone-numbers:update --sid {found.sid} --{name} "{value}"'


def _bare(url: str) -> str:
    """Without the overrides, which Twilio keeps to itself."""
    return url.partition("#")[0].rstrip("/")
