"""Tables that only the telephone has, beside callbacks, calls and their journal in `schema`."""

from sqlalchemy import Column, Integer, Numeric, String, Table

from commsd.store.column import Id, Instant
from commsd.store.schema import metadata as metadata

opt_outs = Table(
    "opt_outs",
    metadata,
    Column("number", String(20), primary_key=True, comment="personal"),
    Column("channel", String(16), primary_key=True),
    Column("since", Instant, nullable=False),
    Column("word", String(64), nullable=False),
    Column("interaction_id", Id),
)

sweeps = Table(
    "sweeps",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("at", Instant, nullable=False, comment="all before this was looked through"),
)

spending = Table(
    "spending",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("currency", String(3), primary_key=True),
    Column("amount", Numeric(12, 4), nullable=False),
    Column("calls", Integer, nullable=False),
)
