"""Who asks to be rung gets a call; who only speaks of one does not."""

import pytest

from commsd.channels.mail.call_wish import CallWish, call_wish

ASKS = """
Please call me.
Please call me back tomorrow morning.
Could you please call me?
Can you ring me this afternoon?
Would you phone me on 020 7946 0018?
Can someone call me about this?
Could somebody from your team please ring us?
Could one of your colleagues phone me?
Call me when you have a moment.
Call me, please.
Hi, call me back on my mobile.
Just give me a call.
Give us a ring when you know more.
I would like a call back.
I'd appreciate a phone call.
We need a callback today.
I would prefer to be called after five.
I am requesting a call back.
I am still waiting for a call back.
I'm waiting for your call back since Monday.
Callback requested.
I would be grateful if you could call me.
It would be great if someone could ring me.
I want to speak to a human.
I would like to talk to a real person.
Can I speak to someone, please?
Could I talk with a member of staff?
May I speak to your manager?
Can we talk about this on the phone?
Could we discuss this by phone?
I'd rather talk over the phone.
Please have Anna call me.
Please ask someone to ring me back.
I can't talk at work, please call me after six.
I did not understand your letter. Please phone me.
Rather than write again, please call me.
Bitte rufen Sie mich an.
Bitte rufen Sie mich morgen Vormittag zurück.
Rufen Sie mich bitte unter 030 23125 099 an.
Könnten Sie mich bitte zurückrufen?
Können Sie mich heute noch anrufen?
Kann mich bitte jemand anrufen?
Würden Sie uns bitte kurz anrufen?
Ich bitte um Rückruf.
Wir bitten um einen Rückruf.
Bitte um Ihren Rückruf.
Um Rückruf wird gebeten.
Rückruf erbeten.
Rückruf bitte!
Ich hätte gern einen Rückruf.
Ich warte auf Ihren Rückruf.
Über einen Anruf würde ich mich freuen, bitte um Rückruf.
Ich würde mich freuen, wenn Sie mich anrufen.
Es wäre nett, wenn mich jemand anrufen könnte.
Es wäre schön, wenn Sie mich zurückrufen könnten.
Ich möchte mit einem Menschen sprechen.
Kann ich bitte mit jemandem sprechen?
Ich würde gern mit einem Mitarbeiter reden.
Können wir telefonieren?
Könnten wir das am Telefon klären?
Ich möchte das gern telefonisch besprechen.
Ruf mich bitte an.
Ring mir bitte.
Ruft uns doch bitte zurück.
Melden Sie sich bitte telefonisch bei mir.
Bitte anrufen, es ist dringend.
Ich möchte angerufen werden.
Kontaktieren Sie mich bitte telefonisch.
Ich bitte Sie, mich anzurufen.
Ring til mig.
Ring venligst til mig.
Ring mig op i morgen.
Ring lige tilbage.
Kan I ringe til mig?
Kan du ringe til mig i dag?
Vil I venligst ringe til os?
Kunne De ringe til mig?
Kan nogen ringe mig op?
Jeg vil gerne ringes op.
Vi vil gerne ringes op i eftermiddag.
Jeg vil gerne tale med et menneske.
Må jeg tale med en medarbejder?
Kan jeg tale med nogen?
Jeg vil gerne snakke med en rådgiver.
Kan vi tale om det i telefonen?
Jeg beder om et opkald.
Vi ønsker et opkald.
Kontakt mig venligst telefonisk.
Det ville være rart, hvis I ringede til mig.
Jeg ville blive glad, hvis nogen ringer til mig.
Bedes venligst ringe tilbage.
Opkald ønskes.
Tolong telepon saya.
Tolong telpon saya besok pagi.
Mohon telepon saya di nomor 0812 3456 7890.
Bisa telepon saya?
Bisakah Anda menelepon saya?
Mohon segera menelepon kami.
Tolong hubungi saya di nomor 0812 3456 7890.
Mohon hubungi saya lewat telepon.
Minta ditelepon.
Saya ingin ditelepon.
Mohon telepon balik.
Saya minta telepon balik.
Saya ingin bicara dengan orang.
Bisa bicara dengan petugas?
Saya mau berbicara langsung dengan staf.
Bisakah kita bicara lewat telepon?
Boleh saya bicara dengan manajer?
Saya menunggu telepon dari petugas.
Saya akan senang jika Anda bisa menelepon saya.
Kabari saya lewat telepon.
Could you ring me back tomorrow?
Can someone phone me?
I'd appreciate a call back.
Please give me a call on 020 7946 0018.
Give me a ring when you can.
I would like to speak to a human.
Can I talk to a real person please?
Would you mind calling me?
Do call me when you have a moment.
Call me asap.
Phone me please, I hate mail.
Kindly revert by phone.
I'd rather talk on the phone.
Is it possible to get a call back?
Please telephone my husband on 07700 900123.
Could Anna ring me?
Looking forward to your call.
I need someone to call me today.
I want to be called back.
Please contact me by phone.
Reach me by telephone please.
You can call me on 07700 900123.
Feel free to call me any time.
My number is 07700 900123, please call.
Can we have a quick call?
Can we schedule a call?
Could we jump on a call?
When can you call me?
Why don't you just call me?
Will you please call?
I am waiting for your call.
Would it be possible to speak to someone?
I'd like to request a callback.
Call back please
URGENT: call me
Drop me a call
Let's have a phone call
Please ring 07700 900123.
Could you please return my call?
It would be great if you could call me.
I would be grateful if somebody could ring me.
Can you give us a bell?
pls call
Please do not mail, call me.
I don't want email, please ring me.
Don't write, phone me instead.
Call me, I do not read mail.
Could you not just call me?
Rufen Sie mich bitte zurück.
Bitte um Rückruf unter 030 23125999.
Rückruf erbeten
Können Sie mich anrufen?
Könnten Sie mich morgen kurz anrufen?
Bitte rufen Sie mich morgen Vormittag unter 0171 2345678 zurück.
Ruf mich an
Ruft mich mal an bitte
Bitte melden Sie sich telefonisch.
Kann ich mit jemandem reden?
Ich würde gern mit einem Mitarbeiter telefonieren.
Können wir kurz telefonieren?
Ich würde das lieber telefonisch besprechen.
Ich warte auf Ihren Anruf.
Über einen Anruf würde ich mich freuen.
Ich freue mich auf Ihren Anruf.
Ich freue mich über einen Rückruf.
Wann können Sie mich anrufen?
Warum rufen Sie mich nicht einfach an?
Bitte kontaktieren Sie mich telefonisch.
Sie können mich unter 0171 2345678 erreichen, bitte anrufen.
Bitte anrufen
Bitte dringend anrufen!
Bitte nicht mailen, sondern anrufen.
Ich möchte keine Mail, rufen Sie mich an.
Schreiben Sie nicht, rufen Sie mich an.
Könnte mich jemand zurückrufen?
Wäre es möglich, dass Sie mich anrufen?
Es wäre nett, wenn Sie mich anrufen könnten.
Um einen Rückruf wird gebeten.
Ich brauche dringend einen Anruf.
Ein kurzer Anruf wäre nett.
Ein Rückruf wäre schön.
Rufen Sie doch bitte meine Frau an.
Gerne können Sie mich auch anrufen.
Bitte rufen Sie an.
Rufen Sie mich gerne an
Bitte ruf mich zurück
Ich erbitte Rückruf.
Erbitte Rückruf
Bitte um Anruf
Kann mich Frau Berg anrufen?
Ich will angerufen werden.
Klingeln Sie mal durch.
Bitte telefonieren Sie mit mir.
Lassen Sie uns telefonieren.
Mögen Sie mich kurz anrufen?
Wollen wir telefonieren?
Würden Sie mich bitte zurückrufen?
Bitte rufen Sie mich nicht vor 10 Uhr an.
Vil du ringe til mig?
Kan I ringe til mig i morgen?
Vil I venligst ringe mig op?
Ring venligst tilbage på 20 12 34 56.
Jeg ønsker at blive ringet op.
Kan du ringe?
Kan I ikke bare ringe til mig?
Vil du ikke ringe til mig?
Kan jeg tale med en medarbejder?
Kan vi tale i telefon?
Kan vi tale sammen på telefonen?
Jeg håber på et opkald.
Jeg venter på jeres opkald.
Ring mig op, tak.
I må gerne ringe til mig.
Du er velkommen til at ringe til mig på 20123456.
Opkald ønskes
Ring lige
Vær sød at ringe til mig.
Vær venlig at ringe mig op.
Kan jeg blive ringet op?
Kan jeg få jer til at ringe?
Må jeg bede om et opkald?
Send ikke mail, ring til mig.
Bedes ringe tilbage
Giv mig et ring
Giv mig lige et opkald
Hvornår kan I ringe til mig?
Jeg vil hellere tale i telefon.
Jeg vil gerne høre fra jer telefonisk.
Ring på 20 12 34 56
Ring tilbage hurtigst muligt
Ring til min mand på 20123456
Bisakah Anda menelepon saya besok?
Tolong hubungi saya di 0812 3456 7890.
Mohon ditelepon kembali.
Saya minta ditelepon.
Saya mau bicara dengan CS.
Harap telepon balik.
Telepon saya ya
Call saya dong
Bisa bicara lewat telepon?
Mohon telepon ke nomor 081234567890.
Silakan telepon saya.
Tolong telpon suami saya.
Saya menunggu telepon dari Anda.
Saya tunggu teleponnya.
Jangan email, telepon saya saja.
Tolong jangan kirim email, telepon saya.
Bisa minta tolong telpon saya?
Apakah bisa menelepon saya?
Boleh minta telepon balik?
Tolong call back saya.
Kapan bisa telepon saya?
Mohon agar saya ditelepon.
Bisa hubungi saya via WA telepon?
Hubungi saya di nomor 08123456789.
Saya ingin berbicara langsung dengan petugas.
Dapatkah seseorang menelepon saya?
Mohon segera menelepon saya.
Saya lebih suka ditelepon.
Telepon balik ya
Kami mohon dihubungi melalui telepon.
Saya butuh bicara dengan manusia.
Tlg telp sy
Tolong telp saya
Please don't call me before 10.
Ring ikke til mig før kl. 10, men ring gerne til mig bagefter.
""".strip().splitlines()

ASKS_NOT = """
I called you yesterday.
You called me this morning.
I rang three times and nobody answered.
Please don't call me.
Please do not call, I am at work.
Never call me again.
There is no need to call me.
No need for a call back, thanks.
I would rather write, please do not phone me.
Stop calling me.
Instead of calling me, just send a mail.
Thank you for your call.
Thanks for calling me back so quickly.
Call for papers: the deadline is in May.
We had a conference call about the order.
The courier will call me before delivery.
My wife spoke to someone from your team.
You did not call me back.
Nobody called us back.
When you call me, use the other number.
Why did you call me at night?
Please call me Bob.
My friends call me Jim.
The phone is broken and does not ring.
I would like to return the phone.
I ordered a ring for my wife.
Which number do I call for returns?
Should I call you?
Can I call you tomorrow?
I will call you on Monday.
We can talk about the price when you have written.
The call quality was poor.
It is not urgent, do not ring.
Without a phone call, please.
What do you call this part?
I do not want to speak to anyone.
Before you call me you should read the file.
I cannot talk on the phone.
Ich habe Sie gestern angerufen.
Sie haben mich heute angerufen.
Bitte rufen Sie mich nicht an.
Bitte nicht anrufen.
Bitte nicht zurückrufen, ich bin unterwegs.
Ein Rückruf ist nicht nötig.
Kein Rückruf nötig.
Ich brauche keinen Rückruf.
Danke für Ihren Rückruf.
Vielen Dank für den Anruf gestern.
Ihr Rückruf gestern hat mir geholfen.
Nach Ihrem Anruf habe ich das Gerät geprüft.
Statt anzurufen, schreiben Sie mir bitte.
Warum rufen Sie mich ständig an?
Darf ich Sie anrufen?
Wann kann ich Sie anrufen?
Unter welcher Nummer kann ich Sie anrufen?
Ich rufe Sie morgen an.
Ich rufe morgen zurück.
Niemand hat mich zurückgerufen.
Das Telefon läutet nicht.
Ich möchte das Telefon zurückgeben.
Der Ring ist zu groß.
Der Fahrer soll vorher klingeln.
Bevor Sie mich anrufen, lesen Sie bitte den Vertrag.
Ich möchte nicht mit jemandem sprechen.
Wir haben gestern telefoniert.
Ich konnte Sie telefonisch nicht erreichen.
Der Aufruf der Seite schlägt fehl.
Bitte um ein Angebot per Mail.
Ohne Anruf, bitte nur schriftlich.
Ich kann Sie telefonisch nicht verstehen.
Jeg ringede til jer i går.
I ringede til mig i morges.
Ring ikke til mig.
I skal ikke ringe til mig.
Du behøver ikke ringe.
Lad være med at ringe til mig.
Jeg vil ikke ringes op.
Tak for opkaldet.
Tak for jeres opkald i går.
Jeg ringer til jer i morgen.
Kan jeg ringe til jer?
Hvornår kan jeg ringe?
Hvilket nummer skal jeg ringe på?
Hvorfor ringer I til mig hele tiden?
Ingen har ringet tilbage.
Ringen er for stor.
Jeg vil gerne returnere telefonen.
Når I ringer til mig, så brug det andet nummer.
Jeg vil ikke tale med nogen.
Skriv hellere i stedet for at ringe til mig.
Telefonen ringer ikke.
Jeg har talt med en medarbejder.
Vi talte i telefon i går.
Jangan telepon saya.
Tolong jangan menelepon saya.
Tidak perlu menelepon saya.
Tidak usah telepon, cukup lewat email.
Kemarin saya menelepon Anda.
Anda kemarin menelepon saya.
Saya sudah menelepon tiga kali.
Terima kasih sudah menelepon saya.
Terima kasih atas teleponnya.
Saya akan menelepon Anda besok.
Bolehkah saya menelepon Anda?
Nomor telepon mana yang bisa saya hubungi?
Kenapa Anda menelepon saya malam-malam?
Saya tidak mau bicara dengan siapa pun.
Saya tidak ingin ditelepon.
Telepon saya rusak.
Saya mau mengembalikan telepon ini.
Mohon hubungi saya lewat email.
Belum ada yang menelepon saya.
Saya sudah bicara dengan petugas.
Tanpa telepon, cukup balas email ini.
Please do not call me.
You called me yesterday.
Nobody called me back.
I was promised a call but nobody rang.
No need to call.
Please don't ring, write instead.
I called you twice.
Thanks for your call.
Thank you for calling me.
Why did you call me?
My phone is broken, it doesn't ring.
They call me Bob.
I will call you tomorrow.
I'll ring you.
May I call you?
Can I call you?
What number should I call?
What's your phone number?
I tried to phone you.
Your colleague said he would call me, then didn't.
How do I make the phone ring louder?
The call center was rude.
Do you sell phones?
Should I call or write?
Please cancel the scheduled call.
Call me crazy, but this is wrong.
I ordered a phone and a ring.
Please ring up the sale on my card.
The recall of your product worries me.
If you call me, I will not answer.
I can't talk on the phone.
I prefer email to phone calls.
Whoever calls me gets blocked.
Could you call the courier?
Please call the hotel and cancel.
Can you call DHL for me?
You said: please call me
Please email rather than call me.
Please never call me again.
Please call off the order.
I asked them to please call me but they never did.
Last week I wrote: please call me.
Without anyone to call me I wait.
I don't want you to call me.
I'd rather you didn't call me.
Please refrain from calling me.
Can you call me a cab?
The doorbell does not ring us.
Sie haben mich gestern angerufen.
Danke für Ihren Anruf.
Vielen Dank für den Rückruf.
Ich habe schon zweimal angerufen.
Warum rufen Sie mich an?
Bitte keine Anrufe.
Ich möchte nicht angerufen werden.
Bitte sehen Sie von Anrufen ab.
Kann ich Sie anrufen?
Wann kann ich anrufen?
Der Rückruf Ihres Produkts beunruhigt mich.
Rückruf Modell X: was tun?
Ich habe von der Rückrufaktion gehört.
Ich warte seit Tagen auf den Rückruf der Firma Meyer.
Ich telefonierte mit Ihrem Kollegen.
Das Telefon klingelt nicht.
Rufen Sie bitte den Kurier an.
Können Sie bitte bei DHL anrufen?
Ich wurde von Ihnen angerufen.
Bitte schreiben statt anrufen.
Bitte nur per Mail, nicht telefonisch.
Lieber schriftlich als telefonisch.
Verkaufen Sie Telefone?
Ihre Hotline ruft nie zurück.
Rufen Sie mich bloß nicht an!
Hören Sie auf, mich anzurufen.
Unterlassen Sie es, mich anzurufen.
Bitte rufen Sie mich auf keinen Fall an.
Ich verbiete Ihnen, mich anzurufen.
Wenn Sie mich anrufen, gehe ich nicht ran.
Sie wollten mich gestern anrufen.
Sie hatten versprochen, mich zurückzurufen.
Man sagte mir, jemand werde mich anrufen.
Ihr Kollege wollte mich anrufen.
Bitte stornieren Sie den Rückruf.
Der Rückruf hat sich erledigt.
Die Bitte um Rückruf hat sich erledigt.
Sie brauchen mich nicht anzurufen.
Bitte rufen Sie die Rechnung auf.
Könnten Sie aufhören, mich anzurufen?
Es wäre schön, wenn Sie mich nicht anrufen würden.
I ringede til mig i går.
Tak fordi du ringede.
Jeg har ringet to gange.
Hvorfor ringer I til mig?
Det er ikke nødvendigt at ringe.
Hvilket nummer skal jeg ringe til?
Jeg har købt en ring.
Ringen er for lille.
Kan I lave ringen større?
Skriv venligst i stedet for at ringe.
Telefonen virker ikke.
Må jeg ringe til jer?
Hvornår må jeg ringe?
Jeg talte med jer i telefon i går.
I lovede at ringe tilbage.
Du sagde, du ville ringe til mig.
Venligst lad være med at ringe til mig.
I behøver ikke ringe til mig.
Kan I ringe til GLS?
Ring til fragtmanden, tak.
Hvis I ringer til mig, tager jeg den ikke.
Stop med at ringe til mig.
I skal holde op med at ringe til mig.
Kan du lade være med at ringe til mig?
Jeg frabeder mig opkald.
Kan I ringe bestillingen op på kassen?
Anda menelepon saya kemarin.
Tidak perlu menelepon.
Terima kasih sudah menelepon.
Mengapa Anda menelepon saya?
Berapa nomor telepon Anda?
Bisakah saya menelepon Anda?
Apakah saya bisa telepon?
Tidak ada yang menelepon saya.
Mohon jangan hubungi saya lewat telepon.
Telepon saya hilang, tolong bantu.
Nomor telepon saya berubah.
Saya beli telepon baru.
Tolong kirim email saja, tidak usah telepon.
Berhenti menelepon saya.
Kalian janji mau telepon saya.
Tolong berhenti menelepon saya.
Bisa tolong telepon kurirnya?
Saya tidak bisa bicara lewat telepon.
Lebih baik email daripada telepon saya.
Mohon tidak menelepon saya.
Tolong telepon saya diperbaiki.
You said: please call me.
I'd rather you never call me again, please call my lawyer.
Bitte rufen Sie mich unter keinen Umständen zurück, ich bitte um Rückruf beim Anwalt.
""".strip().splitlines()


def wish(text: str, subject: str = "Order 2041") -> CallWish | None:
    return call_wish(subject, text, region="DE")


@pytest.mark.parametrize("sentence", ASKS)
def test_a_sentence_that_asks_for_a_call_or_a_person_is_heard(sentence: str) -> None:
    assert wish(sentence) is not None
    assert wish(f"Hello,\nthe parcel 2041 has not come.\n{sentence}\n\nRegards\nJane Clarke") is not None


@pytest.mark.parametrize("sentence", ASKS_NOT)
def test_a_sentence_that_only_speaks_of_calls_is_no_wish(sentence: str) -> None:
    assert wish(sentence) is None
    assert wish(f"Guten Tag,\nIhre Lieferung kam an.\n{sentence}\n\nGrüße\nPetra Weber") is None


@pytest.mark.parametrize(
    ("sentence", "when"),
    [
        ("Please call me.", None),
        ("Good morning, please call me today.", None),
        ("Please call me tomorrow at 10.", "tomorrow at 10"),
        ("Please ring me at 2.30 pm on Friday.", "friday at 2.30 pm"),
        ("Bitte rufen Sie mich morgen um 14:30 Uhr an.", "morgen at 14:30"),
        ("Kan I ringe til mig i morgen kl. 14.30?", "morgen at 14.30"),
        ("Tolong telepon saya besok jam 10.", "besok at 10"),
        ("Call me in 2 hours.", "in 2 hours"),
        ("Bitte rufen Sie mich nicht vor 10 Uhr an.", ""),
        ("Please call me between 10 and 12.", ""),
        ("Please call me tomorrow afternoon at 3.", ""),
        ("Please call me on 12 March at 10:00.", ""),
        ("I would like a call from one of your colleagues.", None),
        ("I am waiting for your call back since Monday.", None),
    ],
)
def test_the_time_that_is_named_goes_along(sentence: str, when: str | None) -> None:
    found = wish(sentence)
    assert found is not None
    assert found.when == when


def test_there_are_a_hundred_sentences_each_way() -> None:
    assert len(ASKS) >= 100
    assert len(ASKS_NOT) >= 100
