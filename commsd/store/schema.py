"""Tables and constraints of the store; SQLite and PostgreSQL alike. Statements are in the other files of this folder.

Rows keep a few columns to look things up by and the record as JSON. Personal fields are side rows (`personal`), so
that erasing them leaves the order of the log intact.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    func,
    text,
)

from commsd.store.column import Id, Instant, Json, Serial

ACTS = "kind IN ('hold', 'set', 'void')"
"""What people do that moves clocks. Reports look at these alone, by an index that holds nothing else."""
RETARGETS = "type = 'clock.retargeted'"
"""Events of clocks that got another due time. Reports look at these alone, likewise."""

DAMPED = "current{} AND reason IN ('no-ack:budget', 'no-ack:same-subject', 'no-ack:refused-before', 'no-ack:paused')"
"""Mails of people that got no acknowledgement for a cause that is ours. The ledger lists these alone, likewise."""

metadata = MetaData()

interactions = Table(
    "interactions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("current", Boolean, nullable=False),
    Column("channel", String(16), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("direction", String(16), nullable=False),
    Column("outcome", String(16)),
    Column("reason", String(64)),
    Column("contact_id", Id),
    Column("case_id", Id),
    Column("mailbox", String(64)),
    Column("line", String(64)),
    Column("occurred_at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("record", Json, nullable=False),
    Index("ix_interactions_case", "case_id", sqlite_where=text("current = 1"), postgresql_where=text("current")),
    Index("ix_interactions_contact", "contact_id", "recorded_at"),
    Index("ix_interactions_recorded", "recorded_at", "id"),
    Index("ix_interactions_acts", "recorded_at", sqlite_where=text(ACTS), postgresql_where=text(ACTS)),
    Index(
        "ix_interactions_damped",
        "recorded_at",
        sqlite_where=text(DAMPED.format(" = 1")),
        postgresql_where=text(DAMPED.format("")),
    ),
)

personal = Table(
    "personal",
    metadata,
    Column("thing", String(16), primary_key=True),
    Column("id", Id, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("fields", Json, nullable=False),
)

external_ids = Table(
    "external_ids",
    metadata,
    Column("key", String(64), primary_key=True, comment="sha256 of system and id"),
    Column("interaction_id", Id, primary_key=True),
)

logical_keys = Table(
    "logical_keys",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("interaction_id", Id, nullable=False),
)

sightings = Table(
    "sightings",
    metadata,
    Column("place", String(255), primary_key=True),
    Column("uid", BigInteger, primary_key=True),
    Column("interaction_id", Id, primary_key=True),
    Column("seen_at", Instant, nullable=False),
)

originals = Table(
    "originals",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("media_type", String(127), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("content", LargeBinary, comment="null: in original_parts"),
    Column("kept_at", Instant, nullable=False),
    Index("ix_originals_kept", "kept_at"),
)

original_parts = Table(
    "original_parts",
    metadata,
    Column("sha256", String(64), primary_key=True, comment="or the name it is staged under until its hash is known"),
    Column("part", Integer, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

contacts = Table(
    "contacts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("record", Json, nullable=False),
)

identities = Table(
    "identities",
    metadata,
    Column("kind", String(32), primary_key=True),
    Column("value", String(320), primary_key=True),
    Column("contact_id", Id, nullable=False, index=True),
)

cases = Table(
    "cases",
    metadata,
    Column("id", Id, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("contact_id", Id, index=True),
    Column("opened_at", Instant, nullable=False),
    Column("closed_at", Instant),
    Column("closes_at", Instant),
    Column("active_at", Instant, nullable=False),
    Column("record", Json, nullable=False),
    Index("ix_cases_closes", "closes_at"),
    Index("ix_cases_state", "state", "active_at"),
    Index("ix_cases_opened", "opened_at"),
)

clocks = Table(
    "clocks",
    metadata,
    Column("id", Id, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("case_id", Id, nullable=False, index=True),
    Column("clock", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("owed", Boolean, nullable=False),
    Column("due_at", Instant),
    Column("timer_at", Instant),
    Column("record", Json, nullable=False),
    Column("started_at", Instant),
    Index("ix_clocks_timer", "timer_at"),
    Index("ix_clocks_started", "started_at"),
    Index("ix_clocks_owed", "owed", "due_at"),
)

_COUNTED, _WITH_BYTES = (text(f"{name} IS NOT NULL") for name in ("inbox", "payload"))
_OWED, _WAITS = text("state <> 'closed' AND number IS NOT NULL"), text("state = 'waiting'")
_ASTIR = text("state <> 'waiting' AND look_at IS NOT NULL")

callbacks = Table(
    "callbacks",
    metadata,
    Column("id", Id, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("line", String(64)),
    Column("number", String(20), comment="personal"),
    Column("case_id", Id, nullable=False, index=True),
    Column("state", String(16), nullable=False),
    Column("due_at", Instant),
    Column("opened_at", Instant, nullable=False),
    Column("closed_at", Instant),
    Column("claimed_until", Instant),
    Column("look_at", Instant, comment="when the machine looks at it next"),
    Column("record", Json, nullable=False),
    Index("ix_callbacks_number", "number"),
    Index("ix_callbacks_opened", "opened_at"),
    Index("ix_callbacks_look", "look_at", sqlite_where=_ASTIR, postgresql_where=_ASTIR),
    Index("ix_callbacks_waiting", "line", "look_at", sqlite_where=_WAITS, postgresql_where=_WAITS),
    Index("ix_callbacks_state", "state", "due_at"),
    Index("uq_callbacks_open", "line", "number", unique=True, sqlite_where=_OWED, postgresql_where=_OWED),
)

CALLBACK_DUE = func.coalesce(callbacks.c.due_at, callbacks.c.opened_at)
"""When an owed call is due, also where no clock says so; as core/queue_order.py has it."""

Index(
    "ix_callbacks_place",
    callbacks.c.line,
    CALLBACK_DUE,
    callbacks.c.opened_at,
    callbacks.c.look_at,
    sqlite_where=_WAITS,
    postgresql_where=_WAITS,
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", String(128), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("via", String(64), nullable=False),
    Column("recipient", String(320), nullable=False, comment="personal"),
    Column("interaction_id", Id, index=True),
    Column("case_id", Id, index=True),
    Column("created_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("claimed_by", String(64)),
    Column("claimed_until", Instant),
    Column("settled_at", Instant),
    Column("expires_at", Instant, comment="not sent after this"),
    Column("reason", String(64)),
    Column("status_raw", String(200)),
    Column("payload", LargeBinary),
    Column("copies", Integer, nullable=False, server_default="0", comment="times the bytes may have reached a server"),
    Column("subject_key", String(64), comment="keyed hash of the subject without its prefixes"),
    Column("inbox", String(320), comment="personal"),
    Index("ix_deliveries_due", "state", "due_at"),
    Index("ix_deliveries_recipient", "recipient", "created_at"),
    Index("ix_deliveries_inbox", "inbox", "created_at", sqlite_where=_COUNTED, postgresql_where=_COUNTED),
    Index("ix_deliveries_via", "via", "kind", "created_at"),
    Index("ix_deliveries_bytes", "settled_at", sqlite_where=_WITH_BYTES, postgresql_where=_WITH_BYTES),
)

refusals = Table(
    "refusals",
    metadata,
    Column("address", String(320), primary_key=True, comment="personal"),
    Column("mailbox", String(64), nullable=False),
    Column("since", Instant, nullable=False),
    Column("until", Instant, nullable=False),
    Column("interaction_id", Id),
    Column("code", String(64)),
)

pauses = Table(
    "pauses",
    metadata,
    Column("what", String(16), primary_key=True, comment="acks or dialling"),
    Column("name", String(64), primary_key=True, comment="a mailbox; empty: all"),
    Column("until", Instant, nullable=False),
    Column("why", String(998), nullable=False),
    Column("by", String(64), nullable=False),
    Column("made_at", Instant, nullable=False),
)

channel_states = Table(
    "channel_states",
    metadata,
    Column("name", String(255), primary_key=True, comment="of a mailbox, a line or a folder"),
    Column("kind", String(16), primary_key=True),
    Column("id", Id, nullable=False),
    Column("state", String(16), nullable=False),
    Column("since", Instant, nullable=False),
    Column("last_success_at", Instant),
    Column("reason", String(200)),
    Column("revision", Integer, nullable=False, server_default="1"),
    Column("memory", Json, comment="against flapping, and what people were told"),
)

oauth_tokens = Table(
    "oauth_tokens",
    metadata,
    Column("account", String(320), primary_key=True),
    Column("sealed", LargeBinary, comment="access and refresh token, encrypted with a key made from the house's"),
    Column("expires_at", Instant),
    Column("refresh_expires_at", Instant),
    Column("refreshed_at", Instant),
    Column("fence", BigInteger, nullable=False, server_default="0"),
    Column("failed", String(64)),
)

leases = Table(
    "leases",
    metadata,
    Column("resource", String(255), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("expires_at", Instant, nullable=False),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("place", String(255), primary_key=True),
    Column("uidvalidity", BigInteger, nullable=False),
    Column("last_uid", BigInteger, nullable=False),
    Column("enrolled_at", Instant, nullable=False, comment="what lay there before is the past"),
    Column("moved_at", Instant, nullable=False),
    Column("recent", Json, comment="the UIDs decided among the last fifty"),
    Column(
        "renumbered", Integer, nullable=False, server_default="0", comment="times in a row that UIDs were given anew"
    ),
    Column("stopped_at", Instant, comment="left alone since then, for its UIDs do not hold"),
    Column("account", Json, comment="whose folder it is: host, user name, folder, address"),
)

journal = Table(
    "journal",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("received_at", Instant, nullable=False),
    Column("call_sid", String(64), index=True),
    Column("route", String(64), nullable=False),
    Column("step", String(64), nullable=False),
    Column("url", Text, nullable=False),
    Column("fields", Json, nullable=False),
    Column("token", String(64)),
    Column("consumed", Boolean, nullable=False),
    Index("ix_journal_open", "received_at", sqlite_where=text("consumed = 0"), postgresql_where=text("NOT consumed")),
)

answers = Table(
    "answers",
    metadata,
    Column("call_sid", String(64), primary_key=True),
    Column("step", String(64), primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

call_timers = Table(
    "call_timers",
    metadata,
    Column("call_sid", String(64), primary_key=True),
    Column("line", String(64), nullable=False),
    Column("at", Instant, index=True),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("event_id", Id, nullable=False),
    Column("type", String(64), nullable=False),
    Column("thing", String(16), nullable=False),
    Column("subject", Id, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("by", String(64), nullable=False),
    Column("record", Json, nullable=False),
    sqlite_autoincrement=True,
)

feed = Table(
    "feed",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("type", String(64), nullable=False),
    Column("thing", String(16), nullable=False),
    Column("subject", Id, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("event", Text, nullable=False, comment="CloudEvents JSON as rendered once, without personal data"),
    Column("recorded_at", Instant),
    Column("partition_key", String(64)),
    Index("ix_feed_recorded", "recorded_at"),
    Index("ix_feed_subject", "subject"),
    Index("ix_feed_retargets", "seq", sqlite_where=text(RETARGETS), postgresql_where=text(RETARGETS)),
)

feed_head = Table(
    "feed_head",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("epoch", Id, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("oldest", BigInteger, nullable=False, server_default="1", comment="the first number readers still get"),
)

decision_keys = Table(
    "decision_keys",
    metadata,
    Column("key", String(64), primary_key=True, comment="locked in sorted order; PostgreSQL only"),
)

notes = Table(
    "notes",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Json, nullable=False),
)
