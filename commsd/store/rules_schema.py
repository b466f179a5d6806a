"""The table of the SLA rules that were in force, beside the log in `schema`."""

from sqlalchemy import Column, String, Table

from commsd.store.column import Instant, Json, Serial
from commsd.store.schema import metadata as metadata

rule_versions = Table(
    "rule_versions",
    metadata,
    Column("number", Serial, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False),
    Column("accepted_at", Instant, nullable=False),
    Column("effective_from", Instant, nullable=False),
    Column("applies", String(8), nullable=False),
    Column("files", Json, nullable=False),
    Column("version", Json, nullable=False, comment="the rules with their calendars materialised"),
    Column("withdrawn_at", Instant, comment="another version was brought in before this one came in force"),
)
