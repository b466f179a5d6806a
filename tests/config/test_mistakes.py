"""Each row: what is added to a config that is fine, and the one message it gives, word for word."""

import re
from pathlib import Path

import pytest

from tests.config.folder import MAILBOX, MINIMUM, look, write

PEOPLE = """
[agent.anna]
name = "Anna Berg"
[team.service]
members = ["anna"]
"""

TWILIO = """
[twilio]
account_sid = "AC00000000000000000000000000000000"
auth_tokens = [{ env = "TOKEN" }]
public_url = "https://calls.example.com"
"""

LINE = TWILIO + '[line.a]\nnumber = "+493023125010"\n'
POLLED = LINE.replace('public_url = "https://calls.example.com"', "webhooks = false")
AMOUNT = (
    'write "20 EUR/day": per day, week or month, in AUD, CAD, CHF, CZK, DKK, EUR, GBP, IDR, NOK, PLN, SEK, SGD, USD'
)
PASSWORD = ', password = { env = "PASSWORD" }'
SMTP = 'smtp = { host = "h" }'
LOG = 'role = "log"'


def box(more: str) -> str:
    return f'[mailbox.b]\naddress = "b@example.com"\nimap = {{ host = "h", username = "u"{PASSWORD} }}\n{more}\n'


ROWS = [
    ('[agent.""]\n', "this cannot be a name in [agent]", "write 1 to 48 letters"),
    (f"[agent.{'n' * 49}]\n", "this cannot be a name in [agent]", "write 1 to 48 letters"),
    ("[cases]\nauto_close = 7", "auto_close = 7 is not a duration", 'write a number and a unit, such as "30s"'),
    (
        '[case]\nauto_close = "7d"',
        'unknown key "case"',
        'did you mean "cases"? known here: agent, alarms, callbacks, cases, dialling, http, line, '
        "mailbox, notices, retention, route, rules, service, store, team, twilio, webhooks",
    ),
    (
        '[http]\nlisten = "8025"',
        'listen = "8025" is not an address to listen on',
        'write host and port, such as "127.0.0.1:8025"',
    ),
    (
        '[webhooks]\ntimeout = "5s"',
        'timeout = "5s" is not what receivers are given',
        'write "15s" to "30s"',
    ),
    (
        '[webhooks]\nprivate_networks = ["intranet"]',
        'private_networks: "intranet" is not an IP address or network',
        'write it as "192.0.2.7" or "192.0.2.0/24"',
    ),
    (
        '[webhooks]\nproxy = "proxy.example.com:4750"',
        "proxy is not a web address",
        'write it whole, such as "https://contact.example.com"',
    ),
    (
        '[http]\ntrusted_proxies = ["proxy"]',
        'trusted_proxies: "proxy" is not an IP address or network',
        'write it as "192.0.2.7" or "192.0.2.0/24"',
    ),
    (
        '[notices]\nmailbox = "suport"',
        'mailbox = "suport": no mailbox "suport"',
        'did you mean "support"? known here: support',
    ),
    ('[notices]\ndigest = "8"', 'digest = "8" is not a time of day', 'write hours and minutes, such as "08:00"'),
    (
        '[retention]\nevents = "30d"',
        'events = "30d" is too short: a CRM that stands still over a season could not go on where it stopped',
        'write "90d" or more',
    ),
    ('[alarms]\nunread_for = "30s"', 'unread_for = "30s" is too short: a look takes its time', 'write "3m" or more'),
    ('[alarms]\nheartbeat = "1m"', 'heartbeat = "1m" is too short: it would fill the mailboxes', 'write "15m" or more'),
    ('[alarms]\ntell = ["owner"]', 'tell: no agent, team or route "owner"', "known here: anna, service"),
    ('[agent.bo]\ndeputy = "ana"', 'deputy = "ana": no agent "ana"', 'did you mean "anna"? known here: anna, bo'),
    ('[agent.bo]\ndeputy = "bo"', 'deputy = "bo": nobody is their own deputy', "name somebody else, or remove it"),
    ("[agent.lead]", '[agent.lead]: "lead" means the case\'s own lead', "choose another name"),
    ("[team.anna]", "[team.anna]: [agent.anna] has the same name", "choose another name for one"),
    (
        '[team.x]\nkind = "servise"',
        'kind = "servise" is not one of "service", "marketing", "sales", "technical"',
        'did you mean "service"? write "service" or "marketing" or "sales" or "technical"',
    ),
    ("[route.duty]", "[route.duty] names none of mail, webhook and sms", "write exactly one of them"),
    (
        '[route.duty]\nsms = "+49 1"',
        'sms = "+49 1" is not a valid telephone number',
        'write it with its country code, such as "+493023125010"',
    ),
    (
        '[route.duty]\nmail = ["d@example.com"]\nhours = "evenings"',
        'hours = "evenings" is neither opening hours nor a calendar',
        'write "always", "mon-fri 09:00-17:00" or a calendar: standard',
    ),
    (
        box(SMTP).replace("b@example.com", "support@EXAMPLE.com"),
        "support@example.com is watched by [mailbox.support] already",
        "give each address to one mailbox",
    ),
    (
        box(SMTP).replace(PASSWORD, ""),
        "password is missing in [mailbox.b.imap]",
        'add password = { credential = "name" }, or auth = { oauth = "microsoft" }',
    ),
    (box(""), "smtp is missing in [mailbox.b]", "add [mailbox.b.smtp]"),
    (
        box(LOG).replace('"h"', '"imap.example.com", tls = "none"'),
        'tls = "none" to imap.example.com would send the password in the open',
        'write "implicit" or "starttls"',
    ),
    (box(LOG + '\nteam = "sales"'), 'team = "sales": no team "sales"', "known here: service"),
    (box(LOG + '\nline = "hotline"'), 'line = "hotline": no line "hotline"', "remove it"),
    (box(LOG + '\npoll = "0s"'), 'poll = "0s" is no time at all', 'write more, such as "30s"'),
    *(
        (
            box(LOG + f'\nfolder = "{name}"'),
            f'folder = "{name}" is where spam lies',
            'write "INBOX"; people move out what is none',
        )
        for name in ("Junk", "INBOX.Spam", "[Gmail]/Spam", "Junk E-Mail", "Uønsket mail")
    ),
    (
        box(LOG + '\nsystem_senders = ["postmaster@example.com"]'),
        'system_senders: "postmaster@example.com" is not the part of an address before its @',
        'write that part alone, such as "postmaster"',
    ),
    (
        box(LOG + '\nauthserv_ids = ["mx.example.com; dmarc=pass"]'),
        'authserv_ids: "mx.example.com; dmarc=pass" is not the id of a mail server',
        'write what its Authentication-Results begin with, such as "mx.example.com", or "-" if they name none',
    ),
    (box(LOG + '\nstart = "30d"'), 'start = "30d" is not a start', 'write "now" or "backfill:30d"'),
    (
        '[line.a]\nnumber = "+493023125010"',
        "[line.a] needs a [twilio] table",
        "add [twilio] with account_sid and auth_tokens",
    ),
    (
        TWILIO + '[line.a]\nnumber = "03023125010"',
        'number = "03023125010" is not a valid telephone number',
        'write it with its country code, such as "+493023125010"',
    ),
    (
        LINE + '[line.b]\nnumber = "+493023125010"',
        "+493023125010 is the number of [line.a] already",
        "give each number to one line",
    ),
    (LINE + 'calendar = "standart"', 'no calendar "standart"', 'did you mean "standard"? known here: standard'),
    (
        LINE + 'rounds = ["anna"]',
        "rounds is not a list of lists",
        'write [["anna"], ["service"]], or [] to ring nobody',
    ),
    (LINE + 'rounds = [["ana"]]', 'rounds: no agent or team "ana"', 'did you mean "anna"? known here: anna, service'),
    (LINE + 'answer = "80 / 20"', 'answer = "80 / 20" is not a service level', 'write "80% / 20s"'),
    (
        TWILIO.replace("public_url", "#"),
        "public_url is missing in [twilio]: Twilio signs it",
        'add public_url = "https://calls.example.com", or webhooks = false',
    ),
    (
        POLLED + 'rounds = [["anna"]]',
        "rounds does nothing while webhooks = false: others answer the calls",
        "take it out; or write webhooks = true and public_url in [twilio], and we answer the calls",
    ),
    (
        POLLED + 'answer = "80% / 20s"',
        "answer does nothing while webhooks = false: others answer the calls",
        "take it out; or write webhooks = true and public_url in [twilio], and we answer the calls",
    ),
    (
        TWILIO.replace("auth_tokens", "#"),
        "auth_tokens is missing in [twilio]",
        'add auth_tokens = [{ credential = "twilio-auth-token" }]',
    ),
    (
        '[callbacks]\nretry = { busy = "soon" }',
        'busy = "soon" is not a wait',
        'write "5m", "next-window" or a list such as ["30m", "2h", "next-window"]',
    ),
    (
        '[callbacks]\nquiet_hours = "20-8"',
        'quiet_hours = "20-8" is not a span of the day',
        'write from and to, such as "20:00-08:00"',
    ),
    (
        box('folder = ""\n' + LOG),
        "folder is empty",
        'write text in quotes, such as "support"',
    ),
    (
        box(LOG).replace('username = "u"', 'username = " "'),
        "username is empty",
        'write text in quotes, such as "support"',
    ),
    *(
        (
            box(LOG).replace('host = "h"', f'host = "{host}"'),
            f'host = "{host}" is not a host',
            'write its name alone, such as "imap.example.com"; the port has a key of its own',
        )
        for host in ("127.0.0.1:11143", "imap.example.com:143", "[::1]:143", "[localhost]")
    ),
    ('[dialling]\nregions = ["DE", "XX"]', 'regions: no region "XX"', 'write two capital letters, such as "DE"'),
    (
        TWILIO.replace("public_url", "webhooks = false\nconnect_url").replace('.com"', '.com/twiml/EH0?x=1"'),
        "connect_url has a query or a fragment, and the customer's number goes there",
        "write the address alone, as the console shows it",
    ),
    (
        TWILIO + 'connect_url = "https://handler.twilio.com/twiml/EH0"',
        "connect_url does nothing while webhooks = true: we hear the key ourselves",
        "take it out, or write webhooks = false",
    ),
    (
        TWILIO + 'fallback_url = "https://calls.example.com/fallback.xml"',
        "fallback_url lies on the host of public_url, whose failure it is for",
        "put what `commsd twiml fallback --ours` prints into a TwiML Bin, or elsewhere",
    ),
    (
        TWILIO.replace("public_url", "webhooks = false\nfallback_url"),
        "fallback_url does nothing while webhooks = false: a call of ours is one document",
        "take it out",
    ),
    *(
        (
            f"[dialling]\nmachine_detection = {value}",
            f"machine_detection = {value} is not true or false",
            "write true or false, without quotes",
        )
        for value in ('"DetectMessageEnd"', '"yes"', "1")
    ),
    ('[dialling]\nmax_cost = "20"', 'max_cost = "20" is not an amount of money', AMOUNT),
    ('[dialling]\nmax_cost = "20 EUR/hour"', 'max_cost = "20 EUR/hour" is not an amount of money', AMOUNT),
    ('[dialling]\nmax_cost = "20 XAU/day"', 'max_cost = "20 XAU/day" is not an amount of money', AMOUNT),
    (
        LINE + '[dialling]\nmax_cost = "0.20 EUR/day"',
        "max_cost is less than one call is thought to cost (0.3 EUR): none would ever be made",
        "write more, or enabled = false where nothing is to be dialled",
    ),
    (
        LINE.replace("[line.a]", "require_shared_key = true\n[line.a]"),
        "require_shared_key is true, and no shared key is named",
        'add shared_keys = { KEY_ID = { credential = "twilio-shared-key" } }, or write false',
    ),
    (
        LINE.replace("[line.a]", 'shared_keys = { KEY = "secret itself" }\n[line.a]'),
        "KEY holds a secret itself",
        'keep it out of this file: write KEY = { credential = "name" }, { file = "…" } or { env = "…" }',
    ),
]


@pytest.mark.parametrize(("added", "what", "remedy"), ROWS)
def test_a_mistake_is_told_alone_and_in_these_words(tmp_path: Path, added: str, what: str, remedy: str) -> None:
    config, findings = look(write(tmp_path, MINIMUM + MAILBOX + PEOPLE + added + "\n"))
    assert config is None
    assert [(finding.what, finding.remedy) for finding in findings if finding.severity == "error"] == [(what, remedy)]
    place = findings[-1].place
    assert 1 <= place.line <= (MINIMUM + MAILBOX + PEOPLE + added).count("\n") + 1


SERVICE_ROWS = [
    (
        'timezone = "Europe/Berln"',
        "8",
        'timezone = "Europe/Berln" is not a time zone',
        'did you mean "Europe/Berlin"? write an IANA name, such as "Europe/Berlin"',
    ),
    ('timezone = "Europe/Berlin"\ncountry = "DE-BAY"', "9", 'holidays: DE has no subdivision "BAY"', None),
    (
        'timezone = "Europe/Berlin"\ncountry = "Germany"',
        "9",
        'holidays: no country "Germany"',
        "write its two letters, such as DE",
    ),
    ('timezone = "Europe/Berlin"\nhours = "9-17"', "9", 'hours = "9-17" is not opening hours', None),
    (
        'timezone = "Europe/Berlin"\nlanguages = ["english"]',
        "9",
        'languages: "english" is not a language',
        'write its code, such as "en" or "pt-BR"',
    ),
    (
        'timezone = "Europe/Berlin"\nlanguages = "en"',
        "9",
        'languages = "en" is not a list',
        "put brackets around it, as in languages = [ … ]",
    ),
    ('timezone = "Europe/Berlin"\npublic_url = "contact.example.com"', "9", "public_url is not a web address", None),
]


@pytest.mark.parametrize(("line", "at", "what", "remedy"), SERVICE_ROWS)
def test_a_mistake_in_the_service_table_is_told_with_its_line(
    tmp_path: Path, line: str, at: str, what: str, remedy: str | None
) -> None:
    main = f'\n\n\n\n\n[service]\nname = "x"\n{line}\n[store]\nurl = "sqlite:////tmp/x.db"\n'
    _, findings = look(write(tmp_path, main + MAILBOX))
    errors = [finding for finding in findings if finding.severity == "error"]
    assert [error.what for error in errors] == [what]
    assert str(errors[0].place).split(":")[1] == at
    assert remedy in (None, errors[0].remedy)


@pytest.mark.parametrize(
    "url",
    ["sqlite://", "sqlite:///commsd.db", "sqlite:///:memory:", "commsd.db", "mysql://db/x", "postgresql://u:p@db/x"],
)
def test_a_store_is_a_whole_path_or_a_postgres_url_without_password(tmp_path: Path, url: str) -> None:
    main = MINIMUM.replace("sqlite:////var/lib/commsd/commsd.db", url)
    config, findings = look(write(tmp_path, main + MAILBOX))
    assert config is None
    assert [finding.place.line for finding in findings] == [7]


@pytest.mark.parametrize("url", ["postgresql://commsd@db/x", "postgresql+asyncpg://postgres@127.0.0.1:5432/x"])
def test_both_ways_to_write_postgres_pass(tmp_path: Path, url: str) -> None:
    config, _ = look(write(tmp_path, MINIMUM.replace("sqlite:////var/lib/commsd/commsd.db", url) + MAILBOX))
    assert config is not None


def test_a_config_that_watches_nothing_is_warned_of(tmp_path: Path) -> None:
    config, findings = look(write(tmp_path, MINIMUM))
    assert config is not None
    assert [finding.what for finding in findings] == ["no mailbox and no line is watched"]


def test_plain_connections_are_for_loopback_alone(tmp_path: Path) -> None:
    local = MAILBOX.replace('"imap.example.com"', '"127.0.0.1", tls = "none"').replace("smtp.example.com", "localhost")
    config, _ = look(write(tmp_path, MINIMUM + local))
    assert config is not None


@pytest.mark.parametrize("name", ["commsd.toml", "sla/office.toml"])
def test_no_value_of_the_wrong_kind_makes_reading_raise(tmp_path: Path, root: Path, name: str) -> None:
    texts = {each: (root / "config" / each).read_text("utf-8") for each in ("commsd.toml", "sla/office.toml")}
    lines = texts[name].splitlines()
    odd = [
        "1",
        "true",
        '""',
        '"ü\\u0000"',
        "[]",
        "[[1]]",
        "[{}]",
        "{}",
        "2026-02-28",
        '{ credential = "x" }',
        '["", "x"]',
    ]
    written = [at for at, line in enumerate(lines) if re.match(r"[\w-]+ *= ", line) and not line.endswith("[")]
    assert len(written) > 20
    for turn, at in enumerate(written):
        for value in (odd[turn % len(odd)], odd[(turn + 5) % len(odd)]):
            key = lines[at].partition("=")[0]
            changed = "\n".join([*lines[:at], f"{key}= {value}", *lines[at + 1 :]])
            now = {**texts, name: changed}
            config, findings = look(write(tmp_path, now["commsd.toml"], {"office.toml": now["sla/office.toml"]}))
            assert (config is None) == any(finding.severity == "error" for finding in findings)
