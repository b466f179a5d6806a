"""What callers hear keeps the rules of tone, in every language; a prompt that breaks one is named."""

from dataclasses import replace
from typing import Any

import pytest

from commsd.channels.phone.prompt_lint import faults, judge_prompts
from commsd.channels.phone.prompts import LANGUAGES
from commsd.channels.phone.prompts.danish import DANISH_FORMAL
from commsd.channels.phone.prompts.english import ENGLISH
from commsd.config.read import Findings


def test_the_shipped_prompts_pass() -> None:
    findings = Findings()
    judge_prompts(findings)
    assert findings.all == ()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_is_looked_at(language: str) -> None:
    shouting = replace(LANGUAGES[language], goodbye="!")
    assert list(faults(language, "", shouting)) == [("goodbye", "has an exclamation mark")]


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"sorry": "Unfortunately nobody is free."}, 'says "Unfortunately"'),
        ({"thanks": "Wait: your call is important to us."}, 'says "your call is important"'),
        ({"noted": "I have noted your call."}, 'says "I"'),
        ({"menu": "Press one. Press two. Press three."}, "more than 2 keys"),
        ({"record": "word " * 61}, "61 words"),
        ({"read_back": "You have given us a number."}, "lacks {digits}"),
        ({"goodbye": "Goodbye {name}."}, "{name} is not known here"),
    ],
)
def test_a_prompt_that_breaks_a_rule_is_named(changed: dict[str, Any], what: str) -> None:
    found = list(faults("en", "", replace(ENGLISH, **changed)))
    assert [(name, what in said) for name, said in found] == [(next(iter(changed)), True)]


def test_the_two_danish_forms_are_not_mixed() -> None:
    assert list(faults("da", "de", replace(DANISH_FORMAL, goodbye="Farvel til dig."))) != []
    assert list(faults("da", "", replace(LANGUAGES["da"], goodbye="Farvel til Dem."))) != []
