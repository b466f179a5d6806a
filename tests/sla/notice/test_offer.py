"""What a notice offers, as links or as mails that do the same."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from commsd.core.link import Act, Link, link_of, link_token
from commsd.core.token import sign
from commsd.sla.notice.offer import Offer, offers

KEY = b"k" * 32
NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
CASE, CALLBACK = "0195a1b2-0000-7000-8000-000000000001", "0195a1b2-0000-7000-8000-000000000002"


def offered(
    callback_id: str | None = CALLBACK,
    agent: str | None = "anna",
    public_url: str | None = "https://contact.example.com",
    mailbox: str | None = "support@example.com",
) -> tuple[Offer, ...]:
    return offers(CASE, callback_id=callback_id, agent=agent, now=NOW, key=KEY, public_url=public_url, mailbox=mailbox)


def token(offer: Offer) -> str:
    parts = urlsplit(offer.url)
    return parse_qs(parts.query)["subject"][0].partition("[")[2].strip("]") if parts.query else parts.path[3:]


@pytest.mark.parametrize("public_url", ["https://contact.example.com", "https://contact.example.com/", None])
def test_each_offer_is_one_act_good_for_thirty_days(public_url: str | None) -> None:
    until = NOW + timedelta(days=30)
    links = [link_of(KEY, token(offer)) for offer in offered(public_url=public_url)]
    assert links == [
        Link(act=Act.CLAIM, thing=CALLBACK, agent="anna", until=until),
        Link(act=Act.DONE, thing=CASE, agent="anna", until=until),
        Link(act=Act.ANSWERED, thing=CASE, agent="anna", until=until),
        Link(act=Act.HOLDING, thing=CASE, agent="anna", until=until),
        Link(act=Act.JUNK, thing=CASE, agent="anna", until=until),
    ]


def test_links_lie_under_the_public_url() -> None:
    assert {urlsplit(offer.url)[:2] for offer in offered()} == {("https", "contact.example.com")}
    assert all(urlsplit(offer.url).path.startswith("/a/") for offer in offered())


def test_mails_go_to_the_mailbox_and_hold_nothing_that_ends_a_link_early() -> None:
    for offer in offered(public_url=None):
        assert offer.url.startswith("mailto:support@example.com?subject=")
        assert not set(offer.url) & set(" []<>\"'()")


def test_an_address_with_odd_letters_is_encoded() -> None:
    (first, *_) = offered(public_url=None, mailbox="help&desk+1@example.com")
    assert first.url.startswith("mailto:help%26desk%2B1@example.com?")


@pytest.mark.parametrize(("callback_id", "agent"), [(None, "anna"), (CALLBACK, None), (None, None)])
def test_claiming_needs_a_call_and_somebody(callback_id: str | None, agent: str | None) -> None:
    assert [offer.label for offer in offered(callback_id, agent)] == [
        "Done, close the case",
        "Answered elsewhere",
        "My last mail was only a holding answer",
        "Junk",
    ]


def test_where_nobody_can_reach_us_nothing_is_offered() -> None:
    assert offered(public_url=None, mailbox=None) == ()


def test_a_token_of_an_act_nobody_knows_is_no_link() -> None:
    assert link_of(KEY, sign(KEY, "act", f"explode|{CASE}|{int(NOW.timestamp())}|anna")) is None
    assert link_of(KEY, sign(b"x" * 32, "act", f"done|{CASE}|{int(NOW.timestamp())}|anna")) is None


def test_an_agents_name_may_hold_anything() -> None:
    link = Link(act=Act.DONE, thing=CASE, agent="a|b ø", until=NOW)
    assert link_of(KEY, link_token(KEY, link)) == link
