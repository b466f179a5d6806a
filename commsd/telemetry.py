"""Logs and metrics, set up once. What may stand in a log line is listed here; everything else is taken out.

Under systemd each event goes to the journal with its fields; elsewhere it is a line of JSON, on a terminal a line to
read. Addresses, numbers, subjects and bodies never appear: fields are an allow-list, and texts are searched besides.
"""

import logging
import os
import re
import socket
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TextIO, cast

import orjson
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

_THERE = "rich" in sys.modules
sys.modules.setdefault("rich", cast(Any, None))  # structlog would load it, 6 MB, for tracebacks that we never print
import structlog  # noqa: E402

if not _THERE:
    del sys.modules["rich"]  # the demo's page needs it

Form = Literal["auto", "journal", "json", "console"]
Event = MutableMapping[str, Any]

JOURNAL = "/run/systemd/journal/socket"

NAMES = frozenset(
    {
        # ids of ours and of Twilio's, names from the configuration, words of our own code
        *("account", "attempt", "batch", "callback", "callsid", "call_sid", "case", "channel", "clock", "code"),
        "contact",
        *(
            "cancelled",
            "count",
            "deliveries",
            "delivery",
            "dialect",
            "duties",
            "duty",
            "idle",
            "left",
            "owed",
            "error",
            "event_id",
            "events",
            "exception",
            "fence",
            "folder",
            "from_version",
        ),
        *(
            "interaction",
            "interactions",
            "kind",
            "language",
            "last_uid",
            "lease",
            "level",
            "library",
            "line",
            "listen",
            "listener",
        ),
        *("logger", "logical", "mailbox", "message", "method", "mode", "node", "outcome", "owner", "phase", "pid"),
        *("connections", "tries"),
        *("pieces", "place", "policy", "port", "purpose", "queued", "reason", "remedy", "result", "retry", "round"),
        *("serial", "effective_from", "withdrawn", "calendar", "zone", "bytes", "offered", "share"),
        *("route", "rule", "rules", "scope", "signal", "stage", "state", "status", "step", "store", "team", "template"),
        *("thing", "told", "uid", "uidvalidity", "until", "verdict", "version", "webhook", "what", "where", "why"),
    }
)
"""Fields whose texts may be logged. Numbers, booleans, times and durations may stand under any name."""

WRITTEN_OUT = frozenset({"what", "remedy", "exception", "template", "why"})
"""Texts in which a person's words could be quoted: searched for addresses and numbers."""

TAKEN_OUT = "[not logged]"

_ADDRESS = re.compile(r"[^\s<>\"'(),;:@\[\]]+@[^\s<>\"'(),;:@\[\]]+")
_NUMBER = re.compile(
    r"(?P<kept>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}|\d{4}-\d\d-\d\d|(?:\d{1,3}\.){3}\d{1,3})"
    r"|(?<![\w.-])\+?\d(?:[\s()/.-]{0,2}\d){6,}(?![\w-])"
)
_E164 = re.compile(r"\+\d{7,15}")
_PRIORITY = {"critical": 2, "error": 3, "warning": 4, "info": 6, "debug": 7}


def configure(form: Form = "auto", level: str = "info", stream: TextIO | None = None) -> None:
    """Set logging up for this process. stream: where JSON and readable lines go, stderr unless a test says else."""
    out = stream or sys.stderr
    chosen = _form(out) if form == "auto" else form
    least = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            failure_without_words,
            only_listed,
            *_written(chosen),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=_Journal if chosen == "journal" else structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers = [Libraries()]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(True)


def only_listed(_logger: object, _method: str, event: Event) -> Event:
    """Takes out every text whose field is not listed, and addresses and numbers where a text could quote them."""
    for name, value in event.items():
        if name in ("event", "level", "timestamp") or value is None:
            continue
        event[name] = _allowed(name, value)
    return event


def failure_without_words(_logger: object, _method: str, event: Event) -> Event:
    """An exception becomes its types and places: its message may quote a mail, a statement its values."""
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        event["exception"] = " <- ".join(_told(error))
    return event


def scrubbed(text: str) -> str:
    """The text without mail addresses and telephone numbers, on one line."""
    plain = _ADDRESS.sub("[address]", text)
    return _NUMBER.sub(lambda found: found["kept"] or "[number]", plain).replace("\n", " | ")


class Libraries(logging.Handler):
    """What a library warns of becomes an event; of its words only the pattern, never what was filled in."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger()
        template = record.msg if isinstance(record.msg, str) and record.args else None
        error = record.exc_info[1] if record.exc_info else None
        if record.levelno >= logging.ERROR:
            log.error("library.failed", logger=record.name, template=template, exc_info=error)
        else:
            log.warning("library.warned", logger=record.name, template=template, exc_info=error)


class Metrics:
    """The metrics of one daemon, each under its public name, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        self.ack_latency = Histogram(
            "commsd_ack_latency_seconds",
            "From a mail's arrival to the 250 for its acknowledgement",
            buckets=(0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900, 3600),
            registry=registry,
        )
        self.channel_success = Gauge(
            "commsd_channel_last_success_timestamp_seconds",
            "When a mailbox or line last worked",
            ["channel"],
            registry=registry,
        )
        self.unread_age = Gauge(
            "commsd_channel_unread_age_seconds",
            "How long the longest unread folder of a mailbox was not read through",
            ["channel"],
            registry=registry,
        )
        self.heartbeat_age = Gauge(
            "commsd_heartbeat_age_seconds",
            "Age of the last mail of a mailbox to itself that came round",
            ["channel"],
            registry=registry,
        )
        self.ping_failures = Counter(
            "commsd_ping_failures_total", "Times ping_url did not answer as it should", registry=registry
        )
        self.token_expires = Gauge(
            "commsd_oauth_token_expires_timestamp_seconds",
            "When a refresh token ends, where the provider tells it; in the past once it is refused",
            ["channel"],
            registry=registry,
        )
        self.callbacks = Gauge("commsd_callbacks_open", "Owed calls", ["state"], registry=registry)
        self.oldest_callback = Gauge(
            "commsd_callback_oldest_age_seconds", "Age of the oldest owed call, 0 without one", registry=registry
        )
        self._of_calls(registry)
        self._of_webhooks(registry)
        self.clocks = Gauge("commsd_clocks", "Clocks somebody still owes", ["clock", "state"], registry=registry)
        self.feed_lag = Gauge(
            "commsd_feed_lag_seconds", "Age of the oldest event without a number, 0 without one", registry=registry
        )
        self.feed_last = Gauge("commsd_feed_last_sequence", "Number of the last event", registry=registry)
        self.feed_oldest = Gauge(
            "commsd_feed_oldest_event_timestamp_seconds",
            "When the oldest event still kept was committed, 0 without one",
            registry=registry,
        )
        self.decisions = Counter(
            "commsd_decisions_total", "Mails decided: ack, or why none", ["result"], registry=registry
        )
        self.acks_damped = Counter(
            "commsd_acks_damped_total", "Acknowledgements held back by a brake", ["rule"], registry=registry
        )
        self.deliveries = Counter(
            "commsd_deliveries_total", "Deliveries settled", ["kind", "result"], registry=registry
        )
        self.deliveries_open = Gauge("commsd_deliveries_open", "Deliveries still owed", ["state"], registry=registry)
        self.escalation_delay = Histogram(
            "commsd_escalation_delay_seconds",
            "From the moment of a ladder's step to its being recorded",
            buckets=(1, 2, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400),
            registry=registry,
        )
        self.rules_applied = Gauge(
            "commsd_rules_last_apply_successful", "1 where the last rules were accepted", registry=registry
        )
        self.config_reloaded = Gauge(
            "commsd_config_last_reload_successful", "1 where the last reload was accepted", registry=registry
        )
        self.config_errors = Gauge(
            "commsd_config_errors", "1 while changed files lie there that were refused", registry=registry
        )

    def _of_calls(self, registry: CollectorRegistry) -> None:
        """Those of telephony.md Q12."""
        waits = (60, 300, 900, 1800, 3600, 7200, 14400, 28800, 86400, 259200)
        self.calls = Counter(
            "commsd_calls_total",
            "Incoming calls by what came of them",
            ["line", "outcome", "reason"],
            registry=registry,
        )
        self.callbacks_closed = Counter(
            "commsd_callbacks_closed_total", "Owed calls that ended", ["reason"], registry=registry
        )
        self.callback_clocks = Counter(
            "commsd_callback_clocks_total", "Callback clocks met or breached", ["result"], registry=registry
        )
        self.callback_first_try = Histogram(
            "commsd_callback_first_try_seconds",
            "From the first miss to the first try",
            buckets=waits,
            registry=registry,
        )
        self.callback_reached = Histogram(
            "commsd_callback_reached_seconds", "From the first miss to the talk", buckets=waits, registry=registry
        )
        self.callback_tries = Histogram(
            "commsd_callback_tries",
            "Tries until the customer was reached",
            buckets=(1, 2, 3, 4, 5, 6, 10),
            registry=registry,
        )
        self.callbacks_held = Gauge(
            "commsd_callbacks_held", "Owed calls no machine rings, by the rule", ["rule"], registry=registry
        )
        self.escalated_age = Gauge(
            "commsd_callback_escalated_age_seconds",
            "Age of the oldest escalated call, 0 without one",
            registry=registry,
        )
        self.dialling_cost = Gauge(
            "commsd_dialling_cost_today", "What dialling has cost today", ["currency"], registry=registry
        )
        self.answer_level = Gauge(
            "commsd_answer_level_ratio",
            "Share of today's calls answered in the line's time",
            ["line"],
            registry=registry,
        )

    def _of_webhooks(self, registry: CollectorRegistry) -> None:
        self.webhook_deliveries = Counter(
            "commsd_webhook_deliveries_total", "Attempts to post an event", ["result"], registry=registry
        )
        self.webhooks_disabled = Gauge(
            "commsd_webhook_endpoint_disabled", "Webhooks disabled because nothing was taken", registry=registry
        )
        self.webhook_oldest = Gauge(
            "commsd_webhook_oldest_age_seconds", "Age of the oldest post still owed, 0 without one", registry=registry
        )

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self.registry)


def _form(stream: TextIO) -> Literal["journal", "json", "console"]:
    if _is_journal(stream):
        return "journal"
    return "console" if stream.isatty() else "json"


def _is_journal(stream: TextIO) -> bool:
    """systemd.exec(5): $JOURNAL_STREAM holds device and inode of the stream that goes to the journal."""
    try:
        known = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{known.st_dev}:{known.st_ino}" and Path(JOURNAL).exists()


def _written(form: str) -> list[Any]:
    if form == "journal":
        return [_fields]
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    if form == "json":
        return [stamp, structlog.processors.JSONRenderer(serializer=_dumps)]
    return [stamp, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), sort_keys=False)]


def _dumps(value: object, **_options: object) -> str:
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def _allowed(name: str, value: object) -> object:
    if isinstance(value, bool | int | float | datetime | timedelta):
        return value
    if isinstance(value, Mapping):
        return {key: _allowed(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_allowed(name, item) for item in value]
    if name not in NAMES:
        return TAKEN_OUT
    text = str(value).replace("\n", " | ")
    return scrubbed(text) if name in WRITTEN_OUT else _E164.sub("[number]", _ADDRESS.sub("[address]", text))


def _told(error: BaseException) -> list[str]:
    """The exception and its causes, outermost first: type, and where it was raised."""
    told: list[str] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        frames = traceback.extract_tb(current.__traceback__)[-4:]
        places = " > ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)
        told.append(f"{type(current).__name__} at {places}" if places else type(current).__name__)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return told


def _fields(_logger: object, _method: str, event: Event) -> bytes:
    """The event in the journal's own protocol, systemd's JOURNAL_NATIVE_PROTOCOL.

    Values are on one line already, so the short form does.
    """
    name, level = event.pop("event"), event.pop("level", "info")
    words = " ".join(f"{key}={value}" for key, value in event.items() if value is not None)
    fields = {
        "MESSAGE": f"{name} {words}".strip(),
        "PRIORITY": str(_PRIORITY.get(level, 6)),
        "SYSLOG_IDENTIFIER": "commsd",
        "COMMSD_EVENT": name,
        **{f"COMMSD_{key.upper()}": str(value) for key, value in event.items() if value is not None},
    }
    return "".join(f"{key}={value}\n" for key, value in fields.items()).encode()


class _Journal:
    """Writes to the journal's socket. A datagram it does not take is dropped: a log never stops the daemon."""

    def __init__(self, *_arguments: object) -> None:
        self._path = JOURNAL

    def msg(self, message: bytes) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as out, suppress(OSError):
            out.sendto(message, self._path)

    debug = info = warning = warn = error = critical = failure = fatal = log = msg
