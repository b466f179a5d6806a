import time
from datetime import UTC, date, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commsd.channels.mail import wire
from commsd.channels.mail.wire import Malformed, Reader, Response

TALK = (
    b"* OK ready {3}\r\n"
    b"* 1 FETCH (UID 10 BODY[HEADER] {9}\r\n* 2 :(\r\n) BODY[]<0> ~{0}\r\n FLAGS ())\r\n"
    b'* LIST () "/" {5}\r\na\r\nb{\r\n'
    b"A1 OK done {7}\r\n"
    b"+ go {1}\r\n"
)
RESPONSES: list[Response] = [
    (b"* OK ready {3}",),
    (b"* 1 FETCH (UID 10 BODY[HEADER] ", b"* 2 :(\r\n)", b" BODY[]<0> ", b"", b" FLAGS ())"),
    (b'* LIST () "/" ', b"a\r\nb{", b""),
    (b"A1 OK done {7}",),
    (b"+ go {1}",),
]


def one(data: bytes) -> Response:
    (response,) = Reader().feed(data)
    return response


@given(st.lists(st.integers(0, len(TALK))))
def test_i15_responses_with_literals_of_either_kind_are_the_same_however_the_stream_is_cut(cuts: list[int]) -> None:
    reader, edges = Reader(), [0, *sorted(cuts), len(TALK)]
    found = [response for start, end in pairwise(edges) for response in reader.feed(TALK[start:end])]
    assert found == RESPONSES


def test_i15_byte_by_byte_is_the_same_again() -> None:
    reader = Reader()
    assert [response for n in range(len(TALK)) for response in reader.feed(TALK[n : n + 1])] == RESPONSES


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=5))
def test_any_bytes_come_out_of_a_literal_as_they_went_in(literals: list[bytes]) -> None:
    data = b"* 1 FETCH (" + b" ".join(b"X {%d}\r\n%s" % (len(some), some) for some in literals) + b")\r\n"
    assert list(one(data)[1::2]) == literals
    assert wire.values(one(data), 10) == [[part for some in literals for part in (b"X", some)]]


@pytest.mark.parametrize("data", [b"* 1 FETCH (BODY[] {99999999999}\r\n", b"* " + b"x" * 2000])
def test_more_than_we_are_ready_to_hold_is_refused_before_it_is_held(data: bytes) -> None:
    with pytest.raises(Malformed):
        list(Reader(limit=1000).feed(data))


def test_a_hundred_thousand_lines_in_small_chunks_take_no_time_to_speak_of() -> None:
    data = b"* 1 FETCH (UID 10 FLAGS (\\Seen))\r\n" * 100_000
    started = time.process_time()
    reader = Reader()
    count = sum(len(list(reader.feed(data[n : n + 16_384]))) for n in range(0, len(data), 16_384))
    assert count == 100_000
    assert time.process_time() - started < 5


@given(st.binary(max_size=200))
def test_no_line_however_odd_makes_the_reading_of_values_fail(text: bytes) -> None:
    wire.values((text,))
    wire.items_by_uid([(b"* 1 FETCH (" + text + b")",)])
    wire.words(text)


def test_values_are_read_as_their_kind_says() -> None:
    response = (b'* 1 FETCH (A "x \\"y\\" \\\\" NIL () "NIL" (B (C)) ', b"lit(", b" D)")
    assert wire.values(response, 10) == [[b"A", b'x "y" \\', None, [], b"NIL", [b"B", [b"C"]], b"lit(", b"D"]]


def test_a_header_may_come_as_a_literal_as_a_string_or_not_at_all() -> None:
    fetched = wire.headers(
        [
            (b"* 1 FETCH (uid 3 body[header] ", b"Subject: x\r\n", b" RFC822.SIZE 12)"),
            (b'* 2 FETCH (BODY[HEADER] "Subject: y" UID 2)',),
            (b"* 3 FETCH (UID 4 BODY[HEADER] NIL)",),
            (b"* 4 FETCH (UID 5 FLAGS ())",),
            (b"* 5 FETCH (UID 6 BODY[HEADER] NIL)",),
        ],
        [2, 3, 4, 5],
    )
    assert [(mail.uid, mail.head, mail.size) for mail in fetched] == [
        (2, b"Subject: y", 0), (3, b"Subject: x\r\n", 12), (4, b"", 0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        (b"17-Jul-1996 02:44:25 -0700", datetime(1996, 7, 17, 9, 44, 25, tzinfo=UTC)),
        (b" 7-jul-1996 02:44:25 +0530", datetime(1996, 7, 6, 21, 14, 25, tzinfo=UTC)),
        (b"31-Dec-2016 23:59:60 +0000", datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (b"30-Feb-1996 02:44:25 -0700", None),
        (b"17-Mai-1996 02:44:25 -0700", None),
        (b"17-Jul-1996 02:44:25 +9900", None),
        (b"01-Jan-0001 00:00:00 +1400", None),
        (b"yesterday", None),
        (None, None),
    ],
)
def test_a_date_of_the_server_is_utc_or_nothing(text: bytes | None, moment: datetime | None) -> None:
    assert wire.internal_date(text) == moment


@pytest.mark.parametrize(
    ("lines", "uids"),
    [
        ([b"* SEARCH 3 1 2"], (1, 2, 3)),
        ([b"* SEARCH"], ()),
        ([b"* SEARCH 5", b"* 7 EXISTS", b"* search 4 5 (MODSEQ 917)"], (4, 5)),
        ([b'* ESEARCH (TAG "A1") UID ALL 4:6,9'], (4, 5, 6, 9)),
        ([b'* ESEARCH (TAG "A1") UID'], ()),
        ([b"* SEARCH " + b"9" * 5000], ()),
    ],
)
def test_uids_found_come_in_order_and_once(lines: list[bytes], uids: tuple[int, ...]) -> None:
    assert wire.search_uids([(line,) for line in lines]) == uids


def test_a_range_that_no_mailbox_has_is_refused() -> None:
    with pytest.raises(Malformed):
        wire.search_uids([(b"* ESEARCH UID ALL 1:4294967295",)])


@given(st.sets(st.integers(1, 300)))
def test_a_set_of_uids_names_each_of_them_and_no_other(uids: set[int]) -> None:
    text = wire.uid_set(uids)
    assert set(wire.search_uids([(b"* ESEARCH UID ALL " + text.encode(),)])) == uids


def test_a_set_of_uids_is_short() -> None:
    assert wire.uid_set([9, 4, 5, 6, 5]) == "4:6,9"


def test_a_search_names_the_day_as_imap_does() -> None:
    assert wire.search_date(date(2026, 2, 1)) == "1-Feb-2026"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"* OK [UIDVALIDITY 17] valid", ("UIDVALIDITY", b"17")),
        (b"[authenticationfailed] no", ("AUTHENTICATIONFAILED", b"")),
        (b"* 5 EXISTS", ("", b"")),
        (b"said [no] code", ("", b"")),
    ],
)
def test_a_response_code_stands_first_or_is_none(line: bytes, code: tuple[str, bytes]) -> None:
    assert wire.code(line) == code


def test_a_servers_words_are_fit_for_a_log() -> None:
    said = "550 5.1.1 <jo.e@example.com>:\r\n user\x00 unknown (jo@ex\xe4mple.com) " + "x" * 300
    words = wire.words(said)
    assert "@" not in words
    assert words.startswith("550 5.1.1 <(address)>: user unknown ((address)) xxx")
    assert len(words) == 200


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("::1", True), ("LocalHost", True), ("127.0.0.1.example.com", False), ("192.0.2.1", False)],
)
def test_loopback_is_told_from_other_machines(host: str, loopback: bool) -> None:
    assert wire.is_loopback(host) is loopback


def test_a_line_end_cannot_be_quoted() -> None:
    with pytest.raises(Malformed):
        wire.quoted("a\r\nB1 LOGOUT")
