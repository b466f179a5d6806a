"""Tables that every reader of CSV reads back as they were, and that no spreadsheet runs."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commsd.crm.csv_form import COLUMNS, PLAIN, heading, lines

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


def _cell(subject: object) -> str:
    (row,) = csv.reader(io.StringIO(lines([{"subject": subject}], ["subject", "channel"]), newline=""))
    return row[0]


@given(TEXT)
def test_rfc4180_every_text_comes_back_with_at_most_an_apostrophe_in_front(text: str) -> None:
    assert _cell(text) in (text, f"'{text}")


@given(st.sampled_from("=+-@\t\r＝＋－＠"), TEXT.filter(lambda text: not text.isdigit()))
def test_no_cell_begins_with_what_a_spreadsheet_would_run(sign: str, text: str) -> None:
    cell = _cell(sign + text)
    assert cell.startswith("'") or cell.lstrip("+-").replace(".", "").isdecimal()


@pytest.mark.parametrize("text", ["+493023125099", "-5", "Jane", "a=b", "1+1", "", "'quoted"])
def test_what_does_nothing_stays_as_it_is(text: str) -> None:
    assert _cell(text) == text


@pytest.mark.parametrize("text", ["=1+1", "+1+1", "-2+3", "@SUM(A1)", " =1", "\t=1", "+49 30 1|calc"])
def test_what_a_spreadsheet_would_run_begins_with_an_apostrophe(text: str) -> None:
    assert _cell(text) == f"'{text}"


def test_a_nul_is_left_out() -> None:
    assert _cell("a\0b") == "ab"


def test_the_headings_are_those_of_the_lines() -> None:
    assert heading(PLAIN) == ",".join(PLAIN) + "\r\n"
    assert set(COLUMNS) - set(PLAIN) == {"person"}
    assert lines([{"partial": True, "ring_ms": 0}], ["partial", "ring_ms", "note"]) == "true,0,\r\n"
