"""What people do with webhooks: make, look, pause, enable, rotate, try, ask again for what was missed. For CLI and API.

Who may do it, the caller has asked; only the personal fields are asked for here, since they leave the house later, when
nobody asks any more.
"""

import secrets as chance
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple, get_args

from sqlalchemy import Connection

from commsd.core.change import CameTo
from commsd.core.record import Json, instant
from commsd.crm.event_pattern import REMEDY, heard, patterns
from commsd.crm.fault import ActedBefore
from commsd.crm.keys import Caller
from commsd.crm.webhook import keeping, signing, thin
from commsd.egress.answer import Answer, Failure
from commsd.egress.posting import judged, post
from commsd.egress.target import Exits
from commsd.errors import NotFound, Refused, TryAgain
from commsd.store import feed, requests
from commsd.store import webhooks as rows
from commsd.store.log import Log
from commsd.store.missed_events import missed_events
from commsd.store.webhooks import Backlog, Post, Webhook
from commsd.world import World

LONGEST_NAME = 48
MOST_TYPES = 40
MOST_REDELIVERED = 10_000
"""Events asked for again at a time; who wants more reads the feed, which is made for it."""

FULL = "events:read:pii"
PAUSED = "paused"
USER_AGENT = "commsd"
FAILURES: tuple[Failure, ...] = get_args(Failure)
UNKNOWN: Failure = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A webhook and its new secret, which nothing shows again: `whsec_...`, or the public key `whpk_...`."""

    webhook: Webhook
    secret: str = field(repr=False)


class Enabled(NamedTuple):
    """A webhook that is posted to again. missed: the first and the last number of what the feed let go of before."""

    webhook: Webhook
    missed: tuple[int, int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhooks:
    """The webhooks of this house. key: the house's, which seals their secrets. exits: where may be posted to.

    request: the one under an Idempotency-Key that acts, None without. Whatever changes something does so once for it,
    and raises ActedBefore with what it came to then: the webhook's id where nothing else is said.
    """

    log: Log
    world: World
    key: bytes = field(repr=False)
    exits: Exits
    request: str | None = None

    async def add(
        self,
        name: str,
        url: str,
        types: Sequence[str] = (),
        *,
        full: bool = False,
        ordered: bool = False,
        asymmetric: bool = False,
        caller: Caller | None = None,
    ) -> Made:
        """Post what happens from now on to this URL. types: as `GET /v1/events` takes them; none: all.

        full: with personal fields, which needs their scope. ordered: one post under way for each partition key.
        asymmetric: signed with ed25519, so that the receiver holds no secret. caller: None: the operator on this host.
        Raises Refused, or NoScope.
        """
        _must_be_name(name)
        if full and caller is not None:
            caller.must(FULL)
        wanted = _types(types)
        await judged(url, self.exits)
        secret = _new_secret(asymmetric=asymmetric)
        now = self.world.now()
        _, last = await self.log.read(feed.head)
        webhook = Webhook(
            id=self.world.new_id(),
            revision=1,
            name=name,
            url=url,
            types=wanted,
            payload="full" if full else "thin",
            ordered=ordered,
            sealed=keeping.sealed((keeping.Kept(secret=secret),), self.key),
            created_at=now,
            planned_upto=last,
        )
        if await self._once(lambda c: webhook.id if rows.insert_webhook(c, webhook) else None) is None:
            raise Refused(f"a webhook is called '{name}' already", remedy="choose another name")
        return Made(webhook=webhook, secret=signing.shown(secret))

    async def all(self) -> tuple[tuple[Webhook, Backlog], ...]:
        """Every one by name, with what is owed to it."""
        none, now = Backlog(0, None, None), self.world.now()
        known, owed = await self.log.read(lambda c: (rows.all_webhooks(c), rows.backlogs(c, now)))
        return tuple((webhook, owed.get(webhook.id, none)) for webhook in known)

    async def trouble(self, webhook_id: str) -> Json:
        """Since when it takes no posts, what it said last, and how often one was tried; empty where it takes them."""
        first = await self.log.read(lambda connection: rows.first_in_trouble(connection, webhook_id))
        if first is None or not first.history:
            return {}
        last = first.history[-1]
        said = last.get("error") or last.get("status")
        return {"since": first.history[0]["at"], "last_said": said, "last_try_at": last["at"], "tries": first.attempts}

    async def one(self, name: str) -> Webhook:
        """The one of this name or id. Raises NotFound."""
        found = await self.log.read(lambda connection: rows.webhook_called(connection, name))
        if found is None:
            raise NotFound("no webhook is called so", remedy="see `commsd webhooks list`")
        return found

    async def pause(self, name: str) -> Webhook:
        """Post nothing more to it until it is enabled; nothing is lost meanwhile."""
        webhook, now = await self.one(name), self.world.now()

        def act(connection: Connection) -> str:
            rows.disable(connection, webhook.id, PAUSED, now)
            return webhook.id

        await self._once(act)
        return await self.one(webhook.id)

    async def enable(self, name: str) -> Enabled:
        """Post to it again: what came meanwhile, what waits, and what failed when it was disabled.

        It comes to what it missed, as `missed_word` has it.
        """
        webhook, now = await self.one(name), self.world.now()

        def act(connection: Connection) -> str | None:
            missed = missed_events(connection, webhook)
            return missed_word(missed) if rows.enable(connection, webhook.id, now) else None

        word = await self._once(act)
        return Enabled(await self.one(webhook.id), missed_of(word or ""))

    async def remove(self, name: str) -> Webhook:
        """Drop it and what is owed to it. Gives it as it was."""
        webhook = await self.one(name)

        def act(connection: Connection) -> str:
            rows.remove_webhook(connection, webhook.id)
            return webhook.id

        await self._once(act)
        return webhook

    async def rotate(self, name: str) -> Made:
        """Give it a new secret; for 24 hours posts are signed with the former one too."""
        webhook, now = await self.one(name), self.world.now()
        try:
            before = keeping.opened(webhook.sealed, self.key, now)
        except Refused:  # of a key the house has lost: a new secret is the way out
            before = ()
        secret = _new_secret(asymmetric=any(each.secret.startswith(signing.PRIVATE) for each in before[:1]))
        sealed = keeping.sealed(keeping.rotated(before, secret, now), self.key)
        changed = await self._once(lambda c: webhook.id if rows.seal(c, webhook, sealed) else None)
        if changed is None:
            raise TryAgain("somebody else gave this webhook a secret at the same time", remedy="look, and do it again")
        return Made(webhook=replace(await self.one(webhook.id), sealed=sealed), secret=signing.shown(secret))

    async def test(self, name: str) -> Answer:
        """Post something harmless to it now, whether it is enabled or not: it is in no feed and not tried again.

        It comes to what was answered, as `answer_word` has it, and to UNKNOWN before that.
        """
        webhook, now = await self.one(name), self.world.now()
        known = keeping.opened(webhook.sealed, self.key, now)
        epoch, _ = await self.log.read(feed.head)
        event_id = self.world.new_id()
        body = thin.trial(event_id, f"urn:commsd:{epoch}", now)
        await self._once(lambda _: UNKNOWN)
        answer = await post(webhook.url, body, headers_of(event_id, now, body, known), self.exits)
        if self.request is not None:
            done = (CameTo(self.request, answer_word(answer)),)
            await self.log.writer.write(lambda connection: requests.came_to(connection, done))
        return answer

    async def redeliver(
        self,
        name: str,
        *,
        first: int | None = None,
        last: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> int:
        """Post events once more that it wants; says how many, which is what it comes to. They have the ids they had.

        first, last: by `sequence`. since, until: by when they were recorded. Raises Refused where it is too many.
        """
        if (first, last, since, until) == (None, None, None, None):
            raise Refused("no range is named", remedy="say from which event or time on")
        webhook, now = await self.one(name), self.world.now()
        upto = min(webhook.planned_upto, last) if last is not None else webhook.planned_upto  # the rest comes anyway
        events = await self.log.read(
            lambda connection: rows.between(
                connection, webhook.types, MOST_REDELIVERED + 1, numbers=(first, upto), times=(since, until)
            )
        )
        if len(events) > MOST_REDELIVERED:
            raise Refused(
                f"there are more than {MOST_REDELIVERED} events in this range",
                remedy="name a shorter one, or let the receiver read /v1/events from its cursor",
            )
        ids = [self.world.new_id() for _ in events]
        return int(await self._once(lambda c: str(rows.redeliver(c, webhook, events, ids, now))) or 0)

    async def deliveries(
        self, name: str, *, state: str | None = None, limit: int = 100, before: tuple[int, int] | None = None
    ) -> tuple[Post, ...]:
        """What was and is owed to it with each attempt, the newest event first. state: pending, delivered, failed.

        before: `seq` and `redelivery` of the last one seen.
        """
        webhook = await self.one(name)
        return await self.log.read(
            lambda connection: rows.posts_of(connection, webhook.id, limit, state=state, before=before)
        )

    async def _once(self, act: Callable[[Connection], str | None]) -> str | None:
        """What this comes to; None where it changes nothing. Raises ActedBefore."""
        acted = await self.log.writer.write(lambda connection: requests.once(connection, self.request, act))
        if acted.before:
            raise ActedBefore(acted.came_to or "")
        return acted.came_to


def headers_of(event_id: str, now: datetime, body: bytes, known: Sequence[keeping.Kept]) -> dict[str, str]:
    """All headers of one post."""
    signed = signing.headers(event_id, now, body, (each.secret for each in known))
    return {"Content-Type": "application/cloudevents+json", "User-Agent": USER_AGENT, **signed}


def missed_word(missed: tuple[int, int] | None) -> str:
    """The first and the last number of what was missed, in few characters."""
    return "-" if missed is None else f"{missed[0]:x}-{missed[1]:x}"


def missed_of(word: str) -> tuple[int, int] | None:
    """The reverse of `missed_word`."""
    first, _, last = word.partition("-")
    return (int(first, 16), int(last, 16)) if first else None


def answer_word(answer: Answer) -> str:
    """A status, or why there is none."""
    return str(answer.status or answer.failure or UNKNOWN)


def answer_of(word: str) -> Answer:
    """The reverse of `answer_word`, as far as it was noted."""
    if word.isdigit():
        return Answer(status=int(word), said=f"HTTP {word}")
    failure = next((each for each in FAILURES if each == word), UNKNOWN)
    return Answer(failure=failure, said="it was tried before, and what it was answered was not kept")


def as_record(webhook: Webhook, owed: Backlog) -> Json:
    """A webhook as the API and `--json` show it; nothing of its secrets."""
    return {
        "id": webhook.id,
        "revision": webhook.revision,
        "name": webhook.name,
        "url": webhook.url,
        "types": list(webhook.types),
        "payload": webhook.payload,
        "ordered": webhook.ordered,
        "state": webhook.state,
        "reason": webhook.reason,
        "created_at": instant(webhook.created_at),
        "disabled_at": _written(webhook.disabled_at),
        "throttled_until": _written(webhook.throttled_until),
        "pending": owed.pending,
        "oldest_pending_at": _written(owed.oldest),
    }


def post_record(owed: Post) -> Json:
    """One post as the API and `--json` show it."""
    return {
        "id": owed.id,
        "event_id": owed.event_id,
        "sequence": f"{owed.seq:020}",
        "redelivery": owed.redelivery,
        "partition_key": owed.partition_key,
        "state": owed.state,
        "attempts": owed.attempts,
        "planned_at": instant(owed.planned_at),
        "due_at": instant(owed.due_at),
        "settled_at": _written(owed.settled_at),
        "history": [dict(each) for each in owed.history],
    }


def _written(at: datetime | None) -> str | None:
    return instant(at) if at else None


def _new_secret(*, asymmetric: bool) -> str:
    random = chance.token_bytes(signing.BYTES)
    return signing.private_of(random) if asymmetric else signing.secret_of(random)


def _must_be_name(name: str) -> None:
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise Refused("a webhook needs a name that people know it by", remedy=f"1 to {LONGEST_NAME} characters")


def _types(types: Sequence[str]) -> tuple[str, ...]:
    """In their short form. Raises Refused for one that could never come."""
    wanted = patterns(types)
    if len(wanted) > MOST_TYPES:
        raise Refused("these are too many types", remedy=f"name at most {MOST_TYPES}; callback.* is all of callbacks")
    if not all(each.strip() for each in types) or not all(map(heard, wanted)):
        raise Refused("no event is of one of these types", remedy=REMEDY)
    return wanted
