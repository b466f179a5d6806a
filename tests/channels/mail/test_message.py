"""Bytes -> Message: the right reading of good mail, some reading of bad mail, never an exception, never a hang."""

import base64
import time
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commsd.channels.mail.address import Mailbox, deliverable, is_group, parse_addresses
from commsd.channels.mail.message import decode
from commsd.channels.mail.mime import decode_words, html_to_text
from tests.channels.mail.written import ARRIVED, mail, message, multipart


def test_an_ordinary_mail_is_read() -> None:
    read = message(in_reply_to="<b@x.test>", references="<a@x.test> <b@x.test>")
    assert read.message_id == "2041@customer.test"
    assert read.references == ("a@x.test", "b@x.test")
    assert read.from_ == (Mailbox("jane@customer.test", "Jane Clarke"),)
    assert read.to == (Mailbox("support@commsd.test"),)
    assert read.return_path == "jane@customer.test"
    assert read.subject == "Delivery of order 2041"
    assert read.received_at == ARRIVED
    assert read.content_type == "text/plain"
    assert read.text.startswith("Hello, the parcel")
    assert read.broken is None


def test_an_id_that_a_writer_encoded_is_read_as_it_was() -> None:
    """Python's mail package does so where the id fills the line."""
    long = f"{'a' * 90}@x.test"
    answer = EmailMessage(policy=policy.SMTP)
    answer["In-Reply-To"], answer["References"] = f"<{long}>", f"<b@x.test> <{long}>"
    assert b"=?utf-8?q?" in answer.as_bytes()
    assert decode(answer.as_bytes(), folder_date=ARRIVED).references == ("b@x.test", long)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("jane@x.test", [("jane@x.test", "")]),
        ("<jane@X.Test>", [("jane@x.test", "")]),
        ('"Clarke, Jane" <jane@x.test>', [("jane@x.test", "Clarke, Jane")]),
        ("Clarke, Jane <jane@x.test>", [("jane@x.test", "Jane")]),
        ("jane@x.test (Jane Clarke)", [("jane@x.test", "Jane Clarke")]),
        ("=?utf-8?Q?Foo=2C_Bar?= <foo.bar@x.test>", [("foo.bar@x.test", "Foo, Bar")]),
        ('"a \\"b\\" c" <x@y.test>', [("x@y.test", 'a "b" c')]),
        ("a@x.test, Bob <b@x.test>", [("a@x.test", ""), ("b@x.test", "Bob")]),
        ("<@relay.test,@hub.test:jane@x.test>", [("jane@x.test", "")]),
        ('"odd one"@x.test', [('"odd one"@x.test', "")]),
        ("jörg@exämple.test", [("jörg@exämple.test", "")]),
        ("nobody", []),
        ("", []),
        ("<>", []),
        ("undisclosed-recipients:;", []),
        ("[x]", []),
        ("a@b@c", []),
        ('"unclosed <a@x.test>', []),
    ],
)
def test_n2_addresses_are_cut_out_before_words_are_decoded(field: str, expected: list[tuple[str, str]]) -> None:
    assert [(box.address, box.name) for box in parse_addresses(field)] == expected


def test_members_of_a_group_are_marked() -> None:
    assert parse_addresses("Robots: a@x.test, b@x.test;") == (
        Mailbox("a@x.test", "", grouped=True),
        Mailbox("b@x.test", "", grouped=True),
    )
    assert is_group("Robots: a@x.test;")
    assert is_group("Robot:;")
    assert not is_group("Jane <j@x.test>")
    assert not is_group('"a: b" <j@x.test>')
    assert not is_group("(a: b) j@x.test")


@pytest.mark.parametrize(
    ("address", "sendable"),
    [
        ("jane@x.test", True),
        ("jane+tag@mail.x.co.uk", True),
        ("jane@in_house.x.test", True),
        ("jörg@exämple.de", True),
        ("jane@x.test\r\nBcc: all@x.test", False),
        ("jane@x.test\n", False),
        ("jane..doe@x.test", False),
        ("jane@-x.test", False),
        ("jane", False),
        (f"{'a' * 65}@x.test", False),
        (f"a@{'x' * 300}.test", False),
    ],
)
def test_only_addresses_fit_for_rcpt_are_answered(address: str, sendable: bool) -> None:
    assert (deliverable(address) is not None) is sendable


@pytest.mark.parametrize(
    ("coded", "plain"),
    [
        ("=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        ("=?UTF-8?B?R3LDvMOfZQ==?= aus Ulm", "Grüße aus Ulm"),
        ("=?iso-8859-1?q?Gr=FC=DFe?= =?utf-8?q?_Welt?=", "Grüße Welt"),
        ("=?utf-8?q?=C3?= =?utf-8?q?=A9?=", "é"),
        ("=?no-such-charset?q?abc?=", "abc"),
        ("=?utf-8?x?abc?=", "=?utf-8?x?abc?="),
        ("a =?b", "a =?b"),
    ],
)
def test_encoded_words_become_text(coded: str, plain: str) -> None:
    assert decode_words(coded) == plain


def test_a_subject_is_one_clean_line() -> None:
    read = message(subject="=?utf-8?q?Hi=0D=0ABcc=3A_x=00_=E2=80=AEok?=")
    assert read.subject == "Hi Bcc: x ok"


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "us-ascii", "x-unknown", "unicode_escape", "idna", ""])
@pytest.mark.parametrize("coded", ["utf-8", "cp1252"])
@pytest.mark.parametrize("text", ["Grüße aus Ulm", "Café"])
def test_wrong_charsets_fall_back(charset: str, coded: str, text: str) -> None:
    assert message(body=text.encode(coded), content_type=f"text/plain; charset={charset}").text == text


@pytest.mark.parametrize("charset", ["iso-2022-jp", "shift_jis", "gb2312", "koi8-r", "utf-16", "utf-7"])
def test_declared_charsets_are_believed(charset: str) -> None:
    text = {"koi8-r": "Привет", "gb2312": "你好"}.get(charset, "日本")
    word = base64.b64encode(text.encode(charset)).decode()
    assert message(subject=f"=?{charset}?B?{word}?=").subject == text


def test_a_character_cut_off_with_the_mail_does_no_harm() -> None:
    body = ("a" + "ü" * 40_000).encode()
    assert set(message(body=body, content_type="text/plain; charset=utf-8").text) == {"a", "ü"}


def test_base64_cut_off_anywhere_is_read_as_far_as_it_goes() -> None:
    coded = "V2hlcmUgaXMgbXkgb3JkZXI="
    for end in range(len(coded)):
        read = message("Content-Transfer-Encoding: base64", body=coded[:end])
        assert read.text == "Where is my order"[: end * 3 // 4].strip()


def test_the_text_of_an_html_mail_is_what_a_reader_sees() -> None:
    source = "<html><head><title>x</title><style>p{}</style></head><body><!-- no --><p>Hello&nbsp;J&ouml;rg</p>a<br>b"
    read = message(body=source, content_type="text/html; charset=utf-8")
    assert read.text.split() == ["Hello", "Jörg", "a", "b"]


def test_plain_text_goes_before_html_and_attachments_are_listed() -> None:
    content_type, body = multipart(
        "Content-Type: text/html\r\n\r\n<p>html</p>",
        "Content-Type: text/plain\r\nContent-Disposition: attachment; filename=notes.txt\r\n\r\nnot the text",
        "Content-Type: text/plain\r\n\r\nthe text",
        'Content-Type: application/pdf; name="=?utf-8?q?Gr=C3=BC=C3=9Fe.pdf?="\r\n'
        "Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment\r\n\r\nAAAA\r\n",
    )
    read = message(content_type=content_type, body=body)
    assert read.text == "the text"
    assert [(each.name, each.media_type, each.size) for each in read.attachments] == [
        ("notes.txt", "text/plain", 12),
        ("Grüße.pdf", "application/pdf", 3),
    ]
    assert read.part_types == ("text/html", "text/plain", "text/plain", "application/pdf")


def test_an_attachment_whose_end_was_not_fetched_has_no_size() -> None:
    content_type, body = multipart("Content-Type: application/pdf\r\n\r\n" + "A" * 100_000)
    (attachment,) = message(content_type=content_type, body=body).attachments
    assert attachment.size is None


def test_an_rfc_2231_file_name_is_joined() -> None:
    disposition = "Content-Disposition: attachment; filename*0*=utf-8''Gr%C3%BC; filename*1*=%C3%9Fe; filename*2=.pdf"
    content_type, body = multipart(f"Content-Type: application/pdf\r\n{disposition}\r\n\r\nx")
    assert message(content_type=content_type, body=body).attachments[0].name == "Grüße.pdf"


def test_the_header_alone_decides_as_the_whole_mail_would() -> None:
    whole = mail()
    head = whole.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    assert decode(head, folder_date=ARRIVED).logical_key == decode(whole, folder_date=ARRIVED).logical_key


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
@pytest.mark.parametrize("before", [b"", b"From jane@x.test Tue Mar 10 10:17:00 2026\n", b">From x\n\n", b"\n\n"])
def test_line_ends_and_mbox_lines_change_nothing(end: bytes, before: bytes) -> None:
    read = decode((before + mail().replace(b"\r\n", b"\n")).replace(b"\n", end), folder_date=ARRIVED)
    assert read == message()


@pytest.mark.parametrize(
    ("value", "path"),
    [("<>", ""), ("< >", ""), ("", ""), ("<a@x.test>", "a@x.test"), ("<MAILER-DAEMON>", "MAILER-DAEMON")],
)
def test_the_return_path_is_null_or_an_address(value: str, path: str) -> None:
    assert message(return_path=value).return_path == path


def test_without_a_return_path_there_is_none() -> None:
    assert message(without=("Return-Path",)).return_path is None


def test_d2_copies_of_a_mail_share_their_key_whatever_a_gateway_put_on_top() -> None:
    copy = message("X-Gateway: seen", body="Hello\n-- \nscanned", to="help@commsd.test", subject="[EXTERNAL] Delivery")
    assert copy.logical_key == message().logical_key


@pytest.mark.parametrize("changed", [{"from_": "eve@x.test"}, {"date": "Tue, 10 Mar 2026 10:17:00 +0100"}])
def test_d2_nobody_takes_the_key_of_another(changed: dict[str, Any]) -> None:
    assert message(**changed).logical_key != message().logical_key


def test_d2_without_an_id_subject_and_text_make_the_key() -> None:
    def key(**changed: Any) -> str:
        return message(without=("Message-ID",), **changed).logical_key

    assert key() == key()
    assert key(subject="another") != key() != key(body="another")


def test_a_preview_is_short_and_without_quotes() -> None:
    read = message(body="> quoted\nNew " + "word " * 100)
    assert read.preview.startswith("New word")
    assert len(read.preview) <= 280


def test_mail_with_fewer_than_two_fields_is_broken() -> None:
    assert decode(b"hello\n", folder_date=ARRIVED).broken
    assert decode(b"", folder_date=ARRIVED).broken


def test_who_wrote_is_not_believed_from_behind_a_broken_header() -> None:
    raw = mail(without=("From",)).replace(b"To: ", b"this is no field\r\nFrom: x@y.test\r\nPrecedence: bulk\r\nTo: ")
    read = decode(raw, folder_date=ARRIVED)
    assert read.from_ == ()
    assert read.first("precedence") == "bulk"


def test_a_header_language_is_its_primary_subtag() -> None:
    assert message(content_language="da-DK, en").language_hint == "da"
    assert message(accept_language="de-DE").language_hint == "de"
    assert message().language_hint is None


def test_a_calendar_method_is_that_of_the_mail_not_of_an_attached_file() -> None:
    inline, attached = (
        f"Content-Type: text/calendar; method=REPLY\r\nContent-Disposition: {kind}\r\n\r\nBEGIN:VCALENDAR"
        for kind in ("inline", "attachment")
    )
    for part, method in ((inline, "REPLY"), (attached, "")):
        content_type, body = multipart("Content-Type: text/plain\r\n\r\nYes", part)
        assert message(content_type=content_type, body=body).calendar_method == method


_SEED = mail(
    "X-Odd: =?utf-8?q?=C3=A9?=",
    content_type='multipart/mixed; boundary="b1"',
    body=multipart(
        "Content-Type: text/plain; charset=utf-7\r\nContent-Transfer-Encoding: base64\r\n\r\nR3LDvMOfZQ==",
        'Content-Type: multipart/alternative; boundary="b2"\r\n\r\n--b2\r\nContent-Type: text/html\r\n\r\n<p>x</p>',
        "Content-Type: text/calendar; method=REPLY\r\n\r\nMETHOD:REPLY",
    )[1],
)
_PIECE = st.one_of(
    st.binary(max_size=12),
    st.sampled_from([b"\r", b"\n", b"\n\n", b"\0", b"=?", b"?=", b"<", b">", b'"', b"(", b"--b1", b"--b2--\n", b":"]),
    st.sampled_from([b"charset=utf-16", b"charset=idna", b"charset=hz", b"=E2", b"+2AA-", b"\xff\xfe", b"%ZZ", b";"]),
)


@given(st.lists(st.tuples(st.integers(0, len(_SEED)), st.integers(0, 30), _PIECE), max_size=6))
@settings(max_examples=400)
def test_n1_no_mutation_makes_decoding_raise(cuts: list[tuple[int, int, bytes]]) -> None:
    raw = _SEED
    for place, dropped, piece in cuts:
        raw = raw[:place] + piece + raw[place + dropped :]
    read = decode(raw, folder_date=ARRIVED)
    for text in (read.subject, read.text, read.preview, read.date, read.message_id or ""):
        assert text.encode("utf-8") is not None
        assert "\0" not in text
    assert len(read.logical_key) == 64


@given(st.binary(max_size=2000))
def test_n1_no_bytes_make_decoding_raise(raw: bytes) -> None:
    assert decode(raw, folder_date=datetime(2026, 1, 1, tzinfo=UTC)).received_at.year == 2026


_NESTED = b"".join(b"Content-Type: multipart/mixed; boundary=x%d\n\n--x%d\n" % (level, level) for level in range(1000))


@pytest.mark.parametrize(
    "hostile",
    [
        b"From: " + b"(" * 200_000,
        b"From: " + b'"' * 200_000,
        b"From: " + b"<" * 200_000,
        b"From: " + b"[" * 200_000,
        b"From: " + b"a," * 100_000,
        b"From: " + b"a@b.test," * 30_000,
        b"Subject: " + b"=?" * 100_000,
        b"Subject: " + b"=?utf-8?q?a?= " * 20_000,
        b"Content-Type: text/plain" + b'; a="b' * 50_000,
        b"Content-Type: text/plain" + b"; a=b" * 50_000,
        b"a:\n" * 80_000,
        b"a" * 250_000,
        b" \n" * 100_000,
        b"From: a@b.test\nX-Y: z\nContent-Type: text/html\n\n" + b"<" * 65_000,
        b"From: a@b.test\nX-Y: z\nContent-Type: text/html\n\n" + b"<style>" * 9_000,
        b"From: a@b.test\nX-Y: z\nContent-Type: text/html\n\n" + b"<!--" * 16_000,
        b"From: a@b.test\nX-Y: z\nContent-Type: text/html\n\n" + b"&" * 65_000,
        b"From: a@b.test\nX-Y: z\nContent-Type: text/plain; charset=idna\n\n" + b"xn--a." * 10_000,
        b"From: a@b.test\nX-Y: z\nContent-Type: text/plain; charset=x\n\n" + b"\x81\x9d" * 30_000,
        b"From: a@b.test\nX-Y: z\nContent-Type: multipart/mixed; boundary=b\n\n" + b"--b\n" * 16_000,
        b"From: a@b.test\nX-Y: z\nContent-Type: multipart/mixed; boundary=b\n\n" + b"--bx\n" * 13_000,
        b"From: a@b.test\nX-Y: z\n" + _NESTED,
    ],
    ids=lambda raw: f"{raw[:30]!r}...{raw[-8:]!r}",
)
def test_n1_no_hostile_mail_makes_decoding_hang(hostile: bytes) -> None:
    begun = time.process_time()
    decode(hostile, folder_date=ARRIVED)
    assert time.process_time() - begun < 2.0


def test_unseen_parts_of_html_vanish_also_where_they_never_end() -> None:
    assert html_to_text("a <style>b</style> c <header>d</header> <script>e").split() == ["a", "c", "d"]


QUOTED = "<p>done</p><div>On Tue, Anna wrote:</div><blockquote><p>It is overdue.<br>Junk</p></blockquote>"


def html(body: str) -> str:
    raw = f"From: a@example.org\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{body}"
    return decode(raw.encode(), folder_date=ARRIVED).text


def test_what_html_quotes_begins_with_a_mark_and_the_writers_own_words_do_not() -> None:
    lines = [line for line in html(QUOTED).splitlines() if line]
    assert lines == ["done", "On Tue, Anna wrote:", *[line for line in lines if line.startswith(">")]]
    assert "> It is overdue." in lines
    assert "> Junk" in lines


def test_a_quotation_in_a_quotation_has_two_marks_and_what_follows_has_none() -> None:
    text = html("me<blockquote type=cite>you<BLOCKQUOTE>they</BLOCKQUOTE>you</blockquote>me</blockquote>me")
    assert [line for line in text.splitlines() if line.strip("> ")] == ["me", "> you", "> > they", "> you", "me", "me"]


def test_a_mail_that_is_set_in_from_end_to_end_is_no_quotation() -> None:
    assert html("<blockquote><p>Where is my parcel?</p></blockquote>").strip() == "Where is my parcel?"


@pytest.mark.parametrize(
    "hidden",
    [
        '<div style="display:none;max-height:0">{}</div>',
        "<span class=x style='color:red; DISPLAY : NONE !important'>{}</span>",
        "<div hidden>{}<div>{}</div></div>",
        '<div style="max-height:0px; overflow:hidden">{}</div>',
        '<p style="mso-hide:all">{}</p>',
        '<div style="opacity:0;overflow:hidden">{}</div>',
    ],
)
def test_what_nobody_sees_is_not_read(hidden: str) -> None:
    before = hidden.format("Save 20 %", "now")
    assert html(f"{before}<p>Where is my parcel?</p>").strip() == "Where is my parcel?"


@pytest.mark.parametrize(
    "shown",
    [
        '<div style="display:none">{}',  # never closed: it may be all there is
        '<div style="display:block" title="display:none">{}</div>',
        '<img style="display:none" src="x">{}',
        '<a style="text-decoration:none">{}</a>',
        '<div style="max-height:0.5em;overflow:hidden">{}</div>',
        '<div class="hidden-xs">{}</div>',
        '<div style="font-size:0"><p style="font-size:14px">{}</p></div>',
    ],
)
def test_what_somebody_sees_is_read(shown: str) -> None:
    assert html(shown.format("Where is my parcel?")).strip() == "Where is my parcel?"


@pytest.mark.parametrize(
    "hostile", ["<div hidden>", "<blockquote>", '<a style="', "<div style='display:none'><p hidden>"]
)
def test_html_without_end_is_read_at_once(hostile: str) -> None:
    start = time.perf_counter()
    html(hostile * (60_000 // len(hostile)) + "x")
    assert time.perf_counter() - start < 2
