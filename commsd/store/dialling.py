"""What the dialler must know of calls that are under way: attempts of ours, and calls of customers to us."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, or_, select

from commsd.core.callback import Callback, State
from commsd.core.contact import Contact
from commsd.core.open_items import WebhookEntry
from commsd.store import schema
from commsd.store.open_items import records

MOST = 500


def in_hand(connection: Connection) -> tuple[Callback, ...]:
    """Callbacks with an attempt of ours whose result is open, closed ones too: their legs are still to be let go."""
    table = schema.callbacks
    live = or_(
        table.c.state.in_((State.DIALLING.value, State.TALKING.value, State.CONFIRM.value)),
        (table.c.state == State.CLOSED.value) & table.c.look_at.is_not(None),
    )
    found = records(connection, Callback, table, live)
    return tuple(callback for callback in found if callback.live and callback.live.id)


def callback_of(connection: Connection, callback_id: str) -> Callback | None:
    """The callback as it is now."""
    found = records(connection, Callback, schema.callbacks, schema.callbacks.c.id == callback_id)
    return found[0] if found else None


def contact_of(connection: Connection, callback: Callback) -> Contact | None:
    """Whose call is owed, as known now."""
    table = schema.contacts
    found = records(connection, Contact, table, table.c.id == callback.contact_id) if callback.contact_id else []
    return found[0] if found else None


def undecided(connection: Connection, before: datetime) -> tuple[tuple[str, str], ...]:
    """Callback and attempt of webhooks journalled before then and not decided: a crash left them behind."""
    table = schema.journal
    left = (~table.c.consumed, table.c.received_at <= before, table.c.call_sid.like("dial:%"))
    urls = connection.execute(select(table.c.url).where(*left).limit(MOST)).scalars()
    found = (_PLACE.search(url) for url in urls)
    return tuple(dict.fromkeys((place[1], place[2]) for place in found if place))


_PLACE = re.compile(r"/twilio/dial/([0-9a-f-]{36})/([0-9a-f-]{36})/")


class LiveCall(NamedTuple):
    """A customer's call without a verdict."""

    sid: str
    webhooks: tuple[WebhookEntry, ...]


def live_calls(connection: Connection) -> Sequence[LiveCall]:
    """Calls to us that have no verdict yet, with their webhooks."""
    journal, timers = schema.journal, schema.call_timers
    some = select(timers.c.call_sid).limit(MOST)
    rows = connection.execute(select(journal).where(journal.c.call_sid.in_(some)).order_by(journal.c.id)).all()
    found: dict[str, list[WebhookEntry]] = {}
    for row in rows:
        entry = WebhookEntry(
            id=row.id, received_at=row.received_at, route=row.route, step=row.step, fields=dict(row.fields)
        )
        found.setdefault(row.call_sid, []).append(entry)
    return [LiveCall(sid, tuple(entries)) for sid, entries in found.items()]
