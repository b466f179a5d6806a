"""`callbacks` and `calls`: the queue of owed calls, and what came of a talk."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta

import typer

from commsd.cli.house import House, in_house
from commsd.cli.moment import coming
from commsd.cli.output import as_json, card, shown, shown_thing, table, until, when
from commsd.cli.place import example
from commsd.core import key
from commsd.core.avoidance import avoided, mean
from commsd.core.callback import State
from commsd.core.contact import Contact
from commsd.core.entry import Hand, Result, Said
from commsd.core.open_items import Terms
from commsd.core.record import Json
from commsd.crm import actions, call_actions
from commsd.errors import NotFound
from commsd.sla.notice.call_words import held_because
from commsd.store import query
from commsd.store.owed_since import owed_since

app = typer.Typer()
callbacks_app = typer.Typer(help="Calls that are owed.", no_args_is_help=True)
calls_app = typer.Typer(help="Calls that were made or answered.", no_args_is_help=True)
app.add_typer(callbacks_app, name="callbacks")
app.add_typer(calls_app, name="calls")

AN_ID = "0195a1b2-0000-7000-8000-000000000001"
ANOTHER_ID = "0195a1b2-0000-7000-8000-000000000002"

CallbackId = typer.Argument(metavar="ID", help="Of the callback.")
ResultWord = typer.Argument(metavar="RESULT", help=", ".join(Result) + ".")
Agent = typer.Option(None, help="Who of us does it.", show_default=False)
Note = typer.Option(None, help="What was said.", show_default=False)
Due = typer.Option("", metavar="TIME", help="For call_again and partly: when to ring again, such as 15:00.")
Question = typer.Option([], "--question", help="What is still to be answered; may be given more than once.")
AsJson = typer.Option(False, "--json", help="Print JSON.")

Act = Callable[[House, Hand, Terms], actions.Decide]


@callbacks_app.command("list", epilog=example("commsd callbacks list", "commsd callbacks list --all --json"))
def list_callbacks(
    ctx: typer.Context,
    state: State | None = typer.Option(None, help="Only those in this state.", show_default=False),
    every: bool = typer.Option(False, "--all", help="Also closed ones."),
    limit: int = typer.Option(100, min=1, help="How many at most."),
    json: bool = AsJson,
) -> None:
    """Owed calls, the longest due first."""

    async def work(house: House) -> None:
        page = await house.log.read(lambda c: query.callbacks(c, state=state, every=every, limit=limit))
        owed = [shown("callback", row) for row in page.rows]
        if json:
            as_json(owed)
            return
        headings = ("STATE", "NUMBER", "LINE", "MISSED", "TRIED", "OWNER", "DUE", "", "ID")
        table(headings, [_row(callback, house) for callback in owed], "no call is owed")
        for callback in (each for each in owed if each["state"] == "held"):
            typer.echo(f"{callback['id']} is held: {held_because(callback.get('held'))}")
        if page.next:
            typer.echo(f"… and more; see them with --limit {limit * 2}")

    in_house(ctx, work)


def _row(owed: Json, house: House) -> tuple[object, ...]:
    left = until(owed["due_at"], house.world.now()) if owed["state"] != "closed" else owed["close_reason"]
    due = when(owed["due_at"], house.zone)
    counts = (len(owed["misses"]), len(owed["attempts"]))
    return owed["state"], owed["number"], owed["line"], *counts, owed["owner"], due, left, owed["id"]


@callbacks_app.command("show", epilog=example(f"commsd callbacks show {AN_ID}"))
def show(ctx: typer.Context, callback_id: str = CallbackId, json: bool = AsJson) -> None:
    """One owed call with its attempts."""

    async def work(house: House) -> None:
        row = await house.log.read(lambda c: query.callback(c, callback_id))
        if row is None:
            raise NotFound(f"no callback {callback_id}", remedy="list them: commsd callbacks list --all")
        owed = shown("callback", row)
        if json:
            as_json(owed)
        else:
            card(owed, house.zone)

    in_house(ctx, work)


@callbacks_app.command("claim", epilog=example(f"commsd callbacks claim {AN_ID} --agent anna"))
def claim(ctx: typer.Context, callback_id: str = CallbackId, agent: str | None = Agent, json: bool = AsJson) -> None:
    """Take an owed call in hand for half an hour."""
    _act(ctx, callback_id, agent, json, lambda house, hand, terms: call_actions.claim_callback(callback_id, hand))


@callbacks_app.command(
    "release",
    epilog=example(
        f'commsd callbacks release {AN_ID} --agent anna --why "asks for a technician"',
        f"commsd callbacks release {AN_ID} --agent anna",
    ),
)
def release(
    ctx: typer.Context,
    callback_id: str = CallbackId,
    why: str = typer.Option("", help="Why it is given back. The third time it is the lead's."),
    agent: str | None = Agent,
    json: bool = AsJson,
) -> None:
    """Give an owed call back; of a held or escalated one, let one call be made, in the name of --agent."""

    def act(house: House, hand: Hand, terms: Terms) -> actions.Decide:
        return call_actions.release_callback(callback_id, hand, why.strip() or None)

    _act(ctx, callback_id, agent, json, act)


@callbacks_app.command(
    "result",
    epilog=example(
        f"commsd callbacks result {AN_ID} reached --agent anna",
        f'commsd callbacks result {AN_ID} call_again --due "2026-12-10 14:00" --question "price of part 7"',
    ),
)
def result(
    ctx: typer.Context,
    callback_id: str = CallbackId,
    word: Result = ResultWord,
    note: str | None = Note,
    due: str = Due,
    question: list[str] = Question,
    agent: str | None = Agent,
    json: bool = AsJson,
) -> None:
    """Say what came of calling back."""

    def act(house: House, hand: Hand, terms: Terms) -> actions.Decide:
        return call_actions.callback_result(callback_id, _said(house, word, note, due, question), hand, terms)

    _act(ctx, callback_id, agent, json, act)


@callbacks_app.command("set", epilog=example(f"commsd callbacks set {AN_ID} --number +493023125099"))
def set_callback(
    ctx: typer.Context,
    callback_id: str = CallbackId,
    number: str = typer.Option(help="The number a person found out, with its country code."),
    agent: str | None = Agent,
    json: bool = AsJson,
) -> None:
    """Set the number to ring."""

    def act(house: House, hand: Hand, terms: Terms) -> actions.Decide:
        return call_actions.number_callback(callback_id, number, hand, terms)

    _act(ctx, callback_id, agent, json, act, key.of_addresses(number))


@callbacks_app.command(
    "close",
    epilog=example(
        f'commsd callbacks close {AN_ID} --agent anna --note "moved away"',
        f"commsd callbacks close {AN_ID} --agent anna --answered-by {ANOTHER_ID}",
    ),
)
def close(
    ctx: typer.Context,
    callback_id: str = CallbackId,
    note: str = typer.Option("", help="Why the call is owed no longer."),
    answered_by: str = typer.Option("", metavar="ID", help="Of the mail or talk that answered the customer instead."),
    agent: str | None = Agent,
    json: bool = AsJson,
) -> None:
    """The call is owed no longer; somebody answers for it."""
    if not (note or answered_by):
        raise typer.BadParameter("say why, or name what answered the customer with --answered-by", param_hint="--note")

    def act(house: House, hand: Hand, terms: Terms) -> actions.Decide:
        return call_actions.close_callback(callback_id, hand, terms, note=note or None, answered_by=answered_by or None)

    _act(ctx, callback_id, agent, json, act, (key.of_interaction(answered_by),) if answered_by else ())


@callbacks_app.command("avoided", epilog=example("commsd callbacks avoided", "commsd callbacks avoided --days 90"))
def list_avoided(
    ctx: typer.Context,
    days: int = typer.Option(30, min=1, max=36500, help="How far back."),
    json: bool = AsJson,
) -> None:
    """Whose owed calls we gave back or did not take, the oftenest first, beside the mean of all."""

    async def work(house: House) -> None:
        since = house.world.now() - timedelta(days=days)
        owed, contacts = await house.log.read(lambda connection: owed_since(connection, since))
        found = avoided(owed)
        rows = [(each, _who(contacts.get(each.contact_id or ""))) for each in found if each.times]
        if json:
            as_json({"mean": round(mean(found), 2), "contacts": [asdict(each) | {"who": who} for each, who in rows]})
            return
        headings = ("WHO", "CALLS OWED", "GIVEN BACK", "NOT TAKEN", "WHY")
        lines = [(who, each.calls, each.given_back, each.not_taken, "; ".join(each.reasons)) for each, who in rows]
        table(headings, lines, f"no owed call was given back or not taken in {days} days")
        if rows:
            typer.echo(f"an owed call was avoided {mean(found):.1f} times in the mean")

    in_house(ctx, work)


def _who(contact: Contact | None) -> str | None:
    known = [each.value for each in contact.identities] if contact else []
    return (contact.name if contact else None) or next(iter(known), None)


def _act(
    ctx: typer.Context, callback_id: str, agent: str | None, json: bool, act: Act, keys: tuple[str, ...] = ()
) -> None:
    """Decide an action on a callback and print the callback after it."""

    async def work(house: House) -> None:
        decide = act(house, house.hand(agent), await house.terms())
        named = await house.log.read(lambda c: query.keys_of_callback(c, callback_id))
        change = await house.decide((*named, *keys), decide)
        owed = next(each for each in change.callbacks if each.id == callback_id)
        if json:
            as_json(shown_thing(owed))
            return
        due = f", due {when(owed.due_at, house.zone)}" if owed.open and owed.due_at else ""
        why = f": {owed.close_reason.value}" if owed.close_reason else ""
        typer.echo(f"callback {owed.id} is {owed.state.value}{why}{due}")

    in_house(ctx, work)


@calls_app.command(
    "result",
    epilog=example(
        f"commsd calls result {AN_ID} reached --agent anna",
        f'commsd calls result {AN_ID} call_again --due "2026-12-10 14:00" --agent anna',
    ),
)
def call_result(
    ctx: typer.Context,
    interaction_id: str = typer.Argument(metavar="ID", help="Of the call or meeting."),
    word: Result = ResultWord,
    note: str | None = Note,
    due: str = Due,
    question: list[str] = Question,
    agent: str | None = Agent,
    json: bool = AsJson,
) -> None:
    """Say what came of a talk, also of an answered call; call_again makes a promise."""

    async def work(house: House) -> None:
        said = _said(house, word, note, due, question)
        decide = call_actions.talk_result(interaction_id, said, house.hand(agent), await house.terms())
        keys = await house.log.read(lambda c: query.keys_of_interaction(c, interaction_id))
        fact = (await house.decide(keys, decide)).interactions[0]
        if json:
            as_json(shown_thing(fact))
        else:
            typer.echo(f"call {fact.id}: {fact.detail.result}")

    in_house(ctx, work)


def _said(house: House, word: Result, note: str | None, due: str, questions: list[str]) -> Said:
    return Said(
        result=word,
        note=note,
        due=coming(due, house.zone, house.world.now(), "--due") if due else None,
        questions=tuple(question for question in questions if question.strip()),
    )
