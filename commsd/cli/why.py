"""`explain`: why this acknowledgement or none, which rule, which clock is due when and what it counted."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import typer
from sqlalchemy import Connection

from commsd.channels.mail.notice import post_of
from commsd.cli.house import House, in_house
from commsd.cli.output import as_json, plain, shown_thing, when
from commsd.cli.place import example, folder
from commsd.cli.why_callback import callback_lines, callback_record
from commsd.cli.why_count import Names
from commsd.cli.why_owed import story_of
from commsd.cli.why_record import case_record
from commsd.cli.why_silent import sentence
from commsd.cli.why_text import FreeDays, Told, case_lines, interaction_lines
from commsd.config.settings import Config
from commsd.core import key
from commsd.core.case import CaseFile
from commsd.core.explain import CaseWhy, ClockWhy, why
from commsd.core.interaction import Delivery, DeliveryState
from commsd.core.ladder import policy_calendar, zone_of
from commsd.core.open_items import OpenItems
from commsd.errors import NotFound
from commsd.sla.notice.post import Post
from commsd.sla.notice.summons import House as Around
from commsd.sla.notice.summons import Summons, summons
from commsd.sla.notice.telling import WINDOW
from commsd.sla.rules.opening import names_of_free_days
from commsd.store import open_items, query
from commsd.store.tellings import notices_of, of_case, told_within

app = typer.Typer()


@app.command(
    epilog=example(
        "commsd explain 0195a1b2-0000-7000-8000-000000000001",
        "commsd explain jane@example.org",
        "commsd explain --mail inbox/*.eml --json",
    )
)
def explain(
    ctx: typer.Context,
    anything: list[str] = typer.Argument(
        metavar="ANYTHING...",
        help="Id of an interaction, case, callback, clock or delivery; Message-ID, CallSid, "
        "address or number. With --mail: files.",
    ),
    mail: bool = typer.Option(
        False,
        "--mail",
        help="Say what would be done with mails from disk; nothing is stored or sent. Addresses are "
        "ours by --config, $COMMSD_CONFIG or /etc/commsd; without them none is.",
    ),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Explain anything: what was decided, and why."""
    if mail:
        _mails(ctx, [Path(name) for name in anything], json)
        return
    if len(anything) > 1:
        raise typer.BadParameter("one thing at a time; files need --mail", param_hint="ANYTHING")

    async def work(house: House) -> None:
        await _explained(house, anything[0].strip(), json)

    in_house(ctx, work)


def _mails(ctx: typer.Context, files: Sequence[Path], json: bool) -> None:
    from commsd.cli.judge import bench_of, judged  # reading mail needs what nothing else here does

    chosen = folder(ctx)
    bench = bench_of(chosen.path if chosen.chosen else None)
    found = [judged(file, bench) for file in files]
    if json:
        as_json([each.record() for each in found])
    else:
        for each in found:
            typer.echo(f"{(each.reason or each.decision).ljust(28)}  {(each.language or '-').ljust(2)}  {each.file}")
            if said := sentence(each.reason):
                typer.echo(f"    {said}")
    if any(each.decision == "error" for each in found):
        raise typer.Exit(1)


async def _explained(house: House, text: str, json: bool) -> None:
    now = house.world.now()
    items, told = await house.log.read(lambda connection: _read(connection, text, now, house))
    files = sorted(items.files.values(), key=lambda file: file.case.active_at)
    named = {fact.id: fact for fact in items.known.values()}
    alone = [fact for fact in named.values() if fact.case_id not in items.files]
    if not (files or alone or items.callbacks or items.deliveries or items.contacts):
        remedy = "give an id, a Message-ID, a CallSid, a mail address or a number with its country code"
        raise NotFound(f"nothing is known of {plain(text, 80)}", remedy=remedy)
    bare = text.strip("<>")
    stories = [await story_of(each, items, house, now) for each in items.callbacks]
    if not json and (asked := next((each for each in stories if each.callback.id == bare), None)):
        _say(callback_lines(asked, now, house.zone))
        return
    cases = [_case(file, told, house, now) for file in files]
    lines = [
        *_people(items),
        *(text for fact in alone for text in interaction_lines(fact, house.zone)),
        *(text for case in cases for text in case.lines),
        *(text for each in stories for text in callback_lines(each, now, house.zone)),
        *_sent(items, house),
    ]
    if json:
        as_json(
            {
                "about": text,
                "why": lines,
                "cases": [case_record(each.why, each.told, each.lines, each.names) for each in cases],
                "callbacks": [{**shown_thing(each.callback), "why": callback_record(each)} for each in stories],
            }
        )
        return
    _say(lines)


def _say(lines: Sequence[str]) -> None:
    for each in lines:
        typer.echo("".join(char if char.isprintable() else " " for char in each))


class _Case(NamedTuple):
    """A case explained: why, who is told by the clock's id, names of free days, and all of it in words."""

    why: CaseWhy
    told: Told
    names: FreeDays
    lines: tuple[str, ...]


class _Spoken(NamedTuple):
    """What was told of the cases. tellings: by case. notices: by telling. lately: to whom, when."""

    tellings: Mapping[str, Sequence[Delivery]]
    notices: Mapping[str, Delivery]
    lately: Mapping[str, Sequence[datetime]]


def _case(file: CaseFile, spoken: _Spoken, house: House, now: datetime) -> _Case:
    versions = house.rules.terms.versions
    found = why(file, versions, now)
    told = {each.record.id: _summoned(each, file, spoken, house, now) for each in found.clocks}
    names = dict(_free_days(found, house))
    return _Case(found, told, names, case_lines(found, told, now, house.zone, names))


def _free_days(found: CaseWhy, house: House) -> Iterator[tuple[tuple[str, str], Names]]:
    """What free days are called, by version and calendar; by the list of holidays as it is today."""
    files = {each.version.id: each.files for each in house.rules.stored}
    years: dict[tuple[str, str], set[int]] = {}
    for each in found.clocks:
        listed = {odd.day.year for odd in each.odd if odd.listed}
        years.setdefault((each.value.rules_version, each.value.calendar), set()).update(listed)
    for (version, calendar), wanted in years.items():
        if wanted:
            country = house.config.firm.country
            yield (version, calendar), names_of_free_days(files.get(version, {}), country, calendar, wanted)


def _summoned(clock: ClockWhy, file: CaseFile, spoken: _Spoken, house: House, now: datetime) -> tuple[Summons, ...]:
    versions = house.rules.terms.versions
    version = next((known for known in versions if known.id == clock.value.rules_version), None)
    around = Around(
        firm=house.config.firm,
        post=_post(house.config),
        now=now,
        office=policy_calendar(clock.record, versions, zone_of(file)),
        calendars=version.calendars if version else {},
        notices=spoken.notices,
        lately=spoken.lately,
    )
    return summons(clock.rungs, clock.record, file.case, spoken.tellings.get(file.case.id, ()), around)


def _post(config: Config) -> Post:
    """Who is told, as in the daemon; nothing is sent from here."""
    mail = config.settings.get("mail")
    return post_of(mail.mailboxes if mail else {}, config.notices.mailbox, config.alarms.tell, config.firm, b"")


def _read(connection: Connection, text: str, now: datetime, house: House) -> tuple[OpenItems, _Spoken]:
    items = _named(connection, text, now, house)
    told = {case_id: of_case(connection, case_id) for case_id in items.files}
    every = [each for case in told.values() for each in case]
    waiting = sorted({each.recipient for each in every if each.state is DeliveryState.QUEUED})
    spoken = _Spoken(told, notices_of(connection, every), told_within(connection, waiting, now - WINDOW, now))
    return items, spoken


def _named(connection: Connection, text: str, now: datetime, house: House) -> OpenItems:
    """What is open under every key the text may be."""
    bare = text.strip("<>")
    case_id = query.case_of_clock(connection, bare)
    keys = (
        key.of_case(case_id or bare),
        key.of_callback(bare),
        key.of_interaction(bare),
        key.of_delivery(bare),
        key.of_message_id(bare),
        key.of_call(bare),
        *key.of_addresses(bare),
    )
    return open_items.load(connection, keys, now).view(keys, now, house.world.new_id)


def _people(items: OpenItems) -> list[str]:
    """Whom it is about, and what of them decides language, owner and rules."""
    people = {contact.id: contact for contact in items.contacts.values()}
    return [
        f"contact {contact.id}: {contact.name or '-'}, {', '.join(known.value for known in contact.identities)}, "
        f"language {contact.language or '-'}, owner {contact.owner or '-'}, tier {contact.tier or '-'}"
        for contact in people.values()
    ]


def _sent(items: OpenItems, house: House) -> list[str]:
    """Deliveries among what was asked for."""
    return [
        f"{owed.kind.value} {owed.id}: {owed.state.value}, due {when(owed.due_at, house.zone)}, tried {owed.attempts} "
        f"times{f', {owed.status_raw}' if owed.status_raw else ''}"
        for owed in items.deliveries.values()
    ]
