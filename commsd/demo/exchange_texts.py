"""SMS in the Twilio stand-in: what customers write, what the daemon sends, and the Messages resource.

Left out: media, WhatsApp's own rules, messaging services; opting out is what the test says it is (`stopped`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from starlette.responses import JSONResponse, Response

from commsd.demo.exchange_answer import Handler, Refusal, RestRequest, dated, endpoint_of, not_found, paged
from commsd.demo.exchange_call import API_VERSION, rfc2822, sid
from commsd.demo.exchange_office import Office
from commsd.demo.exchange_post import Webhook, WebhookFailed

_LONGEST = 1600
_GSM_SEGMENT = 153


@dataclass(slots=True, kw_only=True)
class Texts:
    """The messages of the account, by sid, oldest first.

    ends: number -> how a message to it ends and with which code, ("undelivered", 30003); else it is delivered.
    stopped: numbers that want none: Twilio refuses to send there. deliver_after: seconds until the first status.
    """

    office: Office
    ours: Callable[[], Mapping[str, object]]
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    ends: dict[str, tuple[str, int]] = field(default_factory=dict)
    stopped: set[str] = field(default_factory=set)
    deliver_after: float = 0.0

    def routes(self) -> tuple[tuple[str, str, Handler], ...]:
        """path below the account, method, handler."""
        return (
            ("/Messages.json", "POST", self._create),
            ("/Messages.json", "GET", self._list),
            ("/Messages/{sid}.json", "GET", self._fetch),
        )

    async def received(self, url: str, *, from_: str, to: str, body: str, more: Mapping[str, str]) -> str:
        """A customer writes; the message's sid. Raises WebhookFailed when the daemon does not take it."""
        name = sid("SM", self.office.world.new_id)
        self.records[name] = self._record(name, from_, to, body, "inbound", "received")
        fields = {
            "AccountSid": self.office.account_sid,
            "ApiVersion": API_VERSION,
            "From": from_,
            "To": to,
            "Body": body,
            "MessageSid": name,
            "SmsMessageSid": name,
            "SmsSid": name,
            "SmsStatus": "received",
            "NumMedia": "0",
            "NumSegments": "1",
        }
        await self.office.post.deliver(Webhook(kind="message", url=url, fields=fields | dict(more)))
        return name

    def _create(self, _path: Mapping[str, str], request: RestRequest) -> Response:
        form = dict(request.form)
        to = endpoint_of(form, "To", 21211)
        if form.get("From", "").removeprefix("whatsapp:") not in self.ours():
            raise Refusal(400, 21606, f"The From phone number {form.get('From')} is not a valid one of this account")
        if not form.get("Body"):
            raise Refusal(400, 21602, "Message body is required")
        if len(form["Body"]) > _LONGEST:
            raise Refusal(400, 21617, f"The concatenated message body exceeds the {_LONGEST} character limit")
        if to in self.stopped:
            raise Refusal(400, 21610, "Attempt to send to unsubscribed recipient")
        name = sid("SM", self.office.world.new_id)
        message = self._record(name, form["From"], to, form["Body"], "outbound-api", "queued")
        self.records[name] = message
        self.office.spawn(self._carry(message, form.get("StatusCallback")))
        return JSONResponse(message, 201)

    def _fetch(self, path: Mapping[str, str], request: RestRequest) -> Response:
        if (message := self.records.get(path["sid"])) is None:
            raise not_found(request.path)
        return JSONResponse(message)

    def _list(self, _path: Mapping[str, str], request: RestRequest) -> Response:
        query = dict(request.query)
        found = [
            message
            for message in reversed(self.records.values())
            if all(query.get(name) in (None, "", message[name.lower()]) for name in ("To", "From"))
            and dated(query, "DateSent", _sent_at(message))
        ]
        return paged("messages", found, request)

    def _record(self, name: str, from_: str, to: str, body: str, direction: str, status: str) -> dict[str, Any]:
        account, now = self.office.account_sid, rfc2822(self.office.world.now())
        uri = f"/{API_VERSION}/Accounts/{account}/Messages/{name}"
        return {
            "sid": name,
            "account_sid": account,
            "api_version": API_VERSION,
            "body": body,
            "from": from_,
            "to": to,
            "direction": direction,
            "status": status,
            "date_created": now,
            "date_updated": now,
            "date_sent": now if direction == "inbound" else None,
            "error_code": None,
            "error_message": None,
            "messaging_service_sid": None,
            "num_media": "0",
            "num_segments": str(-(-len(body) // _GSM_SEGMENT) or 1),
            "price": None,
            "price_unit": "USD",
            "uri": f"{uri}.json",
            "subresource_uris": {"media": f"{uri}/Media.json"},
        }

    async def _carry(self, message: dict[str, Any], status_callback: str | None) -> None:
        end, code = self.ends.get(message["to"], ("delivered", None))
        for status in ("sent", end):
            if self.deliver_after:
                await self.office.world.sleep(self.deliver_after)
            message |= {"status": status, "date_updated": rfc2822(self.office.world.now())}
            message["date_sent"] = message["date_sent"] or message["date_updated"]
            if status == end:
                message["error_code"] = code
            if status_callback:
                await self._tell(message, status_callback)

    async def _tell(self, message: Mapping[str, Any], url: str) -> None:
        fields = {
            "ApiVersion": API_VERSION,
            "AccountSid": self.office.account_sid,
            "MessageSid": str(message["sid"]),
            "SmsSid": str(message["sid"]),
            "MessageStatus": str(message["status"]),
            "SmsStatus": str(message["status"]),
            "From": str(message["from"]),
            "To": str(message["to"]),
        }
        if message["error_code"]:
            fields["ErrorCode"] = str(message["error_code"])
        try:
            await self.office.post.deliver(Webhook(kind="message-status", url=url, fields=fields))
        except WebhookFailed:
            return


def _sent_at(message: Mapping[str, Any]) -> datetime | None:
    return parsedate_to_datetime(message["date_sent"]) if message["date_sent"] else None
