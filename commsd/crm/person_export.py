"""All that is kept of a person as a folder: a page to read, the records for programs, the originals byte for byte.

Whoever was merged into them is in it. What others wrote about them is others', and is not.
"""

import asyncio
import html
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection

from commsd.core.record import Json, instant
from commsd.crm.api_reads import ending
from commsd.crm.event import outside
from commsd.errors import NotFound, Refused
from commsd.store import belongings as store
from commsd.store import organisations, query
from commsd.store.belongings import Belongings
from commsd.store.log import Log
from commsd.store.merged import family_of
from commsd.store.originals import original

AT_ONCE = 200
LAST = "index.html"
"""Without it the folder is not whole."""

STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#111;background:#fff}
article{border-top:1px solid #999;padding:.7rem 0}h1{font-size:1.4rem}h2{font-size:1rem;margin:0}p{margin:.2rem 0}
@media(prefers-color-scheme:dark){body{color:#eee;background:#111}a{color:#8cf}}
"""


async def prepared(log: Log, contact_id: str, folder: Path) -> tuple[str, ...]:
    """Make the folder; gives the ids of all who are this person. Nothing of theirs is written yet.

    Raises NotFound, Refused for a folder that holds anything.
    """
    people = await log.read(lambda c: store.known(c, family_of(c, contact_id)))
    if not people:
        raise NotFound("nobody is known by that id", remedy="look for them: commsd contacts show")
    await asyncio.to_thread(_made, folder)
    return people


async def export_person(
    log: Log, people: Sequence[str], folder: Path, zone: tzinfo, now: datetime, tell: Callable[[int, int], None]
) -> Mapping[str, int]:
    """Write into the folder that was prepared for these people; gives how many of each there are."""
    mine = await log.read(lambda c: store.belongings(c, people))
    person = await log.read(lambda c: _person(c, mine))
    facts: list[Json] = []
    originals = 0
    for start in range(0, len(mine.interactions), AT_ONCE):
        some = mine.interactions[start : start + AT_ONCE]
        for fact in await log.read(partial(_facts, ids=some)):
            fact["files"] = [each async for each in _kept(log, fact, folder)]
            originals += len(fact["files"])
            facts.append(fact)
        tell(len(facts), len(mine.interactions))
    facts.sort(key=lambda fact: (fact["occurred_at"], fact["id"]))
    data = {"exported_at": instant(now), **person, "interactions": facts}
    await asyncio.to_thread(_write, folder / "person.json", orjson.dumps(data, option=orjson.OPT_INDENT_2))
    page = "".join(_page(data, zone)).encode()
    await asyncio.to_thread(_write, folder / LAST, page)
    return {"interactions": len(facts), "originals": originals, "cases": len(person["cases"])}


def _made(folder: Path) -> None:
    """For its owner alone."""
    if (folder / "originals").is_dir() and not (folder / LAST).exists():
        raise Refused(f"{folder} holds an export that was broken off", remedy="delete that folder, and begin anew")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Refused(f"{folder} is not empty", remedy="name a folder that is new or empty")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / "originals").mkdir(mode=0o700)


def _write(path: Path, content: bytes) -> None:
    """Under its name it is whole, also where we are killed."""
    part = path.with_name(f"{path.name}.part")
    with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(content)
    part.rename(path)


def _person(connection: Connection, mine: Belongings) -> dict[str, Any]:
    contacts = query.contacts_of(connection, mine.contacts)
    cases = query.cases_of(connection, mine.cases)
    clocks = query.clocks_of(connection, mine.cases)
    calls = (query.callback(connection, each) for each in mine.callbacks)
    theirs = [_whole("contact", contacts[each]) for each in mine.contacts if each in contacts]
    return {
        "contacts": [each | {"organisation_name": _firm(connection, each)} for each in theirs],
        "cases": [_whole("case", row) for row in cases.values()],
        "callbacks": [_whole("callback", row) for row in calls if row],
        "clocks": [_whole("clock", row) for row in clocks],
    }


def _firm(connection: Connection, contact: Json) -> str | None:
    """What the firm they belong to is called; no more of it, for it is not theirs."""
    belongs = contact.get("organisation_id")
    row = organisations.organisation(connection, belongs) if belongs else None
    return row.record["name"] if row else None


def _facts(connection: Connection, ids: Sequence[str]) -> list[Json]:
    rows = (query.interaction(connection, each) for each in ids)
    return [_whole("interaction", row) for row in rows if row]


def _whole(thing: str, row: query.Row) -> Json:
    return outside(thing, row.record, row.personal)


async def _kept(log: Log, fact: Json, folder: Path) -> AsyncIterator[str]:
    """Writes the bytes of one interaction; gives where they lie."""
    stored = [each for each in (fact.get("raw"), *(fact.get("attachments") or ())) if each]
    for number, each in enumerate(stored):
        try:
            content = await original(log, each["sha256"])
        except NotFound:  # past its retention, or a part of the mail that is kept whole
            continue
        name = f"originals/{fact['id']}{f'-{number}' if number else ''}.{ending(each['media_type'])}"
        await asyncio.to_thread(_write, folder / name, content)
        yield name


def _page(data: Mapping[str, Any], zone: tzinfo) -> Iterator[str]:
    """The page, without anything from outside."""
    person = data["contacts"][0]
    name = person["name"] or "somebody without a name"
    yield f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{_text(name)}</title><style>{STYLE}</style>'
    yield f"<h1>Everything kept of {_text(name)}</h1><p>As of {_when(data['exported_at'], zone)}.</p>"
    for contact in data["contacts"]:
        known = ", ".join(f"{each['kind']} {each['value']}" for each in contact["identities"] or ())
        yield f"<p>Contact {_text(contact['id'])}: {_text(known or 'no identities')}</p>"
        said = {word: contact.get(word) for word in ("language", "timezone", "tier", "owner", "stage")}
        said["organisation"] = contact["organisation_name"]
        yield "".join(f"<p>{word}: {_text(value)}</p>" for word, value in said.items() if value)
    for fact in data["interactions"]:
        yield from _entry(fact, zone)


def _entry(fact: Json, zone: tzinfo) -> Iterator[str]:
    how = " · ".join(filter(None, (fact["channel"], fact["kind"], fact["direction"], fact["outcome"])))
    yield f"<article><h2>{_when(fact['occurred_at'], zone)} · {_text(how)}</h2>"
    parties = (f"{each['role']}: {each.get('name') or ''} {each['address']}" for each in fact["parties"] or ())
    detail = fact["detail"] or {}
    said = (*parties, fact["subject"], fact["preview"], detail.get("note"), *(detail.get("questions") or ()))
    yield "".join(f"<p>{_text(each)}</p>" for each in said if each)
    yield "".join(f'<p><a href="{_text(each)}">{_text(each)}</a></p>' for each in fact["files"])
    yield "</article>"


def _when(at: str, zone: tzinfo) -> str:
    return f"{datetime.fromisoformat(at).astimezone(zone):%Y-%m-%d %H:%M %Z}"


def _text(value: object) -> str:
    return html.escape(str(value))
