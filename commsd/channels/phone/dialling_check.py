"""What of `[dialling]` works against the lines and people there are: `check` finds it before a customer waits. Pure."""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal

from commsd.config.read import Table
from commsd.core.agent import Agent, People
from commsd.core.number import Number, parse_number
from commsd.core.price import estimate


def judge_regions(dialling: Table, regions: frozenset[str], lines: Mapping[str, Number]) -> None:
    """Warns of a line whose own country's customers would all be held. lines: their numbers, by name."""
    for name, number in lines.items():
        if number.region and number.region not in regions:
            what = f"regions does not name {number.region}, where [line.{name}] is: its customers wait for a person"
            dialling.warn("regions", what, f'add "{number.region}", or write enabled = false where that is meant')


def judge_cost(dialling: Table, most: Decimal, currency: str, lines: Iterable[Number]) -> None:
    """Refuses a limit under which no call would ever be made."""
    cheapest = min((estimate([number, number], currency, date.min).amount for number in lines), default=None)
    if cheapest is not None and most < cheapest:
        call = f"{cheapest.normalize():f} {currency}"
        what = f"max_cost is less than one call is thought to cost ({call}): none would ever be made"
        dialling.error("max_cost", what, "write more, or enabled = false where nothing is to be dialled")


def judge_agents(tables: Mapping[str, Table], lines: Mapping[str, Number], people: People) -> None:
    """Warns of our people whose telephone is abroad: Twilio may refuse to join a domestic call to it (32224)."""
    for name, number in lines.items():
        team = tables[name].value("team")
        for agent in _rung(tables[name], team if isinstance(team, str) else None, people):
            phone = parse_number(agent.phone or "")
            if phone and number.region and phone.region != number.region:
                what = f"[agent.{agent.id}] has a telephone in {phone.region}, and this line is in {number.region}"
                remedy = f"give them one in {number.region}: Twilio may refuse to join the two, and calls cost more"
                tables[name].warn("number", what, remedy)


def judge_heard(tables: Mapping[str, Table], people: People) -> None:
    """Warns of a line whose missed calls nobody rings back and nobody hears of before they are nearly due."""
    for table in tables.values():
        team = table.value("team")
        rung = _rung(table, team if isinstance(team, str) else None, people)
        if not table.value("tell") and not any(agent.phone for agent in rung):
            what = f"[{table.path}] tells nobody of a missed call, and nobody of it has a phone to ring back from"
            remedy = 'add tell = ["anna"], or a team whose members have a phone'
            table.warn("number", what, remedy)


def judge_unheard(dialling: Table) -> None:
    """Says that nothing listens for machines where Twilio cannot tell us what it heard. For webhooks = false."""
    if dialling.value("machine_detection") is True:
        what = "machine_detection does nothing while webhooks = false: Twilio has nowhere to tell what it heard"
        dialling.note("machine_detection", what, "take it out, or set up webhooks and public_url")


def _rung(table: Table, team: str | None, people: People) -> list[Agent]:
    """Whom calls of this line ring: its rounds, and its team when calls are made from it."""
    rounds = table.value("rounds")
    lists = [each for each in rounds if isinstance(each, list)] if isinstance(rounds, list) else []
    members: dict[str, None] = {}
    for name in (*(str(name) for each in lists for name in each), *((team,) if team else ())):
        found = people.teams.get(name)
        members |= dict.fromkeys(found.members if found else (name,))
    return [agent for member in members if (agent := people.agents.get(member))]
