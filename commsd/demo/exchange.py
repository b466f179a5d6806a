"""A telephone exchange on loopback that speaks Twilio: it rings the daemon, follows its TwiML and takes its REST calls.

For the demo and the tests. It follows Twilio's published descriptions; what is not documented is chosen where it
happens (exchange_dial.py, exchange_office.py). Left out: conferences, queues, transcription, media of messages,
prices of messages, REST resources other than Calls, Messages, Recordings, IncomingPhoneNumbers, Balance and
DialingPermissions. Nothing is ever sent to a host beyond loopback.
"""

import asyncio
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import uvicorn

from commsd.demo.exchange_call import (
    Call,
    Caller,
    Person,
    Recording,
    Spoken,
)
from commsd.demo.exchange_dial import dial, hang_up_later, ring_person
from commsd.demo.exchange_leg import Leg, LegEnded, Page, Rejected
from commsd.demo.exchange_office import Alert, Office, hand_of
from commsd.demo.exchange_permissions import Permissions
from commsd.demo.exchange_post import UNTOUCHED, Post, Sent, Tamper, Webhook
from commsd.demo.exchange_rest import RestRequest, rest_app
from commsd.demo.exchange_shelf import IncomingNumber, Shelf
from commsd.demo.exchange_texts import Texts
from commsd.demo.twiml_reader import read
from commsd.world import World

__all__ = [
    "Alert",
    "Call",
    "Caller",
    "Exchange",
    "IncomingNumber",
    "Person",
    "Recording",
    "RestRequest",
    "Sent",
    "Spoken",
    "Tamper",
    "Webhook",
]

_STOPPING_SECONDS = 5.0


class Exchange:
    """Twilio on loopback for as long as the `async with` lasts.

    public_url: what the daemon is told is its address, and what is signed; app_url: the listener behind it, may be
    set later. numbers: ours. people: who answers which number, nobody by default. keys: API key sid -> secret.
    tamper, tamper_rest: what the network does to each request. requests, rest_requests: all that went over it.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        *,
        world: World,
        account_sid: str = "AC" + "0" * 32,
        auth_token: str = "exchange",
        public_url: str,
        app_url: str | None = None,
        numbers: Mapping[str, IncomingNumber] | Sequence[str] = (),
        keys: Mapping[str, str] | None = None,
        words_per_second: float = 2.5,
    ) -> None:
        self.world, self.public_url = world, public_url.rstrip("/")
        self.post = Post(world=world, auth_token=auth_token)
        self.office = Office(world=world, account_sid=account_sid, post=self.post, words_per_second=words_per_second)
        self.numbers = dict(numbers) if isinstance(numbers, Mapping) else {n: IncomingNumber() for n in numbers}
        self.logins = {account_sid: auth_token} | dict(keys or {})
        self.texts = Texts(office=self.office, ours=lambda: self.numbers)
        self.shelf = Shelf(office=self.office, public_url=lambda: self.public_url, numbers=self.numbers)
        self.permissions = Permissions(here=lambda: self.api_base_url)
        self.rest_requests: list[RestRequest] = []
        self.tamper_rest: Callable[[RestRequest], Tamper] = lambda _: UNTOUCHED
        self.port = 0
        if app_url:
            self.app_url = app_url

    @property
    def app_url(self) -> str | None:
        """Where the webhooks really go: the base URL of the daemon's public listener."""
        return self.post.hosts.get(self.public_url)

    @app_url.setter
    def app_url(self, url: str) -> None:
        self.post.hosts[self.public_url] = url

    @property
    def api_base_url(self) -> str:
        """For `twilio.api_base_url`."""
        return f"http://{self.host}:{self.port}"

    @property
    def people(self) -> dict[str, Person]:
        return self.office.people

    @property
    def calls(self) -> Mapping[str, Call]:
        """By sid, oldest first."""
        return self.office.calls

    @property
    def messages(self) -> Mapping[str, Mapping[str, Any]]:
        """SMS in both directions, by sid, oldest first."""
        return self.texts.records

    @property
    def alerts(self) -> Sequence[Alert]:
        return self.office.alerts

    @property
    def requests(self) -> Sequence[Sent]:
        """Every webhook request that left, each attempt and copy, in order."""
        return self.post.sent

    @property
    def tamper(self) -> Callable[[Webhook], Tamper]:
        """Called once for each webhook; what it returns happens to it."""
        return self.post.tamper

    @tamper.setter
    def tamper(self, do: Callable[[Webhook], Tamper]) -> None:
        self.post.tamper = do

    async def __aenter__(self) -> Self:
        listener = socket.create_server((self.host, self.port))
        self.port = listener.getsockname()[1]
        await self.post.open()
        self._server = _Embedded(rest_app(self))
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]))
        async with asyncio.timeout(_STOPPING_SECONDS):
            await self._server.ready.wait()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.office.stop()
        await self.post.close()
        self._server.leave.set()
        async with asyncio.timeout(_STOPPING_SECONDS):
            await self._serving

    async def ring(self, *, from_: str, to: str, caller: Caller | None = None) -> Call:
        """A customer rings one of our numbers. The call goes on by itself; wait for `ended`."""
        number = self.numbers.get(to, IncomingNumber())
        call = self.office.new_call(from_=from_, to=to, direction="inbound")
        call.status, call.started_at = "ringing", call.created_at
        call.status_callback = number.status_callback or f"{self.public_url}/twilio/call-status"
        self.office.spawn(self._incoming(call, number, caller or Caller()))
        return call

    async def ended(self, call: Call) -> Call:
        """The call, once it is over and its last webhook has been posted."""
        await call.over.wait()
        return call

    async def text(self, *, from_: str, to: str, body: str, **more: str) -> str:
        """A customer writes an SMS; the message's sid. more: fields of the webhook such as OptOutType, ProfileName.

        Raises WebhookFailed when the daemon does not take it.
        """
        number = self.numbers.get(to.removeprefix("whatsapp:"), IncomingNumber())
        url = number.message_url or f"{self.public_url}/twilio/message"
        return await self.texts.received(url, from_=from_, to=to, body=body, more=more)

    def spoken(self, call: Call | str) -> tuple[Spoken, ...]:
        """What was heard on this leg, in order."""
        return tuple((self.calls[call] if isinstance(call, str) else call).spoken)

    def children(self, call: Call) -> tuple[Call, ...]:
        """The legs that its Dial verbs made."""
        return tuple(child for child in self.calls.values() if child.parent_sid == call.sid)

    def place(self, form: Mapping[str, str], events: Sequence[str]) -> Call:
        """POST Calls, already checked: the call in state queued; it goes on by itself."""
        call = self.office.new_call(from_=form["From"], to=form["To"], direction="outbound-api")
        call.status_callback = form.get("StatusCallback")
        call.status_method = form.get("StatusCallbackMethod", "POST")
        call.events = frozenset(" ".join(events).split()) or frozenset({"completed"})
        self.office.spawn(self._outgoing(call, form))
        return call

    async def _incoming(self, call: Call, number: IncomingNumber, caller: Caller) -> None:
        leg = Leg(self.office, call, hand_of(caller), fallback_url=number.fallback_url, dial=dial)
        timer = caller.hangs_up_after
        hang_up = self.office.spawn(self._hang_up(call, timer)) if timer is not None else None
        ended = "no-answer"
        try:
            await leg.follow(await leg.fetch("voice", number.voice_url or f"{self.public_url}/twilio/voice"))
        except Rejected as rejected:
            ended = "busy" if str(rejected) == "busy" else "no-answer"
        except LegEnded:
            pass
        finally:
            if hang_up is not None:
                hang_up.cancel()
        await self._over(call, ended)

    async def _hang_up(self, call: Call, after: float) -> None:
        await self.world.sleep(after)
        call.gone.set()

    async def _outgoing(self, call: Call, form: Mapping[str, str]) -> None:
        person = self.people.get(call.to, Person())
        leg = Leg(self.office, call, hand_of(person), fallback_url=form.get("FallbackUrl"), dial=dial)
        ended, hang_up = "canceled", None
        try:
            await self._leave_queue(leg)
            ended = await ring_person(self.office, call, person, float(form.get("Timeout", 60)))
            if ended == "in-progress":
                limit = float(form["TimeLimit"]) if form.get("TimeLimit") else None
                hang_up = hang_up_later(self.office, call, person, limit)
                if form.get("MachineDetection"):
                    leg.detect(person, form.get("AsyncAmdStatusCallback"))
                await leg.follow(await self._first_page(leg, form))
        except LegEnded:
            pass
        finally:
            if hang_up is not None:
                hang_up.cancel()
        await self._over(call, ended)

    async def _leave_queue(self, leg: Leg) -> None:
        if seconds := self.office.wait_in_queue():
            began = self.world.now()
            try:
                await leg.pass_time(seconds)
            finally:
                leg.call.queued_ms = round((self.world.now() - began).total_seconds() * 1000)

    async def _first_page(self, leg: Leg, form: Mapping[str, str]) -> Page:
        if form.get("Url"):
            return await leg.fetch("voice", form["Url"], form.get("Method", "POST"))
        return Page(url=self.public_url, verbs=read(form["Twiml"]))

    async def _over(self, call: Call, unanswered: str) -> None:
        self.office.finish(call, "completed" if call.answered_at else unanswered)
        await self.office.all_told(call)
        call.over.set()


class _Embedded(uvicorn.Server):
    """uvicorn inside our loop: our signals stay ours, and it tells when it listens."""

    def __init__(self, app: Any) -> None:
        super().__init__(
            uvicorn.Config(app, log_config=None, lifespan="off", access_log=False, timeout_graceful_shutdown=1)
        )
        self.ready = asyncio.Event()
        self.leave = asyncio.Event()

    async def main_loop(self) -> None:
        # uvicorn's own wakes ten times a second to see whether it shall stop
        await self.leave.wait()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()
