"""The tables of the first release."""

import sqlalchemy as sa
from alembic import op

from commsd.store.column import Instant, Json, Serial

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "answers",
        sa.Column("call_sid", sa.String(length=64), nullable=False),
        sa.Column("step", sa.String(length=64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("call_sid", "step"),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("scopes", Json, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("revoked_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "call_timers",
        sa.Column("call_sid", sa.String(length=64), nullable=False),
        sa.Column("line", sa.String(length=64), nullable=False),
        sa.Column("at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("call_sid"),
    )
    op.create_index(op.f("ix_call_timers_at"), "call_timers", ["at"], unique=False)
    op.create_table(
        "callbacks",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("line", sa.String(length=64), nullable=True),
        sa.Column("number", sa.String(length=20), nullable=True, comment="personal"),
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("closed_at", Instant(), nullable=True),
        sa.Column("claimed_until", Instant(), nullable=True),
        sa.Column("record", Json, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_callbacks_case_id"), "callbacks", ["case_id"], unique=False)
    op.create_index("ix_callbacks_number", "callbacks", ["number"], unique=False)
    op.create_index("ix_callbacks_state", "callbacks", ["state", "due_at"], unique=False)
    op.create_index(
        "uq_callbacks_open",
        "callbacks",
        ["line", "number"],
        unique=True,
        sqlite_where=sa.text("state <> 'closed' AND number IS NOT NULL"),
        postgresql_where=sa.text("state <> 'closed' AND number IS NOT NULL"),
    )
    op.create_table(
        "cases",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("contact_id", sa.String(length=36), nullable=True),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("closed_at", Instant(), nullable=True),
        sa.Column("closes_at", Instant(), nullable=True),
        sa.Column("active_at", Instant(), nullable=False),
        sa.Column("record", Json, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_cases_closes", "cases", ["closes_at"], unique=False)
    op.create_index(op.f("ix_cases_contact_id"), "cases", ["contact_id"], unique=False)
    op.create_index("ix_cases_state", "cases", ["state", "active_at"], unique=False)
    op.create_table(
        "checkpoints",
        sa.Column("place", sa.String(length=255), nullable=False),
        sa.Column("uidvalidity", sa.BigInteger(), nullable=False),
        sa.Column("last_uid", sa.BigInteger(), nullable=False),
        sa.Column("enrolled_at", Instant(), nullable=False, comment="what lay there before is the past"),
        sa.Column("moved_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("place"),
    )
    op.create_table(
        "clocks",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("clock", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("owed", sa.Boolean(), nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("timer_at", Instant(), nullable=True),
        sa.Column("record", Json, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_clocks_case_id"), "clocks", ["case_id"], unique=False)
    op.create_index("ix_clocks_owed", "clocks", ["owed", "due_at"], unique=False)
    op.create_index("ix_clocks_timer", "clocks", ["timer_at"], unique=False)
    op.create_table(
        "contacts",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("record", Json, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "decision_keys",
        sa.Column("key", sa.String(length=64), nullable=False, comment="locked in sorted order; PostgreSQL only"),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("via", sa.String(length=64), nullable=False),
        sa.Column("recipient", sa.String(length=320), nullable=False, comment="personal"),
        sa.Column("interaction_id", sa.String(length=36), nullable=True),
        sa.Column("case_id", sa.String(length=36), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("claimed_by", sa.String(length=64), nullable=True),
        sa.Column("claimed_until", Instant(), nullable=True),
        sa.Column("settled_at", Instant(), nullable=True),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("status_raw", sa.String(length=200), nullable=True),
        sa.Column("payload", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index(op.f("ix_deliveries_case_id"), "deliveries", ["case_id"], unique=False)
    op.create_index("ix_deliveries_due", "deliveries", ["state", "due_at"], unique=False)
    op.create_index(op.f("ix_deliveries_interaction_id"), "deliveries", ["interaction_id"], unique=False)
    op.create_table(
        "external_ids",
        sa.Column("key", sa.String(length=64), nullable=False, comment="sha256 of system and id"),
        sa.Column("interaction_id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("key", "interaction_id"),
    )
    op.create_table(
        "feed",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("thing", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=36), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column(
            "event", sa.Text(), nullable=False, comment="CloudEvents JSON as rendered once, without personal data"
        ),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_table(
        "feed_head",
        sa.Column("name", sa.String(length=16), nullable=False),
        sa.Column("epoch", sa.String(length=36), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "identities",
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("value", sa.String(length=320), nullable=False),
        sa.Column("contact_id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("kind", "value"),
    )
    op.create_index(op.f("ix_identities_contact_id"), "identities", ["contact_id"], unique=False)
    op.create_table(
        "interactions",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("direction", sa.String(length=16), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("contact_id", sa.String(length=36), nullable=True),
        sa.Column("case_id", sa.String(length=36), nullable=True),
        sa.Column("mailbox", sa.String(length=64), nullable=True),
        sa.Column("line", sa.String(length=64), nullable=True),
        sa.Column("occurred_at", Instant(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("record", Json, nullable=False),
        sa.PrimaryKeyConstraint("id", "revision"),
    )
    op.create_index(
        "ix_interactions_case",
        "interactions",
        ["case_id"],
        unique=False,
        sqlite_where=sa.text("current"),
        postgresql_where=sa.text("current"),
    )
    op.create_index("ix_interactions_contact", "interactions", ["contact_id", "recorded_at"], unique=False)
    op.create_index("ix_interactions_recorded", "interactions", ["recorded_at", "id"], unique=False)
    op.create_table(
        "journal",
        sa.Column("id", Serial, autoincrement=True, nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("call_sid", sa.String(length=64), nullable=True),
        sa.Column("route", sa.String(length=64), nullable=False),
        sa.Column("step", sa.String(length=64), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("fields", Json, nullable=False),
        sa.Column("token", sa.String(length=64), nullable=True),
        sa.Column("consumed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_journal_call_sid"), "journal", ["call_sid"], unique=False)
    op.create_index(
        "ix_journal_open",
        "journal",
        ["received_at"],
        unique=False,
        sqlite_where=sa.text("NOT consumed"),
        postgresql_where=sa.text("NOT consumed"),
    )
    op.create_table(
        "leases",
        sa.Column("resource", sa.String(length=255), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("resource"),
    )
    op.create_table(
        "logical_keys",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("interaction_id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "notes",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", Json, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "original_parts",
        sa.Column(
            "sha256",
            sa.String(length=64),
            nullable=False,
            comment="or the name it is staged under until its hash is known",
        ),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", "part"),
    )
    op.create_table(
        "originals",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("media_type", sa.String(length=127), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True, comment="null: in original_parts"),
        sa.Column("kept_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("sha256"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", Serial, autoincrement=True, nullable=False),
        sa.Column("event_id", sa.String(length=36), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("thing", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=36), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("record", Json, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "personal",
        sa.Column("thing", sa.String(length=16), nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("fields", Json, nullable=False),
        sa.PrimaryKeyConstraint("thing", "id", "revision"),
    )
    op.create_table(
        "rule_versions",
        sa.Column("number", Serial, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("accepted_at", Instant(), nullable=False),
        sa.Column("effective_from", Instant(), nullable=False),
        sa.Column("applies", sa.String(length=8), nullable=False),
        sa.Column("files", Json, nullable=False),
        sa.Column("version", Json, nullable=False, comment="the rules with their calendars materialised"),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "sightings",
        sa.Column("place", sa.String(length=255), nullable=False),
        sa.Column("uid", sa.BigInteger(), nullable=False),
        sa.Column("interaction_id", sa.String(length=36), nullable=False),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("place", "uid", "interaction_id"),
    )


def downgrade() -> None:
    op.drop_table("sightings")
    op.drop_table("rule_versions")
    op.drop_table("personal")
    op.drop_table("outbox")
    op.drop_table("originals")
    op.drop_table("original_parts")
    op.drop_table("notes")
    op.drop_table("logical_keys")
    op.drop_table("leases")
    op.drop_index(
        "ix_journal_open",
        table_name="journal",
        sqlite_where=sa.text("NOT consumed"),
        postgresql_where=sa.text("NOT consumed"),
    )
    op.drop_index(op.f("ix_journal_call_sid"), table_name="journal")
    op.drop_table("journal")
    op.drop_index("ix_interactions_recorded", table_name="interactions")
    op.drop_index("ix_interactions_contact", table_name="interactions")
    op.drop_index(
        "ix_interactions_case",
        table_name="interactions",
        sqlite_where=sa.text("current"),
        postgresql_where=sa.text("current"),
    )
    op.drop_table("interactions")
    op.drop_index(op.f("ix_identities_contact_id"), table_name="identities")
    op.drop_table("identities")
    op.drop_table("feed_head")
    op.drop_table("feed")
    op.drop_table("external_ids")
    op.drop_index(op.f("ix_deliveries_interaction_id"), table_name="deliveries")
    op.drop_index("ix_deliveries_due", table_name="deliveries")
    op.drop_index(op.f("ix_deliveries_case_id"), table_name="deliveries")
    op.drop_table("deliveries")
    op.drop_table("decision_keys")
    op.drop_table("contacts")
    op.drop_index("ix_clocks_timer", table_name="clocks")
    op.drop_index("ix_clocks_owed", table_name="clocks")
    op.drop_index(op.f("ix_clocks_case_id"), table_name="clocks")
    op.drop_table("clocks")
    op.drop_table("checkpoints")
    op.drop_index("ix_cases_state", table_name="cases")
    op.drop_index(op.f("ix_cases_contact_id"), table_name="cases")
    op.drop_index("ix_cases_closes", table_name="cases")
    op.drop_table("cases")
    op.drop_index(
        "uq_callbacks_open",
        table_name="callbacks",
        sqlite_where=sa.text("state <> 'closed' AND number IS NOT NULL"),
        postgresql_where=sa.text("state <> 'closed' AND number IS NOT NULL"),
    )
    op.drop_index("ix_callbacks_state", table_name="callbacks")
    op.drop_index("ix_callbacks_number", table_name="callbacks")
    op.drop_index(op.f("ix_callbacks_case_id"), table_name="callbacks")
    op.drop_table("callbacks")
    op.drop_index(op.f("ix_call_timers_at"), table_name="call_timers")
    op.drop_table("call_timers")
    op.drop_table("api_keys")
    op.drop_table("answers")
