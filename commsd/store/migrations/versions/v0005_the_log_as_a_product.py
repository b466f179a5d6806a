"""What CRM systems and people's rights stand on: organisations, webhooks, an audit, erasures; keys that end."""

import sqlalchemy as sa
from alembic import op

from commsd.store.column import Id, Instant, Json, Serial

revision = "0005"
down_revision = "0004"

PENDING, WAITS = sa.text("state = 'pending'"), sa.text("state = 'waiting'")
TABLES = (
    "requests",
    "erasures",
    "audit",
    "webhook_posts",
    "webhooks",
    "organisation_marks",
    "organisations",
    "shared_identities",
    "merged_contacts",
)


PERSONAL = (
    *("personal.fields", "identities.value", "shared_identities.value", "organisation_marks.value", "notes.value"),
    *("callbacks.number", "opt_outs.number", "refusals.address", "deliveries.recipient", "deliveries.inbox"),
    *("deliveries.payload", "originals.content", "original_parts.content", "outbox.record"),
    *("journal.call_sid", "journal.url", "journal.fields", "answers.call_sid", "answers.body"),
)


def upgrade() -> None:
    _callbacks()
    _people()
    _organisations()
    _webhooks()
    _audit()
    for column in (
        sa.Column("expires_at", Instant(), nullable=True),
        sa.Column("last_used_at", Instant(), nullable=True),
        sa.Column("networks", Json, nullable=True, comment="from which it is good; null: from everywhere"),
    ):
        op.add_column("api_keys", column)
    op.add_column("feed", sa.Column("recorded_at", Instant(), nullable=True))
    op.add_column("feed", sa.Column("partition_key", sa.String(64), nullable=True))
    op.create_index("ix_feed_recorded", "feed", ["recorded_at"], unique=False)
    op.create_index("ix_feed_subject", "feed", ["subject"], unique=False)
    first = "the first number readers still get"
    op.add_column("feed_head", sa.Column("oldest", sa.BigInteger(), nullable=False, server_default="1", comment=first))
    _no_samples()


def _no_samples() -> None:
    """PostgreSQL's statistics quote values, and of a table that became empty they are never taken anew."""
    if op.get_context().dialect.name == "postgresql":
        for table, column in (name.split(".") for name in PERSONAL):
            op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STATISTICS 0")


def _callbacks() -> None:
    """Stores made by the first 0004 have this index over other columns."""
    op.execute("DROP INDEX IF EXISTS ix_callbacks_place")
    columns: list[str | sa.TextClause] = ["line", sa.text("coalesce(due_at, opened_at)"), "opened_at", "look_at"]
    op.create_index(
        "ix_callbacks_place", "callbacks", columns, unique=False, sqlite_where=WAITS, postgresql_where=WAITS
    )


def _people() -> None:
    op.create_table(
        "shared_identities",
        sa.Column("kind", sa.String(32), primary_key=True),
        sa.Column("value", sa.String(320), primary_key=True),
        sa.Column("contact_id", Id, primary_key=True, comment="one of several who are known by it"),
    )
    op.create_index("ix_shared_identities_contact_id", "shared_identities", ["contact_id"], unique=False)
    op.create_table(
        "merged_contacts",
        sa.Column("contact_id", Id, primary_key=True),
        sa.Column("into_id", Id, nullable=False),
    )
    op.create_index("ix_merged_contacts_into_id", "merged_contacts", ["into_id"], unique=False)


def _organisations() -> None:
    op.create_table(
        "organisations",
        sa.Column("id", Id, primary_key=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("record", Json, nullable=False),
    )
    op.create_table(
        "organisation_marks",
        sa.Column("kind", sa.String(32), primary_key=True),
        sa.Column("value", sa.String(320), primary_key=True),
        sa.Column("organisation_id", Id, nullable=False),
    )
    op.create_index("ix_organisation_marks_organisation_id", "organisation_marks", ["organisation_id"], unique=False)


def _webhooks() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", Id, primary_key=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(64), nullable=False, unique=True),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("types", Json, nullable=False),
        sa.Column("payload", sa.String(8), nullable=False, comment="thin or full"),
        sa.Column("ordered", sa.Boolean(), nullable=False, comment="one post under way for each partition key"),
        sa.Column(
            "sealed_secrets",
            sa.LargeBinary(),
            nullable=False,
            comment="newest first, encrypted with a key of the house's",
        ),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(64), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("disabled_at", Instant(), nullable=True),
        sa.Column("throttled_until", Instant(), nullable=True),
        sa.Column(
            "planned_upto", sa.BigInteger(), nullable=False, comment="posts are planned for the feed up to this number"
        ),
    )
    op.create_table(
        "webhook_posts",
        sa.Column("id", Id, primary_key=True),
        sa.Column("webhook_id", Id, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("redelivery", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("event_id", Id, nullable=False),
        sa.Column("partition_key", sa.String(64), nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("planned_at", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("settled_at", Instant(), nullable=True),
        sa.Column("claimed_by", sa.String(64), nullable=True),
        sa.Column("claimed_until", Instant(), nullable=True),
        sa.Column("history", Json, nullable=True, comment="what came of each attempt: at, status, error, ms"),
        sa.UniqueConstraint("webhook_id", "seq", "redelivery"),
    )
    for name, column in (("ix_webhook_posts_due", "due_at"), ("ix_webhook_posts_order", "partition_key")):
        columns: list[str | sa.TextClause] = ["webhook_id", column]
        op.create_index(name, "webhook_posts", columns, sqlite_where=PENDING, postgresql_where=PENDING)
    op.create_index("ix_webhook_posts_settled", "webhook_posts", ["settled_at"], unique=False)


def _audit() -> None:
    op.create_table(
        "requests",
        sa.Column("key", sa.String(64), primary_key=True, comment="sha256 of an Idempotency-Key and whose it is"),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("came_to", Id, nullable=True, comment="whom or what it made or changed, once that is done"),
    )
    op.create_index("ix_requests_at", "requests", ["at"], unique=False)
    op.create_table(
        "audit",
        sa.Column("id", Serial, primary_key=True, autoincrement=True),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("caller", sa.String(64), nullable=False),
        sa.Column("what", sa.String(32), nullable=False),
        sa.Column("route", sa.String(128), nullable=True),
        sa.Column("scope", sa.String(32), nullable=True),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("about", Json, nullable=True, comment="ids, nothing personal"),
    )
    op.create_index("ix_audit_at", "audit", ["at"], unique=False)
    op.create_table(
        "erasures",
        sa.Column("contact_id", Id, primary_key=True),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
    )


def downgrade() -> None:
    op.drop_column("feed_head", "oldest")
    op.drop_index("ix_feed_subject", table_name="feed")
    op.drop_index("ix_feed_recorded", table_name="feed")
    for column in ("partition_key", "recorded_at"):
        op.drop_column("feed", column)
    for column in ("networks", "last_used_at", "expires_at"):
        op.drop_column("api_keys", column)
    for table in TABLES:
        op.drop_table(table)
