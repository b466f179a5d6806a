"""What mail in full stands on: brakes with a memory, sealed tokens, the state of channels, and copies counted."""

import sqlalchemy as sa
from alembic import op

from commsd.store.column import Id, Instant, Json
from commsd.store.schema import DAMPED

revision = "0003"
down_revision = "0002"

BYTES = sa.text("payload IS NOT NULL")
INBOX = sa.text("inbox IS NOT NULL")


def upgrade() -> None:
    copies = "times the bytes may have reached a server"
    op.add_column("deliveries", sa.Column("copies", sa.Integer(), nullable=False, server_default="0", comment=copies))
    subject = "keyed hash of the subject without its prefixes"
    op.add_column("deliveries", sa.Column("subject_key", sa.String(64), nullable=True, comment=subject))
    op.add_column("deliveries", sa.Column("inbox", sa.String(320), nullable=True, comment="personal"))
    op.add_column("deliveries", sa.Column("expires_at", Instant(), nullable=True, comment="not sent after this"))
    op.create_index(
        "ix_deliveries_inbox",
        "deliveries",
        ["inbox", "created_at"],
        unique=False,
        sqlite_where=INBOX,
        postgresql_where=INBOX,
    )
    op.create_index("ix_deliveries_via", "deliveries", ["via", "kind", "created_at"], unique=False)
    op.create_index(
        "ix_deliveries_bytes", "deliveries", ["settled_at"], unique=False, sqlite_where=BYTES, postgresql_where=BYTES
    )
    op.create_index(
        "ix_interactions_damped",
        "interactions",
        ["recorded_at"],
        unique=False,
        sqlite_where=sa.text(DAMPED.format(" = 1")),
        postgresql_where=sa.text(DAMPED.format("")),
    )
    op.create_index("ix_originals_kept", "originals", ["kept_at"], unique=False)
    _checkpoints()
    _brakes()
    _channels()


def _checkpoints() -> None:
    recent = "the UIDs decided among the last fifty"
    op.add_column("checkpoints", sa.Column("recent", Json, nullable=True, comment=recent))
    times = "times in a row that UIDs were given anew"
    op.add_column(
        "checkpoints", sa.Column("renumbered", sa.Integer(), nullable=False, server_default="0", comment=times)
    )
    stopped = "left alone since then, for its UIDs do not hold"
    op.add_column("checkpoints", sa.Column("stopped_at", Instant(), nullable=True, comment=stopped))
    whose = "whose folder it is: host, user name, folder, address"
    op.add_column("checkpoints", sa.Column("account", Json, nullable=True, comment=whose))


def _brakes() -> None:
    op.create_table(
        "refusals",
        sa.Column("address", sa.String(320), primary_key=True, comment="personal"),
        sa.Column("mailbox", sa.String(64), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("until", Instant(), nullable=False),
        sa.Column("interaction_id", Id, nullable=True),
        sa.Column("code", sa.String(64), nullable=True),
    )
    op.create_table(
        "pauses",
        sa.Column("what", sa.String(16), primary_key=True, comment="acks or dialling"),
        sa.Column("name", sa.String(64), primary_key=True, comment="a mailbox; empty: all"),
        sa.Column("until", Instant(), nullable=False),
        sa.Column("why", sa.String(998), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
    )


def _channels() -> None:
    op.create_table(
        "channel_states",
        sa.Column("name", sa.String(255), primary_key=True, comment="of a mailbox, a line or a folder"),
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("id", Id, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("last_success_at", Instant(), nullable=True),
        sa.Column("reason", sa.String(200), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("memory", Json, nullable=True, comment="against flapping, and what people were told"),
    )
    sealed = "access and refresh token, encrypted with a key made from the house's"
    op.create_table(
        "oauth_tokens",
        sa.Column("account", sa.String(320), primary_key=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True, comment=sealed),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.Column("refresh_expires_at", Instant(), nullable=True),
        sa.Column("refreshed_at", Instant(), nullable=True),
        sa.Column("fence", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("failed", sa.String(64), nullable=True),
    )


def downgrade() -> None:
    for table in ("oauth_tokens", "channel_states", "pauses", "refusals"):
        op.drop_table(table)
    for column in ("stopped_at", "renumbered", "recent"):
        op.drop_column("checkpoints", column)
    op.drop_index("ix_originals_kept", table_name="originals")
    op.drop_index("ix_interactions_damped", table_name="interactions")
    op.drop_index("ix_deliveries_bytes", table_name="deliveries")
    op.drop_index("ix_deliveries_via", table_name="deliveries")
    op.drop_index("ix_deliveries_inbox", table_name="deliveries")
    op.drop_column("deliveries", "expires_at")
    op.drop_column("deliveries", "inbox")
    op.drop_column("deliveries", "subject_key")
    op.drop_column("deliveries", "copies")
