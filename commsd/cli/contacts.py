"""`contacts`: who people are, what they wish, and which of them are one."""

from dataclasses import replace
from typing import Any

import typer

from commsd.cli import contacts_import, contacts_list, matters, privacy, timeline
from commsd.cli.house import House, in_house
from commsd.cli.output import as_json, card, plain, shown, shown_thing
from commsd.cli.place import example
from commsd.core.callback import State
from commsd.core.change import Change
from commsd.core.contact import Contact, Identity, identity_named, stands_alone
from commsd.core.record import Json
from commsd.crm.actions import Decide
from commsd.crm.contact_actions import block_contact
from commsd.crm.contact_merge import dropped, merge_contacts, split_contact
from commsd.crm.contact_set import Said
from commsd.crm.contact_set import set_contact as set_as_said
from commsd.crm.read_contact import A_MAIL_ADDRESS, checked
from commsd.errors import NotFound, Refused
from commsd.store import contacts, organisations, query

app = typer.Typer()
contacts_app = typer.Typer(help="People who write and ring.", no_args_is_help=True)
app.add_typer(contacts_app, name="contacts")
contacts_list.register(contacts_app)
contacts_import.register(contacts_app)
privacy.register(contacts_app)

A_NUMBER = "+493023125099"
KNOWN_BY = "write the whole address, the number with its country code, the id, or another system's: hubspot:4711"

Who = typer.Argument(metavar="WHO", help="A number with its country code, an address, or the id.")
Agent = typer.Option(None, help="Who of us does it.", show_default=False)
AsJson = typer.Option(False, "--json", help="Print JSON.")


def _field(what: str, *flags: str) -> Any:
    """An option that says nothing where it is not given."""
    return typer.Option(None, *flags, help=what, show_default=False)


@contacts_app.command(
    "show",
    epilog=example(
        f"commsd contacts show {A_NUMBER}",
        f"commsd contacts show {A_NUMBER} --timeline",
        f"commsd contacts show {A_NUMBER} --timeline --cases",
    ),
)
def show(
    ctx: typer.Context,
    who: str = Who,
    past: bool = timeline.Past,
    cases: bool = matters.Cases,
    json: bool = AsJson,
) -> None:
    """What is known of somebody."""

    async def work(house: House) -> None:
        contact_id = await _id(house, who)
        row = await house.log.read(lambda connection: query.contact(connection, contact_id))
        if row is None:
            raise NotFound("nobody is known by that", remedy=KNOWN_BY)
        known = shown("contact", row)
        if not json:
            known = await _with_firm(house, known)
        more = await timeline.past_of(house, contact_id) if past else {}
        more |= await matters.cases_of(house, contact_id) if cases else {}
        if json:
            as_json({"contact": known, **more} if more else known)
            return
        card(known, house.zone)
        if past:
            timeline.tell(more, house)
        if cases:
            matters.tell(more, house)

    in_house(ctx, work)


@contacts_app.command(
    "block",
    epilog=example(f"commsd contacts block {A_NUMBER} --agent anna", f"commsd contacts block {A_NUMBER} --undo"),
)
def block(
    ctx: typer.Context,
    who: str = Who,
    undo: bool = typer.Option(False, "--undo", help="Their calls make callbacks again."),
    agent: str | None = Agent,
    json: bool = AsJson,
) -> None:
    """Keep the record of somebody's calls, and owe them none. Calls owed now are held for a person to close."""

    async def work(house: House) -> None:
        change = await _decided(house, who, block_contact(who, house.hand(agent), blocked=not undo))
        _say(change, "is blocked no longer" if undo else "is blocked", json)

    in_house(ctx, work)


@contacts_app.command(
    "set",
    epilog=example(
        f"commsd contacts set {A_NUMBER} --no-calls",
        "commsd contacts set jane@example.org --tier gold --owner anna --language de --hours 'mon-fri 09:00-12:00'",
        f"commsd contacts set jane@example.org --add {A_NUMBER} --organisation example.org",
    ),
)
def set_contact(
    ctx: typer.Context,
    who: str = Who,
    name: str | None = _field("How they are called."),
    language: str | None = _field("BCP 47, such as de: in it they are written and spoken to."),
    zone: str | None = _field("Their time zone, such as Europe/Vienna."),
    tier: str | None = _field("By which the SLA rules tell customers apart."),
    owner: str | None = _field("Which of our people looks after them."),
    stage: str | None = _field("How far they are, such as lead."),
    organisation: str | None = _field("Their firm: its id, a domain, a number, hubspot:77 or its whole name."),
    calls: bool | None = _field("Whether they want to be rung; not with --call-only.", "--calls/--no-calls"),
    write_only: bool | None = _field(
        "Answer in writing only; not with --call-only.", "--write-only/--not-only-in-writing"
    ),
    call_only: bool | None = _field(
        "Answer by a call only; not with --no-calls or --write-only.", "--call-only/--not-only-by-call"
    ),
    brief: bool | None = _field("Acknowledge in few words; goes with any.", "--brief/--at-length"),
    hours: str | None = _field("When they may be rung, in their zone, such as 'mon-fri 09:00-12:00'."),
    add: list[str] = typer.Option([], help="A further address, number or hubspot:4711; may be repeated."),
    remove: list[str] = typer.Option([], help="One that is theirs no longer; may be repeated."),
    merge: bool = typer.Option(False, "--merge", help="Who has what is added, is the same person."),
    agent: str | None = Agent,
    json: bool = AsJson,
) -> None:
    """Note who somebody is and what they wish; "" takes a value away. What is not named stays as it is.

    With --no-calls nothing is rung but what they ask for afterwards; a call that is owed already is held for one of us,
    until it is closed or --calls takes the wish back.
    Calls only cannot be wished together with no calls or writing only: take the one away to set the other.
    """
    fields = {"name": name, "language": language, "timezone": zone, "tier": tier, "owner": owner, "stage": stage}
    flags = {"no_calls": None if calls is None else not calls, "write_only": write_only, "call_only": call_only}
    wishes = {name: value for name, value in {**flags, "brief": brief, "hours": hours}.items() if value is not None}
    said = Said(
        fields={name: value for name, value in fields.items() if value is not None},
        wishes=wishes,
        identities=tuple(map(_new_identity, add)),
        without=tuple(map(_identity, remove)),
        merge=merge,
    )

    async def work(house: House) -> None:
        firm = {} if organisation is None else {"organisation_id": await _firm(house, organisation)}
        told = replace(said, fields={**said.fields, **firm})
        _must_be_sound(told, house)
        change = await _decided(house, who, set_as_said(who, told, house.hand(agent)), *add, *remove)
        _tell(change, json)

    in_house(ctx, work)


@contacts_app.command("merge", epilog=example(f"commsd contacts merge {A_NUMBER} jane@example.org --agent anna"))
def merge(
    ctx: typer.Context,
    gone: str = typer.Argument(metavar="WHO", help="Who goes into the other: an address, a number or the id."),
    into: str = typer.Argument(metavar="INTO", help="Who stays."),
    agent: str | None = Agent,
    json: bool = AsJson,
) -> None:
    """Two contacts are one person. What was recorded of either is kept; cases and owed calls go on with who stays.

    Who stays keeps what is known of them, and takes from the other what they lack; what is dropped is named.
    """

    async def work(house: House) -> None:
        one, other = await _id(house, gone), await _id(house, into)
        change = await _decided(house, one, merge_contacts(one, other, house.hand(agent)), other)
        went = next((shown_thing(known) for known in change.contacts if known.id == one), None)
        stays = shown_thing(change.result)
        lost = dropped(went, stays) if went else {}
        _tell(change, json, {"dropped": lost})
        if not json:
            _say_dropped(lost, stays)

    in_house(ctx, work)


@contacts_app.command(
    "split",
    epilog=example(
        f"commsd contacts split jane@example.org --identity {A_NUMBER}",
        f"commsd contacts split 0195a1b2-0000-7000-8000-000000000001 --identity {A_NUMBER}",
    ),
)
def split(
    ctx: typer.Context,
    who: str = Who,
    identity: list[str] = typer.Option(..., help="What is somebody else's; may be repeated."),
    agent: str | None = Agent,
    json: bool = AsJson,
) -> None:
    """Take addresses and numbers away from a contact, for somebody of their own, with the cases they came by.

    Of a contact that was merged by mistake, name its id: it takes them back and stands for itself again.
    """
    identities = tuple(map(_identity, identity))

    async def work(house: House) -> None:
        contact_id = await _id(house, who)
        change = await _decided(house, contact_id, split_contact(contact_id, identities, house.hand(agent)), *identity)
        _tell(change, json)

    in_house(ctx, work)


async def _decided(house: House, who: str, decide: Decide, *more: str) -> Change:
    return await house.decide(await house.log.read(lambda c: contacts.keys_of(c, who, *more)), decide)


async def _id(house: House, who: str) -> str:
    found = await house.log.read(lambda connection: contacts.ids_of(connection, who))
    if not found:
        raise NotFound("nobody is known by that", remedy=KNOWN_BY)
    if len(found) > 1:
        raise Refused("several contacts share this", remedy=f"name one of them by its id: {', '.join(found)}")
    return found[0]


async def _firm(house: House, named: str) -> str | None:
    from commsd.cli.firm import standing_firm_named

    return await standing_firm_named(house, named) if named else None


async def _with_firm(house: House, known: Json) -> Json:
    """With the name of their organisation beside its id, for people to read."""
    if not (firm_id := known.get("organisation_id")):
        return known
    firm = await house.log.read(lambda c: organisations.organisation(c, firm_id))
    record = firm.record if firm else {}
    name = record.get("name") or ", ".join(record.get("domains") or record.get("numbers") or ())
    return known | {"organisation_id": f"{firm_id} ({name})" if name else firm_id}


def _identity(text: str) -> Identity:
    identity = identity_named(text)
    if identity is None:
        raise typer.BadParameter("write an address, a number with its country code, or a system's id: hubspot:4711")
    return identity


def _new_identity(text: str) -> Identity:
    identity = _identity(text)
    if not stands_alone(identity):
        raise typer.BadParameter(A_MAIL_ADDRESS, param_hint="--add")
    return identity


def _must_be_sound(said: Said, house: House) -> None:
    people = house.config.firm.people
    values = {**said.fields, "hours": said.wishes.get("hours")}
    for name, value in values.items():
        if isinstance(value, str) and value and (wrong := checked(name, value, people)):
            raise Refused(f'"{value}" cannot be used as {name}', remedy=wrong)


def _tell(change: Change, json: bool, more: Json | None = None) -> None:
    """The contact as it is by now. more: what stands beside it in JSON."""
    contact = change.result
    assert isinstance(contact, Contact)
    if json:
        as_json(shown_thing(contact) | (more or {}))
        return
    typer.echo(f"contact {contact.id} " + ("is as it was" if not change.events else _words(change, contact)))
    _say_calls(change)


def _say_dropped(lost: Json, stays: Json) -> None:
    now = stays | stays["wishes"]
    for field, value in {**lost, **lost.get("wishes", {})}.items():
        if field != "wishes":
            typer.echo(f"the {field} of the one that went is dropped: {plain(value)}; it stays {plain(now[field])}")


def _words(change: Change, contact: Contact) -> str:
    said = {event.type: event.thing.id for event in change.events}
    if gone := said.get("contact.merged"):
        return f"speaks for {gone} too"
    if source := said.get("contact.split"):
        return f"has them now, taken out of {source}"
    brief = ", is acknowledged in few words" if contact.wishes.brief else ""
    return ("is new" if contact.revision == 1 else "is changed") + f", {_ringing(contact)}{brief}"


def _ringing(contact: Contact) -> str:
    """Whether they are rung, in words."""
    wishes = contact.wishes
    if contact.blocked:
        return "is blocked"
    if wishes.no_calls:
        return "wants no calls"
    if wishes.write_only:
        return "wants answers in writing only"
    rung = "wants answers by a call only" if wishes.call_only else "may be rung"
    return f"{rung} {wishes.hours}" if wishes.hours else rung


def _say(change: Change, what: str, json: bool) -> None:
    (contact,) = change.contacts
    if json:
        as_json(shown_thing(contact))
        return
    typer.echo(f"contact {contact.id} {what}")
    _say_calls(change)


def _say_calls(change: Change) -> None:
    for callback in change.callbacks:
        if callback.state is State.HELD:
            line = f"commsd callbacks close {callback.id} --agent NAME --note TEXT"
            typer.echo(f"callback {callback.id} is held: {line}")
        elif callback.wish_ended_at and callback.state is State.WAITING:
            typer.echo(f"callback {callback.id} is held no longer, and rung when it is its turn")
