"""Tables of what CRM systems and people's rights need, beside the log and the feed in `schema`."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from commsd.store.column import Id, Instant, Json, Serial
from commsd.store.schema import metadata as metadata

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("digest", String(64), nullable=False),
    Column("scopes", Json, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("revoked_at", Instant),
    Column("expires_at", Instant),
    Column("last_used_at", Instant),
    Column("networks", Json, comment="from which it is good; null: from everywhere"),
)

organisations = Table(
    "organisations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("record", Json, nullable=False),
)

organisation_marks = Table(
    "organisation_marks",
    metadata,
    Column("kind", String(32), primary_key=True),
    Column("value", String(320), primary_key=True),
    Column("organisation_id", Id, nullable=False, index=True),
)

shared_identities = Table(
    "shared_identities",
    metadata,
    Column("kind", String(32), primary_key=True),
    Column("value", String(320), primary_key=True),
    Column("contact_id", Id, primary_key=True, index=True, comment="one of several who are known by it"),
)

merged_contacts = Table(
    "merged_contacts",
    metadata,
    Column("contact_id", Id, primary_key=True),
    Column("into_id", Id, nullable=False, index=True),
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Id, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("name", String(64), nullable=False, unique=True),
    Column("url", Text, nullable=False),
    Column("types", Json, nullable=False),
    Column("payload", String(8), nullable=False, comment="thin or full"),
    Column("ordered", Boolean, nullable=False, comment="one post under way for each partition key"),
    Column("sealed_secrets", LargeBinary, nullable=False, comment="newest first, encrypted with a key of the house's"),
    Column("state", String(16), nullable=False),
    Column("reason", String(64)),
    Column("created_at", Instant, nullable=False),
    Column("disabled_at", Instant),
    Column("throttled_until", Instant),
    Column("planned_upto", BigInteger, nullable=False, comment="posts are planned for the feed up to this number"),
)

_OWED = text("state = 'pending'")

webhook_posts = Table(
    "webhook_posts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("webhook_id", Id, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("redelivery", Integer, nullable=False, server_default="0"),
    Column("event_id", Id, nullable=False),
    Column("partition_key", String(64)),
    Column("state", String(16), nullable=False),
    Column("planned_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("settled_at", Instant),
    Column("claimed_by", String(64)),
    Column("claimed_until", Instant),
    Column("history", Json, comment="what came of each attempt: at, status, error, ms"),
    UniqueConstraint("webhook_id", "seq", "redelivery"),
    Index("ix_webhook_posts_due", "webhook_id", "due_at", sqlite_where=_OWED, postgresql_where=_OWED),
    Index("ix_webhook_posts_order", "webhook_id", "partition_key", sqlite_where=_OWED, postgresql_where=_OWED),
    Index("ix_webhook_posts_settled", "settled_at"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False, index=True),
    Column("caller", String(64), nullable=False),
    Column("what", String(32), nullable=False),
    Column("route", String(128)),
    Column("scope", String(32)),
    Column("outcome", String(16), nullable=False),
    Column("about", Json, comment="ids, nothing personal"),
)

requests = Table(
    "requests",
    metadata,
    Column("key", String(64), primary_key=True, comment="sha256 of an Idempotency-Key and whose it is"),
    Column("digest", String(64), nullable=False),
    Column("at", Instant, nullable=False, index=True),
    Column("came_to", Id, comment="whom or what it made or changed, once that is done"),
)

erasures = Table(
    "erasures",
    metadata,
    Column("contact_id", Id, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("by", String(64), nullable=False),
)
