"""How `check` and a reload look at an operator's `templates/`: what cannot be filled in, and what sounds wrong.

Every finding names file and line. Errors refuse the configuration, so that it is not `run` that finds them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from commsd.channels.mail.ack import AckFacts, OwedCall, render
from commsd.channels.mail.dates import PhoneHours
from commsd.channels.mail.paper_texts import complaints_of_paper
from commsd.channels.mail.texts import Complaint, Texts, complaints_of, over_shipped, texts_of
from commsd.channels.mail.tone import faults
from commsd.config.position import Place
from commsd.config.read import Findings, Table, parse
from commsd.core.contact import Wishes

FOLDER, PAPER = "templates", "letter"
LEAST, MOST, MOST_UNPROMISED = 60, 110, 59
"""Words of a letter; the last: where nothing is promised, or few words are wished."""

_TUESDAY = datetime(2026, 3, 10, 9, 17, tzinfo=UTC)
_SAMPLE = AckFacts(
    message_id="sample@example.com",
    address="support@example.com",
    service_name="Example Ltd",
    recipient="jane.clarke@customer.example",
    customer_name="Jane Clarke",
    language="en",
    original_id=None,
    subject="2041",
    received_at=_TUESDAY,
    promised_at=_TUESDAY + timedelta(hours=4),
    person="Anna Berg",
    person_phone="+493023125011",
    phone_hours=(PhoneHours(weekday_from=0, weekday_to=4, windows=((time(9), time(17)),)),),
    customer_tz=ZoneInfo("Europe/Berlin"),
    service_tz=ZoneInfo("Europe/Berlin"),
    in_hours=True,
    call_me_url="https://contact.example.com/c/sample",
    date_at=_TUESDAY,
)
_CLOSED: dict[str, Any] = {"in_hours": False, "opens_at": _TUESDAY + timedelta(days=1)}


def judge_texts(folder: Path, findings: Findings) -> None:
    """Notes all that is wrong with the texts in the configuration's `templates/`."""
    own = folder / FOLDER
    for path in _files(own):
        table = _read(path, findings)
        if table is not None:
            _judge(path.stem, table)
    for path in _files(own / PAPER):
        table = _read(path, findings)
        if table is not None:
            _judge_paper(path.stem, table)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.toml")) if folder.is_dir() else []


def _read(path: Path, findings: Findings) -> Table | None:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        findings.error(Place(str(path)), f"cannot be read: {error.strerror}", "let this user read it")
        return None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        findings.error(Place(str(path), line), "this is not UTF-8 text", "store the file as UTF-8")
        return None
    before = len(findings.errors)
    table = parse(text, str(path), findings)
    return table if len(findings.errors) == before else None


def _judge(language: str, table: Table) -> None:
    try:
        tables = over_shipped(language, table.contents)
        complaints = list(complaints_of(tables))
    except ValueError as error:
        table.error(None, str(error), "write it as the shipped en.toml does")
        return
    _complain(table, complaints)
    if not complaints:
        _judge_tone(language, table, ("ack", "call_me"))
        _judge_length(language, table, texts_of({language: tables}))


def _judge_paper(language: str, table: Table) -> None:
    """What is said of letters and faxes, by mail and on the printed page."""
    complaints = list(complaints_of_paper(table.contents))
    _complain(table, complaints)
    if not complaints:
        _judge_tone(language, table, ("mail", "printed"))


def _complain(table: Table, complaints: Sequence[Complaint]) -> None:
    for complaint in complaints:
        inner = _within(table, complaint.table)
        remedy = "write it as the shipped en.toml does, which names every text and all that it fills in"
        inner.error(complaint.key, str(complaint), remedy)


def _judge_tone(language: str, table: Table, names: Sequence[str]) -> None:
    """names: of the tables that hold sentences."""
    for register, inner in _sentences(table, names):
        for key, text in inner.contents.items():
            for fault in faults(text, language, register) if isinstance(text, str) else ():
                note = inner.error if fault.severe else inner.warn
                note(key, f"[{inner.path}] {key} {fault.what}", fault.remedy)


def _sentences(table: Table, names: Sequence[str]) -> Iterator[tuple[str, Table]]:
    """The tables of sentences in a file, with their register."""
    for name in names:
        if table.has(name):
            yield "", table.table(name)
    registers = table.table("register") if table.has("register") else None
    for register in registers.contents if registers else ():
        inner = registers.table(register) if registers else table
        yield from ((register, inner.table(name)) for name in names if inner.has(name))


def _judge_length(language: str, table: Table, texts: Texts) -> None:
    """Whole letters, as a customer would get them."""
    for register, situation, facts, least, most in _letters(language, texts):
        words = len(render(facts, texts).text.split())
        if not least <= words <= most:
            where = _within(table, f"register.{register}.ack" if register else "ack")
            what = f"the letter {situation} has {words} words"
            where.warn(
                None,
                f"[{where.path}] {what}",
                f"make it {least} to {most} words" if least else f"keep it under {most + 1}",
            )


def _letters(language: str, texts: Texts) -> Iterator[tuple[str, str, AckFacts, int, int]]:
    unpromised: dict[str, Any] = {"promised_at": None}
    call = OwedCall(_TUESDAY + timedelta(hours=2), "+442079460018")
    situations: dict[str, tuple[dict[str, Any], int, int]] = {
        "in opening hours": ({}, LEAST, MOST),
        "out of opening hours": (_CLOSED, LEAST, MOST),
        "on a holiday": ({**_CLOSED, "holiday": "Good Friday"}, LEAST, MOST),
        "to somebody who asks for a call": ({"call": call}, LEAST, MOST),
        "to somebody who likes few words": ({"wishes": Wishes(brief=True)}, 0, MOST_UNPROMISED),
        "to somebody who wants calls alone": ({"wishes": Wishes(call_only=True), "call": call}, 0, MOST),
        "that promises nothing": (unpromised, 0, MOST_UNPROMISED),
        "that promises nothing, out of opening hours": ({**unpromised, **_CLOSED}, 0, MOST_UNPROMISED),
    }
    for register in (register for known, register in texts.wordings if known == language):
        for situation, (changed, least, most) in situations.items():
            facts = replace(_SAMPLE, language=language, address_as=register or None, **changed)
            yield register, situation, facts, least, most


def _within(table: Table, dotted: str) -> Table:
    """The inner table where it stands in the file, else the nearest around it."""
    for name in dotted.split("."):
        if not isinstance(table.contents.get(name), dict):
            return table
        table = table.table(name)
    return table
