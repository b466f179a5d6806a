"""/a/{token}: what our people are offered in a notice.

GET shows one button, only POST acts, because scanners follow links.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from commsd.core.agent import People
from commsd.core.change import Change
from commsd.core.entry import Hand
from commsd.core.link import OF_A_CALL, Act, Link, link_of, link_token
from commsd.core.open_items import Terms
from commsd.crm import link_action
from commsd.errors import CommsdError
from commsd.store import query
from commsd.store.log import Log
from commsd.web.pages import page
from commsd.web.session import from_our_page
from commsd.world import World


class Words(NamedTuple):
    """What the page says before and after."""

    title: str
    button: str
    done: str


WORDS = {
    Act.DONE: Words("Close this case?", "Yes, it is done", "The case is closed."),
    Act.JUNK: Words("Was this junk?", "Yes, it is junk", "The case is closed as junk; its clocks do not count."),
    Act.ANSWERED: Words(
        "Was the customer answered elsewhere?",
        "Yes, the customer has an answer",
        "It is recorded: the customer was answered, and the clocks of the answer have stopped.",
    ),
    Act.HOLDING: Words(
        "Was the last mail only a holding answer?",
        "Yes, the answer is still to come",
        "It is recorded: the last answer counts as a holding one, and the clock runs on.",
    ),
    Act.CLAIM: Words("Call back yourself?", "Yes, I call back", "The callback is yours for 30 minutes."),
    Act.REACHED: Words(
        "Did you speak to the customer?", "Yes, we spoke", "It is recorded: you spoke, and the call is owed no longer."
    ),
    Act.AGAIN: Words(
        "When is the customer to be called again?", "Call again then", "It is recorded: you spoke, and call again then."
    ),
    Act.VOICEMAIL: Words(
        "Did only a voicemail answer?",
        "Yes, a voicemail",
        "It is recorded as a try. The call is still owed; the next one comes later.",
    ),
    Act.WRONG: Words(
        "Was it the wrong person or number?",
        "Yes, it was somebody else",
        "It is recorded as a try. The call is still owed; set the right number if you know it.",
    ),
    Act.DECLINED: Words(
        "Does the customer want no call?", "Yes, no call is wanted", "It is recorded: the call is owed no longer."
    ),
    Act.RELEASE: Words(
        "May this number be called once?",
        "Yes, in my name",
        "One call may be made now. It is recorded who said so.",
    ),
    Act.BACK: Words(
        "Give this call back?", "Yes, give it back", "It is given back, for anybody. The third time it is the lead's."
    ),
}

LONGEST_REASON = 200
REASONLESS = "Say why, in a few words: whoever takes it next reads them."
TIMELESS = "Say when: a day and an hour that are still to come."


class Links:
    """The pages behind links."""

    def __init__(
        self, log: Log, terms: Callable[[], Terms], world: World, key: bytes, people: People, zone: tzinfo = UTC
    ) -> None:
        """zone: in which a time is meant that somebody types."""
        self._log = log
        self._terms = terms
        self._world = world
        self._key = key
        self._people = people
        self._zone = zone

    def routes(self) -> list[BaseRoute]:
        """GET and POST of /a/{token}."""
        return [Route("/a/{token}", self.show, methods=["GET"]), Route("/a/{token}", self.act, methods=["POST"])]

    async def show(self, request: Request) -> Response:
        """One button; nothing about the customer, because whoever holds the link sees this page."""
        link = self._link(request)
        if link is None:
            return _over()
        return self._asked(link)

    async def act(self, request: Request) -> Response:
        """The action itself; what cannot be done is said with what to do."""
        link = self._link(request)
        if link is None:
            return _over()
        words = WORDS[link.act]
        if not from_our_page(request):
            return page("link.html", 403, words=words, said="Another site sent this.", remedy=None)
        form = await request.body()
        due = _time_in(form, self._zone) if link.act is Act.AGAIN else None
        why = _reason_in(form) if link.act is Act.BACK else None
        if link.act is Act.AGAIN and (due is None or due <= self._world.now()):
            return self._asked(link, 422, TIMELESS)
        if link.act is Act.BACK and why is None:
            return self._asked(link, 422, REASONLESS)
        try:
            done = await self._do(link, due, why)
        except CommsdError as error:
            return page("link.html", 409, words=words, said=_sentence(error.what), remedy=_sentence(error.remedy))
        if request.query_params.get("then") == "board":
            return RedirectResponse("/", status_code=303)
        back = self._back(link) if link.act is Act.CLAIM else None
        return page("link.html", words=words, said=words.done, remedy=_elsewhere(done, link), back=back)

    def _link(self, request: Request) -> Link | None:
        link = link_of(self._key, request.path_params["token"])
        return link if link is not None and link.until > self._world.now() else None

    def _asked(self, link: Link, status: int = 200, lacking: str | None = None) -> Response:
        """The page with the button, and with a field for the time where one is needed."""
        asks = None
        if link.act is Act.AGAIN:
            asks = {"from": f"{self._world.now().astimezone(self._zone):%Y-%m-%dT%H:%M}", "zone": str(self._zone)}
        values = {"words": WORDS[link.act], "said": None, "remedy": None, "asks": asks, "lacking": lacking}
        return page("link.html", status, **values, reason=link.act is Act.BACK)

    def _back(self, link: Link) -> str:
        """The link by which a claimed call is given back."""
        return f"/a/{link_token(self._key, replace(link, act=Act.BACK))}"

    async def _do(self, link: Link, due: datetime | None, why: str | None) -> Change:
        agent = self._people.agents.get(link.agent)
        name = agent.name if agent else link.agent or None
        hand = Hand(by=link.agent[:64] or "link", agent_id=link.agent[:64] or None, agent=name)
        if link.act in OF_A_CALL:
            keys = await self._log.read(lambda connection: query.keys_of_callback(connection, link.thing))
        else:
            keys = await self._log.read(lambda connection: query.keys_of_case(connection, link.thing))
        return await self._log.decide(keys, link_action.act_of(link, hand, self._terms(), due, why=why))


def _time_in(form: bytes, zone: tzinfo) -> datetime | None:
    """The field `due` of a form as browsers send a date and time: no zone, no seconds."""
    try:
        text = parse_qs(form.decode()).get("due", [""])[0]
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)


def _reason_in(form: bytes) -> str | None:
    """The field `why` of a form, its first words; None where nothing is said."""
    said = parse_qs(form.decode(errors="replace")).get("why", [""])[0]
    return " ".join(said.split())[:LONGEST_REASON] or None


def _over() -> Response:
    words = Words("This link is over", "", "")
    said = "It was cut on its way, or it is too old."
    return page("link.html", 404, words=words, said=said, remedy="Use the newest notice, or the board.")


def _elsewhere(done: Change, link: Link) -> str | None:
    """That it was done to another case than the notice was about; which, nobody learns who only holds the link."""
    ids = {fact.case_id for fact in done.interactions} - {None}
    if link.act in OF_A_CALL or not ids or link.thing in ids:
        return None
    return "The case of the notice has gone into another since: it was done to that one."


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
