"""Real mail nobody here wrote: no machine is answered, and people are. Reads the shared corpus, copies nothing."""

import csv
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from commsd.channels.mail.message import Message, decode
from commsd.channels.mail.suppression import SUPPRESSIONS, Us, why_silent
from tests.channels.mail.written import ARRIVED

# As the corpus asks: own-address rule off, no history, no trusted Authentication-Results.
US = Us(key=b"k" * 32)


class Judged(NamedTuple):
    path: str
    expected: str
    reason: str | None


@pytest.fixture(scope="module")
def judged(shared: Path) -> list[Judged]:
    folder = shared / "corpus" / "mail"
    with (folder / "expected.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    return [Judged(row["path"], row["expected"], why_silent(_read(folder / row["path"]), US).reason) for row in rows]


def _read(path: Path) -> Message:
    return decode(path.read_bytes(), folder_date=ARRIVED)


def test_every_mail_ends_in_a_decision_with_a_known_reason(judged: list[Judged]) -> None:
    assert len(judged) > 700
    assert {each.reason for each in judged} <= {None, *(rule.reason for rule in SUPPRESSIONS)}


def test_no_machine_is_acknowledged(judged: list[Judged]) -> None:
    assert [each.path for each in judged if each.expected == "no-ack" and each.reason is None] == []


def test_people_are_acknowledged(judged: list[Judged]) -> None:
    people = [each for each in judged if each.expected == "ack"]
    missed = [each for each in people if each.reason is not None]
    assert len(missed) <= len(people) // 100, missed


def test_most_rules_have_met_real_mail(judged: list[Judged]) -> None:
    met = Counter(each.reason for each in judged)
    assert {"null-return-path", "report", "auto-submitted", "precedence", "list", "robot-sender"} <= met.keys()
