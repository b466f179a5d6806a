import tomllib
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commsd.config.position import Mark, read_toml
from commsd.config.read import Table, parse
from commsd.config.unit import COUNT, DURATION, LISTEN, RATE, SPAN, ZONE, Form


def found(table: Table) -> list[str]:
    return [str(finding) for finding in table.findings.all]


def read(text: str, key: str, form: Form[Any]) -> list[str]:
    table = parse(text, "config/commsd.toml")
    table.read(key, form)
    return found(table)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("50ms", timedelta(milliseconds=50)),
        ("30s", timedelta(seconds=30)),
        ("1h30m", timedelta(minutes=90)),
        ("7d", timedelta(days=7)),
        ("0s", timedelta(0)),
    ],
)
def test_a_duration_is_a_number_and_a_unit(written: str, meant: timedelta) -> None:
    assert parse(f'poll = "{written}"', "f").read("poll", DURATION) == meant


@pytest.mark.parametrize("written", ['"5 minuts"', "30", '"30"', '"-5m"', '""', '"1w"', '"999999999d999999999d"', "[]"])
def test_anything_else_is_no_duration(written: str) -> None:
    table = parse(f"poll = {written}", "f")
    assert table.read("poll", DURATION) == timedelta(0)
    assert len(table.findings.errors) == 1


def test_a_mistake_has_its_place_what_stands_there_and_what_to_write() -> None:
    assert read('[a]\nb = 1\n[c]\n[d]\n\n  poll = "5 minuts"', "d", DURATION) == [
        'config/commsd.toml:4:2: d = { … } is not a duration\n  write a number and a unit, such as "30s"'
    ]
    table = parse('[mailbox]\n  poll   = "5 minuts"', "config/commsd.toml").table("mailbox")
    table.read("poll", DURATION)
    assert found(table) == [
        'config/commsd.toml:2:12: poll = "5 minuts" is not a duration\n  write a number and a unit, such as "30s"'
    ]


def test_a_bare_number_has_no_hidden_unit() -> None:
    assert read("poll = 30", "poll", DURATION) == [
        'config/commsd.toml:1:8: poll = 30 is not a duration\n  write a number and a unit, such as "30s"'
    ]


def test_columns_count_characters_also_after_letters_of_several_bytes() -> None:
    table = parse('name = { "ä" = "ö", poll = "x" }', "f").table("name")
    table.read("poll", DURATION)
    assert found(table)[0].startswith("f:1:28: ")


def test_an_unknown_key_is_told_with_its_nearest_neighbour() -> None:
    table = parse('[mailbox.support]\nadress = "x"', "f")
    mailbox = table.tables("mailbox")["support"]
    mailbox.read("address", DURATION, "1s")
    table.done()
    assert found(table) == [
        'f:2:1: unknown key "adress" in [mailbox.support]\n  did you mean "address"? known here: address'
    ]


def test_what_was_read_is_known_also_in_tables_within() -> None:
    table = parse("a = { b = { c = 1, d = 2 } }", "f")
    table.table("a").table("b").read("c", COUNT)
    table.done()
    assert [finding.what for finding in table.findings.all] == ['unknown key "d" in [a.b]']


def test_all_mistakes_are_told_in_the_order_of_their_places() -> None:
    table = parse('a = 1\nb = "x"\nc = 2', "f")
    for key in ("c", "b", "a"):
        table.read(key, RATE)
    assert [finding.place.line for finding in table.findings.all] == [1, 2, 3]


def test_a_missing_key_is_told_at_the_head_of_its_table() -> None:
    table = parse("\n[service]", "f")
    table.table("service").text("name")
    assert found(table) == ['f:2:2: name is missing in [service]\n  write text in quotes, such as "support"']


@pytest.mark.parametrize(
    "value", ['"hunter2"', '["hunter2"]', '{ credential = "x", file = "hunter2" }', "4711", '{ passwort = "hunter2" }']
)
def test_a_secret_written_out_is_refused_and_never_shown(value: str) -> None:
    table = parse(f"password = {value}", "f")
    assert table.secret("password") is None
    assert len(table.findings.errors) == 1
    assert "credential" in found(table)[0]
    assert "hunter2" not in found(table)[0]
    assert "4711" not in found(table)[0]


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (ZONE, "Europe/Berln"),
        (LISTEN, "127.0.0.1"),
        (LISTEN, "127.0.0.1:99999"),
        (SPAN, "2026-07-06..2026-02-30"),
        (RATE, "0/h"),
    ],
)
def test_what_cannot_be_is_refused(form: Form[Any], text: str) -> None:
    assert len(read(f'k = "{text}"', "k", form)) == 1


def test_a_zone_nobody_knows_is_told_with_the_one_that_was_meant() -> None:
    assert 'did you mean "Europe/Berlin"?' in read('k = "Europe/Berln"', "k", ZONE)[0]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a = ", "f:1:5"),
        ("a = 1\na = 2", "f:2:6"),
        ('a = 1\nb = "x', "f:2:7"),
        ("[a]\n[a]", "f:2:3"),
        ("a = [1,\n", "f:2:1"),
    ],
)
def test_what_is_no_toml_is_told_with_its_place(text: str, place: str) -> None:
    table = parse(text, "f")
    assert [str(finding.place) for finding in table.findings.all] == [place]
    assert table.contents == {}


@given(st.text(alphabet=st.characters() | st.sampled_from("[]{}=\"'.,#\n\r \\-:0123456789abctruefals")))
def test_no_text_makes_reading_raise(text: str) -> None:
    table = parse(text, "f")
    try:
        assert table.contents == tomllib.loads(text)
        assert table.findings.all == ()
    except ValueError:
        assert len(table.findings.errors) == 1


def test_neither_does_nesting_nor_a_number_without_end() -> None:
    for text in ("a = " + "[" * 20_000, "a = " + "9" * 5000, "a" + ".a" * 5000 + " = 1", "a = '\ud800'"):
        parse(text, "f")


KEYS = st.sampled_from(["a", "bc", "1", "sent-only", '"q k"', "'ä.b'", '"\\u00e9"'])
SCALARS = st.sampled_from(["1", '"x"', "'''\nlong\n'''", "true", "2026-02-28", "07:30:00", "1.5", '"ä # no comment"'])


@st.composite
def documents(draw: st.DrawFn, depth: int = 2) -> str:
    """A TOML document of tables, dotted keys, arrays and inline tables, oddly laid out."""
    lines = []
    for _ in range(draw(st.integers(0, 4))):
        head = ".".join(draw(st.lists(KEYS, min_size=1, max_size=2)))
        lines.append(draw(st.sampled_from(["[{}]", "[[{}]]", "  [ {} ]  # here"])).format(head))
        for _ in range(draw(st.integers(0, 3))):
            lines.append(
                draw(st.sampled_from(["{} = {}", "  {}={}", "{} = {} # why"])).format(draw(KEYS), value(draw, depth))
            )
    return draw(st.sampled_from(["\n", "\r\n"])).join(lines)


def value(draw: st.DrawFn, depth: int) -> str:
    kind = draw(st.integers(0, 3)) if depth else 0
    if kind == 1:
        return (
            "["
            + draw(st.sampled_from([", ", ",\n  ", ", # because\n"])).join(value(draw, depth - 1) for _ in range(2))
            + "]"
        )
    if kind == 2:
        keys = draw(st.lists(KEYS, max_size=2, unique=True))
        return "{ " + ", ".join(f"{key} = {value(draw, depth - 1)}" for key in keys) + " }"
    return draw(SCALARS)


def values_and_marks(value: Any, mark: Mark) -> list[tuple[Any, Mark]]:
    """Each value with its mark; a KeyError where a key has none."""
    if isinstance(value, dict):
        return [
            pair
            for key, each in value.items()
            for pair in [(each, mark.keys[key]), *values_and_marks(each, mark.keys[key])]
        ]
    if isinstance(value, list):
        return [
            pair
            for each, item in zip(value, mark.items, strict=True)
            for pair in [(each, item), *values_and_marks(each, item)]
        ]
    return []


@given(documents())
def test_every_value_of_a_document_has_the_place_where_it_stands(text: str) -> None:
    try:
        expected = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    values, marks = read_toml(text)
    assert values == expected
    lines = text.split("\n")
    for each, mark in values_and_marks(values, marks):
        at = lines[mark.value.line - 1][mark.value.column - 1 :]
        if isinstance(each, str):
            assert at.startswith(("'", '"'))
        elif isinstance(each, bool):
            assert at.startswith("true")
        elif not isinstance(each, dict | list):
            assert at[0].isdigit()
