"""The words by which machines give themselves away, as regular expressions; the rules that use them are in
`suppression`. Only phrases no person begins a sentence with, or the rule asks for more than the phrase."""

NO_REPLY_LOCALS = "|".join(
    [
        r"no[-._]*repl(?:y|ies|ay)",
        r"not[-._]?reply",
        r"auto[-._]?(?:repl(?:y|ies)|respond(?:er)?|responses?|mailer)",
        r"do[-._]?not[-._]?(?:reply|respond|answer)",
        r"dont[-._]?reply",
        r"no[-._]?(?:answer|response)",
        r"(?:bitte[-._]?)?nicht[-._]?antworten",
        r"keine?[-._]?antwort(?:en)?",
        r"svar[-._]?ikke",
        r"ikke[-._]?svar",
        r"besvar[-._]?ikke",
        r"ingen[-._]?svar",
        r"(?:mohon[-._]?)?jangan[-._]?(?:di)?balas",
        r"tidak[-._]?(?:di|untuk[-._]?di)?balas",
        r"ne[-._]?pas[-._]?repondre",
        r"no[-._]?respond(?:er|a)",
        r"n[ao]o?[-._]?responda",
        r"non[-._]?rispondere",
        r"niet[-._]?(?:be)?antwoorden",
        r"svara[-._]?(?:inte|ej)",
        r"nie[-._]?odpowiada[cj]",
    ]
)

REPLY_PREFIXES = "re|aw|antw|antwort|sv|vs|vb|wg|fw|fwd|bls|balas|trs|rv|res|enc|tr|ynt|odp|pd|r|i"

AUTO_REPLY_SUBJECTS = "|".join(
    [
        r"auto(?:matic|mated)?[- ]?(?:reply|response|answer)",
        r"(?:i am |i'm )?(?:currently )?out[- ]of[- ](?:the[- ])?office"
        r"(?:[- ](?:auto[- ]?reply|reply|message|notification|notice))?",
        r"(?:i am |i'm )?(?:currently )?away from (?:the |my )?(?:office|desk)",
        r"ooo",
        # Lotus Notes; "Auto:" alone is a car in German.
        r"auto: [^:]{1,80} (?:is|ist|er) (?:out of (?:the )?office|nicht im (?:b[üu]ro|haus)|au(?:ß|ss)er haus"
        r"|ikke p[åa] kontoret)(?: \([^()]*\))?",
        r"vacation (?:reply|response|auto-?reply|notice)",
        r"abwesenheits(?:notiz|benachrichtigung|meldung|nachricht|assistent)",
        r"automatische (?:antwort|r[üu]ckantwort|abwesenheitsnotiz|e-?mail-?antwort)",
        r"(?:ich bin )?(?:derzeit |zurzeit |momentan )?nicht (?:im (?:b[üu]ro|haus)|am arbeitsplatz)",
        r"automatische (?:empfangs|eingangs)best[äa]tigung",
        r"autosvar",
        r"(?:jeg er )?(?:ikke p[åa]|ude af|ude fra) kontoret",
        r"automatisk(?:t)? (?:svar|besvarelse|frav[æa]rsbesked)",
        r"frav[æa]rs(?:besked|meddelelse|melding)",
        r"svar fra frav[æa]rsassistent(?:en)?",
        r"fr[åa]nvaro(?:meddelande|besked)",
        r"(?:balasan|jawaban|balas|respons|tanggapan) otomatis",
        r"(?:saya )?sedang cuti",
        r"(?:saya )?(?:sedang )?(?:tidak (?:ada )?di|di luar) kantor",
        r"r[ée]ponse automatique",
        r"(?:absence|absent(?:e)?) du bureau",
        r"message d['’]absence",
        r"respuesta autom[áa]tica",
        r"fuera de (?:la )?oficina",
        r"risposta automatica",
        r"fuori (?:sede|ufficio)",
        r"automatisch(?:e)? (?:antwoord|beantwoording)",
        r"afwezigheids(?:bericht|melding|assistent)",
        r"(?:automatyczna odpowied[źz]|odpowied[źz] automatyczna)",
        r"poza biurem",
        r"resposta autom[áaà]tica",
        r"fora do escrit[óo]rio",
        r"accus[ée] de r[ée]ception automatique",
        r"automatikus v[áa]lasz",
        r"r[ăa]spuns automat",
        r"(?:automatski|samodejni) odgovor",
        r"automaatvastus",
        r"automatinis atsakymas",
        r"autom[āa]tisk[āa] atbilde",
        r"αυτ[όο]ματη απ[άα]ντηση",
        r"automaattinen vastaus",
        r"automatick[áa] odpov[eě][dď]",
        r"otomatik yan[ıi]t",
        r"автоответ|автоматический ответ|автоматична відповідь|автоматичен отговор",
        r"(?:תשובה|מענה|הודעה) אוטומטי(?:ת)?",
        r"رد تلقائي",
        r"자동 ?(?:회신|응답|답장)|부재중(?: ?(?:자동 ?(?:회신|응답)|알림))?",
        r"自動(?:応答|返信|回覆|回复)|自动(?:回复|答复|应答)|不在(?:通知|のお知らせ)",
        r"trả lời tự động",
        r"ตอบกลับอัตโนมัติ",
    ]
)

_UNTIL = (
    r" (?:until|till?|from|through|thru|between|since|back|returning|today|tomorrow|this week|next week"
    r"|bis|vom|von|ab|zwischen|zurück|fra|sampai|hingga|tot|t/m|jusqu['’]au)\b[^?]{0,80}?"
)
_OUT = (
    r"(?:out of (?:the )?office|away from (?:the |my |his |her )?(?:office|desk)"
    r"|nicht im (?:b[üu]ro|haus)|au(?:ß|ss)er haus"
    r"|(?:ikke p[åa]|ude af|ude fra) kontoret|inte p[åa] kontoret)"
)

AWAY_SENTENCES = "|".join(
    [
        # Who is away, by name: "the lift is out of the office block" is no name.
        r"(?!(?:the|a|an|my|our|your|his|her|their|who|when|why|nobody|somebody|it|he|she|is|der|die|das|dein|wer|wann"
        r"|warum|niemand|es|er|sie|den|det|de|min|vores|jeres|hvem|hvorn[åa]r|(?:ein|mein|ihr|unser)\w{0,2})\b)"
        rf"[^:?!]{{1,80}}? (?:is|ist|er|är) (?:currently |derzeit |zurzeit |momentan )?{_OUT}(?: \([^()]*\)|{_UNTIL})?",
        rf"(?:i am |i['’]m |ich bin |bin |jeg er )?(?:currently |derzeit |zurzeit |momentan )?(?:{_OUT}|ooo"
        r"|on (?:annual |parental |maternity |paternity |sick )?leave|on (?:vacation|holiday)"
        rf"|im urlaub|abwesend|p[åa] ferie){_UNTIL}",
    ]
)
"""Whole subjects, without a question mark; behind them at most the subject that was answered."""

AWAY_WORDS = "|".join(
    [
        r"afwezig|niet aanwezig|buiten kantoor",
        r"fr[åa]nvaro|fr[åa]nvarande",
        r"frav[æa]rende|frav[æa]r|ikke til stede",
        r"absence|absent(?:e)?",
        r"abwesend|abwesenheit",
        r"(?:i am |i['’]m )?on (?:annual )?leave|annual leave|parental leave|maternity leave",
        r"(?:i am |i['’]m )?on (?:vacation|holiday)|vacation",
        r"(?:(?:ich )?bin )?im urlaub|urlaub|elternzeit|mutterschutz",
        r"(?:jeg er )?p[åa] ferie|ferie|ute fra kontoret",
        r"(?:jag [äa]r )?p[åa] semester|semester",
        r"je suis absente?(?: du bureau)?|ik ben afwezig",
        r"ausente|assente|nieobecno[śs][ćc]",
    ]
)
"""What people write about as well."""

RECEIPT_SUBJECTS = "|".join(
    [
        r"(?:not )?read",
        r"(?:un)?gelesen|nicht gelesen|gel[öo]scht",
        r"(?:ikke |u)?l[æa]st",
        r"(?:tidak |belum )?dibaca",
        r"(?:non )?lu",
        r"(?:no )?le[íi]do",
        r"(?:non )?letto",
        r"(?:niet )?gelezen",
        r"(?:inte |ej )?l[äa]st",
        r"(?:nie )?przeczytan[eoy]",
        r"return receipt(?: \(displayed\))?(?: -[^:]*)?",
    ]
)

RECEIPT_TEXTS = "|".join(
    [
        r"your message\b.{0,800}?\b(?:was|has been) (?:read|displayed|deleted)\b",
        r"ihre nachricht\b.{0,800}?\b(?:wurde|ist) .{0,60}?(?:gelesen|angezeigt|gel[öo]scht)\b",
        r"(?:din|deres) meddelelse\b.{0,800}?\b(?:blev|er) .{0,60}?(?:l[æa]st|slettet)\b",
        r"pesan anda\b.{0,800}?\b(?:dibaca|dihapus)\b",
        r"votre message\b.{0,800}?\ba [ée]t[ée] (?:lu|supprim[ée])\b",
        r"su mensaje\b.{0,800}?\b(?:se ley[óo]|ha sido le[íi]do|fue le[íi]do)\b",
        r"uw bericht\b.{0,800}?\b(?:is|werd) .{0,60}?gelezen\b",
        r"ditt meddelande\b.{0,800}?\b(?:l[äa]stes|har l[äa]sts|blev l[äa]st)\b",
    ]
)
"""How mail programs go on after such a subject, from the first word."""

BOUNCE_SUBJECTS = "|".join(
    [
        r"undeliver(?:able|ed)",
        r"delivery status",
        r"(?:mail|message) delivery (?:failed|failure|problem|status|subsystem)",
        r"delivery (?:failure|has failed|failed|notification|problem)",
        r"returned mail",
        r"(?:message|mail) (?:undeliverable|not delivered)",
        r"failure notice",
        r"unzustellbar|nicht zustellbar",
        r"zustell(?:ung )?fehl(?:er|geschlagen)",
        r"(?:kan ikke|ikke) lever(?:es|et)",
        r"kan (?:inte|ej) levereras|olevererat|ej levererat",
        r"onbestelbaar|niet[- ]bezorgd|kan niet worden bezorgd",
        r"non remis|[ée]chec de (?:la )?remise|notification d['’][ée]tat de remise",
        r"no se (?:puede|pudo|ha podido) entregar|no entregad[oa]",
        r"non recapitabile|mancato recapito|impossibile recapitare",
        r"n[ãa]o (?:é poss[íi]vel entregar|entregue)",
        r"nie mo[żz]na dostarczy[ćc]|niedostarczaln[ey]|nie dostarczono",
        r"nedoru[čc]iteln[ée]|ei voi(?:da)? toimittaa",
        r"k[ée]zbes[íi]thetetlen|teslim edilemedi",
        r"не удается доставить|не доставлено",
        r"配信不能|無法傳遞|无法传递|未送达",
        r"tidak (?:dapat )?(?:dikirim|terkirim)",
        r"complaint about",
    ]
)

SECOND_LEVEL = "ac|biz|co|com|desa|edu|go|gob|gov|gv|ltd|me|mil|my|ne|net|nom|or|org|plc|sch|web"
"""Second levels under which countries register names (`co.uk`, `or.id`)."""
