"""`check` finds what is wrong with an operator's texts, by file, line and key, before anybody is written to."""

from importlib import resources
from pathlib import Path

import pytest

from commsd.channels.mail.text_check import judge_texts
from commsd.channels.mail.texts import complaints_of, over_shipped
from commsd.channels.mail.tone import faults
from commsd.config.read import Finding, Findings, Severity

LANGUAGES = ("en", "de", "da", "id")


def judged(folder: Path, text: str, language: str = "en", below: str = "templates") -> tuple[Finding, ...]:
    (folder / below).mkdir(parents=True, exist_ok=True)
    (folder / below / f"{language}.toml").write_text(text)
    findings = Findings()
    judge_texts(folder, findings)
    return findings.all


@pytest.mark.parametrize(
    ("language", "text", "what"),
    [
        ("en", '[ack]\nadd = "Thank you!"', "exclamation mark"),
        ("en", '[ack]\nadd = "We will be back shortly."', 'says "shortly"'),
        ("en", '[ack]\nadd = "Your ticket is open."', 'says "ticket"'),
        ("en", '[ack]\nadd = "Unfortunately we are busy."', 'says "Unfortunately"'),
        ("en", '[ack]\nadd = "Your complaint is noted."', 'says "Your complaint"'),
        ("en", '[ack]\nadd = "Have a nice weekend."', 'says "nice weekend"'),
        ("en", '[ack]\nadd = "Simply REPLY to this."', '"REPLY" shouts'),
        ("de", '[ack]\nadd = "Wir antworten zeitnah."', 'says "zeitnah"'),
        ("de", '[ack]\nadd = "Schreib uns, wenn du noch etwas hast."', 'says "du"'),
        ("da", '[ack]\nadd = "Vi svarer snarest."', 'says "snarest"'),
        ("da", '[ack]\nadd = "Hvis De har mere, så svar."', 'says "De"'),
        ("da", '[register.de.ack]\nadd = "Har du mere, så svar."', 'says "du"'),
        ("id", '[ack]\nadd = "Kami akan segera membalas."', 'says "segera"'),
        ("id", '[ack]\nadd = "Kirim kabar kepada kamu."', 'says "kamu"'),
        ("en", '[call_me]\nintro = "We ring you soon!"', "exclamation mark"),
    ],
)
def test_what_sounds_wrong_is_a_warning_at_its_line(language: str, text: str, what: str, tmp_path: Path) -> None:
    found = [each for each in judged(tmp_path, text, language) if what in each.what]
    assert [each.severity for each in found] == [Severity.WARNING]
    assert (found[0].place.file, found[0].place.line) == (str(tmp_path / "templates" / f"{language}.toml"), 2)
    assert found[0].remedy


@pytest.mark.parametrize(
    ("language", "text", "what", "line"),
    [
        ("en", '[ack]\n\ngreeting = "Hello {nam},"', "{nam} is not known here", 3),
        ("en", '[ack]\nopen_time = "It came in {received}."', "lacks {promised}", 2),
        ("en", '[ack]\nphone = "Just ring us."', "lacks {phone}", 2),
        ("en", '[ack]\nlink_after = "Or pick a time."', "lacks {url}", 2),
        ("en", '[call_me]\ndone_time = "We will ring."', "lacks {called}", 2),
        ("en", '[ack]\nadd = "Please do not reply to this message."', 'says "do not reply"', 2),
        ("de", '[ack]\nadd = "Bitte nicht antworten."', 'says "nicht antworten"', 2),
        ("en", '[ack]\ngreting = "x"', "did you mean `greeting`?", 2),
        ("nl", '[ack]\ngreeting = "Beste {name},"', "[ack] lacks `subject`", 1),
        ("en", "[ack", "this is not TOML", 1),
        ("en", "ack = 7", "must be a table", 1),
    ],
)
def test_what_cannot_stand_is_an_error_at_its_line(
    language: str, text: str, what: str, line: int, tmp_path: Path
) -> None:
    found = [each for each in judged(tmp_path, text, language) if what in each.what]
    assert [(each.severity, each.place.line) for each in found] == [(Severity.ERROR, line)]


def test_a_letter_that_grew_too_long_is_told_with_its_words(tmp_path: Path) -> None:
    found = judged(tmp_path, f'[ack]\nadd = "{"word " * 60}"')
    long = [each for each in found if "the letter in opening hours has" in each.what]
    assert ["60 to 110" in each.remedy for each in long] == [True]


def test_a_good_text_is_left_alone(tmp_path: Path) -> None:
    assert judged(tmp_path, '[ack]\ngreeting = "Good day {name},"\n') == ()


@pytest.mark.parametrize(
    ("language", "text", "what"),
    [
        ("en", '[printed]\nwrite = "Write to {address}!"', "exclamation mark"),
        ("en", '[mail]\nopen = "Your letter of {received} will be read shortly."', 'says "shortly"'),
        ("de", '[printed]\nclosing = "Leider nur kurz"', 'says "Leider"'),
        ("de", '[mail]\nsubject_alone = "Dein {paper} ist da"', 'says "Dein"'),
        ("da", '[register.de.printed]\nwrite_by_post = "Har du mere, så skriv."', 'says "du"'),
        ("id", '[printed]\nclosing = "Salam untuk kamu"', 'says "kamu"'),
    ],
)
def test_what_sounds_wrong_on_paper_is_a_warning_at_its_line(
    language: str, text: str, what: str, tmp_path: Path
) -> None:
    found = judged(tmp_path, text, language, "templates/letter")
    assert [(each.severity, each.place.line) for each in found if what in each.what] == [(Severity.WARNING, 2)]
    assert {each.place.file for each in found} == {str(tmp_path / "templates" / "letter" / f"{language}.toml")}


@pytest.mark.parametrize(
    ("text", "what", "line"),
    [
        ('[printed]\nwrite = "Write to {adress}."', "{adress} is not known here", 2),
        ('[printed]\nopening_time = "It reached us {received}."', "lacks {promised}, which the reader needs", 2),
        ('[printed]\ngreting = "Hello,"', "there is no such text", 2),
        ('[printed]\nwrite_by_post = "Do not reply, please."', 'says "Do not reply"', 2),
        ('[prnted]\nus = "us"', "[prnted] there is no such table", 1),
        ("mail = 7", "there is no such table", 1),
        ('[words.letter]\npapr = "letter"', "there is no such text", 2),
        ('[words.telex]\npaper = "telex"', "there is no such table", 1),
        ("register = 7", "write [register.NAME.mail]", 1),
    ],
)
def test_what_cannot_stand_on_paper_is_an_error_at_its_line(text: str, what: str, line: int, tmp_path: Path) -> None:
    found = [each for each in judged(tmp_path, text, below="templates/letter") if what in each.what]
    assert [(each.severity, each.place.line) for each in found] == [(Severity.ERROR, line)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_shipped_texts_on_paper_pass_their_own_rules(language: str, tmp_path: Path) -> None:
    shipped = resources.files("commsd.channels.mail") / "templates" / "letter" / f"{language}.toml"
    assert judged(tmp_path, shipped.read_text("utf-8"), language, "templates/letter") == ()


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "en.toml").write_bytes(b'[ack]\nadd = "\xff"\n')
    findings = Findings()
    judge_texts(tmp_path, findings)
    assert [(each.what, each.place.line) for each in findings.all] == [("this is not UTF-8 text", 2)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_shipped_texts_pass_their_own_rules(language: str) -> None:
    tables = over_shipped(language, {})
    assert list(complaints_of(tables)) == []
    for name, register in (("ack", ""), ("call_me", "")):
        for key, text in tables[name].items():
            assert list(faults(text, language, register)) == [], key
    for register, change in tables.get("register", {}).items():
        for table in change.values():
            for key, text in table.items():
                assert list(faults(text, language, register)) == [], key
