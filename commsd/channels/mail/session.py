"""What commsd asks of an IMAP server once it is logged in: folders, new UIDs, headers, texts, and to be told of more.

It reads only: folders are opened with EXAMINE and messages peeked at, so no flag is ever written. `imap.py` makes the
connection and hands it in as a Link; which mail is new and what it means is decided in `watch.py`.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from commsd.channels.mail import folder, wire
from commsd.channels.mail.folder import Folder
from commsd.channels.mail.wire import Fetched, Response
from commsd.errors import NotFound, Throttled, TryAgain

HEADERS_A_COMMAND = 200
TEXTS_A_COMMAND = 25
LONGEST_HEAD = 1 << 20

PART = 1 << 18
"""Bytes of a large mail that are held at a time; four times as much cost three megabytes more and saved no time."""

# RFC 5530: the account is good, the moment is not. THROTTLED is Yahoo's and Microsoft's.
_TOO_MUCH = frozenset({"LIMIT", "INUSE", "THROTTLED"})
_NOT_NOW = _TOO_MUCH | {"UNAVAILABLE", "SERVERBUG", "OVERQUOTA"}

_SERVER_IDS = (("X-GM-EXT-1", "X-GM-MSGID "), ("OBJECTID", "EMAILID "))


@dataclass(frozen=True, slots=True)
class Answer:
    """How a command ended. result: OK, NO or BAD; text: the words after it; responses: all that came before."""

    result: str
    text: bytes
    responses: Sequence[Response]

    @property
    def not_now(self) -> bool:
        """Refused, and the server says that it will pass."""
        return self.result != "OK" and wire.code(self.text)[0] in _NOT_NOW


class Link(Protocol):
    """One connection, one command at a time. Whatever goes wrong in `run` or `idle` closes it for good."""

    capabilities: frozenset[str]  # in upper case
    news: bool  # something came in that no search has followed yet

    @property
    def closed(self) -> bool: ...

    async def run(self, name: str, *args: str) -> Answer:
        """The server's answer, whatever it is. Raises Unreachable."""

    async def idle(self, seconds: float) -> Answer:
        """Returns when there is news or the time is over."""

    def entered(self, *, folder: bool) -> None:
        """A folder is open now, or none is."""

    async def leave(self) -> None:
        """LOGOUT, briefly, then closed. Never raises, but when cancelled."""

    def abort(self) -> None:
        """Closed at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """A folder as it was when opened. uidvalidity, uidnext: 0 when the server does not say."""

    uidvalidity: int
    uidnext: int
    exists: int


class Session:
    """One connection to one mailbox, for one caller at a time.

    Every method is bounded by the deadline given to `imap.connect`. A timeout, a cancel or an answer out of order
    closes the connection for good. All of them raise Unreachable (it is gone: connect anew) or TryAgain (the server
    refuses this; `closed` tells whether the session lives on).
    """

    def __init__(self, link: Link) -> None:
        self._link = link

    @property
    def can_idle(self) -> bool:
        """The server offers IDLE (RFC 2177); where it does not, call `noop` now and then."""
        return "IDLE" in self._link.capabilities

    @property
    def closed(self) -> bool:
        """Nothing more can be asked here; connect anew."""
        return self._link.closed

    async def folders(self) -> tuple[Folder, ...]:
        """All folders, with their special use where the server knows it (RFC 6154)."""
        special = {"SPECIAL-USE", "LIST-EXTENDED"} <= self._link.capabilities
        answer = await self._ask("LIST", '""', '"*"', *(["RETURN (SPECIAL-USE)"] if special else []))
        return folder.listed(answer.responses)

    async def examine(self, chosen: Folder | str) -> Selected:
        """Opens a folder, read-only; a str is its name as people read it. NotFound: there is no such folder."""
        name = chosen.wire if isinstance(chosen, Folder) else folder.encoded_name(chosen)
        answer = await self._link.run("EXAMINE", wire.quoted(name))
        self._link.entered(folder=answer.result == "OK")
        if answer.result == "NO" and not answer.not_now:
            raise NotFound(
                f"this folder cannot be opened: {wire.words(answer.text)}", remedy="choose one that the server lists"
            )
        demand(answer, "EXAMINE", self._link)
        self._link.news = False  # the caller searches next, and that sees all of it
        counts = [line[2:-7] for line, *_ in answer.responses if line.upper().endswith(b" EXISTS")]
        return Selected(
            uidvalidity=wire.coded_number(answer.responses, "UIDVALIDITY"),
            uidnext=wire.coded_number(answer.responses, "UIDNEXT"),
            exists=wire.number(counts[-1]) if counts else 0,
        )

    async def uids_after(self, last_uid: int) -> tuple[int, ...]:
        """UIDs above this one, rising. `n:*` always names the newest message, so what is not above is dropped."""
        return tuple(uid for uid in await self._search(f"UID {last_uid + 1}:*") if uid > last_uid)

    async def uids_from(self, first: int) -> tuple[int, ...]:
        """This UID and those above it, rising."""
        return tuple(uid for uid in await self._search(f"UID {first}:*") if uid >= first)

    async def uids_since(self, day: date) -> tuple[int, ...]:
        """UIDs of what the server took in on this day or later, by the server's own zone."""
        return await self._search(f"SINCE {wire.search_date(day)}")

    async def uids_of(self, message_id: str) -> tuple[int, ...]:
        """UIDs of the messages with this Message-ID, without angle brackets. RFC 3501 section 6.4.4."""
        return await self._search(f"HEADER Message-ID {wire.quoted(message_id)}")

    async def headers(self, uids: Iterable[int]) -> tuple[Fetched, ...]:
        """In the order of UIDs, a MiB of each at most; one that is missing has been expunged."""
        found: list[Fetched] = []
        for some in _batches(uids, HEADERS_A_COMMAND):
            head = self._with_facts(f"BODY.PEEK[HEADER]<0.{LONGEST_HEAD}>")
            found += wire.headers(await self._fetch(some, head), some)
        return tuple(found)

    async def beginnings(self, uids: Iterable[int], limit: int = 65_536) -> tuple[Fetched, ...]:
        """As `headers`, with the first `limit` bytes of each, in one round trip; `head` is what stands in them."""
        found: list[Fetched] = []
        for some in _batches(uids, TEXTS_A_COMMAND):
            answer = await self._fetch(some, self._with_facts(f"BODY.PEEK[]<0.{limit}>"))
            found += wire.beginnings(answer, some, limit)
        return tuple(found)

    def _with_facts(self, body: str) -> str:
        """The items of a FETCH: all that is asked of every message, and this of its body."""
        known_by = next((item for word, item in _SERVER_IDS if word in self._link.capabilities), "")
        return f"(UID FLAGS INTERNALDATE RFC822.SIZE {known_by}{body})"

    async def whole(self, uid: int) -> AsyncIterator[bytes]:
        """The message byte for byte, in parts of at most 256 KiB, held one at a time. NotFound: it has been expunged.

        Read until a part is empty: RFC822.SIZE is an estimate on Exchange, and a short part need not be the last.
        """
        offset = 0
        while True:
            fetched = wire.items_by_uid(await self._fetch([uid], f"(UID BODY.PEEK[]<{offset}.{PART}>)"))
            part = wire.body(fetched.get(uid, {}))
            if part is None:
                raise NotFound(f"message {uid} is no longer in its folder", remedy="nothing is to be done")
            if not part:
                return
            offset += len(part)
            yield part

    async def idle(self, seconds: float) -> bool:
        """True as soon as something came in, also if it did so before this call; False after that many seconds.

        A hint only: `uids_after` tells what is new, after True and after False.
        """
        if not self._link.news:
            demand(await self._link.idle(seconds), "IDLE", self._link)
        return self._take_news()

    async def noop(self) -> bool:
        """Keeps the connection; True when something came in since the last look."""
        await self._ask("NOOP")
        return self._take_news()

    async def close(self) -> None:
        """Says goodbye, briefly, and closes. Never raises, but when cancelled."""
        await self._link.leave()

    def abort(self) -> None:
        """Closes at once."""
        self._link.abort()

    async def _search(self, criteria: str) -> tuple[int, ...]:
        self._link.news = False  # what came in so far is in the answer; what comes from now on stirs again
        return wire.search_uids((await self._ask("UID SEARCH", criteria)).responses)

    async def _fetch(self, uids: Iterable[int], items: str) -> Sequence[Response]:
        return (await self._ask("UID FETCH", wire.uid_set(uids), items)).responses

    async def _ask(self, name: str, *args: str) -> Answer:
        answer = await self._link.run(name, *args)
        demand(answer, name, self._link)
        return answer

    def _take_news(self) -> bool:
        news, self._link.news = self._link.news, False
        return news


def demand(answer: Answer, doing: str, link: Link) -> None:
    """Nothing, if the server did it; else TryAgain. BAD also closes: then one of us is out of step."""
    if answer.result == "OK":
        return
    if answer.result != "NO":
        link.abort()
    raise turned_away(f"the IMAP server refuses {doing}", answer.text)


def turned_away(what: str, text: bytes) -> TryAgain:
    """The error for a server's NO or BYE: Throttled where it asks for patience, which it gets."""
    kind = Throttled if wire.code(text)[0] in _TOO_MUCH else TryAgain
    return kind(f"{what}: {wire.words(text)}", remedy="nothing if it passes; else ask the operator of that server")


def _batches(uids: Iterable[int], size: int) -> Iterator[list[int]]:
    ordered = sorted(set(uids))
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]
