"""Channels that fell or rose -> one notice to those in `[alarms] tell`: who is told, when, by which mailbox. Pure.

What is wrong with a channel is decided in `core.channel_state`. A dead server takes many mailboxes with it at about the
same time, so a notice waits a minute for the others; what lasts is told again after four hours, then daily.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import orjson

from commsd.core.channel_state import Cause, Health, Standing
from commsd.core.firm import Firm
from commsd.core.interaction import Delivery, DeliveryKind
from commsd.core.open_items import OpenItems
from commsd.core.record import instant
from commsd.sla.notice.instead import said_in
from commsd.sla.notice.notice import SHORT, Notice, in_words, local, marked
from commsd.sla.notice.post import Post
from commsd.sla.notice.recipient import Recipient, Roll, Way

ALARMS = "alarm:"
"""How the keys of these notices begin."""

GATHERED = timedelta(minutes=1)
SPACED = timedelta(minutes=5)
"""So long at least between two of these notices."""

REPEATED = (timedelta(hours=4), timedelta(days=1))
LISTED = 20
AGAIN = "+"
"""What the key of a notice ends in that took another way, once for each."""

_IS: Mapping[str, str] = {
    Cause.STOPPED: "is left alone: its server numbers the mails anew again and again",
    Cause.TOKEN_REFUSED: "cannot log in: the provider takes our OAuth login no more",
    Cause.UNREAD: "is not read",
    Cause.UNDECIDED: "has a mail that is not taken up",
    Cause.FAILING: "does not work",
    Cause.ANSWERS_UNSEEN: "does not show what our people answered",
    Cause.LATE: "does not send: what is owed waits",
    Cause.HEARTBEAT_LOST: "does not get its own heartbeat back",
    Cause.TOKEN_EXPIRING: "will soon be unable to log in: its OAuth login ends",
}
_DO: Mapping[str, str] = {
    Cause.STOPPED: "ask the operator of the mail server, then restart commsd",
    Cause.TOKEN_REFUSED: "give a new refresh token; commsd check --online tries it",
    Cause.UNREAD: "see that the IMAP server runs and takes our login: commsd check --online",
    Cause.UNDECIDED: "see the log of the daemon; commsd ledger lists what is undecided",
    Cause.FAILING: "see the log of the daemon: commsd check --online",
    Cause.ANSWERS_UNSEEN: "see that there is such a folder and our login may read it: commsd check --online",
    Cause.LATE: "see that the SMTP server runs and takes our login: commsd check --online",
    Cause.HEARTBEAT_LOST: "look into the folder for junk and into the filters of this mailbox, then at its SMTP server",
    Cause.TOKEN_EXPIRING: "give a new refresh token before that; commsd check --online tries it",
}
_SERVER_SAID = frozenset({Cause.UNREAD, Cause.ANSWERS_UNSEEN})
"""Causes whose remedy hangs on what was said when we tried."""

_LOGIN = "see that the name and password of this login are right: commsd check --online"
_WORST = {cause.value: place for place, cause in enumerate(Cause)}
_UNREAD = frozenset({Cause.STOPPED, Cause.TOKEN_REFUSED, Cause.UNREAD, Cause.UNDECIDED})
"""Then what customers write lies there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exits:
    """How notices can leave. posts: by mailbox. hosts: the SMTP server of each. preferred: the one of `[notices]`."""

    posts: Mapping[str, Post]
    hosts: Mapping[str, str]
    preferred: Post

    def alive(self, broken: Collection[str], besides: Collection[str] = ()) -> Post:
        """The exit to take while these mailboxes are broken; besides: that was tried already.

        Best one whose server serves no broken mailbox; where all are broken, the preferred one all the same.
        """
        able = [name for name in self.posts if name not in broken and name not in besides]
        able.sort(key=lambda name: name != self.preferred.via)
        bad_hosts = {self.hosts.get(name) for name in (*broken, *besides)}
        apart = [name for name in able if self.hosts.get(name) not in bad_hosts]
        chosen = next(iter((*apart, *able)), None)
        return self.posts[chosen] if chosen else self.preferred


def to_tell(standings: Sequence[Standing], now: datetime) -> tuple[Standing, ...]:
    """The channels a notice is due about at this instant: what fell, rose or still is down; none is most usual."""
    last = max((each.told_at for each in standings if each.told_at), default=None)
    if last is not None and now - last < SPACED:
        return ()
    news = [each for each in standings if each.record.state is not each.told]
    lasting = [each for each in standings if each.degraded and each.told is Health.DEGRADED]
    if news and now - min(each.record.since for each in news) >= GATHERED:
        return (*news, *lasting)
    due = any(now - each.told_at >= REPEATED[min(each.times, len(REPEATED)) - 1] for each in lasting if each.told_at)
    return (*news, *lasting) if due else ()


def having_told(standing: Standing, now: datetime) -> Standing:
    """The same, told at this instant."""
    again = standing.told is standing.record.state
    return replace(standing, told=standing.record.state, told_at=now, times=standing.times + 1 if again else 1)


def alarms(
    told: Sequence[Standing], said: Mapping[tuple[str, str], str], items: OpenItems, firm: Firm, exits: Exits
) -> tuple[Delivery, ...]:
    """A notice to each who is told of these channels. said: what is wrong in the words of whoever tried."""
    broken = [each.record.channel for each in told if each.degraded]
    post = exits.alive(broken)
    roll = Roll(firm=firm, post=post, now=items.now)
    return tuple(_delivery(to, told, said, items, firm, post) for to in roll.alarmed())


def passed_on(owed: Delivery, post: Post, items: OpenItems) -> Delivery:
    """The same notice by another mailbox, since the first does not get rid of it."""
    subject, text = said_in(owed)
    key = f"{owed.key}{AGAIN}"
    notice = Notice(key=key, recipient=owed.recipient, subject=subject, text=text, at=items.now)
    return Delivery(
        id=items.new_id(),
        kind=DeliveryKind.NOTICE,
        key=key,
        via=post.via or "",
        recipient=owed.recipient,
        payload=post.render(notice),
        created_at=items.now,
        due_at=items.now,
    )


def about_channels(
    told: Sequence[Standing],
    said: Mapping[tuple[str, str], str],
    *,
    key: str,
    recipient: str,
    agent: str | None,
    firm: Firm,
    now: datetime,
) -> Notice:
    """What one of them reads. told: at least one."""
    fallen, risen = [each for each in told if each.degraded], [each for each in told if not each.degraded]
    fallen.sort(key=lambda each: _WORST.get(each.record.reason or "", len(_WORST)))
    subject = f"{marked(firm)}{_subject(fallen, risen)}"[:200]
    text = "\n".join(_text(fallen, risen, said, firm, now)) + "\n"
    return Notice(key=key, recipient=recipient, subject=subject, text=text, at=now, agent=agent)


def _delivery(
    to: Recipient,
    told: Sequence[Standing],
    said: Mapping[tuple[str, str], str],
    items: OpenItems,
    firm: Firm,
    post: Post,
) -> Delivery:
    first = told[0]
    address = hashlib.sha256(f"{to.way}:{to.address}".encode()).hexdigest()[:16]
    key = f"{ALARMS}{first.record.id}:{first.record.revision}:{first.times}:{address}"
    notice = about_channels(told, said, key=key, recipient=to.address, agent=to.agent, firm=firm, now=items.now)
    match to.way:
        case Way.MAIL:
            via, payload = post.via or "", post.render(notice)
        case Way.WEBHOOK:
            via, payload = Way.WEBHOOK.value, _as_json(notice, told)
        case Way.SMS:
            via, payload = Way.SMS.value, f"{notice.subject}. See your mail or the page of commsd."[:SHORT].encode()
    return Delivery(
        id=items.new_id(),
        kind=DeliveryKind.NOTICE,
        key=key,
        via=via,
        recipient=to.address,
        payload=payload,
        created_at=items.now,
        due_at=to.opens,
    )


def _subject(fallen: Sequence[Standing], risen: Sequence[Standing]) -> str:
    if len(fallen) == 1 and not risen:
        return _sentence(fallen[0])
    if len(risen) == 1 and not fallen:
        return f"{_name(risen[0])} works again"
    parts = ((len(fallen), "out of order"), (len(risen), "working again"))
    counted = ", ".join(f"{count} {word}" for count, word in parts if count)
    return f"Mailboxes and lines: {counted}. First: {_sentence(fallen[0]) if fallen else _name(risen[0])}"


def _text(
    fallen: Sequence[Standing],
    risen: Sequence[Standing],
    said: Mapping[tuple[str, str], str],
    firm: Firm,
    now: datetime,
) -> Iterator[str]:
    for alike in _alike(fallen[:LISTED], said):
        yield from _broken(alike, said.get(alike[0].key), firm, now)
        yield ""
    if len(fallen) > LISTED:
        yield f"And {len(fallen) - LISTED} more are out of order: {_names(fallen[LISTED:])}"
        yield ""
    for each in risen[:LISTED]:
        yield f"{_name(each)} works again, since {local(each.record.since, firm)}."
    if len(risen) > LISTED:
        yield f"And {len(risen) - LISTED} more work again: {_names(risen[LISTED:])}"
    if risen:
        yield ""
    if any(each.record.reason in _UNREAD for each in fallen):
        yield "What customers write there is acknowledged when it works again, not before. Nothing is lost."
    if fallen:
        yield "You are told when it works again, and of what does not after four hours once more."
    yield f"Times are those of {firm.timezone}."


def _alike(fallen: Sequence[Standing], said: Mapping[tuple[str, str], str]) -> Sequence[Sequence[Standing]]:
    """Those for which the same was said and the same is to be done: one dead server is one matter."""
    found: dict[tuple[str, str], list[Standing]] = {}
    for each in fallen:
        words = said.get(each.key)
        alike = (words, _to_do(each, words)) if words else each.key
        found.setdefault(alike, []).append(each)
    return list(found.values())


def _broken(alike: Sequence[Standing], said: str | None, firm: Firm, now: datetime) -> Iterator[str]:
    """alike: one of them, or several with one fault."""
    since = min(each.record.since for each in alike)
    worked = [each.record.last_success_at for each in alike if each.record.last_success_at]
    yield from (f"{_sentence(each)}." for each in alike)
    yield f"   Since {local(since, firm)}, {in_words(now - since)} ago."
    if worked:
        yield f"   It worked last on {local(max(worked), firm)}."
    if said:
        yield f"   What it said: {said}"
    yield f"   To do: {_to_do(alike[0], said)}"


def _to_do(each: Standing, said: str | None) -> str:
    """What fits the words of whoever tried, where there are some."""
    reason = each.record.reason or ""
    if said and reason in _SERVER_SAID:
        if "login" in said.lower():
            return _LOGIN
        return _DO[Cause.ANSWERS_UNSEEN if "folder" in said.lower() else Cause.UNREAD]
    return _DO.get(reason, "see the log of the daemon")


def _sentence(each: Standing) -> str:
    return f"{_name(each)} {_IS.get(each.record.reason or '', 'does not work')}"


def _name(each: Standing) -> str:
    return f"{each.record.kind.capitalize()} {each.record.channel}"


def _names(standings: Sequence[Standing]) -> str:
    return ", ".join(each.record.channel for each in standings[:300])


def _as_json(notice: Notice, told: Sequence[Standing]) -> bytes:
    channels = [
        {
            "channel": each.record.channel,
            "kind": each.record.kind,
            "state": each.record.state.value,
            "reason": each.record.reason,
            "since": instant(each.record.since),
        }
        for each in told
    ]
    said = {"subject": notice.subject, "text": notice.text, "at": notice.at, "cases": [], "channels": channels}
    return orjson.dumps(said, option=orjson.OPT_UTC_Z)
