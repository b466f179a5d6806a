"""Raw webhooks, appended through the same group commit as decisions, before anything is decided about them."""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, select

from commsd.store import schema
from commsd.store.log import Log


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """One signed request as it came. fields: the form, empty values kept. token: Twilio's idempotency token."""

    call_sid: str
    route: str
    step: str
    url: str
    fields: Mapping[str, str] = field(repr=False)
    token: str | None = None
    received_at: datetime


class Journal:
    """The journal of webhooks."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def append(self, webhook: Webhook) -> Awaitable[None]:
        """Queue the webhook now; a decision submitted after sees it. The awaitable is done once it is durable."""
        return self._log.writer.insert(schema.journal, _row(webhook))


def knows(connection: Connection, call_sid: str) -> bool:
    """Whether anything was ever journalled of this call."""
    table = schema.journal
    return connection.execute(select(table.c.id).where(table.c.call_sid == call_sid).limit(1)).first() is not None


def _row(webhook: Webhook) -> dict[str, object]:
    return {
        "received_at": webhook.received_at,
        "call_sid": webhook.call_sid,
        "route": webhook.route,
        "step": webhook.step,
        "url": webhook.url,
        "fields": {_kept(name): _kept(value) for name, value in webhook.fields.items()},
        "token": webhook.token[:64] if webhook.token else None,
        "consumed": False,
    }


def _kept(text: str) -> str:
    """PostgreSQL keeps no NUL; a webhook it refused would be a call that nobody knows of."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
