"""What operations look things up by: clocks by their start, cases by their opening, notices by whom they went to."""

import sqlalchemy as sa
from alembic import op

from commsd.store.schema import Instant

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
    op.create_index("ix_deliveries_recipient", "deliveries", ["recipient", "created_at"], unique=False)
    withdrawn = "another version was brought in before this one came in force"
    op.add_column("rule_versions", sa.Column("withdrawn_at", Instant(), nullable=True, comment=withdrawn))


def downgrade() -> None:
    op.drop_column("rule_versions", "withdrawn_at")
    op.drop_index("ix_deliveries_recipient", table_name="deliveries")
    op.drop_index("ix_cases_opened", table_name="cases")
    op.drop_index("ix_clocks_started", table_name="clocks")
    op.drop_column("clocks", "started_at")
