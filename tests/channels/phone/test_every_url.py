"""Every URL that Twilio is handed, in whatever document or order: it says how often it is to be asked again."""

from collections.abc import Iterator
from urllib.parse import parse_qsl, urldefrag, urlsplit
from xml.etree import ElementTree

import pytest

from commsd.channels.phone.dial.dialler import Dialler
from commsd.channels.phone.dial.exchange import Exchange as Attempts
from commsd.channels.phone.line import Dialling
from commsd.channels.phone.rest import Rest
from commsd.core.callback import CloseReason
from commsd.demo.exchange import Caller, Person
from tests.channels.phone.conftest import Phone
from tests.channels.phone.hotline import ANNA, BO, PUBLIC
from tests.channels.phone.test_message import MOBILE, Texts
from tests.channels.phone.test_sms_ack import turn

ASKS = {"rc": "2", "rp": "ct,rt,5xx", "ct": "1500", "rt": "5000"}
TELLS = {"rc": "3", "rp": "ct,rt,5xx", "ct": "2000", "rt": "4000"}
TELLING = frozenset({"leg", "amd", "recording", "status", "message-status"})
"""What Twilio only tells; all else is asked for a document."""


@pytest.fixture
def dialling() -> Dialling:
    return Dialling(machine_detection=True)


def handed_out(phone: Phone) -> Iterator[str]:
    """Each URL of ours in a document that was served, or in a request to Twilio."""
    for served in phone.exchange.requests:
        for element in ElementTree.fromstring(served.body).iter() if served.body else ():
            yield from (value for value in element.attrib.values() if value.startswith(PUBLIC))
    for sent in phone.exchange.rest_requests:
        yield from (value for _, value in sent.form if value.startswith(PUBLIC))


def step(url: str) -> str:
    """The place in the conversation, without its numbers."""
    name = urlsplit(url).path.rpartition("/")[2]
    return name if name in TELLING else name.partition("-")[0]


async def test_w8_every_url_in_documents_orders_and_texts_says_how_it_is_asked_again(phone: Phone) -> None:
    people, texts = phone.exchange.people, Texts(phone)
    people[ANNA] = Person(answers_after=3.0, presses="", talks_for=20.0, voicemail=True)
    await phone.rung(Caller(keys=["2", "03023125088#", "2", "", "3"], says="Hello"), MOBILE)
    await phone.rung(Caller(keys=["3"], says="It is about my boiler."), MOBILE)
    await phone.rung(Caller(keys=["1"], says="My boiler again."), MOBILE)
    await phone.settled()
    await phone.judged()
    await turn(texts)
    assert texts.ours, "a text was sent"
    assert phone.settings.twilio
    people.update({ANNA: Person(answers_after=3, presses=("1", "1")), BO: Person(answers_after=None)})
    people.update(
        {owed.number: Person(answers_after=4, talks_for=30) for owed in await phone.callbacks() if owed.number}
    )
    duty = Dialler(Attempts(phone.settings, phone.means), Rest(phone.settings.twilio))
    while await duty.once():
        for call in list(phone.exchange.calls.values()):
            await phone.exchange.ended(call)
        await phone.settled()
    assert CloseReason.REACHED in {owed.close_reason for owed in await phone.callbacks()}
    given = set(handed_out(phone))
    inbound = {"dial", "offer", "number", "confirm", "message", "whisper", "key", "leg", "recording"}
    dialled = {"agent", "talk", "result", "status", "fallback", "leg", "key", "amd"}
    assert {step(url) for url in given} >= inbound | dialled | {"message-status"}
    for url in given:
        assert dict(parse_qsl(urldefrag(url).fragment)) == (TELLS if step(url) in TELLING else ASKS), url
