"""What `explain` says of one interaction: why an answer counted for its case, and what was in doubt."""

from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest

from commsd.channels.mail.suppression import SUPPRESSIONS
from commsd.cli.why_silent import SENTENCES
from commsd.cli.why_text import interaction_lines
from commsd.core.interaction import CaseCause, Direction, Interaction, Kind, Party, Role
from commsd.core.rate_limit import DAMPING
from tests.core.items import Books, answer_to


def told(**fields: Any) -> str:
    fact = answer_to(case_id="c-1", **fields)(Books())
    return "\n".join(interaction_lines(fact, UTC))


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (CaseCause.REFERENCE, "because of: reference, it refers to a mail in it"),
        (CaseCause.SUBJECT, "because of: subject, same person, same subject"),
        (CaseCause.NEW, "because of: new, nothing said that it belongs to another"),
        (CaseCause.CALLBACK, "because of: callback"),
    ],
)
def test_i14_why_an_answer_counted_for_its_case_is_said(cause: CaseCause, words: str) -> None:
    assert f"in case c-1 {words}" in told(case_cause=cause)
    assert "ambiguous" not in told(case_cause=cause)


def test_every_reason_for_silence_has_its_sentence() -> None:
    recorded = {*(rule.reason for rule in SUPPRESSIONS), *(word.removeprefix("no-ack:") for word in DAMPING)}
    others = {"too-old", "duplicate", "in-conversation", "observe", "log", "unparsable", "no-sender"}
    assert recorded | others == set(SENTENCES)


def test_a_silent_mail_says_in_a_sentence_why_and_who_wrote() -> None:
    robot = (Party(Role.FROM, "news@shop.example", "The Shop"),)
    fact: Interaction = replace(answer_to()(Books()), direction=Direction.INBOUND, reason="no-ack:list", parties=robot)
    said = "\n".join(interaction_lines(fact, UTC))
    assert "no acknowledgement: no-ack:list, it came through a mailing list" in said
    assert "written by The Shop <news@shop.example>" in said


def test_i14_a_guess_is_called_one() -> None:
    assert "ambiguous: another case would fit as well" in told(case_cause=CaseCause.SUBJECT, ambiguous=True)
    assert "ambiguous: perhaps it answers another case" in told(case_cause=CaseCause.NEW, ambiguous=True)


def test_i14_what_answered_nobody_says_why() -> None:
    passed = told(kind=Kind.NOTE, direction=Direction.INTERNAL, reason="passed-on", case_cause=CaseCause.REFERENCE)
    assert "passed on to others than the customer, so it answers nobody" in passed


def test_a_mail_that_belongs_nowhere_says_what_to_do() -> None:
    fact: Interaction = answer_to(ambiguous=True)(Books())
    assert "ambiguous: nothing says whose it is" in "\n".join(interaction_lines(fact, UTC))
