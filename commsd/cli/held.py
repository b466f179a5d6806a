"""`ack settle`: a person says what is to become of an acknowledgement that perhaps went out and is held for that, or
that nobody sends since its mailbox is configured no longer; gives up one that still waits; and strikes one that was
given up off the ledger.
"""

from enum import StrEnum
from functools import partial

import typer

from commsd.cli.house import House, in_house, mailboxes_of
from commsd.cli.output import as_json
from commsd.cli.place import example
from commsd.core import key

AN_ID = "0195a1b2-0000-7000-8000-000000000001"
EXAMPLES = example(f"commsd ack settle {AN_ID} sent", f"commsd ack settle {AN_ID} never --agent anna")


class Verdict(StrEnum):
    SENT = "sent"
    AGAIN = "again"
    NEVER = "never"


def settle(
    ctx: typer.Context,
    delivery_id: str = typer.Argument(metavar="ID", help="As `commsd ledger` lists it."),
    verdict: Verdict = typer.Argument(
        help="sent: the customer has it. again: send the same bytes once more. never: leave it, or do not send it."
    ),
    agent: str | None = typer.Option(None, help="Who of us says so.", show_default=False),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Say what becomes of an acknowledgement that perhaps went out. Ask the customer or the mail server's log first.

    One that still waits, as under `commsd pause acks`, can be given up with `never`; not while it is being sent. One
    that was tried in vain for hours leaves the ledger with `sent`, where you wrote by hand, or `never`.
    """
    from commsd.channels.mail.settle import by_hand

    async def work(house: House) -> str:
        hand, terms = house.hand(agent), await house.terms()
        keys, boxes = (key.of_delivery(delivery_id),), mailboxes_of(house.config)
        decided = partial(by_hand, verdict.value, delivery_id, terms=terms, by=hand.by, mailboxes=boxes)
        change = await house.decide(keys, decided)
        return change.deliveries[0].state.value

    state = in_house(ctx, work)
    if json:
        as_json({"id": delivery_id, "state": state})
    else:
        typer.echo(f"acknowledgement {delivery_id} is {state}")
