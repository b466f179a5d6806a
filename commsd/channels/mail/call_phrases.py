"""The words in which four languages ask for a call, speak of one, and refuse one. Pure.

Of each language: the wishes; *_NOT, what undoes a wish that it runs into (a report, a question of why, a thing of that
name); *_REFUSED, what undoes every wish of its sentence. How they are read is in `call_wish`.
"""

import re

_ME = r"(?:me|us|my\s+\w+|our\s+\w+)"
_SOMEBODY = (
    r"(?:some(?:one|body)|anyone|anybody|one\s+of\s+you(?:r\s+\w+)?|a\s+colleague|your\s+(?:team|office|support))"
)
_SOFT = r"(?:\s+(?:please|just|kindly|also|possibly|perhaps|maybe|then|quickly|briefly|at\s+least|still|ever|back))*"
_PERSON = (
    r"(?:a\s+|an\s+|the\s+|your\s+|one\s+of\s+your\s+)?(?:real\s+|actual\s+|live\s+|human\s+)*"
    r"(?:human(?:\s+being)?|person|some(?:one|body)|anyone|anybody|representative|operator|staff|employees?"
    r"|colleagues?|member\s+of\s+(?:staff|your\s+team)|manager|supervisor|advis[eo]r|agent|team)"
)
EN: tuple[str, ...] = (
    rf"\b(?:can|could|would|will)\s+(?:you|{_SOMEBODY}){_SOFT}\s+(?:call|ring|phone|telephone)\s+{_ME}\b",
    rf"\b(?:please|pls|plz|kindly)(?:\s+(?:do|just|also|then|try\s+to|have\s+(?:{_SOMEBODY}|[a-z]+)|get\s+{_SOMEBODY}\s+to"
    rf"|ask\s+(?:{_SOMEBODY}|[a-z]+)\s+to|be\s+so\s+kind\s+(?:as\s+)?to|let\s+{_SOMEBODY}))*,?"
    rf"\s+(?:call|ring|phone|telephone)\s+(?:{_ME}|back)\b",
    r"(?:^|[:;,–-]\s+)(?:(?:hi|hello|hey|ok|okay|so|and|or|also|just|then|do|yes|thanks|dear\s+[^,]*)[,\s]+)*(?:call|ring|phone)\s+(?:me|us)\b",
    r"\bgive\s+(?:me|us)\s+a\s+(?:quick\s+|short\s+|brief\s+)?(?:call|ring|bell|buzz|phone\s+call)\b",
    r"\b(?:i|we)(?:'d|’d|\s+would|\s+want|\s+need|\s+wish|\s+hope)?\s+(?:really\s+)?"
    r"(?:like|love|prefer|appreciate|request|want|need|ask\s+for|hope\s+for|for)\s+(?:to\s+(?:have|get|receive)\s+)?"
    r"(?:a|an|your)\s+(?:quick\s+|short\s+|brief\s+|personal\s+)?(?:call[-\s]?back|phone\s?call|telephone\s+call|return\s+call|call)\b",
    r"\b(?:i|we)(?:'d|’d|\s+would)\s+(?:like|love|prefer)\s+to\s+be\s+(?:called|rung|phoned)\b",
    r"\b(?:requesting|request|awaiting|(?:waiting|asking|hoping|looking)\s+for|expecting|need)\s+(?:a|an|your)\s+"
    r"(?:call[-\s]?back|phone\s?call|return\s+call)\b",
    r"^(?:a\s+)?call[-\s]?back\s+(?:please|requested|wanted|needed)\b|^please\s+call\s*$",
    rf"\b(?:appreciate|grateful|great|nice|good|helpful|glad|happy|kind|thankful|wonderful)\b.{{0,20}}\bif\s+"
    rf"(?:you|{_SOMEBODY})\s+(?:can|could|would|might)?{_SOFT}\s*(?:call|called|ring|rang|phone|phoned)\s+{_ME}\b",
    rf"\b(?:like|love|want|wish|need|prefer|rather|can\s+i|could\s+i|may\s+i|can\s+we|could\s+we|let\s+me)\s+(?:please\s+|just\s+|"
    rf"really\s+|to\s+)*(?:speak|talk|chat)\s+(?:directly\s+)?(?:to|with)\s+{_PERSON}\b",
    r"\b(?:can|could|may|shall)\s+(?:we|i)\s+(?:please\s+|maybe\s+)*(?:talk|speak|discuss|have\s+a\s+(?:call|chat))\b.{0,50}"
    r"\b(?:(?:on|by|over|via)\s+(?:the\s+)?(?:tele)?phone|a\s+call)\b",
    r"\b(?:let's|let\s+us|i(?:'d|’d|\s+would)\s+(?:like|love|prefer|rather)(?:\s+to)?)\s+(?:talk|speak|discuss)\b.{0,50}"
    r"\b(?:on|by|over|via)\s+(?:the\s+)?(?:tele)?phone\b",
)
EN += (
    r"\b(?:could|can|may|might)\s+(?:i|we)\s+(?:please\s+)?(?:get|have|receive|request|arrange|ask\s+for)\s+an?\s+"
    r"(?:quick\s+|short\s+)?(?:phone\s?call|call[-\s]?back|call)\b",
    rf"\bpossible\s+(?:for\s+(?:you|{_SOMEBODY})\s+)?to\s+(?:call|ring|phone|telephone)\s+{_ME}\b",
    r"\b(?:please|kindly|could\s+you|can\s+you|would\s+you)\s+(?:please\s+)?(?:arrange|schedule|organi[sz]e|set\s+up)\s+an?\s+"
    r"(?:call[-\s]?back|phone\s?call|call)\b",
)
_CALL = r"(?:call|ring|phone|telephone)"
EN += (
    rf"\b(?:can|could|would|will)\s+(?!(?:I|i|we|he|she|they|it)\b)(?:[A-Z]\w+(?:\s+[A-Z]\w+)?|your\s+\w+){_SOFT}\s+{_CALL}\s+{_ME}\b",
    rf"\bwould\s+you\s+mind\s+(?:calling|ringing|phoning|telephoning)\s+{_ME}\b",
    rf"\bwhen\s+(?:can|could|would|will)\s+(?:you|{_SOMEBODY}){_SOFT}\s+{_CALL}\s+{_ME}\b",
    rf"\b(?:need|want|like|expect|prefer)\s+(?:you|{_SOMEBODY})\s+to\s+{_CALL}\s+{_ME}\b",
    r"\b(?:want|need|wish|ask|like|request|expect|prefer)\s+to\s+be\s+(?:called|rung|phoned|telephoned)\b",
    r"\b(?:please|pls|plz|kindly|can\s+you|could\s+you|would\s+you)(?:\s+(?:please|kindly|just))*\s+(?:contact|reach|get\s+back\s+to|revert|answer|reply\s+to|respond\s+to)"
    r"(?:\s+(?:me|us|back))?\s+(?:by|via|on|over)\s+(?:the\s+|my\s+)?(?:tele)?phone\b",
    r"^(?:contact|reach)\s+(?:me|us)\s+(?:by|via|on|over)\s+(?:the\s+|my\s+)?(?:tele)?phone\b",
    r"\byou\s+(?:can|may|could)\s+(?:also\s+)?(?:call|ring|phone|reach)\s+(?:me|us)\s+(?:on|at|under)\s+(?=[+(\d])",
    r"\bfeel\s+free\s+to\s+(?:call|ring|phone)\s+(?:me|us)\b",
    r"\b(?:please|pls|plz)\s+(?:do\s+)?(?:call|ring|phone)\s*[.!]*$|\b(?:please|pls)\s+(?:call|ring|phone|dial)\s+(?=[+(]?\d[\d\s()-]{5})",
    r"\b(?:can|could|may|shall|let['’]?s)\s*(?:we|i)?\s+(?:please\s+)?(?:have|schedule|arrange|set\s+up|book|jump\s+on|hop\s+on|get\s+on|do)\s+"
    r"an?\s+(?:quick\s+|short\s+|brief\s+)?(?:phone\s?call|call[-\s]?back|call)\b",
    r"\blooking\s+forward\s+to\s+(?:your|a|the)\s+(?:call|call[-\s]?back|phone\s?call)\b",
    r"\bdrop\s+(?:me|us)\s+a\s+call\b|\b(?:can|could|will|would)\s+you\s+(?:please\s+|kindly\s+)?call(?:\s+back)?\s*[?.!]*$",
    r"\b(?:waiting|hoping|waited)\s+for\s+(?:your|a)\s+(?:phone\s+|return\s+)?call\b",
    r"\b(?:please|could\s+you|can\s+you|would\s+you)(?:\s+please)?\s+return\s+my\s+call\b",
    r"\b(?:can|could|would|will)\s+you(?:\s+please)?\s+give\s+(?:me|us)\s+a\s+(?:bell|tinkle|shout\s+by\s+phone)\b",
    rf"\bpossible\s+to\s+(?:get|have|receive)\s+an?\s+(?:call[-\s]?back|phone\s?call|call)\b|\bpossible\s+to\s+(?:speak|talk)\s+(?:to|with)\s+{_PERSON}\b",
)
EN_NOT = (
    r"(?:\bdo\s+not|\bdon['’]?t|\bnever|\bnot|n['’]t|\bno\s+need|\bneedn['’]?t|\bwithout|\binstead\s+of|\bstop|\bno)\s+"
    r"(?:\w+\s+){0,4}?(?:call|ring|phone|telephone|calling|ringing|phoning|speak|talk|call[-\s]?back|phone\s?call|called)",
    r"\b(?:asked|told|begged|wanted|promised|said|says)\b(?:\s+\w+){0,5}?\s+(?:call|ring|phone|telephone)\s+(?:me|us)\b",
    r"\b(?:call|ring|phone)\s+(?:me|us)\s+(?:a\s+(?!lot|bit)\w+|names|crazy|old|stupid|cynical|picky|\w+[-\s]fashioned|back\s+then)",
    r"\b(?:why|how\s+often|when|whenever|before|after|each\s+time|every\s+time)\s+(?:did|do|does|would|will)?\s*(?:you|they)"
    r"\s+(?:\w+\s+)?(?:call|ring|phone)",
)
EN_REFUSED = (
    rf"(?:\bdo\s+not|\bdon['’]?t|\bmust\s+not|\bshould\s+not|\bnot\s+to|\bneedn['’]?t|\bdidn['’]?t|(?<!you\s)(?<!they\s)\bnever)"
    rf"\s+(?:\w+\s+){{0,3}}?{_CALL}(?:\s+{_ME}\b|\s+(?:again|back|here|this|any)\b|\s*[.!]*$)",
    r"\b(?:stop|quit|cease|refrain\s+from|desist\s+from|no\s+more|without)\s+(?:\w+\s+){0,2}?(?:calling|ringing|phoning|telephoning|calls)\b",
    r"\bno\s+(?:longer\s+)?need\s+(?:\w+\s+){0,4}?(?:call|ring|phone|call[-\s]?back)\b",
    r"\b(?:call|call[-\s]?back|phone\s?call)\s+(?:is|was)\s+no\s+longer\s+(?:needed|necessary|required|wanted)\b",
    r"\brather\s+you\s+(?:never|didn['’]?t|did\s+not|do\s+not|don['’]?t)\s+(?:call|ring|phone|telephone)\b",
    rf"\brather\s+(?:than|not)\s+{_CALL}\s+{_ME}\b",
)
NAMED = re.compile(
    r"\b[Cc]all\s+(?:me|us)\s+(?!Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[A-Z][a-z]+"
)

_MICH = r"(?:mich|mir|uns|meine\s+\w+|meinen\s+\w+)"
_WER = r"(?:sie|du|ihr|jemand|eine[rn]?|man|frau\s+\w+|herr\s+\w+)"
DE: tuple[str, ...] = (
    rf"\b(?:rufen|ruf|rufe|ruft)\s+(?:sie\s+|doch\s+|bitte\s+|mal\s+)*{_MICH}\b(?:\s+[\w.:,+/-]+){{0,9}}?\s+(?:an|zurück|durch)\b",
    r"\b(?:läuten|telefonieren|ring|ringt|ringen|klingel|klingeln)\s+(?:sie\s+|doch\s+|bitte\s+)*(?:mich|mir|uns|bei\s+mir|bei\s+uns)\b",
    r"\b(?:ruf|ruft|rufen\s+sie)\s+(?:doch\s+|bitte\s+|mal\s+|kurz\s+|einfach\s+)*(?:an|zurück|durch)\b",
    rf"\b(?:können|könnten|kann|könnte|kannst|könntest|könnt|würden|würdest|wollen|mögen|möchten|wäre\s+es\s+möglich)\s+{_WER}?\b"
    rf".{{0,60}}?\b{_MICH}\b.{{0,70}}?\b(?:anrufen|zurückrufen|anzurufen|zurückzurufen|durchrufen|anläuten|anklingeln)\b",
    r"\bbitte\b.{0,40}?\b(?:um\s+(?:\w+\s+)?(?:rückruf|anruf)|anrufen|zurückrufen|durchrufen)\b",
    r"\b(?:bitte|bitten|ersuche|gebeten)\b.{0,30}?\bum\s+(?:\w+\s+){0,3}?(?:rückruf|anruf|telefonat|telefontermin)|"
    r"\bum\s+(?:\w+\s+){0,2}(?:rückruf|anruf)\s+(?:\w+\s+)?gebeten",
    rf"\b(?:bitte|bitten)\s+(?:sie|euch|dich)\b.{{0,20}}?\b{_MICH}\b.{{0,40}}?\b(?:anzurufen|zurückzurufen)\b",
    r"\b(?:rückruf|anruf)\s+(?:erbeten|erwünscht|gewünscht|bitte|nötig|wäre\s+\w+)|^(?:bitte\s+)?rückruf\s*(?:$|bitte|unter)",
    r"\b(?:hätte|hätten|wünsche|wünschen|möchte|möchten|brauche|brauchen|erwarte|erwarten|erhoffe|warte|warten|freue|freuen)\b"
    r".{0,40}?\b(?:einen|ihren|euren|deinen|auf\s+\w+|über\s+\w+)\s+(?:\w+\s+)?(?:rückruf|anruf|telefonat)\b",
    rf"\b(?:schön|nett|gut|toll|lieb|dankbar|freuen|super|prima|hilfreich|freundlich)\b.{{0,30}}?\bwenn\s+(?:{_WER}\b.{{0,20}}?\b{_MICH}|{_MICH}\s+{_WER})\b"
    r".{0,60}?\b(?:anrufen|zurückrufen|anruft|zurückruft|anriefen|zurückriefen|anrufst|anrufe|anrufen\s+\w+)\b",
    r"\b(?:melden\s+sie\s+sich|meldet\s+euch|melde\s+dich)\s+(?:\w+\s+){0,4}?(?:telefonisch|per\s+telefon|am\s+telefon)\b",
    r"\b(?:kontaktieren|erreichen)\s+sie\s+(?:mich|uns)\s+(?:bitte\s+)?(?:telefonisch|per\s+telefon)\b",
    r"\b(?:möchte|möchten|will|wollen|würde|würden|kann|könnte|können|könnten|darf|wünsche|muss|hätte)\b.{0,50}?\bmit\s+"
    r"(?:\w+\s+){0,3}?(?:menschen|person|mitarbeiter(?:in)?|jemand(?:em|en)?|kolleg\w+|ansprechpartner(?:in)?|berater(?:in)?|zuständigen)\b"
    r".{0,30}?\b(?:sprechen|reden|telefonieren|zu\s+sprechen|unterhalten)\b",
    r"\b(?:können|könnten|wollen|lassen\s+sie)\s+(?:wir|uns)\b.{0,50}?\b(?:telefonieren|am\s+telefon|telefonisch|per\s+telefon)\b",
    r"\b(?:möchte|möchten|würde|würden|will)\b.{0,40}?\b(?:telefonisch|am\s+telefon|per\s+telefon)\b.{0,30}?\b"
    r"(?:sprechen|besprechen|klären|reden)\b",
    r"\b(?:möchte|möchten|will|würde)\b.{0,25}?\b(?:angerufen|zurückgerufen)\s+werden\b",
)
DE += (
    rf"\b(?:möglich|schön|nett|gut|toll|bitte|hoffe|wünsche)\b.{{0,20}}?,?\s+dass\s+(?:mich|uns)\s+{_WER}\b.{{0,30}}?\b"
    r"(?:anruft|zurückruft|anrufen|zurückrufen)\b",
)
DE += (
    rf"\b(?:können|könnten|kann|könnte|würden?|möge)\s+{_MICH}\s+(?:bitte\s+)?(?:{_WER}|ihr\w*\s+\w+|jemand\s+\w+)\b.{{0,50}}?\b(?:anrufen|zurückrufen)\b",
    rf"\bmöglich,?\s+dass\s+(?:{_WER}\s+{_MICH}|{_MICH}\s+{_WER})\b.{{0,40}}?\b(?:anrufen|anruft|zurückrufen|zurückruft)\b",
    r"\b(?:wollen|können|könnten|sollen|möchten|lassen\s+sie)\s+(?:wir|uns)\b.{0,30}?\btelefonieren\b",
    r"\b(?:rufen\s+sie|ruf|ruft)\s+(?:doch\s+|bitte\s+)*(?:meine[nr]?|unsere[nr]?)\s+\w+\s+(?:bitte\s+|doch\s+)?(?:[\w.:+/-]+\s+){0,6}?(?:an|zurück)\b",
    r"\bbitte\s+(?:rufen\s+sie|ruft?)\s+(?:\w+\s+){0,2}?(?:an|zurück)\s*[.!]*$|\bklingeln\s+sie\s+(?:bitte\s+|mal\s+|kurz\s+)*durch\b",
    r"\b(?:anruf|rückruf|telefonat)\s+wäre\s+(?:\w+\s+)?(?:nett|schön|gut|toll|super|lieb|hilfreich|freundlich|wünschenswert)",
    r"\berbitten?\s+(?:\w+\s+){0,2}?(?:rückruf|anruf)|\bbitte\s+(?:\w+\s+){0,2}?(?:telefonieren\s+sie\s+mit\s+(?:mir|uns)|telefonisch\s+(?:melden|kontaktieren))",
    r"\b(?:melden\s+sie|meldet|melde)\s+(?:sich|euch|dich)\s+(?:\w+\s+){0,3}?telefonisch\b|\b(?:bitte|gern\w*)\s+(?:telefonisch|per\s+telefon)\s+(?:bei\s+\w+\s+)?melden\b",
    rf"\b(?:können|dürfen)\s+sie\s+{_MICH}\s+(?:\w+\s+){{0,3}}?anrufen\b|\bwill\s+(?:\w+\s+){{0,2}}?(?:angerufen|zurückgerufen)\s+werden\b",
    r"\bwann\s+(?:können|könnten|rufen)\s+sie\s+(?:mich|uns)\s+(?:\w+\s+){0,3}?(?:an|anrufen|zurückrufen|zurück)\b",
    r"\bsondern\s+(?:bitte\s+)?(?:anrufen|zurückrufen)\b|,\s+(?:bitte\s+)?(?:rufen\s+sie|ruft?)\s+(?:mich|uns)\s+(?:\w+\s+){0,4}?(?:an|zurück)\b",
    r"\b(?:freue|freuen|warte|warten)\b.{0,15}?\b(?:auf|über)\s+(?:ihren|einen|euren|deinen)\s+(?:\w+\s+)?(?:anruf|rückruf)\b",
    r"\büber\s+(?:einen|ihren)\s+(?:\w+\s+)?(?:anruf|rückruf)\s+(?:würde|freue)\b",
    r"\bbrauchen?\s+(?:\w+\s+){0,2}?einen\s+(?:\w+\s+)?(?:anruf|rückruf)\b",
)
_DE_NEVER = (
    r"(?:nicht(?:\s+mehr)?|nie(?:mals|\s+wieder)?|keinesfalls|auf\s+(?:gar\s+)?keinen\s+fall|"
    r"unter\s+keinen\s+umständen|bloß\s+nicht|bloss\s+nicht)"
)
_DE_RING = r"(?:anrufen|anzurufen|zurückrufen|zurückzurufen)"
DE_REFUSED = (
    rf"\b(?:rufen?|ruft|rufe)\b[^,;:]{{0,60}}?\b{_DE_NEVER}\s+(?:\w+\s+){{0,3}}?(?:an|zurück|durch)\b",
    rf"\b(?:mich|uns|mir|bitte)\s+(?:\w+\s+){{0,2}}?{_DE_NEVER}\s+(?:\w+\s+){{0,2}}?{_DE_RING}\b(?!\s+(?:konnten?|können|haben|hat))",
    rf"\b(?:aufhören|aufzuhören|hör\w*\s+(?:\w+\s+){{0,3}}?auf|unterlass\w*|untersag\w*|verbiet\w*|verbitte\w*|verzicht\w*|davon\s+abseh\w*|davon\s+abzusehen)"
    rf"\b.{{0,40}}?\b(?:{_DE_RING}|(?:an|rück)rufe?n?s?|telefon\w*)\b",
    rf"\b(?:{_DE_RING}|(?:an|rück)rufe?n?s?|telefon\w*)\b[^;:]{{0,30}}?\b(?:unterlass\w*|aufhören|aufzuhören|absehen|abzusehen|verzichten|zu\s+verzichten)\b",
    r"\bvon\s+(?:\w+\s+){0,3}?(?:an|rück)rufe?n?\s+(?:\w+\s+){0,3}?(?:ab|abzusehen|absehen)\b",
    r"\b(?:rückruf|anruf|telefonat)\w*\b[^;:]{0,40}?\b(?:erledigt|hinfällig|überflüssig|unnötig|unerwünscht|nicht\s+(?:mehr\s+)?(?:nötig|erforderlich|gewünscht|erwünscht|notwendig))\b",
    r"\b(?:storni\w+|widerruf\w*|abzusagen|absagen)\b.{0,30}?\b(?:rückruf|anruf)|\b(?:rückruf|anruf)\w*\s+(?:\w+\s+){0,3}?(?:storni\w+|absagen|abzusagen)\b",
)
DE_NOT = (
    r"\b(?:rückruf|anruf)\s+(?:der|des|vom|durch|seitens|von\s+(?!ihne[nr]|ihre\w*|euch|eure\w*|jemand\w*|eine[mr]|frau|herrn?)\w)",
    r"^(?:und\s+|aber\s+)?(?:wenn|falls)\s+sie\s+mich\s+anrufen\b",
    r"\b(?:nicht|nie|niemals|keinesfalls|nicht\s+mehr)\s+(?:\w+\s+){0,3}?(?:an|zurück|anrufen|anzurufen|zurückrufen|telefonieren|"
    r"sprechen|reden|angerufen|telefonisch)\b",
    r"\b(?:kein(?:en|em|e)?|ohne|statt|anstatt|danke\s+für|dank\s+für|nach|seit|wegen|bei)\s+(?:\w+\s+){0,2}?(?:rückruf|anruf|"
    r"telefonat|anzurufen|zurückzurufen|telefonisch)\w*",
    r"\b(?:rückruf|anruf)\b\s+(?:\w+\s+){0,2}?nicht\b",
    r"\b(?:warum|wieso|weshalb|wozu)\b.{0,20}?\b(?:rufen|ruft|rufst)\b.{0,30}?\b(?:an|zurück)\b",
    r"(?<!möglich,\s)(?<!möglich\s)\b(?:bevor|ehe|falls|sobald|als|nachdem|obwohl|dass)\s+(?:sie|ihr|du)\b.{0,20}?\b(?:anrufen|zurückrufen|anruft)\b",
)

_MIG = r"(?:mig|os|min\s+\w+|vores\s+\w+)"
DA: tuple[str, ...] = (
    rf"\b(?:kan|kunne|vil|ville|må|gider|mon)\s+(?:i|du|de|nogen|en\s+(?:af\s+jer|kollega|medarbejder|fra\s+\w+)|man|jeg\s+få\s+(?:jer|dig|dem|nogen)\s+til\s+at)\b"
    rf".{{0,40}}?\bring(?:e)?\b(?:\s+(?:lige|venligst|gerne|tilbage|op|i\s+\w+|på\s+\w+))*\s*(?:til\s+{_MIG}|{_MIG}|tilbage|op)\b",
    rf"\bring(?:\s+(?:lige|venligst|gerne|bare|endelig|meget\s+gerne))*\s+(?:til\s+{_MIG}|{_MIG}\s+op|{_MIG}|tilbage|op)\b",
    r"\b(?:venligst|bedes|bedes\s+venligst)\s+ringe?(?:\s+(?:til|tilbage|op|mig|på))\b",
    r"\b(?:vil|ville)\s+(?:\w+\s+){0,3}?(?:gerne|hellere|helst)\s+(?:\w+\s+){0,2}?(?:ringes|kontaktes\s+telefonisk)(?:\s+op)?\b",
    r"\b(?:vil|ville|kan|kunne|må|ønsker)\s+(?:\w+\s+){0,4}?(?:tale|snakke)\s+(?:\w+\s+)?med\s+(?:et\s+|en\s+|nogen\s+|jer\s+|en\s+rigtig\s+)?"
    r"(?:(?:rigtig\w*|levende)\s+)?(?:menneske|person|medarbejder|kollega|rådgiver|nogen|en\s+af\s+jer|i\s+telefon)\b",
    r"\b(?:vil|ville|kan|kunne|må|skal)\s+(?:\w+\s+){0,4}?(?:tale|snakke|drøfte)\b.{0,40}?\b(?:i|over|pr\.?|via)\s+telefon(?:en)?\b",
    r"\b(?:beder|bede|ønsker|ønske|håber|venter|vil\s+gerne\s+have|sætter\s+pris)\b.{0,20}?\b(?:om|på|et)\s+(?:jeres\s+|et\s+|dit\s+)?(?:opkald|opringning|telefonopkald)\b",
    r"\b(?:kontakt|kontakter|kontakte)\s+(?:venligst\s+)?(?:mig|os)\s+(?:venligst\s+|gerne\s+)?(?:telefonisk|på\s+telefon|pr\.?\s+telefon|via\s+telefon)\b",
    rf"\b(?:rart|dejligt|godt|fint|taknemmelig|glad|pris\s+på)\b.{{0,25}}?\b(?:hvis|om|at)\s+(?:i|du|de|nogen)\b.{{0,15}}?\bring(?:er|e|ede)?\b.{{0,10}}?(?:{_MIG}|tilbage|op)\b",
    r"^(?:opkald|opringning)\s+(?:ønskes|bedes|tak)\b",
)
DA += (
    rf"\b(?:i|du|de)\s+(?:må|er\s+velkom\w+\s+til\s+at)\s+(?:\w+\s+){{0,2}}?ringe\s+(?:til\s+)?{_MIG}\b",
    r"\b(?:kan|må|vil|kunne)\s+(?:\w+\s+){0,3}?blive\s+ringet\s+op\b",
)
DA += (
    rf"\b(?:kan|kunne|vil|ville|må)\s+(?:[A-ZÆØÅ]\w+|jeres\s+\w+)\s+(?:\w+\s+){{0,2}}?ringe\s+(?:til\s+)?{_MIG}\b",
    r"\b(?:kan|kunne|vil|ville|må|gider)\s+(?:i|du|de|nogen)\s+(?:\w+\s+){0,3}?give\s+(?:mig|os)\s+et\s+(?:opkald|ring|kald|telefonopkald)\b",
    r"\bgiv\s+(?:mig|os)\s+(?:lige\s+|venligst\s+)?et\s+(?:opkald|ring|kald)\b|\b(?:slå\s+på\s+tråden)\b",
    r"\b(?:kan|kunne|skal|må)\s+(?:vi|jeg)\s+(?:\w+\s+){0,2}?(?:tales\s+ved|få\s+et\s+opkald|ringes\s+op|blive\s+ringet\s+op|snakke\s+i\s+telefon\w*)\b",
    r"\bønsker\s+at\s+blive\s+ringet\s+op\b|\b(?:kan|kunne|vil|ville)\s+(?:i|du|de)\s+(?:venligst\s+)?ringe\s*[?.!]*$|^ring\s+lige\s*[.!]*$",
    r"\bvær\s+(?:så\s+)?(?:sød|venlig|rar)\s+(?:at|og)\s+ringe\s+(?:til\s+(?:mig|os)|(?:mig|os)\s+op|tilbage)\b|\bfå\s+(?:jer|dig|dem)\s+til\s+at\s+ringe\b",
    r"\btale\s+sammen\s+(?:på|i|over)\s+telefon\w*\b",
    r"\bring(?:\s+(?:lige|venligst|gerne|bare))*\s+på\s+(?:nummer\s+)?(?=[+(]?\d)|\bring(?:\s+(?:lige|venligst|bare))*\s+(?:til\s+)?(?:min|vores)\s+\w+",
    r"\b(?:vil|ville)\s+(?:\w+\s+){0,2}?(?:hellere|helst|gerne)\s+(?:\w+\s+){0,3}?(?:i|over|pr\.?|via)\s+telefon(?:en)?\b",
    r"\b(?:hører?|høre)\s+(?:\w+\s+){0,4}?(?:telefonisk|pr\.?\s+telefon)\b|\bhvornår\s+kan\s+(?:i|du|de)\s+ringe\b",
    r"\b(?:ser\s+frem\s+til|venter\s+på|afventer|glæder\s+mig\s+til)\s+(?:\w+\s+)?(?:jeres|dit|deres|et)\s+(?:opkald|telefonopkald)\b",
    r"\b(?:opkald|opringning)\s+(?:ville|vil)\s+være\s+(?:\w+\s+)?(?:rart|dejligt|godt|fint)\b|\bring\s+(?:venligst|gerne|endelig)\s*[.!]*$",
    r"\b(?:kontakt\w*|fang\w*|nå|træffes?|fanges?)\s+(?:venligst\s+)?(?:mig|os)?\s*(?:venligst\s+)?(?:på|pr\.?|via)\s+(?:telefon\w*|tlf\.?)\b",
)
DA_REFUSED = (
    r"\blad(?:e)?\s+(?:\w+\s+){0,2}?være\s+(?:med\s+)?(?:at\s+)?ring\w*",
    r"\b(?:stop\w*|hold\w*\s+(?:\w+\s+)?op|undgå\w*|undlad\w*|frabed\w*|afstå\w*)\b.{0,25}?\b(?:ring\w*|opkald\w*|opringning\w*)",
    r"\bring\s+(?:\w+\s+){0,3}?(?:ikke|aldrig|under\s+ingen\s+omstændigheder)\b",
    r"\b(?:ikke|aldrig)\s+(?:\w+\s+){0,2}?ringe\s+(?:til\s+)?(?:mig|os)\b",
    r"\b(?:opkald\w*|opringning\w*)\b[^;:]{0,30}?\b(?:unødvendig\w*|ikke\s+(?:længere\s+)?nødvendig\w*|annuller\w*|aflys\w*)",
)
DA_NOT = (
    r"\b(?:ikke|aldrig|næppe)\s+(?:\w+\s+){0,3}?(?:ring|ringe|ringes|opkald|tale|snakke|telefon\w*)\b",
    r"\bring\s+(?:\w+\s+){0,3}?ikke\b|\bringe?s?\s+(?:\w+\s+){0,2}?ikke\b",
    r"\b(?:uden|lad\s+være|i\s+stedet\s+for|frem\s+for|fremfor|intet|ingen|tak\s+for)\s+(?:\w+\s+){0,3}?(?:ring\w*|opkald\w*|opringning\w*)",
    r"\b(?:hvorfor|når|da|inden|før|efter\s+at)\s+(?:i|du|de|nogen)?\s*(?:\w+\s+)?ring(?:e|er|ede|de)\b",
)

_SAYA = r"(?:saya|kami|aku|ibu\s+saya|suami\s+saya|istri\s+saya)"
ID: tuple[str, ...] = (
    rf"\b(?:tolong|mohon|harap|silakan|coba|bisa|bisakah|boleh|bolehkah|dapatkah|minta)\b(?:\s+(?:segera|anda|bapak|ibu|pihak\s+\w+|"
    rf"tim\s+\w+|seseorang|kiranya|untuk|agar|supaya|bantu|dibantu|saya))*\s+(?:me)?(?:nelepon|nelpon|telepon|telpon|telp|tlp|hubungi\s+via\s+telepon|call)\s*(?:kembali\s+|balik\s+|ke\s+)?(?:{_SAYA}|balik|kembali|ke\s+nomor|di\s+nomor|nomor)\b",
    rf"^(?:(?:halo|hai|pak|bu|kak|min|mas|mbak)[,\s]+)*(?:telepon|telpon|telp|call)\s+(?:{_SAYA}|balik|kembali)"
    r"(?=\s*(?:[.,!?]|$|ya\b|dong\b|segera|besok|nanti|sekarang|hari|pukul|jam|pada|di\b|ke\b|jika|kalau|bila|setelah|sebelum|balik|kembali))",
    rf"\bhubungi\s+(?:kembali\s+)?{_SAYA}\b.{{0,30}}?\b(?:telepon|telpon|telp|hp|ponsel|(?:di|ke|pada)\s+(?:nomor|no)|08\d|\+62)",
    rf"\b(?:hubungi|kontak|kabari)\s+{_SAYA}\b.{{0,25}}?\b(?:lewat|via|melalui|per)\s+(?:telepon|telpon|hp|ponsel)\b",
    r"\b(?:minta|mohon|ingin|mau|harap|berharap|bisa|bisakah|boleh|bolehkah|menunggu|butuh|perlu)\b(?:\s+(?:untuk|agar|saya|kami|sekali|segera|bisa|dapat|langsung))*\s+"
    r"(?:ditelepon|ditelpon|dihubungi\s+(?:kembali\s+)?(?:lewat|via|melalui|per)\s+(?:telepon|telpon)|telepon\s+balik|telepon\s+dari|panggilan\s+(?:balik|telepon)|telponan)\b",
    r"\b(?:ingin|mau|mohon|bisa|bisakah|boleh|bolehkah|butuh|perlu|minta|dapatkah)\b(?:\s+(?:untuk|saya|kami|kita|sekali|segera|dapat|kiranya))*\s+(?:ber)?bicara\b.{0,25}?\b"
    r"(?:dengan\s+(?:\w+\s+){0,2}?(?:orang|manusia|petugas|staf|staff|cs|customer\s+service|admin|seseorang|karyawan|pegawai|manajer)|"
    r"(?:lewat|via|melalui|di|per)\s+(?:telepon|telpon))\b",
    rf"\b(?:senang|berterima\s+kasih|terbantu|baik)\b.{{0,25}}?\b(?:jika|kalau|bila|apabila)\b.{{0,30}}?\b(?:menelepon|menelpon|telepon|telpon)\s+{_SAYA}\b",
)
_TELP = r"(?:me)?(?:nelepon|nelpon|telepon|telpon|telp|tlp)"
ID += (
    rf"\b(?:tolong|mohon|harap|silakan|bisa|bisakah|boleh|bolehkah|dapatkah|dapat|minta|tlg|mhn)\b(?:\s+\w+){{0,3}}?\s+{_TELP}\s+(?:sy|suami|istri|ibu|ayah|bapak|rekan|adik|kakak)\b",
    rf"\b(?:apakah|kapan|bisa|dapat|dapatkah)\s+(?:\w+\s+){{0,3}}?{_TELP}\s+{_SAYA}\b",
    r"\b(?:mohon|harap|tolong|minta|ingin|lebih\s+suka|suka|agar|supaya|butuh)\s+(?:\w+\s+){0,2}?(?:ditelepon|ditelpon|ditelp)\b",
    r"\b(?:mohon|minta|tolong|harap|boleh|bisa)\s+(?:\w+\s+){0,2}?(?:dihubungi)\s+(?:\w+\s+)?(?:lewat|via|melalui|per)\s+(?:telepon|telpon|telp)\b",
    rf"(?:^|[,;:]\s+)(?:telepon|telpon|telp|call)\s+(?:{_SAYA}|sy|balik|kembali)(?:\s+(?:saja|ya|dong|aja|segera))*\s*(?:[.,!]|$)",
    r"\b(?:tolong|mohon|bisa|bisakah|boleh)\s+(?:\w+\s+)?(?:minta\s+)?call\s*back\b|\btunggu\s+(?:telepon|telpon)nya\b|\btunggu\s+(?:telepon|telpon|panggilan)\s+(?:dari|anda)",
    r"\b(?:ingin|mau|butuh|perlu|bisa|minta|mohon)\s+(?:\w+\s+){0,2}?(?:ber)?bicara\s+(?:\w+\s+){0,2}?(?:dengan|sama)\s+(?:\w+\s+)?(?:cs|orang|manusia|petugas|staf|admin)\b",
    r"\bhubungi\s+(?:saya|kami)\s+(?:di|ke|pada|lewat|via)\s+(?:nomor\s+|no\.?\s+)?(?=[+0]\d)|\b(?:minta|boleh\s+minta)\s+telepon\s+balik\b",
    r"\b(?:hubungi|kontak|kabari)\s+(?:saya|kami)\s+(?:lewat|via|melalui)\s+(?:wa|whatsapp)\s+(?:telepon|call)\b",
)
ID_REFUSED = (
    r"\b(?:jangan|berhenti(?:lah)?|stop|hentikan|tidak\s+(?:perlu|usah|mau|ingin)|tak\s+(?:perlu|usah)|ng?gak\s+usah|ga\s+usah|mohon\s+tidak)\s+(?:\w+\s+){0,3}?"
    r"(?:\w*te?le?pon\w*|nelpon|menelpon|ditelpon|telp|tlp|hubungi|menghubungi|dihubungi)\b",
)
ID_NOT = (
    r"\b(?:janji|berjanji|katanya|bilang)\b(?:\s+\w+){0,4}?\s+(?:\w*te?le?pon\w*)\s+saya\b",
    r"\btelepon\s+saya\s+(?:rusak|hilang|mati|diperbaiki|dikembalikan|berubah|dikirim|baru|diganti)\b",
    r"\b(?:jangan|tidak\s+perlu|tidak\s+usah|tak\s+perlu|tak\s+usah|nggak\s+usah|gak\s+usah|ga\s+usah|tidak|bukan|tanpa|belum|enggan|daripada)\b"
    r"(?:\s+\w+){0,4}?\s+(?:\w*te?le?pon\w*|telp|call|bicara|berbicara|dihubungi|hubungi|menghubungi|panggilan|ditelpon|menelpon|nelpon)",
    r"\b(?:kemarin|tadi|sudah|telah|pernah|mengapa|kenapa|ketika|saat|sebelum|setelah|sejak|terima\s+kasih\s+(?:sudah|telah|atas))\b(?:\s+\w+){0,4}?\s+"
    r"(?:\w*te?le?pon\w*|nelpon|menelpon|ditelpon|bicara|berbicara|panggilan)",
)
