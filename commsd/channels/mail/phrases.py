"""The words by which machines give themselves away, as regular expressions; the rules that use them are in
`suppression`. Only phrases no person begins a sentence with, or the rule asks for more than the phrase."""

NO_REPLY_LOCALS = "|".join(
    [
        r"no[-._]?repl(?:y|ies)",
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
        r"resposta autom[áa]tica",
        r"automaattinen vastaus",
        r"automatick[áa] odpov[eě][dď]",
        r"otomatik yan[ıi]t",
        r"автоответ|автоматический ответ",
        r"自動(?:応答|返信)|自动(?:回复|答复)|自動回覆",
    ]
)

BOUNCE_SUBJECTS = "|".join(
    [
        r"undeliver(?:able|ed)",
        r"delivery status",
        r"(?:mail|message) delivery (?:failed|failure|problem|status|subsystem)",
        r"delivery (?:failure|has failed|failed|notification|problem)",
        r"returned mail",
        r"(?:message|mail) (?:undeliverable|not delivered)",
        r"failure notice",
        r"unzustellbar",
        r"(?:kan ikke|ikke) lever(?:es|et)",
        r"tidak (?:dapat )?(?:dikirim|terkirim)",
        r"complaint about",
    ]
)

SECOND_LEVEL = "ac|biz|co|com|desa|edu|go|gob|gov|gv|ltd|me|mil|my|ne|net|nom|or|org|plc|sch|web"
"""Second levels under which countries register names (`co.uk`, `or.id`)."""
