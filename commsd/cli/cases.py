"""`cases`: what is open with whom, and what people do to it."""

from collections.abc import Callable
from datetime import datetime

import typer
from sqlalchemy import Connection

from commsd.cli.house import House, in_house
from commsd.cli.logbook import line
from commsd.cli.output import as_json, card, name_of, plain, shown, shown_thing, table, until, when
from commsd.cli.place import example
from commsd.cli.why_text import REASONS
from commsd.core.entry import Hand
from commsd.core.open_items import Terms
from commsd.core.policy import ClockKind
from commsd.core.record import Json
from commsd.crm import actions, mending
from commsd.errors import NotFound, Refused
from commsd.store import query
from commsd.store.query import Page, Row, Wanted

app = typer.Typer()
cases_app = typer.Typer(help="Matters with contacts, over all channels.", no_args_is_help=True)
app.add_typer(cases_app, name="cases")

INSIDE = 500
AN_ID = "0195a1b2-0000-7000-8000-000000000001"
ANOTHER_ID = "0195a1b2-0000-7000-8000-000000000002"

CaseId = typer.Argument(metavar="ID", help="Of the case.")
Agent = typer.Option(None, help="Who of us does it.", show_default=False)
AsJson = typer.Option(False, "--json", help="Print JSON.")

Act = Callable[[Hand, Terms], actions.Decide]
Listed = tuple[Page, dict[str, list[Json]], dict[str, Row]]


@cases_app.command(
    "list", epilog=example("commsd cases list --team service --late", "commsd cases list --state all --json")
)
def list_cases(
    ctx: typer.Context,
    state: str = typer.Option("open", help="open, closed or all."),
    mine: bool = typer.Option(False, "--mine", help="Those you own; you are the agent named as your login."),
    owner: str = typer.Option("", metavar="AGENT", help="Those this agent owns."),
    team: str = typer.Option("", help="Those of this team."),
    late: bool = typer.Option(False, "--late", help="Those that owe something overdue."),
    limit: int = typer.Option(100, min=1, help="How many at most."),
    json: bool = AsJson,
) -> None:
    """Cases, the last active first."""
    if state not in ("open", "closed", "all"):
        raise typer.BadParameter("write open, closed or all", param_hint="--state")

    def read(connection: Connection, whose: str | None, late_at: datetime | None) -> Listed:
        asked = None if state == "all" else state
        page = query.cases(connection, state=asked, owner=whose, team=team or None, late_at=late_at, limit=limit)
        people = query.contacts_of(connection, [row.record["contact_id"] for row in page.rows])
        return page, clocks_by_case(connection, [row.record["id"] for row in page.rows]), people

    async def work(house: House) -> None:
        house.must_know({"owner": owner, "team": team})
        whose, late_at = me(house) if mine else owner or None, house.world.now() if late else None
        page, clocks, people = await house.log.read(lambda c: read(c, whose, late_at))
        cases = [shown("case", row) | {"clocks": clocks.get(row.record["id"], [])} for row in page.rows]
        if json:
            as_json(cases)
            return
        headings = ("STATE", "CONTACT", "SUBJECT", "OWNER", "NEXT", "DUE", "", "ID")
        table(headings, [_row(case, people, house) for case in cases], "no such cases")
        if page.next:
            typer.echo(f"… and more; see them with --limit {limit * 2}")

    in_house(ctx, work)


def me(house: House) -> str:
    """The agent named as whoever is logged in here. Raises Refused where there is none."""
    login = house.hand(None).by.removeprefix("cli:")
    if login not in house.config.firm.people.agents:
        raise Refused(f'no agent is named as your login, "{login}"', remedy="name yourself with --owner AGENT")
    return login


def clocks_by_case(connection: Connection, case_ids: list[str]) -> dict[str, list[Json]]:
    """The clocks of these cases, by the case."""
    found: dict[str, list[Json]] = {}
    for row in query.clocks_of(connection, case_ids):
        found.setdefault(row.record["case_id"], []).append(shown("clock", row))
    return found


def _row(case: Json, people: dict[str, Row], house: House) -> tuple[object, ...]:
    contact = people.get(case["contact_id"] or "")
    name = name_of(shown("contact", contact)) if contact else None
    return state_of(case), name, case["subject"], case["owner"] or case["team"], *next_due(case, house), case["id"]


def state_of(case: Json) -> str:
    """In words."""
    return f"{case['state']}, on hold" if case["on_hold"] else str(case["state"])


def next_due(case: Json, house: House) -> tuple[str | None, str, str]:
    """What of a case with its clocks is due first: the clock, when, and how long there is still."""
    owed = [clock for clock in case["clocks"] if clock["due_at"] and clock["stopped_at"] is None]
    first = min(owed, key=lambda clock: str(clock["due_at"]), default=None)
    at = first["due_at"] if first else None
    return (first["clock"] if first else None, when(at, house.zone), until(at, house.world.now()) if at else "")


@cases_app.command("show", epilog=example(f"commsd cases show {AN_ID}"))
def show(ctx: typer.Context, case_id: str = CaseId, json: bool = AsJson) -> None:
    """One case: what happened in it and what is owed."""

    def read(connection: Connection) -> tuple[Row | None, list[Json], Page, Page]:
        return (
            query.case(connection, case_id),
            clocks_by_case(connection, [case_id]).get(case_id, []),
            query.interactions(connection, Wanted(case=case_id), limit=INSIDE, oldest_first=True),
            query.callbacks(connection, case=case_id, every=True, limit=INSIDE),
        )

    async def work(house: House) -> None:
        row, clocks, inside, calls = await house.log.read(read)
        if row is None:
            raise NotFound(f"no case {case_id}", remedy="list them: commsd cases list --state all")
        case = shown("case", row) | {"clocks": clocks}
        interactions = [shown("interaction", each) for each in inside.rows]
        callbacks = [shown("callback", each) for each in calls.rows]
        if json:
            as_json(case | {"interactions": interactions, "callbacks": callbacks})
            return
        opened = ", ".join(f"{key} {value}" for key, value in (case["attrs"] or {}).items())
        told = {key: value for key, value in case.items() if key not in ("clocks", "attrs")}
        card(told | {"when_opened": opened}, house.zone)
        for fact in sorted(interactions, key=lambda fact: str(fact["occurred_at"])):
            typer.echo(f"  {line(fact, house)}")
        for clock in clocks:
            typer.echo(f"  {_standing(clock, house)}")
        for owed in callbacks:
            typer.echo(f"  callback {owed['id']}: {owed['state']}, due {when(owed['due_at'], house.zone)}")

    in_house(ctx, work)


def _standing(clock: Json, house: House) -> str:
    because = f" ({REASONS.get(clock['reason'], clock['reason'])})" if clock["reason"] else ""
    due = f", due {when(clock['due_at'], house.zone)}" if clock["due_at"] else ""
    ended = f", ended {when(clock['stopped_at'], house.zone)}" if clock["stopped_at"] else ""
    return f"{clock['clock']} {clock['n']}: {clock['state']}{because}{due}{ended}"


@cases_app.command(
    "close", epilog=example(f"commsd cases close {AN_ID} --note solved", f"commsd cases close {AN_ID} --junk")
)
def close(
    ctx: typer.Context,
    case_id: str = CaseId,
    junk: bool = typer.Option(False, "--junk", help="It never was a case; its clocks are void."),
    note: str | None = typer.Option(None, help="Why.", show_default=False),
    agent: str | None = Agent,
    json: bool = AsJson,
) -> None:
    """The case ends."""
    _act(ctx, case_id, agent, json, lambda hand, terms: actions.close_case(case_id, hand, terms, junk=junk, note=note))


@cases_app.command("reopen", epilog=example(f"commsd cases reopen {AN_ID}"))
def reopen(ctx: typer.Context, case_id: str = CaseId, agent: str | None = Agent, json: bool = AsJson) -> None:
    """A closed case goes on."""
    _act(ctx, case_id, agent, json, lambda hand, terms: actions.reopen_case(case_id, hand, terms))


@cases_app.command("hold", epilog=example(f"commsd cases hold {AN_ID} --reason customer"))
def hold(
    ctx: typer.Context,
    case_id: str = CaseId,
    reason: str = typer.Option("customer", help='"customer" ends by itself when the customer speaks.'),
    agent: str | None = Agent,
    json: bool = AsJson,
) -> None:
    """The case waits; a resolution that pauses for this reason stands still."""

    def act(hand: Hand, terms: Terms) -> actions.Decide:
        _say_what_pauses(reason, terms)
        return actions.hold_case(case_id, hand, terms, reason=reason)

    _act(ctx, case_id, agent, json, act)


def _say_what_pauses(reason: str, terms: Terms) -> None:
    """A word to stderr where the hold stops no clock, which a slip of the pen would hide."""
    policies = terms.versions[-1].policies.values() if terms.versions else ()
    found = {word for policy in policies if (t := policy.targets.get(ClockKind.RESOLUTION)) for word in t.pause_on}
    if reason not in found:
        known = f"known: {', '.join(sorted(found))}" if found else "no policy pauses for anything"
        typer.echo(f'no clock stands still for "{plain(reason)}" ({known})', err=True)


@cases_app.command("release", epilog=example(f"commsd cases release {AN_ID}"))
def release(ctx: typer.Context, case_id: str = CaseId, agent: str | None = Agent, json: bool = AsJson) -> None:
    """The case waits no longer."""
    _act(ctx, case_id, agent, json, lambda hand, terms: actions.release_case(case_id, hand, terms))


@cases_app.command("merge", epilog=example(f"commsd cases merge {AN_ID} {ANOTHER_ID} --agent anna"))
def merge(
    ctx: typer.Context,
    case_id: str = typer.Argument(metavar="ID", help="Of the case that goes."),
    into: str = typer.Argument(metavar="INTO", help="Of the case that stays; it is reopened if it is closed."),
    note: str | None = typer.Option(None, help="Why.", show_default=False),
    agent: str | None = Agent,
    json: bool = AsJson,
) -> None:
    """Put a case into another, which from then on owes what both owed."""

    async def work(house: House) -> None:
        decide = mending.merge_case(case_id, into, house.hand(agent), await house.terms(), note=note)
        keys = await house.log.read(lambda c: (*query.keys_of_case(c, case_id), *query.keys_of_case(c, into)))
        change = await house.decide(keys, decide)
        gone, stays = change.cases[0], change.cases[-1]
        if json:
            as_json(shown_thing(gone))
            return
        moved = sum(fact.case_id == stays.id and fact.revision > 1 for fact in change.interactions)
        typer.echo(f"case {gone.id} went into {stays.id}: {moved} {'interaction' if moved == 1 else 'interactions'}")
        for clock in change.clocks:
            if clock.case_id == stays.id and clock.owed:
                typer.echo(f"  {clock.value.clock.value} due {when(clock.value.due_at, house.zone)}")

    in_house(ctx, work)


@cases_app.command("assign", epilog=example(f"commsd cases assign {AN_ID} --owner anna"))
def assign(
    ctx: typer.Context,
    case_id: str = CaseId,
    owner: str = typer.Option("", help="An agent."),
    team: str = typer.Option("", help="A team."),
    agent: str | None = Agent,
    json: bool = AsJson,
) -> None:
    """Give the case to somebody."""
    _set(ctx, case_id, agent, json, {"owner": owner, "team": team})


@cases_app.command("set", epilog=example(f"commsd cases set {AN_ID} --priority urgent"))
def set_case(
    ctx: typer.Context,
    case_id: str = CaseId,
    priority: str = typer.Option("", help="low, normal, high or urgent."),
    owner: str = typer.Option("", help="An agent."),
    team: str = typer.Option("", help="A team."),
    agent: str | None = Agent,
    json: bool = AsJson,
) -> None:
    """Set what the rules look at; running clocks follow where the rules say so."""
    _set(ctx, case_id, agent, json, {"priority": priority, "owner": owner, "team": team})


def _set(ctx: typer.Context, case_id: str, agent: str | None, json: bool, attrs: dict[str, str]) -> None:
    given = {key: value for key, value in attrs.items() if value}

    def act(hand: Hand, terms: Terms) -> actions.Decide:
        return actions.set_case(case_id, hand, terms, attrs=given)

    _act(ctx, case_id, agent, json, act, given)


def _act(
    ctx: typer.Context, case_id: str, agent: str | None, json: bool, act: Act, names: dict[str, str] | None = None
) -> None:
    """Decide an action on a case and print the case after it. names: owner and team that must be ours."""

    async def work(house: House) -> None:
        house.must_know(names or {})
        decide = act(house.hand(agent), await house.terms())
        keys = await house.log.read(lambda c: query.keys_of_case(c, case_id))
        case = (await house.decide(keys, decide)).cases[-1]
        if json:
            as_json(shown_thing(case))
        else:
            typer.echo(f"case {case.id} is {case.state.value}{', on hold' if case.on_hold else ''}")

    in_house(ctx, work)
