"""The exchange reads TwiML no more generously than Twilio does."""

import json
from pathlib import Path

import pytest

from commsd.demo.twiml_reader import KNOWN, Dial, Gather, Pause, Say, TwimlError, read


def test_it_knows_no_verb_child_or_attribute_that_twilio_does_not(shared: Path) -> None:
    table = json.loads((shared / "twilio/twiml/twiml_nesting.json").read_text())["voice"]
    for name, (attributes, children) in KNOWN.items():
        if name != "Response":
            assert attributes <= set(table[name]["attributes"]), name
            assert children <= set(table[name]["children"]), name
        assert children <= KNOWN.keys() <= table.keys() | {"Response"}


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("<Response><Say>", 12100),
        ("<Answer/>", 12200),
        ("<Response><Number>+49</Number></Response>", 12200),
        ("<Response><Say colour='red'>x</Say></Response>", 12200),
        ("<Response><Gather><Dial>+49</Dial></Gather></Response>", 12200),
        ("<Response><Dial/></Response>", 12200),
        (f"<Response><Dial>{'<Number>+49</Number>' * 11}</Dial></Response>", 12200),
        ("<Response><Pause length='long'/></Response>", 12200),
    ],
)
def test_what_twilio_refuses_is_refused(document: str, code: int) -> None:
    with pytest.raises(TwimlError) as refused:
        read(document)
    assert refused.value.code == code


def test_attributes_that_are_not_given_have_twilios_defaults() -> None:
    dial, gather, pause = read("<Response><Dial>+49</Dial><Gather/><Pause/></Response>")
    assert isinstance(dial, Dial)
    assert isinstance(gather, Gather)
    assert (dial.timeout, dial.answer_on_bridge, dial.sequential, dial.action) == (30, False, False, None)
    assert (gather.timeout, gather.finish_on_key, gather.on_empty) == (5, "#", False)
    assert pause == Pause(1)


def test_a_client_is_dialled_by_its_identity_and_a_sentence_keeps_its_words() -> None:
    dial, say = read(
        "<Response><Dial><Client><Identity>anna</Identity></Client></Dial><Say>one\n two &amp; three</Say></Response>"
    )
    assert isinstance(dial, Dial)
    assert [noun.target for noun in dial.nouns] == ["client:anna"]
    assert say == Say("one two & three")
