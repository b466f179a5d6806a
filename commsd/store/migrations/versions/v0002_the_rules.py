"""What operations look things up by: clocks by their start, cases by their opening, notices by whom they went to."""

import sqlalchemy as sa
from alembic import op

from commsd.store.column import Instant

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("clocks", sa.Column("started_at", Instant(), nullable=True))
    postgres = op.get_bind().dialect.name == "postgresql"
    began = (
        "(record->>'started_at')::timestamptz"
        if postgres
        else "substr(json_extract(record, '$.started_at'), 1, 23) || '000Z'"
    )
    op.execute(f"UPDATE clocks SET started_at = {began}")
    op.create_index("ix_clocks_started", "clocks", ["started_at"], unique=False)
    op.create_index("ix_cases_opened", "cases", ["opened_at"], unique=False)
    acts = sa.text("kind IN ('hold', 'set', 'void')")
    op.create_index(
        "ix_interactions_acts",
        "interactions",
        ["recorded_at"],
        unique=False,
        sqlite_where=acts,
        postgresql_where=acts,
    )
    op.create_index("ix_deliveries_recipient", "deliveries", ["recipient", "created_at"], unique=False)
    retargets = sa.text("type = 'clock.retargeted'")
    op.create_index(
        "ix_feed_retargets", "feed", ["seq"], unique=False, sqlite_where=retargets, postgresql_where=retargets
    )
    if not postgres:  # SQLite takes a partial index only where the query says the same words
        _partial("ix_interactions_case", "interactions", "case_id", "current = 1")
        _partial("ix_journal_open", "journal", "received_at", "consumed = 0")
    withdrawn = "another version was brought in before this one came in force"
    op.add_column("rule_versions", sa.Column("withdrawn_at", Instant(), nullable=True, comment=withdrawn))


def _partial(name: str, table: str, column: str, where: str) -> None:
    op.drop_index(name, table_name=table)
    op.create_index(name, table, [column], unique=False, sqlite_where=sa.text(where))


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        _partial("ix_interactions_case", "interactions", "case_id", "current")
        _partial("ix_journal_open", "journal", "received_at", "NOT consumed")
    op.drop_column("rule_versions", "withdrawn_at")
    op.drop_index("ix_feed_retargets", table_name="feed")
    op.drop_index("ix_deliveries_recipient", table_name="deliveries")
    op.drop_index("ix_interactions_acts", table_name="interactions")
    op.drop_index("ix_cases_opened", table_name="cases")
    op.drop_index("ix_clocks_started", table_name="clocks")
    op.drop_column("clocks", "started_at")
