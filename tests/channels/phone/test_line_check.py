"""What a line's settings forbid each other is said by `check`, with its place, before a caller meets it."""

import json
from pathlib import Path

import pytest

from commsd.channels.phone.line import PhoneSettings
from commsd.channels.phone.voice import VOICES
from tests.config.folder import MAILBOX, MINIMUM, look, write

ANNA = '[agent.anna]\nname = "Anna Berg"\nphone = "+493023125011"\n'
TWILIO = """
[twilio]
account_sid = "AC00000000000000000000000000000000"
auth_tokens = [{ env = "TOKEN" }]
public_url = "https://calls.example.com"
"""
NUMBER = '[line.a]\nnumber = "+493023125010"\n'
LINE = NUMBER + 'tell = ["lead"]\n'


def found(tmp_path: Path, line: str, people: str = ANNA) -> list[tuple[str, str, str]]:
    """Severity, what and remedy of each finding about the line."""
    _, findings = look(write(tmp_path, MINIMUM + MAILBOX + people + TWILIO + LINE + line))
    return [(str(f.severity), f.what, f.remedy) for f in findings if "TOKEN" not in f.what and "PASSWORD" not in f.what]


def test_a8_the_table_of_voices_is_twilios(shared: Path) -> None:
    wanted = json.loads((shared / "twilio/twiml/voices_languages.json").read_text())["wanted"]
    assert {tag.partition("-")[0]: set(each["polly"] + each["google"]) for tag, each in wanted.items()} == VOICES


@pytest.mark.parametrize(
    ("voices", "what"),
    [
        (
            '{ id = "Polly.Vicki" }',
            'voices: "Polly.Vicki" does not speak id at Twilio, and a call would break off there',
        ),
        (
            '{ de = "Polly.Amy-Neural" }',
            'voices: "Polly.Amy-Neural" does not speak de at Twilio, and a call would break off there',
        ),
        ('{ fr = "Polly.Lea" }', 'voices: no texts in "fr"'),
    ],
)
def test_a8_a_voice_that_does_not_speak_the_language_is_refused(tmp_path: Path, voices: str, what: str) -> None:
    ((severity, said, remedy),) = found(tmp_path, f"voices = {voices}\n")
    assert (severity, said) == ("error", what)
    assert remedy


def test_a8_a_voice_that_speaks_the_language_is_taken(tmp_path: Path) -> None:
    text = LINE + 'voices = { de = "Google.de-DE-Wavenet-B", id = "Google.id-ID-Standard-A" }\nsequential = true\n'
    config, findings = look(write(tmp_path, MINIMUM + MAILBOX + ANNA + TWILIO + text))
    assert [f for f in findings if f.severity == "error"] == []
    assert config is not None
    phone = config.settings["phone"]
    assert isinstance(phone, PhoneSettings)
    assert phone.lines["a"].voices == {"de": "Google.de-DE-Wavenet-B", "id": "Google.id-ID-Standard-A"}
    assert phone.lines["a"].sequential


def test_a_telephone_of_ours_that_is_a_line_is_warned_of(tmp_path: Path) -> None:
    looped = ANNA.replace("+493023125011", "+493023125010")
    ((severity, what, _),) = found(tmp_path, "", looped)
    assert severity == "warning"
    assert what == "[agent.anna] has this number as phone: ringing there would come back to this line"


def test_a2_ringing_into_a_voicemail_is_warned_of(tmp_path: Path) -> None:
    ((severity, what, _),) = found(tmp_path, 'rounds = [["anna"]]\nring = "40s"\n')
    assert (severity, what) == (
        "warning",
        "ring is longer than 25s: by then the voicemail of a mobile picks up",
    )
    assert found(tmp_path, 'rounds = [["anna"]]\nring = "25s"\n') == []


def test_a2_a_round_of_more_than_ten_telephones_is_warned_of(tmp_path: Path) -> None:
    many = "".join(f'[agent.a{n}]\nname = "A {n}"\nphone = "+4930231250{n + 20}"\n' for n in range(11))
    names = ", ".join(f'"a{n}"' for n in range(11))
    ((severity, what, _),) = found(tmp_path, f"rounds = [[{names}]]\n", many)
    assert severity == "warning"
    assert "rings 11 telephones" in what


def test_a_round_without_any_telephone_is_warned_of(tmp_path: Path) -> None:
    ((severity, what, _),) = found(tmp_path, 'rounds = [["bo"]]\n', '[agent.bo]\nname = "Bo Lind"\n')
    assert (severity, what) == ("warning", "rounds: nobody of this one has a telephone")


@pytest.mark.parametrize(
    ("line", "warned"),
    [
        ("", True),
        ('team = "silent"\n', True),
        ("rounds = []\ntell = []\n", True),
        ('team = "service"\n', False),
        ('rounds = [["anna"]]\n', False),
        ('tell = ["lead"]\n', False),
    ],
)
def test_a_line_whose_missed_calls_reach_nobody_is_warned_of(tmp_path: Path, line: str, warned: bool) -> None:
    teams = '[team.service]\nmembers = ["anna"]\n[team.silent]\nmembers = ["bo"]\n[agent.bo]\nname = "Bo Lund"\n'
    _, findings = look(write(tmp_path, MINIMUM + MAILBOX + ANNA + teams + TWILIO + NUMBER + line))
    said = [f.what for f in findings if "tells nobody of a missed call" in f.what]
    assert said == ["[line.a] tells nobody of a missed call, and nobody of it has a phone to ring back from"] * warned


def test_an_address_without_tls_is_a_warning_because_callers_words_cross_the_network(tmp_path: Path) -> None:
    plain = TWILIO.replace("https://calls", "http://calls")
    config, findings = look(write(tmp_path, MINIMUM + MAILBOX + ANNA + plain + LINE))
    (said,) = [f for f in findings if "public_url" in f.what]
    assert (str(said.severity), "https" in said.remedy, config is not None) == ("warning", True, True)
