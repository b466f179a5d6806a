"""`log` and `record`: the interaction log, and a touch entered by hand with its promises."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import typer

from commsd.cli import export
from commsd.cli.deed import deeds
from commsd.cli.house import House, in_house
from commsd.cli.moment import coming, moment
from commsd.cli.output import as_json, as_json_line, card, plain, shown, shown_thing, when, who
from commsd.cli.place import example
from commsd.cli.raw import show_raw
from commsd.core import key
from commsd.core.change import Change
from commsd.core.contact import field_identity, identity_of
from commsd.core.entry import ENTERED, USUAL_KIND, Entry, Hand
from commsd.core.interaction import Channel, Direction, Kind
from commsd.core.open_items import Terms
from commsd.core.record import Json
from commsd.crm import actions, mending
from commsd.errors import NotFound
from commsd.store import query
from commsd.store.query import Page, Row, Wanted

app = typer.Typer()
log_app = typer.Typer(help="The interaction log: what happened, in order.", no_args_is_help=True)
log_app.command("export", epilog=export.EXAMPLES)(export.export)
app.add_typer(log_app, name="log")

LOOK_EVERY = 1.0
APART = timedelta(minutes=1)
"""What was recorded longer than this after it happened was entered by hand, or fetched late."""

AT_ONCE = 200


@log_app.command("tail", epilog=example("commsd log tail --follow", "commsd log tail -n 100 --json"))
def tail(
    ctx: typer.Context,
    follow: bool = typer.Option(False, "--follow", "-f", help="Go on as it happens; with --json a line each."),
    number: int = typer.Option(20, "-n", min=1, help="How many of the last."),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """The last interactions, oldest first."""

    async def work(house: House) -> None:
        page = await house.log.read(lambda c: query.interactions(c, Wanted(), limit=number))
        rows = page.rows[::-1]
        if json and not follow:
            as_json([shown("interaction", row) for row in rows])
            return
        _print(rows, house, json)
        after = _place(rows[-1]) if rows else None
        while follow:
            await house.world.sleep(LOOK_EVERY)
            news = await _since(house, after)
            _print(news.rows, house, json)
            after = _place(news.rows[-1]) if news.rows else after

    in_house(ctx, work)


async def _since(house: House, after: query.Place | None) -> Page:
    return await house.log.read(
        lambda c: query.interactions(c, Wanted(), after=after, limit=AT_ONCE, oldest_first=True)
    )


def _place(row: Row) -> query.Place:
    return datetime.fromisoformat(row.record["recorded_at"]), row.record["id"]


def _print(rows: tuple[Row, ...], house: House, json: bool) -> None:
    for row in rows:
        data = shown("interaction", row)
        if json:
            as_json_line(data)
        else:
            typer.echo(line(data, house))


def line(data: Json, house: House) -> str:
    """One interaction on one line: when it happened, and was recorded where that is another time; its id at the end."""
    did = [data["reason"] or data["outcome"] or "", *deeds(data, house.zone), "ambiguous" if data["ambiguous"] else ""]
    told = f"told {when(data['promised_at'], house.zone)}" if data["promised_at"] else ""
    where = data["mailbox"] or data["line"] or data["channel"]
    what = ", ".join(each for each in (*did, told) if each)
    words = (f"{data['kind']} {data['direction']}", what, where, who(data), data["subject"])
    return "  ".join((_times(data, house), *(plain(word, 80) for word in words if word), data["id"]))


def _times(data: Json, house: House) -> str:
    happened, recorded = (datetime.fromisoformat(data[key]) for key in ("occurred_at", "recorded_at"))
    later = f" (recorded {when(recorded, house.zone)})" if abs(recorded - happened) >= APART else ""
    return when(happened, house.zone) + later


@log_app.command("show", epilog=example("commsd log show 0195a1b2-0000-7000-8000-000000000001 --raw"))
def show(
    ctx: typer.Context,
    interaction_id: str = typer.Argument(metavar="ID"),
    raw: bool = typer.Option(False, "--raw", help="The original, byte for byte."),
    to: Path | None = typer.Option(None, metavar="FILE", help="With --raw: into a file.", show_default=False),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """One interaction with all that is known of it."""
    if to is not None and not raw:
        raise typer.BadParameter("it takes the original: add --raw", param_hint="--to")

    async def work(house: House) -> None:
        row = await house.log.read(lambda c: query.interaction(c, interaction_id))
        if row is None:
            raise NotFound(f"no interaction {interaction_id}", remedy="list them: commsd log tail")
        if raw:
            await show_raw(house, row, to)
        elif json:
            as_json(shown("interaction", row))
        else:
            card(shown("interaction", row), house.zone)

    in_house(ctx, work)


InteractionId = typer.Argument(metavar="ID")
Agent = typer.Option(None, help="Who of us says so.", show_default=False)


@log_app.command("partial", epilog=example("commsd log partial 0195a1b2-0000-7000-8000-000000000001 --agent anna"))
def partial(
    ctx: typer.Context,
    interaction_id: str = InteractionId,
    agent: str | None = Agent,
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """An answer of ours did not answer yet: it stops `ack` and `update` only, what else was owed is owed again."""
    _mend(ctx, interaction_id, agent, json, lambda hand, terms: actions.partial_answer(interaction_id, hand, terms))


@log_app.command(
    "void", epilog=example('commsd log void 0195a1b2-0000-7000-8000-000000000001 --why "meant for another case"')
)
def void(
    ctx: typer.Context,
    interaction_id: str = InteractionId,
    why: str | None = typer.Option(None, help="What was wrong with it.", show_default=False),
    agent: str | None = Agent,
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """An interaction never happened, such as an answer filed with the wrong case.

    It stays in the log and counts no more. Void the void to take that back.
    """
    _mend(
        ctx,
        interaction_id,
        agent,
        json,
        lambda hand, terms: mending.void_interaction(interaction_id, hand, terms, why=why),
    )


def _mend(
    ctx: typer.Context, interaction_id: str, agent: str | None, json: bool, act: Callable[[Hand, Terms], actions.Decide]
) -> None:
    async def work(house: House) -> None:
        decide = act(house.hand(agent), await house.terms())
        keys = await house.log.read(lambda c: query.keys_of_interaction(c, interaction_id))
        _recorded(await house.decide(keys, decide), house, json)

    in_house(ctx, work)


@app.command(
    epilog=example(
        'commsd record --channel phone --contact +493023125099 --direction outbound --note "sends the invoice"',
        'commsd record --channel in_person --contact jane@example.org --promise "2026-12-10 14:00" --agent anna',
    )
)
def record(
    ctx: typer.Context,
    channel: Channel = typer.Option(help="How it happened."),
    contact: str = typer.Option("", metavar="ADDRESS", help="The customer's mail address, or number with +."),
    direction: Direction | None = typer.Option(None, help="Inbound unless it is a note or promise."),
    kind: Kind | None = typer.Option(None, help="By the channel: call, meeting, else message."),
    note: str = typer.Option("", help="What it was about."),
    name: str = typer.Option("", help="The customer's name."),
    subject: str = typer.Option("", help="One line."),
    at: str = typer.Option("", metavar="TIME", help="When it happened; just now by default."),
    case: str = typer.Option("", metavar="ID", help="The case, where it is known."),
    promise: str = typer.Option("", metavar="TIME", help="What the customer was told: something happens by then."),
    via: str = typer.Option("any", help="How the promise is kept: any, or call."),
    partial: bool = typer.Option(False, "--partial", help="An answer that does not answer yet."),
    agent: str | None = typer.Option(None, help="Who of us it was.", show_default=False),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Enter a touch by hand: a letter, a visit, a call on another telephone. Times are the firm's."""
    chosen = kind or USUAL_KIND.get(channel, Kind.MESSAGE)
    _must_make_sense(chosen, contact, case, via)

    async def work(house: House) -> None:
        identity = identity_of(contact)
        internal = chosen in (Kind.NOTE, Kind.PROMISE)
        entry = Entry(
            channel=channel,
            kind=chosen,
            direction=direction or (Direction.INTERNAL if internal else Direction.INBOUND),
            occurred_at=moment(at, house.zone, "--at") if at else None,
            customer=identity.value if identity and identity.kind == "phone" else contact or None,
            customer_name=name or None,
            subject=subject or None,
            text=note or None,
            case_id=case or None,
            partial=partial,
            promise_due=coming(promise, house.zone, house.world.now(), "--promise") if promise else None,
            promise_via=via,
        )
        keys = [*key.of_addresses(contact)]
        if case:
            keys += await house.log.read(lambda c: query.keys_of_case(c, case))
        decide = actions.record_entry(entry, house.hand(agent), await house.terms())
        _recorded(await house.decide(keys, decide), house, json)

    in_house(ctx, work)


def _must_make_sense(kind: Kind, contact: str, case: str, via: str) -> None:
    if kind not in ENTERED:
        raise typer.BadParameter("this is an action on a case; see `commsd cases --help`", param_hint="--kind")
    if contact and field_identity(contact) is None:
        what = "write a mail address and nothing else, or a number with its country code"
        raise typer.BadParameter(what, param_hint="--contact")
    if not contact and not case:
        raise typer.BadParameter("say whom it concerns, with --contact or --case", param_hint="--contact")
    if via not in ("any", "call"):
        raise typer.BadParameter("write any or call", param_hint="--via")


def _recorded(change: Change, house: House, json: bool) -> None:
    fact = change.interactions[0]
    if json:
        as_json(shown_thing(fact))
        return
    typer.echo(f"recorded {fact.id} in case {fact.case_id}" if fact.case_id else f"recorded {fact.id}")
    for clock in change.clocks:
        if clock.owed:
            typer.echo(f"  {clock.value.clock.value} due {when(clock.value.due_at, house.zone)}")
        elif clock.revision > 1 and clock.value.reason:
            typer.echo(f"  {clock.value.clock.value} cancelled: {clock.value.reason}")
