"""`pause`, `resume`: the brake. Nothing is lost by it: what came in waits or is listed, and its clocks run on."""

from datetime import datetime, timedelta
from enum import StrEnum

import typer

from commsd.channels.mail.account import MailSettings
from commsd.cli.house import House, in_house
from commsd.cli.output import as_json, table, until, when
from commsd.cli.place import example
from commsd.config.read import did_you_mean
from commsd.config.unit import duration
from commsd.core.change import Change
from commsd.core.ledger import Books
from commsd.core.pause import Pause
from commsd.core.rate_limit import PAUSED
from commsd.core.record import Json, instant
from commsd.errors import Refused
from commsd.store import pauses
from commsd.store.debts import books

app = typer.Typer()

LONGEST = timedelta(days=30)
MOST_WORDS = 300


class What(StrEnum):
    """What can be paused."""

    ACKS = "acks"
    DIALLING = "dialling"


_MAILBOX = typer.Option("", "--mailbox", metavar="NAME", help="Of this mailbox alone.")
_AGENT = typer.Option(None, "--agent", help="Who of us does it.", show_default=False)
_JSON = typer.Option(False, "--json", help="Print JSON.")


@app.command(epilog=example('commsd pause acks --mailbox support --for 1h --why "a loop with a shop"', "commsd pause"))
def pause(
    ctx: typer.Context,
    what: What | None = typer.Argument(None, help="What stops; without it, what is paused is listed."),
    mailbox: str = _MAILBOX,
    length: str = typer.Option("", "--for", metavar="TIME", help="How long, such as 1h; at most 30d."),
    why: str = typer.Option("", "--why", metavar="TEXT", help="Why, for those who find it paused."),
    agent: str | None = _AGENT,
    json: bool = _JSON,
) -> None:
    """Stop acknowledgements or dialling for a while. Mail is still recorded and decided, and its clocks run on.

    Acknowledgements wait until it ends; one that is older than 4 hours then is not sent, and stands in `commsd ledger`.
    """
    within = _within(length, why) if what else timedelta()

    async def work(house: House) -> None:
        if what is not None:
            _must_be_there(house, what, mailbox)
            await _pull(house, what, mailbox, within, why, house.hand(agent).by)
        now = house.world.now()
        _print(await house.log.read(lambda connection: pauses.in_force(connection, now)), house, now, json)

    in_house(ctx, work)


@app.command(epilog=example("commsd resume acks --mailbox support", "commsd resume acks"))
def resume(
    ctx: typer.Context,
    what: What = typer.Argument(help="What goes on."),
    mailbox: str = _MAILBOX,
    agent: str | None = _AGENT,
    json: bool = _JSON,
) -> None:
    """End a pause now, also one that commsd made itself. Without --mailbox: every pause of that kind.

    Acknowledgements that wait leave within a minute, as far as they are not older than 4 hours. Says who stays without.
    """

    async def work(house: House) -> None:
        _must_be_there(house, what, mailbox)
        now = house.world.now()
        held = await house.log.read(lambda connection: pauses.in_force(connection, now))
        ended = [each for each in held if each.what == what and (not mailbox or each.name == mailbox)]
        if not ended:
            raise Refused(_not_paused(what, mailbox, held), remedy="look what is paused: commsd pause")
        by = house.hand(agent).by
        await house.decide((), lambda items: Change(pauses=tuple(_ended(each, by, items.now) for each in ended)))
        now = house.world.now()
        _print(await house.log.read(lambda connection: pauses.in_force(connection, now)), house, now, json)
        if what is What.ACKS and not json:
            _say_who_stays_without(await house.log.read(lambda connection: books(connection, now)))

    in_house(ctx, work)


def _say_who_stays_without(found: Books) -> None:
    """What a person has to see to: nobody will acknowledge these any more."""
    if number := sum(mail.reason == PAUSED for mail in found.damped):
        what = "writing" if number == 1 else "writings"
        typer.echo(f"{number} {what} without an acknowledgement, nor will there be one: commsd ledger, answer by hand")


async def _pull(house: House, what: What, mailbox: str, length: timedelta, why: str, by: str) -> None:
    await house.decide(
        (),
        lambda items: Change(
            pauses=(
                Pause(what=what, name=mailbox, until=items.now + length, why=why.strip(), by=by, made_at=items.now),
            )
        ),
    )


def _ended(pause: Pause, by: str, now: datetime) -> Pause:
    return Pause(what=pause.what, name=pause.name, until=now, why=pause.why, by=by, made_at=now)


def _within(length: str, why: str) -> timedelta:
    found = duration(length)
    if not found or found > LONGEST:
        raise Refused(
            f'--for "{length}" is not a time up to 30d' if length else "for how long is missing",
            remedy="write a number and a unit, such as --for 1h",
        )
    if not why.strip() or len(why) > MOST_WORDS or not why.isprintable():
        raise Refused(
            "the reason is missing, or no line of text", remedy='write one, such as --why "a loop with a shop"'
        )
    return found


def _must_be_there(house: House, what: What, mailbox: str) -> None:
    """Raises Refused for a mailbox nobody knows, and for one where dialling is meant."""
    if mailbox and what is What.DIALLING:
        raise Refused("no mailbox dials", remedy="leave --mailbox out")
    mail: MailSettings = house.config.settings["mail"]
    if mailbox and mailbox not in mail.mailboxes:
        raise Refused(f'no mailbox "{mailbox}"', remedy=did_you_mean(mailbox, mail.mailboxes))


def _not_paused(what: What, mailbox: str, held: tuple[Pause, ...]) -> str:
    whole = any(each.what == what and not each.name for each in held)
    of_it = f"{what} of {mailbox} are" if mailbox else f"{what} {'are' if what is What.ACKS else 'is'}"
    return f"{of_it} paused with all others" if whole and mailbox else f"{of_it} not paused"


def _print(held: tuple[Pause, ...], house: House, now: datetime, json: bool) -> None:
    if json:
        as_json([record(each) for each in held])
        return
    rows = [
        (each.what, each.name or "all", when(each.until, house.zone), until(each.until, now), each.by, each.why)
        for each in held
    ]
    table(("PAUSED", "MAILBOX", "UNTIL", "", "BY", "WHY"), rows, "nothing is paused")


def record(pause: Pause) -> Json:
    """A pause as `--json` has it."""
    return {
        "what": pause.what,
        "mailbox": pause.name or None,
        "until": instant(pause.until),
        "why": pause.why,
        "by": pause.by,
        "made_at": instant(pause.made_at),
    }
