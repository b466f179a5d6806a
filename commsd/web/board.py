"""The page: what is due, who waits for a call, what is broken, what happened. It needs a session and shows names."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from commsd.core.interaction import MACHINE_HEARD
from commsd.core.link import Act, Link, link_token
from commsd.core.record import instant
from commsd.crm.audit import DENIED, DONE, NOBODY, READ, REFUSED, SIGNED_IN, Audit
from commsd.crm.fault import TooOften
from commsd.crm.keys import Caller, Keys
from commsd.crm.limits import Limits
from commsd.errors import CommsdError
from commsd.store import feed, pauses, query
from commsd.store.log import Log
from commsd.store.originals import original
from commsd.store.person import person as look
from commsd.web import docs, person, view
from commsd.web.pages import page
from commsd.web.session import NEEDED, Sessions, end, from_our_page
from commsd.web.sound import heard
from commsd.web.view import HEARD, ChannelState, Snapshot
from commsd.web.watch import Health
from commsd.world import World

DUE, CALLS, RECENT = 40, 25, 50
HEARS = "bodies:read"
"""Who may hear what a caller said."""

CLAIM_LASTS = timedelta(minutes=20)
"""How long a button of a page counts: pages stay open."""

_SAID = (Act.REACHED, Act.AGAIN, Act.VOICEMAIL, Act.WRONG, Act.DECLINED)
DEEDS: Mapping[str, Sequence[Act]] = defaultdict(
    tuple,
    {
        "waiting": (Act.CLAIM, *_SAID),
        "escalated": (Act.CLAIM, *_SAID),
        "claimed": (Act.BACK, *_SAID),
        "confirm": _SAID,
        "talking": _SAID,
        "held": (Act.RELEASE, Act.DECLINED),
    },
)
"""What may be done to a callback in each state; given back only by who has it in hand."""

SLOW_FEED = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """The page and its sign-in. channels: how each mailbox and line does, asked at each view.

    observing: what only observes, by name.
    """

    log: Log
    world: World
    key: bytes = field(repr=False)
    sessions: Sessions
    keys: Keys
    health: Health
    firm: str
    zone: ZoneInfo
    audit: Audit
    limits: Limits | None = None
    channels: Callable[[], Sequence[ChannelState]] = tuple
    observing: Sequence[str] = ()

    def routes(self) -> list[BaseRoute]:
        """The page, signing in and out, and the readable description of the API."""
        return [
            Route("/", self.show, methods=["GET"]),
            Route("/sign-in", self.sign_in, methods=["POST"]),
            Route("/sign-out", self.sign_out, methods=["POST"]),
            Route("/docs", self.docs, methods=["GET"]),
            Route("/sound/{id}", self.sound, methods=["GET"]),
            Route("/people/{id}", self.person, methods=["GET"]),
        ]

    async def show(self, request: Request) -> Response:
        """The board; a link's token becomes a session first, so that it does not stay in the address."""
        token = request.query_params.get("token")
        if token:
            caller = await self.sessions.by_link(token)
            if caller is None:
                self._note(DENIED, None, "GET /?token=", REFUSED)
                return self._asked(401, "This link was used already, or it is too old. Paste a key instead.")
            self._note(SIGNED_IN, caller, "GET /?token=")
            return self.sessions.begin(RedirectResponse("/", status_code=303), request, caller)
        caller = await self.sessions.caller(request)
        if caller is None:
            return self._asked(401, None)
        seen = await self.log.read(self._look)
        self._note(READ, caller, "GET /", about=seen.contacts)
        return page("board.html", **self._values(seen, caller))

    async def sign_in(self, request: Request) -> Response:
        """A pasted key becomes a session."""
        if not from_our_page(request):
            return self._asked(403, "Another site sent this.")
        form = parse_qs((await request.body()).decode(errors="replace"))
        address = request.client.host if request.client else None
        caller = None
        try:
            if self.limits:
                self.limits.come(address)
            caller = await self.keys.caller(form.get("key", [""])[0], address)
            caller.must(NEEDED)
        except TooOften as error:
            return self._asked(429, f"Too many tries. To mend it: {error.remedy}.")
        except CommsdError as error:
            if self.limits:
                self.limits.not_let_in(address)
            self._note(DENIED, caller, "POST /sign-in", REFUSED)
            return self._asked(401, f"{error.what[:1].upper()}{error.what[1:]}. To mend it: {error.remedy}.")
        self._note(SIGNED_IN, caller, "POST /sign-in")
        return self.sessions.begin(RedirectResponse("/", status_code=303), request, caller)

    async def sign_out(self, request: Request) -> Response:
        """The session ends."""
        return end(RedirectResponse("/", status_code=303)) if from_our_page(request) else self._asked(403, None)

    async def docs(self, _request: Request) -> Response:
        """What can be asked under /v1."""
        return page("docs.html", **docs.values())

    async def person(self, request: Request) -> Response:
        """One person over all channels: what is owed, and what happened."""
        caller = await self.sessions.caller(request)
        if caller is None:
            return self._asked(401, None)
        who, after = request.path_params["id"], person.place_of(request.query_params.get("before"))
        found = await self.log.read(lambda connection: look(connection, who, after=after))
        if found is None:
            return Response("nobody is known by that id", 404, media_type="text/plain")
        self._note(READ, caller, "GET /people/{id}", about=[who])
        told = person.values(found, self.world.now(), self.zone)
        return page("person.html", firm=self.firm, zone=self.zone.key, **told)

    async def sound(self, request: Request) -> Response:
        """The message a caller left, for who may hear it; a part of it where the browser asks for one."""
        caller = await self.sessions.caller(request)
        if caller is None or not caller.may(HEARS):
            return self._asked(401 if caller is None else 403, "Sign in with a key that may read what customers said.")
        call = request.path_params["id"]
        row = await self.log.read(lambda connection: query.interaction(connection, call))
        kept = row.record.get("raw") if row else None
        if kept is None or not kept["media_type"].startswith("audio/"):
            return Response("no message is kept of this call", 404, media_type="text/plain")
        self._note(READ, caller, "GET /sound/{id}", about=[call])
        return heard(await original(self.log, kept["sha256"]), kept["media_type"], request.headers.get("range"))

    def _note(
        self, what: str, caller: Caller | None, route: str, outcome: str = DONE, *, about: Iterable[str] = ()
    ) -> None:
        who = caller.as_audited if caller else NOBODY
        self.audit.note(self.audit.row(what, caller=who, outcome=outcome, route=route, scope=NEEDED, about=about))

    def _asked(self, status: int, said: str | None) -> Response:
        return page("sign_in.html", status, firm=self.firm, said=said)

    def _look(self, connection: Connection) -> Snapshot:
        now = self.world.now()
        due = query.clocks(connection, limit=DUE).rows
        calls = query.callbacks(connection, limit=CALLS).rows
        recent = query.interactions(connection, query.Wanted(), limit=RECENT).rows
        counted = query.figures(connection)
        named = [row.record["case_id"] for row in (*due, *calls, *recent) if row.record["case_id"]]
        cases = query.cases_of(connection, list(dict.fromkeys(named)))
        asked = [row.record["attempts"][-1:] for row in calls if row.record["state"] == "confirm"]
        tries = [each["id"] for last in asked for each in last if each["id"]]
        left = [miss for row in calls for miss in row.record["misses"][-HEARD:]]
        people = [row.record["contact_id"] for row in (*cases.values(), *calls, *recent) if row.record["contact_id"]]
        waiting = feed.oldest_unnumbered(connection)
        return Snapshot(
            now=now,
            due=due,
            due_total=sum(counted.clocks.values()),
            calls=calls,
            calls_total=sum(counted.callbacks.values()),
            oldest_call=counted.oldest_callback,
            recent=recent,
            cases=cases,
            contacts=query.contacts_of(connection, list(dict.fromkeys(people))),
            spoken=query.spoken_in(connection, left) if left else frozenset(),
            machines=query.tagged(connection, tries, MACHINE_HEARD) if tries else frozenset(),
            lag=max(now - waiting, timedelta(0)) if waiting else timedelta(0),
            unsent=counted.unsent,
            pauses=pauses.in_force(connection, now),
        )

    def _values(self, seen: Snapshot, caller: Caller) -> dict[str, Any]:
        due = view.due_rows(seen, self.zone)
        calls = view.call_rows(seen, self.zone)
        if not caller.may(HEARS):
            for row in calls:
                row["heard"] = []
        if caller.may("callbacks:write"):
            theirs = {row.record["id"] for row in seen.calls if row.record["owner"] == caller.name}
            for row in calls:
                row["deeds"] |= {
                    act.value: self._deed(act, row["id"], caller, seen)
                    for act in DEEDS[row["state_word"]]
                    if act is not Act.BACK or row["id"] in theirs
                }
        states = self.channels()
        return {
            "firm": self.firm,
            "name": caller.name,
            "now": instant(seen.now),
            "clock": f"{seen.now.astimezone(self.zone):%A %H:%M}",
            "zone": self.zone.key,
            "due": due,
            "due_more": seen.due_total - len(due),
            "late": sum(row["state"] == "late" for row in due),
            "soon": sum(row["state"] == "soon" for row in due),
            "owed": seen.due_total,
            "calls": calls,
            "calls_total": seen.calls_total,
            "on_the_line": sum(row["state_word"] in ("dialling", "talking") for row in calls),
            "oldest_call": view.span(seen.now - seen.oldest_call) if seen.oldest_call else "",
            "channels": view.channel_rows(states, seen.now),
            "broken": sum(state.working is False for state in states),
            "troubles": self._troubles(seen),
            "pauses": view.pause_rows(seen, self.zone),
            "observing": view.observed(self.observing) if self.observing else "",
            "log": view.log_rows(seen, self.zone),
        }

    def _deed(self, act: Act, callback_id: str, caller: Caller, seen: Snapshot) -> str:
        link = Link(act=act, thing=callback_id, agent=caller.name, until=seen.now + CLAIM_LASTS)
        return f"/a/{link_token(self.key, link)}?then=board"

    def _troubles(self, seen: Snapshot) -> list[str]:
        """What is wrong with ourselves, in sentences."""
        found = [f"{name}: {said}" for name, said in self.health.reasons().items()]
        if seen.lag > SLOW_FEED:
            found.append(f"The feed lags behind by {view.span(seen.lag)}: is the sequencer running?")
        if seen.unsent.get("unknown"):
            found.append(f"{seen.unsent['unknown']} deliveries were perhaps sent; they go out once more.")
        return found
