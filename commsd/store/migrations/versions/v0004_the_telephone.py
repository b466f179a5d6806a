"""What dialling stands on: when a callback is looked at next, who wants no texts, how far calls were looked through."""

import sqlalchemy as sa
from alembic import op

from commsd.store.column import Id, Instant

revision = "0004"
down_revision = "0003"

ASTIR, WAITS = sa.text("state <> 'waiting' AND look_at IS NOT NULL"), sa.text("state = 'waiting'")
WAITING: dict[str, list[str | sa.TextClause]] = {
    "ix_callbacks_waiting": ["line", "look_at"],
    "ix_callbacks_place": ["line", sa.text("coalesce(due_at, opened_at)"), "opened_at", "look_at"],
}


def upgrade() -> None:
    looked = "when the machine looks at it next"
    op.add_column("callbacks", sa.Column("look_at", Instant(), nullable=True, comment=looked))
    op.create_index(
        "ix_callbacks_look",
        "callbacks",
        ["look_at"],
        unique=False,
        sqlite_where=ASTIR,
        postgresql_where=ASTIR,
    )
    op.execute("UPDATE callbacks SET look_at = coalesce(due_at, opened_at) WHERE state = 'waiting'")
    for name, columns in WAITING.items():
        op.create_index(name, "callbacks", columns, unique=False, sqlite_where=WAITS, postgresql_where=WAITS)
    op.create_index("ix_callbacks_opened", "callbacks", ["opened_at"], unique=False)
    op.create_table(
        "opt_outs",
        sa.Column("number", sa.String(20), primary_key=True, comment="personal"),
        sa.Column("channel", sa.String(16), primary_key=True),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("word", sa.String(64), nullable=False),
        sa.Column("interaction_id", Id, nullable=True),
    )
    op.create_table(
        "sweeps",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("at", Instant(), nullable=False, comment="all before this was looked through"),
    )
    op.create_table(
        "spending",
        sa.Column("day", sa.String(10), primary_key=True),
        sa.Column("currency", sa.String(3), primary_key=True),
        sa.Column("amount", sa.Numeric(12, 4), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
    )


def downgrade() -> None:
    for table in ("spending", "sweeps", "opt_outs"):
        op.drop_table(table)
    op.drop_index("ix_callbacks_opened", table_name="callbacks")
    for name in (*WAITING, "ix_callbacks_look"):
        op.drop_index(name, table_name="callbacks")
    op.drop_column("callbacks", "look_at")
