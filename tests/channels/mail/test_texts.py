"""The texts an operator brings: one line, or a whole language; what cannot be filled in is refused at the start."""

import re
import sys
from pathlib import Path

import pytest

from commsd.channels.mail.ack import render
from commsd.channels.mail.texts import load_texts
from commsd.errors import ConfigError
from tests.channels.mail.ack_facts import FACTS, facts, text


def test_an_operators_text_replaces_one_line_only(tmp_path: Path) -> None:
    (tmp_path / "en.toml").write_text('[ack]\ngreeting = "Hello {name},"\n')
    made = render(FACTS, load_texts(tmp_path)).text
    assert made == text().replace("Dear Jane", "Hello Jane")


def test_an_operator_may_bring_another_language(tmp_path: Path) -> None:
    shipped = Path(sys.modules["commsd.channels.mail.texts"].__file__ or "").parent / "templates" / "en.toml"
    (tmp_path / "nl.toml").write_text(shipped.read_text().replace("Dear {name}", "Beste {name}"))
    texts = load_texts(tmp_path)
    assert "nl" in texts.languages
    assert render(facts(language="nl"), texts).text.startswith("Beste Jane Clarke,")


def test_a_language_without_texts_is_answered_in_english() -> None:
    assert text(language="fr") == text()


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ('[ack]\ngreting = "x"', "did you mean `greeting`?"),
        ('[ack]\ngreeting = "Hello {nam},"', "{nam} is not known here"),
        ('[ack]\ngreeting = "Hello {name.__class__},"', "{name.__class__} is not known here"),
        ('[ack]\ngreeting = "Hello {name!r},"', "{name!r} is not known here"),
        ('[ack]\ngreeting = "Hello {name"', "a brace without its pair"),
        ("[ack]\ngreeting = 7", "write it as in en.toml"),
        ('[dates]\nweekdays = ["Mon"]', "write it as in en.toml"),
        ("[ack", "en.toml"),
        ("ack = 7", "en.toml"),
        ('[register.x.ack]\ngreting = "x"', "[register.x.ack] greting"),
    ],
)
def test_a_text_that_cannot_be_filled_in_is_refused_with_its_place(wrong: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "en.toml").write_text(wrong)
    with pytest.raises(ConfigError, match=re.escape(complaint)):
        load_texts(tmp_path)


def test_a_new_language_must_be_whole(tmp_path: Path) -> None:
    (tmp_path / "nl.toml").write_text('[ack]\ngreeting = "Beste {name},"\n')
    with pytest.raises(ConfigError, match=r"\[ack\] lacks `subject`"):
        load_texts(tmp_path)
