"""Families of mail that no corpus of ours holds, made up by rule: each machine is silent, each person is answered.

And whatever arrives, mutated or plain noise, ends in a decision.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commsd.channels.mail.message import decode
from commsd.channels.mail.suppression import SUPPRESSIONS, Us, answer_address, refused_acks, trust, why_silent
from commsd.core.token import ack_id
from tests.channels.mail.written import ARRIVED, mail, message, multipart

KEY = b"k" * 32
ACK = ack_id(KEY, "c" * 64, "commsd.test")
US = Us(
    addresses=frozenset({"support@commsd.test"}),
    internal_domains=frozenset({"inside.test"}),
    key=KEY,
    forwarders=frozenset({"info@old-name.test"}),
    own_list_ids=frozenset({"support.commsd.test"}),
    contact_forms=frozenset({"form@web.commsd.test"}),
    authserv_ids=frozenset({"mx.commsd.test"}),
    bounce_addresses=frozenset({"bounces@commsd.test"}),
)

# What people write: one sentence each, in the languages the house speaks and a few others.
SENTENCES = """
Hello, where is my parcel? I ordered it two weeks ago.
Could you please call me back today about the contract?
My invoice 2026-114 is wrong, the amount should be lower.
I would like to cancel my subscription at the end of the month.
The heating has failed again and we have two small children.
Thank you for the quick help yesterday, one question remains.
Please send me the manual of the pump, the paper one is lost.
I am out of patience: this is my third mail about the refund.
Do you deliver to the islands, and what does it cost?
Is the shop open on Saturday afternoon?
The automatic door at the entrance does not close any more.
My automatic payment failed, what do I have to do now?
I got an automatic reply but no answer, please read this.
Your out of office message says you are back on Monday; it is Tuesday.
Can I change the delivery address of order 88?
We are moving on Friday and need the meter read before that.
The app says undeliverable, yet my neighbour has the parcel.
Returned mail costs me money each time, please fix my address.
I have a complaint about the noise of the machine you sold us.
The report you sent me cannot be opened.
Please unsubscribe me from the paper catalogue.
Is there a list of dealers near Aarhus?
Who is responsible for warranty cases in your house?
I lost my key card, can I get a new one this week?
Our meeting on Thursday: may I bring a colleague?
I accept your offer of 3 March, please go ahead.
Sorry, I cannot come to the appointment tomorrow.
No reply so far! Did you get my letter?
Kindly confirm that you have received the documents.
What are your bank details? I want to pay the rest.
Guten Tag, wann kommt mein Paket endlich an?
Bitte rufen Sie mich heute noch zurück, es eilt.
Die Rechnung stimmt nicht, ich habe nur zwei Stück bestellt.
Ich möchte meinen Vertrag zum Monatsende kündigen.
Unsere Heizung ist ausgefallen und es ist kalt.
Vielen Dank für die schnelle Hilfe, eine Frage noch.
Können Sie mir die Anleitung noch einmal schicken?
Meine E-Mail kam als unzustellbar zurück, stimmt Ihre Adresse?
Ihre Abwesenheitsnotiz hilft mir nicht weiter.
Haben Sie auch am Samstag geöffnet?
Das Auto springt nicht an, wann haben Sie einen Termin?
Liefern Sie auch nach Österreich?
Ich war im Urlaub und finde erst jetzt Ihre Mahnung.
Die automatische Abbuchung hat nicht geklappt.
Der Zähler wurde falsch abgelesen, bitte prüfen.
Ich nehme Ihr Angebot an und bitte um Bestätigung.
Leider muss ich den Termin morgen absagen.
Wer ist bei Ihnen für Reklamationen zuständig?
Bitte löschen Sie meine Daten.
Keine Antwort seit einer Woche, was ist los?
Gibt es den Ersatzschlüssel noch?
Wir ziehen um und brauchen eine neue Adresse auf der Rechnung.
Der Techniker war nicht da, ich habe umsonst gewartet.
Grüezi, ich hätte gern einen Kostenvoranschlag.
Können wir das telefonisch klären?
Hej, hvornår kommer min pakke?
Vil I være søde at ringe til mig i dag?
Fakturaen er forkert, jeg har kun bestilt to.
Jeg vil gerne opsige mit abonnement.
Varmen virker ikke, og vi fryser.
Tak for hjælpen i går, jeg har et spørgsmål mere.
Kan I sende mig vejledningen igen?
Har I åbent på lørdag?
Jeg fik et autosvar, men ikke noget svar.
Leverer I også til Færøerne?
Jeg har været på ferie og ser først nu jeres rykker.
Den automatiske betaling gik ikke igennem.
Måleren er aflæst forkert, vil I tjekke det?
Jeg tager imod jeres tilbud, gå bare i gang.
Jeg må desværre aflyse tiden i morgen.
Hvem kan jeg tale med om en reklamation?
Slet venligst mine oplysninger.
Der er ikke kommet svar i en uge, hvad sker der?
Bilen starter ikke, hvornår har I tid?
Vi flytter og skal have en ny adresse på regningen.
Montøren kom ikke, jeg ventede forgæves.
Kan vi tage det over telefonen?
Er nøglen stadig til at få?
Mit brev kom retur, er jeres adresse rigtig?
Jeg savner et svar på min mail fra mandag.
Selamat pagi, kapan paket saya sampai?
Tolong telepon saya hari ini, ini mendesak.
Tagihan saya salah, saya hanya memesan dua.
Saya ingin berhenti berlangganan akhir bulan ini.
Pemanas air rusak lagi, mohon bantuannya.
Terima kasih atas bantuannya kemarin, masih ada satu pertanyaan.
Bisa kirimkan lagi buku petunjuknya?
Apakah toko buka hari Sabtu?
Saya mendapat balasan otomatis, tetapi belum ada jawaban.
Apakah bisa dikirim ke Papua?
Saya baru pulang cuti dan baru membaca surat Anda.
Pembayaran otomatis saya gagal.
Meterannya salah dibaca, mohon diperiksa.
Saya setuju dengan penawaran Anda.
Maaf, saya tidak bisa datang besok.
Siapa yang mengurus garansi?
Mohon hapus data saya.
Sudah seminggu tidak ada balasan.
Mobil saya mogok, kapan ada waktu?
Kami pindah rumah dan alamat tagihan harus diganti.
Teknisi tidak datang, saya menunggu sia-sia.
Bisakah kita bicara lewat telepon?
Apakah kuncinya masih ada?
Surat saya kembali, apakah alamatnya benar?
Bonjour, quand arrive mon colis ?
La facture est fausse, pouvez-vous vérifier ?
Buenos días, ¿cuándo llega mi paquete?
Buongiorno, quando arriva il mio pacco?
Goedemorgen, wanneer komt mijn pakje?
Hej, när kommer mitt paket?
Dzień dobry, kiedy przyjdzie moja paczka?
Ok
?
Yes please.
""".strip().splitlines()

PERSONS = {
    "a program at home": (),
    "a telephone": ("X-Mailer: iPhone Mail (22A3370)",),
    "a company's server": ("X-MS-Exchange-Organization-SCL: -1", "X-Auto-Response-Suppress: DR, RN"),
    "a relay that counts": ("Feedback-ID: 1.eu:x", "X-SES-Outgoing: 2026.03.10", "X-Mailgun-Sid: x"),
    "a filter that found it clean": ("X-Spam-Flag: NO", "X-Spam-Status: No, score=-1.2"),
    "no machine, it says": ("Auto-Submitted: no", "X-Priority: 1", "Importance: high"),
    "a helpdesk's agent": ("X-RT-Loop-Prevention: example", "X-FreeScout-Mail-Type: customer.message"),
    "vouched for": ("Authentication-Results: mx.commsd.test; dmarc=pass header.from=customer.test",),
    "a server elsewhere that doubts": ("Authentication-Results: mx.elsewhere.test; dmarc=fail",),
    "our own group": (
        "List-Id: Support <support.commsd.test>",
        "Precedence: list",
        "List-Unsubscribe: <mailto:x@y.test>",
    ),
    "a forwarding rule": ("Auto-Submitted: auto-generated", "Resent-From: info@old-name.test"),
    "an answer to our acknowledgement": (f"In-Reply-To: <{ACK}>", f"References: <{ACK}>"),
}


def test_there_are_more_than_a_hundred_sentences() -> None:
    assert len(SENTENCES) > 100
    assert len(set(SENTENCES)) == len(SENTENCES)


@pytest.mark.parametrize("way", PERSONS)
def test_people_are_answered_whatever_they_write_and_however_it_travels(way: str) -> None:
    for sentence in SENTENCES:
        for subject in (sentence[:70], f"Re: {sentence[:60]}", f"AW: [EXTERNAL] {sentence[:50]}", ""):
            said = message(*PERSONS[way], subject=subject, body=f"{sentence}\n")
            assert why_silent(said, US).reason is None, (way, subject)
            assert answer_address(said, US) == "jane@customer.test"


def test_f3_who_fills_in_a_form_is_answered_and_not_the_form() -> None:
    for sentence in SENTENCES:
        said = message("Reply-To: Kim <kim@customer.test>", from_="Web <form@web.commsd.test>", body=sentence)
        assert why_silent(said, US).reason is None
        assert answer_address(said, US) == "kim@customer.test"


@pytest.mark.parametrize("method", ["PUBLISH", ""])
def test_n17_a_date_somebody_sends_along_is_a_persons(method: str) -> None:
    kind, body = multipart(
        "Content-Type: text/plain\r\n\r\nDoes this suit you?",
        f"Content-Type: text/calendar; method={method}\r\n\r\nBEGIN:VCALENDAR\r\nMETHOD:{method}\r\n",
    )
    assert why_silent(message(content_type=kind, body=body), US).reason is None


# --- machines

AWAY = {  # Exchange and others that send a bare subject and no mark at all
    "en": ("Automatic reply: {}", "Out of Office: {}", "Out of office AutoReply: {}", "I am out of the office"),
    "lotus": (
        "AUTO: Anna Berg is out of the office (returning 12-03-2026)",
        "AUTO: Anna Berg ist außer Haus (zurück 1.4.)",
    ),
    "short": ("OOO: back on Monday", "Away from my desk - {}", "Auto-reply: {}", "Vacation reply: {}"),
    "de": ("Automatische Antwort: {}", "Abwesenheitsnotiz: {}", "Nicht im Büro: {}", "Ich bin derzeit nicht im Haus"),
    "da": (
        "Automatisk svar: {}",
        "Autosvar: {}",
        "Fraværsbesked: {}",
        "Ikke på kontoret",
        "Jeg er ude af kontoret: {}",
    ),
    "id": ("Balasan otomatis: {}", "Tidak di kantor", "Sedang cuti: {}", "Saya sedang tidak di kantor"),
    "fr": ("Réponse automatique : {}", "Absence du bureau : {}"),
    "es": ("Respuesta automática: {}", "Fuera de la oficina: {}"),
    "nl": ("Automatisch antwoord: {}", "Afwezigheidsbericht: {}"),
    "pl": ("Automatyczna odpowiedź: {}", "Odpowiedź automatyczna: {}"),
    "sv": ("Frånvaromeddelande: {}", "Automatiskt svar: {}"),
}
ORIGINAL = ("Delivery of order 2041", "Re: Wann kommt mein Paket?", "Your message has reached us: Delivery")


@pytest.mark.parametrize(("language", "original"), list(product(AWAY, ORIGINAL)))
def test_n15_who_is_away_and_says_so_without_a_mark_is_silent(language: str, original: str) -> None:
    for phrase in AWAY[language]:
        for prefix in ("", "Re: ", "[EXTERN] "):
            said = why_silent(message(f"In-Reply-To: <{ACK}>", subject=prefix + phrase.format(original)), US)
            assert said.reason == "auto-reply-subject", phrase
            assert said.automation == "auto_reply"
            assert not said.starts_clock


def machines() -> Iterator[tuple[str, bytes]]:
    """Name and mail of each family: senders, marks and shapes as those systems make them."""
    report, body = multipart(
        "Content-Type: text/plain\r\n\r\nx", "Content-Type: message/delivery-status\r\n\r\nAction: failed"
    )
    yield "a bounce", mail(return_path="<>", from_="MAILER-DAEMON@mx.test", content_type=report, body=body)
    yield "a bounce that lost its path", mail(without=("Return-Path",), content_type=report, body=body)
    yield "a bounce to our bounce address", mail(to="bounces@commsd.test", from_="postmaster.jane@mx.test")
    for kind in ("disposition-notification", "feedback-report"):
        part, text = multipart(
            "Content-Type: text/plain\r\n\r\nx", f"Content-Type: message/{kind}\r\n\r\nA: b", kind="report"
        )
        yield kind, mail(content_type=part, body=text, from_="complaints@isp.test")
    kind, text = multipart(
        "Content-Type: text/plain\r\n\r\nThis is a report",
        'Content-Type: application/gzip; name="isp.test!commsd.test!1!2.xml.gz"\r\n'
        "Content-Disposition: attachment\r\n\r\nx",
    )
    subject = "Report Domain: commsd.test Submitter: isp.test Report-ID: <1>"
    yield "a dmarc report", mail(subject=subject, content_type=kind, body=text, from_="dmarc@isp.test")
    for word in ("REPLY", "CANCEL", "COUNTER", "REFRESH", "REQUEST"):
        kind, text = multipart(
            "Content-Type: text/plain\r\n\r\nAccepted",
            f"Content-Type: text/calendar; method={word}\r\n\r\nBEGIN:VCALENDAR\r\nMETHOD:{word}\r\n",
            kind="alternative",
        )
        yield f"calendar {word}", mail(content_type=kind, body=text, subject="Accepted: Meeting")
    yield "challenge-response", mail("Auto-Submitted: auto-replied", "X-Delivery-Agent: TMDA/1.1", from_="kim@x.test")
    yield "challenge that is bulk", mail("Precedence: bulk", subject="Please confirm your message", from_="kim@x.test")
    for name in ("X-OTRS-Loop: yes", "X-FC-MachineGenerated: true", "X-Loop: jira@x.test", "X-Autogenerated: Reply"):
        yield f"tickets, {name}", mail(name, from_="help@tickets.test", subject="[#88] We got your message")
    yield "tickets, all suppressed", mail("X-Auto-Response-Suppress: All", from_="help@tickets.test")
    yield "tickets, submitted", mail("Auto-Submitted: auto-generated", from_="help@tickets.test")
    yield "a loop of ours", mail(message_id=f"<{ACK}>", from_="jane@customer.test")
    yield "a list", mail("List-Id: <news.shop.test>", "List-Unsubscribe: <https://shop.test>", from_="shop@shop.test")
    yield "a mailing by its sender", mail(sender="news-request@shop.test", from_="shop@shop.test")
    yield "cron", mail("X-Cron-Env: <SHELL=/bin/sh>", from_="backup@host.test", subject="Cron <backup@host> /bin/x")
    yield "cron of root", mail(from_="root <root@host.test>")
    for local in (
        "noreply",
        "do-not-reply",
        "nicht-antworten",
        "svar-ikke",
        "jangan-balas",
        "shop-noreply",
        "no.reply7",
    ):
        yield f"from {local}", mail(from_=f"Shop <{local}@shop.test>")
    yield "a borrowed name", mail("Authentication-Results: mx.commsd.test; dmarc=fail header.from=customer.test")
    yield "spam", mail("X-Spam-Status: Yes, score=9.1 required=5.0")
    yield "a colleague", mail(from_="anna@inside.test")
    yield "a robot through the form", mail("Reply-To: noreply@x.test", from_="form@web.commsd.test")
    yield "forged through a forwarder", mail("Auto-Submitted: auto-replied", "Resent-From: other@old-name.test")


@pytest.mark.parametrize(("family", "raw"), [pytest.param(*each, id=each[0]) for each in machines()])
def test_a_machine_is_silent_also_where_a_gateway_changed_the_mail(family: str, raw: bytes) -> None:
    changed = (
        raw,
        raw.replace(b"\r\n", b"\n"),
        b"X-Gateway: checked\r\nReceived: from a by b; Tue, 10 Mar 2026 10:17:01 +0100\r\n" + raw,
        raw.replace(b"Subject: ", b"Subject: [EXTERNAL] "),
    )
    for each in changed:
        assert why_silent(decode(each, folder_date=ARRIVED), US).reason is not None, family


# --- whatever arrives

RAW = [raw for _, raw in machines()] + [mail(*lines) for lines in PERSONS.values()]
ANY = st.one_of(
    st.binary(max_size=2000),
    st.tuples(st.sampled_from(RAW), st.integers(0, 3000), st.binary(max_size=40), st.integers(0, 60)).map(
        lambda cut: cut[0][: cut[1]] + cut[2] + cut[0][cut[1] + cut[3] :]
    ),
    st.tuples(st.sampled_from(RAW), st.sampled_from(RAW), st.integers(0, 3000)).map(
        lambda two: two[0][: two[2]] + two[1]
    ),
    st.sampled_from(RAW).map(lambda raw: raw.swapcase()),
)


@settings(max_examples=300)
@given(ANY, st.booleans())
def test_n1_whatever_arrives_ends_in_a_decision(raw: bytes, bare: bool) -> None:
    us = Us(key=KEY) if bare else US
    said = decode(raw, folder_date=ARRIVED)
    verdict = why_silent(said, us)
    assert verdict.reason in {None, *(rule.reason for rule in SUPPRESSIONS)}
    assert trust(said, us) in ("pass", "fail", None)
    assert all(each.startswith("ack1.") for each in refused_acks(said, us))
    if verdict.reason is None:
        assert answer_address(said, us)


@given(st.sampled_from(RAW), st.permutations(range(12)))
def test_the_order_of_the_fields_changes_no_decision(raw: bytes, order: list[int]) -> None:
    head, body = raw.split(b"\r\n\r\n", 1)
    lines = head.split(b"\r\n")
    moved = [lines[place] for place in order if place < len(lines)] + lines[12:]
    before, after = (
        why_silent(decode(each, folder_date=ARRIVED), US).reason
        for each in (raw, b"\r\n".join(moved) + b"\r\n\r\n" + body)
    )
    assert before == after


def test_what_a_house_leaves_unset_changes_nothing_for_ordinary_mail() -> None:
    for lines in PERSONS.values():
        plain = message(*(line for line in lines if line.startswith(("X-Mailer", "Feedback"))))
        assert why_silent(plain, replace(US, authserv_ids=frozenset())).reason is None
