"""What a notice offers its reader: links that do one thing to the case, or mails that do the same when they are sent.

Pure. What a link does is shown and done by `web.links`; a mail with a token in its subject, by `channels.mail.reply`.
"""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from commsd.core.link import LASTS, Act, Link, link_token


@dataclass(frozen=True, slots=True)
class Offer:
    """A line of a notice. label: what it does, in a few words. url: http(s), or mailto where nobody can reach us."""

    label: str
    url: str


LABELS = {
    Act.CLAIM: "I call back now",
    Act.DONE: "Done, close the case",
    Act.ANSWERED: "Answered elsewhere",
    Act.HOLDING: "My last mail was only a holding answer",
    Act.JUNK: "Junk",
}
"""In the order in which they are offered."""

CALL_LABELS = {
    Act.CLAIM: "I call back now",
    Act.REACHED: "I reached the customer",
    Act.AGAIN: "Call again at a time agreed",
    Act.VOICEMAIL: "Only a voicemail",
    Act.WRONG: "Wrong number or person",
    Act.DECLINED: "No call wanted any more",
    Act.RELEASE: "Let it be called once, in my name",
}
_OF_SOMEBODY = frozenset({Act.CLAIM, Act.RELEASE})
"""A person answers for these by name."""


def offers(
    case_id: str,
    *,
    callback_id: str | None,
    agent: str | None,
    now: datetime,
    key: bytes,
    public_url: str | None,
    mailbox: str | None,
) -> tuple[Offer, ...]:
    """What the reader of a notice about this case can do with one click; links last 30 days.

    agent: who acts, None where the notice goes to no one person: then nobody can claim. public_url: base of links;
    without it they are mails to `mailbox`, and without either there is nothing to offer.
    """
    if public_url is None and mailbox is None:
        return ()
    acts = [act for act in LABELS if act is not Act.CLAIM or (callback_id and agent)]
    return tuple(
        Offer(LABELS[act], _url(act, token, public_url, mailbox or ""))
        for act in acts
        for token in (_token(act, case_id, callback_id, agent, now, key),)
    )


def call_offers(
    callback_id: str,
    acts: tuple[Act, ...],
    *,
    agent: str | None,
    now: datetime,
    key: bytes,
    public_url: str | None,
    mailbox: str | None,
) -> tuple[Offer, ...]:
    """The same of an owed call. A mail can name no time, so without public_url `again` is left to a reply."""
    if public_url is None and mailbox is None:
        return ()
    fit = [act for act in acts if (agent or act not in _OF_SOMEBODY) and (public_url or act is not Act.AGAIN)]
    until = now + LASTS
    tokens = {act: link_token(key, Link(act=act, thing=callback_id, agent=agent or "", until=until)) for act in fit}
    return tuple(Offer(CALL_LABELS[act], _url(act, tokens[act], public_url, mailbox or "")) for act in fit)


def _token(act: Act, case_id: str, callback_id: str | None, agent: str | None, now: datetime, key: bytes) -> str:
    thing = callback_id if act is Act.CLAIM and callback_id else case_id
    return link_token(key, Link(act=act, thing=thing, agent=agent or "", until=now + LASTS))


def _url(act: Act, token: str, public_url: str | None, mailbox: str) -> str:
    if public_url is not None:
        return f"{public_url.rstrip('/')}/a/{token}"
    # RFC 6068 section 2 wants the brackets encoded, and programs that find links in a text stop at them.
    return f"mailto:{quote(mailbox, safe='@')}?subject={quote(f'{act} [{token}]', safe='')}"
