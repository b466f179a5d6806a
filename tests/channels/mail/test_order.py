"""What a line in a reply asks for, and what it must never be taken for."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commsd.channels.mail.order import WORDS, Order, order_in, typed_line
from commsd.core.appointment import time_in
from commsd.core.entry import Result
from commsd.core.link import Act

BERLIN = ZoneInfo("Europe/Berlin")
TUESDAY = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)  # 10:00 in Berlin


def order(text: str, now: datetime = TUESDAY) -> Order | None:
    return order_in(text, now, BERLIN)


def act(text: str) -> Act | Result | None:
    found = order(text)
    return found.act if found else None


def berlin(text: str, now: datetime = TUESDAY) -> str | None:
    at = time_in(text, now, BERLIN)
    return f"{at.astimezone(BERLIN):%Y-%m-%d %H:%M}" if at else None


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("done", Act.DONE),
        ("DONE.", Act.DONE),
        ("  Done!  ", Act.DONE),
        ("*done*", Act.DONE),
        ("Done, thanks", Act.DONE),
        ("Hi,\n\ndone\n\nAnna", Act.DONE),
        ("Hello commsd, done", Act.DONE),
        ("junk", Act.JUNK),
        ("Junk mail", Act.JUNK),
        ("spam", Act.JUNK),
        ("answered", Act.ANSWERED),
        ("Answered elsewhere", Act.ANSWERED),
        ("answered elsewhere, by letter", Act.ANSWERED),
        ("holding", Act.HOLDING),
        ("claim", Act.CLAIM),
        ("Mine", Act.CLAIM),
        ("I call back now", Act.CLAIM),
        ("done now, thanks", Act.DONE),
        ("reached", Result.REACHED),
        ("Reached him, he sends the papers", Result.REACHED),
        ("voicemail", Result.VOICEMAIL),
        ("wrong number", Result.WRONG_PERSON),
        ("Declined", Result.DECLINED),
        ("erledigt", Act.DONE),
        ("Müll", Act.JUNK),
        ("Mu\u0308ll", Act.JUNK),
        ("erreicht, danke", Result.REACHED),
        ("Ich übernehme", Act.CLAIM),
        ("falsche Nummer", Result.WRONG_PERSON),
        ("Guten Morgen,\nbeantwortet", Act.ANSWERED),
        ("færdig", Act.DONE),
        ("truffet", Result.REACHED),
        ("telefonsvarer", Result.VOICEMAIL),
        ("selesai", Act.DONE),
        ("tersambung", Result.REACHED),
        ("sudah dijawab", Act.ANSWERED),
    ],
)
def test_the_first_line_says_what_to_do(text: str, meant: Act | Result) -> None:
    assert act(text) is meant


@pytest.mark.parametrize(
    "text",
    [
        *("", "   \n\n", "Thanks!", "I will do it", "ok", "not done", "undone", "doneness"),
        *("done?", "reached?", "Is it done?", "almost done"),
        *("reached nobody", "reached, but only her voicemail", "reached the wrong number", "reached voicemail"),
        *("reached, not yet", "reached the secretary", "erreicht hab ich ihn nicht", "erreicht, aber nicht ihn"),
        *("done, call again 15:00", "junk reached", "done or junk", "mine is broken", "claims must be sent today"),
        *("truffet, men ikke ham", "selesai, tapi belum", "reached but he did not say", "reached didn't work"),
        *("again", "again soon", "again 3", "again 25:00", "again 15:75", "again tomorrow", "again 31.02.2027 10:00"),
    ],
)
def test_a_line_that_might_mean_something_else_is_no_order(text: str) -> None:
    assert order(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "done\n\nOn Tue, 10 Mar 2026 at 10:00, commsd at Example <support@example.com> wrote:\n> junk\n",
        "> reached\n> junk\n\ndone\n",
        "Am 10.03.2026 um 10:00 schrieb commsd at Example:\n> junk\n\ndone",
        "On Tue, 10 Mar 2026 at 10:00, commsd at Example Limited\n<support@example.com>\nwrote:\n\n> junk\n\ndone",
        "Done\n\n-----Original Message-----\nFrom: commsd\nSent: Tuesday\n\njunk",
        "done\n-- \nAnna Berg\njunk",
        "done\r\n\r\n________________________________\r\nFrom: commsd\r\njunk",
    ],
)
def test_quoted_text_gives_no_orders(text: str) -> None:
    assert act(text) is Act.DONE


@pytest.mark.parametrize(
    "text",
    [
        "-----Original Message-----\ndone",
        "From: commsd at Example\nSent: Tuesday\ndone",
        "Von: commsd\nGesendet: Dienstag\n\nerledigt",
        "> done\n> junk\n",
        "-- \ndone",
    ],
)
def test_a_reply_without_a_word_of_its_own_is_none(text: str) -> None:
    assert typed_line(text) == ""
    assert order(text) is None


def test_a_remark_is_kept_and_the_bare_word_is_not() -> None:
    assert order("Reached her, she sends the invoice") == Order(
        Result.REACHED, note="Reached her, she sends the invoice"
    )
    assert order("reached.") == Order(Result.REACHED)


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("15:00", "2026-03-10 15:00"),
        ("15.30", "2026-03-10 15:30"),
        ("at 15", "2026-03-10 15:00"),
        ("at 3pm", "2026-03-10 15:00"),
        ("3:15 p.m.", "2026-03-10 15:15"),
        ("12 am", "2026-03-11 00:00"),
        ("9:30", "2026-03-11 09:30"),  # today's is over
        ("tomorrow 9:30", "2026-03-11 09:30"),
        ("tomorrow at 9", "2026-03-11 09:00"),
        ("today at 16:00, please", "2026-03-10 16:00"),
        ("monday, 9:30", "2026-03-16 09:30"),
        ("today at 16:00 please", "2026-03-10 16:00"),
        ("monday 9:30", "2026-03-16 09:30"),
        ("tuesday 9:30", "2026-03-17 09:30"),
        ("2026-12-01 09:00", "2026-12-01 09:00"),
        ("2026-12-01t09:00", "2026-12-01 09:00"),
        ("01.12.2026 9:00", "2026-12-01 09:00"),
        ("9999-12-31 23:59", None),
        ("in 2 h", "2026-03-10 12:00"),
        ("in 30 min", "2026-03-10 10:30"),
        ("um 15 uhr", "2026-03-10 15:00"),
        ("morgen um 9 uhr", "2026-03-11 09:00"),
        ("am montag um 14:00", "2026-03-16 14:00"),
        ("i morgen kl. 9.30", "2026-03-11 09:30"),
        ("besok jam 9:30", "2026-03-11 09:30"),
        ("hari ini jam 15.00", "2026-03-10 15:00"),
        ("at 3", None),
        ("0:61", None),
        ("13pm", None),
    ],
)
def test_a_time_is_the_next_such_time_in_the_firms_zone(words: str, meant: str | None) -> None:
    assert berlin(words) == meant


@given(st.text(max_size=60), st.sampled_from(["", *WORDS]), st.text(alphabet="0123456789:.-apmth in\n>,", max_size=20))
def test_no_text_at_all_raises(before: str, word: str, after: str) -> None:
    for text in (before, f"{word} {after}", f"{before}\n{word}{after}"):
        found = order(text)
        assert found is None or found.act in WORDS.values()
        assert found is None or (found.due is not None) == (found.act is Result.CALL_AGAIN)


def test_call_again_carries_its_time() -> None:
    assert order("again 15:00") == Order(Result.CALL_AGAIN, datetime(2026, 3, 10, 14, 0, tzinfo=UTC), "again 15:00")
    assert order("nochmal morgen 9:30") == Order(
        Result.CALL_AGAIN, datetime(2026, 3, 11, 8, 30, tzinfo=UTC), "nochmal morgen 9:30"
    )


def test_a_time_beyond_the_change_of_clocks_is_the_one_on_the_wall() -> None:
    saturday = datetime(2026, 3, 28, 20, 0, tzinfo=UTC)
    found = time_in("9:30", saturday, BERLIN)
    assert found == datetime(2026, 3, 29, 7, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "line",
    ["Done: he still needs an answer", "done, the customer is still waiting", "Erledigt, Kunde wartet trotzdem",
     "done!!! kidding", "Done. Bitte ruf ihn trotzdem an"],
)  # fmt: skip
def test_a_word_with_a_doubt_behind_it_is_no_order(line: str) -> None:
    assert act(line) is None


def test_what_cannot_be_seen_hides_no_order() -> None:
    assert act("\u200b\n\ufeffdone\n") is Act.DONE
