"""Owed calls of a span of time, with whose they are: what a report of how they were treated reads."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from commsd.core.callback import Callback
from commsd.core.contact import Contact
from commsd.store import schema
from commsd.store.dialling import contacts_of
from commsd.store.open_items import records


def owed_since(connection: Connection, since: datetime) -> tuple[tuple[Callback, ...], Mapping[str, Contact]]:
    """The callbacks opened since then, closed ones too, and their contacts by id."""
    owed = tuple(records(connection, Callback, schema.callbacks, schema.callbacks.c.opened_at >= since))
    return owed, contacts_of(connection, owed)
