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


def test_there_are_a_hundred_sentences_each_way() -> None:
    assert len(ASKS) >= 100
    assert len(ASKS_NOT) >= 100
