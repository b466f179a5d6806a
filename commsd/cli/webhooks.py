"""`webhooks`: where events are posted to. The feed is the truth; what is missed here is read there."""

import os
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING

import typer

from commsd.cli.house import House, in_house
from commsd.cli.moment import moment
from commsd.cli.output import as_json, card, table, when
from commsd.cli.place import example
from commsd.core.record import Json
from commsd.errors import Unreachable

if TYPE_CHECKING:
    from commsd.crm.webhook.actions import Webhooks
    from commsd.store.webhooks import Webhook

app = typer.Typer()
webhooks_app = typer.Typer(help="Webhooks: where events are posted to.", no_args_is_help=True)
app.add_typer(webhooks_app, name="webhooks")

SHOWN = 20
_JSON = typer.Option(False, "--json", help="Print JSON.")
_NAME = typer.Argument(metavar="NAME", help="Its name or id.")


@webhooks_app.command(
    "add",
    epilog=example(
        "commsd webhooks add crm https://crm.example.com/hooks/commsd --types 'callback.*' --types interaction.recorded"
    ),
)
def add(
    ctx: typer.Context,
    name: str = typer.Argument(metavar="NAME", help="What people know it by."),
    url: str = typer.Argument(metavar="URL", help="Where events are posted to; https alone."),
    types: list[str] = typer.Option([], "--types", metavar="T", help="Which, such as callback.*; without it all."),
    full: bool = typer.Option(False, "--full", help="With names, addresses and subjects; else ids and states alone."),
    ordered: bool = typer.Option(False, "--ordered", help="One post under way for each matter, in its order."),
    asymmetric: bool = typer.Option(False, "--asymmetric", help="Sign with ed25519; the receiver holds no secret."),
) -> None:
    """Post events to a URL from now on. Prints the secret it is signed with once, alone on the last line."""
    wanted = [part for each in types for part in each.split(",") if part.strip()]

    async def work(house: House) -> str:
        made = await _of(house).add(name, url, wanted, full=full, ordered=ordered, asymmetric=asymmetric)
        await _noted(house, "webhook.added", made.webhook.id)
        return made.secret

    _tell(in_house(ctx, work))


@webhooks_app.command("list", epilog=example("commsd webhooks list"))
def list_webhooks(ctx: typer.Context, json: bool = _JSON) -> None:
    """Every webhook with what is owed to it."""

    async def work(house: House) -> None:
        from commsd.crm.webhook.actions import as_record

        own = _of(house)
        found = [as_record(*each) | {"failing": await own.trouble(each[0].id)} for each in await own.all()]
        if json:
            as_json(found)
            return
        rows = [
            (
                each["name"],
                _state(each),
                each["pending"],
                when(each["oldest_pending_at"], house.zone),
                _failing(each["failing"], house),
                ", ".join(each["types"]) or "all",
                each["url"],
            )
            for each in found
        ]
        table(("NAME", "STATE", "OWED", "SINCE", "FAILING", "TYPES", "URL"), rows, "no webhook was made")

    in_house(ctx, work)


@webhooks_app.command("show", epilog=example("commsd webhooks show crm", "commsd webhooks show crm --state failed"))
def show(
    ctx: typer.Context,
    name: str = _NAME,
    state: str = typer.Option("", "--state", metavar="S", help="Only pending, delivered or failed posts."),
    json: bool = _JSON,
) -> None:
    """One webhook, and the last posts to it with what came of each attempt."""
    if state not in ("", "pending", "delivered", "failed"):
        raise typer.BadParameter("write pending, delivered or failed", param_hint="--state")

    async def work(house: House) -> None:
        from commsd.crm.webhook.actions import as_record, post_record

        own = _of(house)
        known = await own.one(name)
        record = next(as_record(*each) for each in await own.all() if each[0].id == known.id)
        posts = [post_record(each) for each in await own.deliveries(known.id, state=state or None, limit=SHOWN)]
        if json:
            as_json(record | {"deliveries": posts})
            return
        card(record, house.zone)
        typer.echo("")
        headings = ("EVENT", "STATE", "TRIES", "LAST TRY", "SAID", "NEXT TRY", "ID")
        table(headings, [_row(each, record, house) for each in posts], "nothing was posted to it yet")

    in_house(ctx, work)


@webhooks_app.command("test", epilog=example("commsd webhooks test crm"))
def try_out(ctx: typer.Context, name: str = _NAME, json: bool = _JSON) -> None:
    """Post something harmless now and tell what came of it; exit 69 where it was not taken."""

    async def work(house: House) -> None:
        answer = await _of(house).test(name)
        if json:
            said = {"taken": answer.taken, "status": answer.status, "failure": answer.failure, "said": answer.said}
            as_json(said)
        if not answer.taken:
            what = f"the receiver did not take it: {answer.said}"
            raise Unreachable(what, remedy="mend the receiver or the URL, then try again")
        if not json:
            typer.echo(f"taken: {answer.said}")

    in_house(ctx, work)


@webhooks_app.command(
    "redeliver",
    epilog=example(
        'commsd webhooks redeliver crm --since "2026-03-04 09:00"',
        "commsd webhooks redeliver crm --from 1200 --to 1300",
    ),
)
def redeliver(
    ctx: typer.Context,
    name: str = _NAME,
    since: str = typer.Option("", "--since", metavar="TIME", help="Events recorded then or later."),
    until: str = typer.Option("", "--until", metavar="TIME", help="And then or before."),
    first: int | None = typer.Option(None, "--from", metavar="N", min=1, help="From this `sequence` on."),
    last: int | None = typer.Option(None, "--to", metavar="N", min=1, help="Up to this `sequence`."),
) -> None:
    """Post a range of events once more, with the ids they had: the receiver drops what it knows."""

    async def work(house: House) -> int:
        own = _of(house)
        known = await own.one(name)
        begin = moment(since, house.zone, "--since") if since else None
        end = moment(until, house.zone, "--until") if until else None
        count = await own.redeliver(known.id, first=first, last=last, since=begin, until=end)
        await _noted(house, "webhook.redelivered", known.id)
        return count

    typer.echo(f"{in_house(ctx, work)} events go out once more")


@webhooks_app.command("enable", epilog=example("commsd webhooks enable crm"))
def enable(ctx: typer.Context, name: str = _NAME) -> None:
    """Post to it again: what came meanwhile, what waits, and what failed when it was disabled."""

    async def work(house: House) -> tuple[int, int] | None:
        known, missed = await _of(house).enable(name)
        await _noted(house, "webhook.enabled", known.id)
        return missed

    missed = in_house(ctx, work)
    typer.echo(f"enabled {name}")
    if missed:
        typer.echo(
            f"the feed has let go of events {missed[0]} to {missed[1]}, which were not posted to it: let the receiver "
            "read GET /v1/interactions/snapshot and go on from there",
            err=True,
        )


@webhooks_app.command("pause", epilog=example("commsd webhooks pause crm"))
def pause(ctx: typer.Context, name: str = _NAME) -> None:
    """Post nothing more to it until it is enabled; nothing is lost meanwhile."""
    _switch(ctx, name, "paused", lambda own: own.pause(name))


@webhooks_app.command("rotate", epilog=example("commsd webhooks rotate crm"))
def rotate(ctx: typer.Context, name: str = _NAME) -> None:
    """Make a new secret and print it, alone on the last line; the former one signs too for 24 hours."""

    async def work(house: House) -> str:
        made = await _of(house).rotate(name)
        await _noted(house, "webhook.rotated", made.webhook.id)
        return made.secret

    _tell(in_house(ctx, work))


@webhooks_app.command("remove", epilog=example("commsd webhooks remove crm"))
def remove(ctx: typer.Context, name: str = _NAME) -> None:
    """Remove it with what is owed to it; commsd itself never does. The feed still has every event."""

    async def work(house: House) -> None:
        known = await _of(house).remove(name)
        await _noted(house, "webhook.removed", known.id)

    in_house(ctx, work)
    typer.echo(f"removed {name}")


def _switch(ctx: typer.Context, name: str, what: str, act: "Callable[[Webhooks], Awaitable[Webhook]]") -> None:
    async def work(house: House) -> None:
        known = await act(_of(house))
        await _noted(house, f"webhook.{what}", known.id)

    in_house(ctx, work)
    typer.echo(f"{what} {name}")


def _of(house: House) -> "Webhooks":
    from commsd.config.own_key import own_key
    from commsd.crm.webhook.actions import Webhooks

    key = own_key(house.config, os.environ)
    return Webhooks(log=house.log, world=house.world, key=key, exits=house.config.webhooks)


async def _noted(house: House, what: str, webhook_id: str) -> None:
    from commsd.crm.audit import Audit

    audit = Audit(house.log, house.world)
    await audit.write(audit.row(what, caller=house.hand(None).by, about=[webhook_id]))


def _tell(secret: str) -> None:
    typer.echo("Keep this where the receiver checks signatures (Standard Webhooks); it is not shown again.")
    typer.echo(secret)


def _state(record: Json) -> str:
    return f"{record['state']} ({record['reason']})" if record["reason"] else str(record["state"])


def _failing(trouble: Json, house: House) -> str:
    """In a column: what the receiver said last, since when it takes nothing, and after how many tries."""
    if not trouble:
        return ""
    since = datetime.fromisoformat(trouble["since"]).astimezone(house.zone)
    tries = "1 try" if trouble["tries"] == 1 else f"{trouble['tries']} tries"
    return f"{since:%m-%d %H:%M}, {tries}: {trouble['last_said']}"


def _row(post: Json, webhook: Json, house: House) -> tuple[object, ...]:
    """A post in a line; one that is owed is tried again, unless its webhook is disabled."""
    last = post["history"][-1] if post["history"] else {}
    said = last.get("error") or last.get("status")
    again = post["due_at"] if post["state"] == "pending" and webhook["state"] == "active" else None
    number, at, due = post["sequence"].lstrip("0"), when(last.get("at"), house.zone), when(again, house.zone)
    return number, post["state"], post["attempts"], at, said, due, post["event_id"]
