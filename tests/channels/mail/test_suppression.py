"""Each rule by its id, both ways: the machine it silences, and the person it must not."""

from dataclasses import replace

import pytest

from commsd.channels.mail.suppression import (
    SUPPRESSIONS,
    Us,
    answer_address,
    own_acks,
    registrable,
    speaker,
    why_silent,
)
from commsd.core.token import ack_id
from tests.channels.mail.written import mail, message, multipart

KEY = b"k" * 32
US = Us(
    addresses=frozenset({"support@commsd.test", "help@commsd.test"}),
    internal_domains=frozenset({"inside.test"}),
    key=KEY,
)
ACK = ack_id(KEY, "a" * 64, "commsd.test")
ACK2 = ack_id(KEY, "b" * 64, "commsd.test")


def reason(*extra: str, us: Us = US, body: str | bytes | None = None, **changed: str) -> str | None:
    made = message(*extra, **changed) if body is None else message(*extra, body=body, **changed)
    return why_silent(made, us).reason


def test_an_ordinary_mail_is_acknowledged_and_starts_the_clock() -> None:
    verdict = why_silent(message(), US)
    assert (verdict.reason, verdict.automation, verdict.starts_clock, verdict.rule) == (None, "none", True, None)


# What each rule means for the clocks: sla/README.md section 8, "Suppression and clocks".
@pytest.mark.parametrize(
    ("id_", "automation", "starts_clock"),
    [
        ("N1", "none", True),
        ("N3", "bounce", False),
        ("N4", "bounce", False),
        ("N5", "auto_reply", False),
        ("N6", "list", False),
        ("N7", "list", False),
        ("N8", "auto_reply", False),
        ("N9", "bot", False),
        ("N11", "bot", False),
        ("N12", "none", True),
        ("N13", "none", False),
        ("N14", "auto_reply", False),
        ("N15", "auto_reply", False),
        ("N16", "bounce", False),
        ("N17", "auto_reply", False),
        ("N18", "none", False),
        ("N20", "bot", False),
    ],
)
def test_each_rule_says_who_wrote_and_whether_clocks_run(id_: str, automation: str, starts_clock: bool) -> None:
    (rule,) = [each for each in SUPPRESSIONS if each.id == id_]
    assert (rule.automation, rule.starts_clock) == (automation, starts_clock)
    assert rule.source


def test_the_table_is_in_the_order_of_the_requirements() -> None:
    assert [int(rule.id[1:]) for rule in SUPPRESSIONS] == sorted(int(rule.id[1:]) for rule in SUPPRESSIONS)
    assert len({rule.reason for rule in SUPPRESSIONS}) == len(SUPPRESSIONS)


def test_the_first_rule_that_holds_is_the_reason() -> None:
    assert reason("Precedence: bulk", "Auto-Submitted: auto-replied", return_path="<>") == "null-return-path"


@pytest.mark.parametrize("path", ["<>", "< >", "", "<MAILER-DAEMON>", "<mailer-daemon@x.test>"])
def test_n3_a_null_return_path_is_silenced(path: str) -> None:
    assert reason(return_path=path) == "null-return-path"


@pytest.mark.parametrize("path", ["<bounces+123@relay.test>", "<prvs=1=jane@customer.test>", "<root@web.test>"])
def test_n3_an_odd_return_path_is_a_persons_too(path: str) -> None:
    assert reason(return_path=path) is None


@pytest.mark.parametrize("kind", ["report; report-type=delivery-status", "report", "report; report-type=tlsrpt"])
def test_n4_a_multipart_report_is_silenced(kind: str) -> None:
    content_type, body = multipart("Content-Type: text/plain\r\n\r\nhello")
    assert reason(content_type=content_type.replace("mixed", kind), body=body) == "report"


@pytest.mark.parametrize("part", ["delivery-status", "disposition-notification", "feedback-report"])
def test_n4_a_report_part_is_silenced(part: str) -> None:
    content_type, body = multipart(
        "Content-Type: text/plain\r\n\r\nx", f"Content-Type: message/{part}\r\n\r\nAction: failed"
    )
    assert reason(content_type=content_type, body=body) == "report"
    assert reason("X-Failed-Recipients: a@x.test") == "report"


def test_n4_a_forwarded_mail_attached_is_a_persons() -> None:
    content_type, body = multipart(
        "Content-Type: text/plain\r\n\r\nWhat is this?",
        "Content-Type: message/rfc822\r\n\r\nContent-Type: multipart/report; boundary=x\r\n\r\n--x--",
    )
    assert reason(content_type=content_type, body=body) is None


@pytest.mark.parametrize(
    "value", ["auto-replied", "AUTO-GENERATED", "auto-replied (vacation)", "auto-notified; owner=x", "(c) auto-x"]
)
def test_n5_auto_submitted_is_silenced(value: str) -> None:
    assert reason(f"Auto-Submitted: {value}") == "auto-submitted"


def test_n5_every_occurrence_counts() -> None:
    assert reason("Auto-Submitted: no", "Auto-Submitted: auto-replied") == "auto-submitted"


@pytest.mark.parametrize("value", ["no", "No", "no; x=y", "no (by hand)"])
def test_n5_auto_submitted_no_is_a_persons(value: str) -> None:
    assert reason(f"Auto-Submitted: {value}") is None


@pytest.mark.parametrize("extra", ["Resent-From: <Old@commsd.test>", "Sender: old@commsd.test"])
def test_f1_a_copy_that_a_known_mailbox_forwarded_is_a_persons(extra: str) -> None:
    us = replace(US, forwarders=frozenset({"old@commsd.test"}), internal_domains=frozenset({"commsd.test"}))
    assert reason("Auto-Submitted: auto-generated", extra, us=us) is None
    assert reason("Auto-Submitted: auto-generated", us=us) == "auto-submitted"
    assert reason("Auto-Submitted: auto-generated", extra) == "auto-submitted"


@pytest.mark.parametrize("value", ["bulk", "Bulk", "list", "junk", "auto_reply", "auto-reply", "bulk (newsletter)"])
@pytest.mark.parametrize("name", ["Precedence", "X-Precedence"])
def test_n6_precedence_is_silenced(name: str, value: str) -> None:
    assert reason(f"{name}: {value}") == "precedence"


@pytest.mark.parametrize("value", ["first-class", "normal", "special-delivery"])
def test_n6_another_precedence_is_a_persons(value: str) -> None:
    assert reason(f"Precedence: {value}") is None


@pytest.mark.parametrize(
    "name",
    [
        "List-Id",
        "List-Post",
        "List-Help",
        "List-Subscribe",
        "List-Unsubscribe",
        "List-Owner",
        "List-Archive",
        "Mailing-List",
        "X-Mailing-List",
        "X-BeenThere",
        "X-Mailman-Version",
        "X-ML-Name",
        "X-MLServer",
    ],
)
def test_n7_list_fields_are_silenced(name: str) -> None:
    assert reason(f"{name}: <x.test>") == "list"


def test_f2_the_group_that_is_our_own_address_is_no_list() -> None:
    us = replace(US, own_list_ids=frozenset({"support.commsd.test"}))
    own = ("List-Id: Support <Support.commsd.test>", "Precedence: list", "List-Post: <mailto:support@commsd.test>")
    assert reason(*own, us=us) is None
    assert reason(*own) == "precedence"
    assert reason("List-Id: <other.x.test>", us=us) == "list"


@pytest.mark.parametrize("value", ["All", "OOF", "AutoReply", "DR, OOF, AutoReply", "dr,all"])
def test_n8_suppressed_responses_are_silenced(value: str) -> None:
    assert reason(f"X-Auto-Response-Suppress: {value}") == "response-suppressed"


@pytest.mark.parametrize("value", ["DR, RN", "NRN", "RN, NRN, DR", "None"])
def test_n8_receipts_alone_suppressed_is_a_persons(value: str) -> None:
    assert reason(f"X-Auto-Response-Suppress: {value}") is None


@pytest.mark.parametrize(
    "line",
    [
        "X-Autoreply: yes",
        "X-Autorespond: x",
        "X-Autoresponder: x",
        "X-Autoresponse: x",
        "X-Auto-Reply: x",
        "X-AutoReply-From: a@x.test",
        "X-Mail-Autoreply: x",
        "X-Autogenerated: Reply",
        "X-Auto-Generated: x",
        "X-FC-MachineGenerated: true",
        "X-Loop: a@x.test",
        "X-OTRS-Loop: yes",
        "X-OTOBO-Loop: yes",
        "X-Amazon-Mail-Relay-Type: notification",
        "X-GitHub-Reason: mention",
    ],
)
def test_n9_robot_fields_are_silenced(line: str) -> None:
    assert reason(line) == "robot-header"


@pytest.mark.parametrize(
    "line",
    [
        "X-RT-Loop-Prevention: example.test",
        "X-FreeScout-Mail-Type: customer.message",
        "X-FC-MachineGenerated: false",
        "X-Autoreply: no",
        "Feedback-ID: 1:2:3:relay",  # N10: relays add these to what people write by hand
        "X-CSA-Complaints: a@x.test",
        "X-SES-Outgoing: 2026",
        "X-Mailgun-Sid: x",
        "X-Mailer: Apple Mail",
    ],
)
def test_n9_n10_marks_of_helpdesks_and_relays_are_a_persons(line: str) -> None:
    assert reason(line) is None


@pytest.mark.parametrize(
    "local",
    [
        "noreply",
        "no-reply",
        "no_reply",
        "No.Reply",
        "donotreply",
        "do-not-reply",
        "do_not_reply",
        "newsalerts-noreply",
        "noreply-dmarc-support",
        "noreply2",
        "nicht-antworten",
        "keine-antwort",
        "svar-ikke",
        "ikke-svar",
        "jangan-balas",
        "nepasrepondre",
        "MAILER-DAEMON",
        "mailer-daemon",
        "bounce",
        "bounces",
        "bounces+a=b",
        "news-bounces",
        "list-request",
        "owner-list",
        "list-owner",
        "listserv",
        "majordomo",
        "daemon",
        "root",
        "cron",
        "www-data",
        "nobody",
        "postmaster",
        "abuse",
    ],
)
def test_n11_robot_senders_are_silenced(local: str) -> None:
    assert reason(from_=f"Somebody <{local}@x.test>") == "robot-sender"


@pytest.mark.parametrize(
    "local",
    [
        "jane",
        "info",
        "sales",
        "support",
        "office",
        "buero",
        "kontakt",
        "reply",
        "reply-jane",
        "noreen",
        "nobody.knows",
        "rootes",
        "daemon.smith",
        "bouncer",
        "postmasters",
        "request",
        "requests.jane",
        "owner",
        "listservice",
        "crons",
        "antwort",
        "svar",
        "balas",
        "keine",
        "abuse-team",
    ],
)
def test_n11_ordinary_senders_are_people(local: str) -> None:
    assert reason(from_=f"Somebody <{local}@x.test>") is None


@pytest.mark.parametrize("sender", ["list-owner@x.test", "owner-list@x.test", "list-request@x.test"])
def test_n11_of_the_envelope_only_list_owners_count(sender: str) -> None:
    assert reason(sender=sender) == "robot-sender"
    assert reason(return_path=f"<{sender}>") == "robot-sender"


@pytest.mark.parametrize("sender", ["root@web.test", "noreply@relay.test", "bounces+1@relay.test", "www-data@x.test"])
def test_n11_relays_may_send_for_a_person(sender: str) -> None:
    assert reason(sender=sender, return_path=f"<{sender}>") is None


def test_n11_a_house_may_listen_to_postmaster() -> None:
    assert reason(from_="postmaster@x.test", us=replace(US, silent_locals=frozenset())) is None


def test_f3_a_contact_form_speaks_for_the_person_in_reply_to() -> None:
    us = replace(US, contact_forms=frozenset({"noreply@www.test"}))
    form = {"from_": "Form <noreply@www.test>", "reply_to": "Jane <jane@customer.test>"}
    assert reason(us=us, **form) is None
    assert answer_address(message(**form), us) == "jane@customer.test"
    assert reason(**form) == "robot-sender"
    assert reason(us=us, from_="noreply@www.test") == "robot-sender"
    assert reason(us=us, from_="noreply@www.test", reply_to="noreply@customer.test") == "robot-sender"
    assert reason(us=us, from_="noreply@www.test", reply_to="support@commsd.test") == "own-address"


def test_f3_a_form_in_our_own_house_is_heard() -> None:
    us = replace(US, contact_forms=frozenset({"form@inside.test"}))
    assert reason(us=us, from_="form@inside.test", reply_to="jane@customer.test") is None


@pytest.mark.parametrize("sender", ["", "nobody", "Robot:;", "Team: a@x.test;", "<>", "jane@x..test"])
def test_n12_without_a_usable_sender_nobody_is_answered_but_clocks_run(sender: str) -> None:
    verdict = why_silent(message(from_=sender), US)
    assert (verdict.reason, verdict.starts_clock) == ("no-sender", True)


def test_n12_of_several_senders_the_sender_field_decides() -> None:
    both = "Ann <ann@x.test>, Bob <bob@x.test>"
    assert answer_address(message(from_=both, sender="bob@x.test"), US) == "bob@x.test"
    assert answer_address(message(from_=both), US) == "ann@x.test"


@pytest.mark.parametrize(
    "line",
    [
        "support@commsd.test",
        "Support+tag@COMMSD.test",
        "help@commsd.test",
        "anna@inside.test",
        "Team <anna@Inside.Test>",
    ],
)
def test_n13_we_do_not_answer_ourselves(line: str) -> None:
    assert reason(from_=line) == "own-address"
    assert reason(sender=line) == "own-address"
    assert reason(f"Resent-From: {line}") == "own-address"


@pytest.mark.parametrize("sender", ["anna@notinside.test", "support@customer.test", "anna@inside.test.x.test"])
def test_n13_similar_addresses_are_customers(sender: str) -> None:
    assert reason(from_=sender) is None


def test_n14_a_reply_to_our_ack_is_a_persons() -> None:
    assert reason(in_reply_to=f"<{ACK}>", references=f"<2041@customer.test> <{ACK}>") is None


def test_n14_two_of_our_acks_in_a_thread_are_two_helpdesks() -> None:
    assert reason(references=f"<{ACK}> <x@y.test> <{ACK2}>") == "own-ack"


def test_n14_our_own_ack_come_back_is_silenced() -> None:
    assert reason(message_id=f"<{ACK}>") == "own-ack"


def test_n14_a_reply_within_two_minutes_is_no_persons() -> None:
    assert reason(in_reply_to=f"<{ACK}>", us=replace(US, fresh_acks=frozenset({ACK}))) == "own-ack"
    assert reason(in_reply_to=f"<{ACK2}>", us=replace(US, fresh_acks=frozenset({ACK}))) is None


def test_n14_ids_that_only_look_like_ours_are_not() -> None:
    forged = f"<{ack_id(b'x' * 32, 'a' * 64, 'commsd.test')}> <{ack_id(b'x' * 32, 'b' * 64, 'commsd.test')}>"
    assert reason(references=forged) is None
    assert own_acks(message(references=f"<{ACK}> {forged}"), US) == (ACK,)


@pytest.mark.parametrize(
    "subject",
    [
        "Automatic reply: Delivery",
        "Re: Out of Office: Delivery",
        "AW: Abwesenheitsnotiz",
        "Automatische Antwort: Lieferung",
        "Autosvar: Levering",
        "SV: Automatisk svar – Levering",
        "Balasan otomatis: Pengiriman",
        "Tidak di kantor",
        "[EXTERNAL] Out of Office AutoReply: x",
        "Réponse automatique : x",
        "Automatyczna odpowiedź: x",
        "Respuesta automática: x",
        "Auto-Reply - away until May",
        "=?utf-8?q?R=C3=A9ponse_automatique=3A_x?=",
    ],
)
def test_n15_auto_reply_subjects_are_silenced(subject: str) -> None:
    assert reason(subject=subject) == "auto-reply-subject"


@pytest.mark.parametrize(
    "subject",
    [
        "Out of office chairs already?",
        "Autosvar på jeres mail virker ikke",
        "Question about your automatic reply: is it on?",
        "Automatische Antworten einrichten",
        "Balasan otomatis tidak berfungsi",
        "Out-of-office-style desk lamps",
        "Re: Delivery",
        "",
    ],
)
def test_n15_a_persons_sentence_that_begins_like_it_is_a_persons(subject: str) -> None:
    assert reason(subject=subject) is None


@pytest.mark.parametrize("subject", ["Undeliverable: Delivery", "Returned mail: see transcript", "Unzustellbar: x"])
def test_n16_a_bounce_without_text_or_with_the_mail_attached_is_silenced(subject: str) -> None:
    assert reason(subject=subject, body="") == "bounce-subject"
    content_type, body = multipart("Content-Type: text/plain\r\n\r\nx", "Content-Type: message/rfc822\r\n\r\nA: b")
    assert reason(subject=subject, content_type=content_type, body=body) == "bounce-subject"


@pytest.mark.parametrize(
    "subject", ["Undelivered parcel", "Fwd: Returned mail: what is this?", "Complaint about a lamp"]
)
def test_n16_a_person_who_writes_of_it_is_a_person(subject: str) -> None:
    assert reason(subject=subject) is None


@pytest.mark.parametrize("method", ["REPLY", "CANCEL", "COUNTER", "REFRESH", "REQUEST", "request"])
def test_n17_calendar_answers_are_silenced(method: str) -> None:
    body = f"BEGIN:VCALENDAR\r\nMETHOD:{method}\r\nEND:VCALENDAR\r\n"
    assert reason(content_type=f"text/calendar; method={method}", body=body) == "calendar"
    assert reason(content_type="text/calendar", body=body) == "calendar"


def test_n17_invitations_may_be_answered_and_published_dates_are_a_persons() -> None:
    invited = replace(US, silent_invitations=False)
    assert reason(content_type="text/calendar; method=REQUEST", body="x", us=invited) is None
    assert reason(content_type="text/calendar; method=REPLY", body="x", us=invited) == "calendar"
    assert reason(content_type="text/calendar; method=PUBLISH", body="x") is None


@pytest.mark.parametrize("line", ["X-Spam-Flag: YES", "X-Spam-Status: Yes, score=9.1", "X-SES-Spam-Verdict: FAIL"])
def test_n18_marked_spam_is_silenced(line: str) -> None:
    assert reason(line) == "spam"


@pytest.mark.parametrize("line", ["X-Spam-Flag: NO", "X-Spam-Status: No, score=-1", "X-SES-Spam-Verdict: PASS"])
def test_n18_mail_that_was_found_clean_is_a_persons(line: str) -> None:
    assert reason(line) is None


@pytest.mark.parametrize("media", ["application/zip", "application/gzip", "application/x-gzip"])
def test_n20_a_dmarc_report_is_silenced(media: str) -> None:
    subject = "Report domain: x.test Submitter: y.test Report-ID: 1"
    assert reason(subject=subject, content_type=media, body="UEsD") == "dmarc-report"
    assert reason(subject=subject) is None
    assert reason(content_type=media, body="UEsD") is None


DANISH = "Hej, jeg har stadig ikke modtaget ordre 2041. Kan I se, hvor den er? Venlig hilsen Mette"
INDONESIAN = "Selamat siang, pesanan saya nomor 2041 belum sampai. Mohon dicek ya, terima kasih. Sari"


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        ("Levering af ordre 2041", DANISH),
        ("Svar udbedes", DANISH),
        ("Klage over levering: ordre 2041", DANISH),
        ("Ikke modtaget - ordre 2041", DANISH),
        ("Pengiriman pesanan 2041", INDONESIAN),
        ("Mohon dibalas: pesanan 2041", INDONESIAN),
        ("Di luar dugaan: barang rusak", INDONESIAN),
        ("Balasan untuk pesan Anda", INDONESIAN),
    ],
)
def test_people_who_write_danish_and_indonesian_are_acknowledged(subject: str, body: str) -> None:
    assert reason(subject=subject, body=body) is None


@pytest.mark.parametrize(
    ("reply_to", "expected"),
    [
        ("Jane <jane@mail.customer.test>", "jane@mail.customer.test"),
        ("jane@elsewhere.test", "jane@customer.test"),
        ("a@customer.test, b@customer.test", "jane@customer.test"),
        ("not an address", "jane@customer.test"),
        ("jane..x@customer.test", "jane@customer.test"),
    ],
)
def test_a5_reply_to_counts_only_within_the_writers_own_domain(reply_to: str, expected: str) -> None:
    assert answer_address(message(reply_to=reply_to), US) == expected


def test_a5_the_return_path_is_never_answered() -> None:
    assert answer_address(message(return_path="<bounces@relay.test>"), US) == "jane@customer.test"


@pytest.mark.parametrize(
    ("domain", "house"),
    [("mail.x.test", "x.test"), ("x.test", "x.test"), ("a.b.example.co.uk", "example.co.uk"), ("x.or.id", "x.or.id")],
)
def test_the_registrable_domain_tells_one_house_from_another(domain: str, house: str) -> None:
    assert registrable(domain) == house


def test_nobody_speaks_in_a_mail_without_a_sender() -> None:
    assert speaker(message(from_=""), US) is None
    assert b"support@commsd.test" in mail(from_="")
