"""JSON Schema of commsd.toml, for editors. Pure; that of the SLA files stands in `sla.schema`.

What a value must be is said as far as a schema can; `commsd check` knows the rest. A test compares the keys here with
those the readers ask for, and the defaults with theirs.
"""

from commsd.channels.mail.account import FollowUp, MailboxRole, OnUnknown, Tls
from commsd.core.agent import TEAM_KINDS
from commsd.core.firm import MODES
from commsd.sla.rules.opening import OFFICE_HOURS
from commsd.sla.rules.schema import Schema, closed, count, either, flag, formed, listed, named, text, whole, words

_SPAN = r"^([0-9]{1,9}(ms|s|m|h|d))+$"
_MAIL = formed(r"^[^\s@]+@[^\s@]+$")
_NUMBER = formed(r"^\+", "With its country code, such as +493023125010.")
_LANGUAGE = formed(r"^[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*$")
_WEB = formed(r"^https?://\S+$")
_TIME = r"^[0-9]{1,2}:[0-9]{2}$"
_DAYS = r"^\d{4}-\d{2}-\d{2}(\.\.\d{4}-\d{2}-\d{2})?$"


def main_schema() -> Schema:
    """The schema of commsd.toml."""
    return whole(
        "commsd: commsd.toml",
        {
            "service": _service(),
            "store": closed({"url": either(text(), _secret())}, "The database.", required=("url",)),
            "http": _http(),
            "agent": named(_agent(), "Our people."),
            "team": named(_team(), "Several of them."),
            "route": named(_route(), "Where notices may go besides."),
            "mailbox": named(_mailbox(), "Mailboxes that are watched."),
            "twilio": _twilio(),
            "line": named(_line(), "Telephone numbers."),
            "callbacks": _callbacks(),
            "dialling": _dialling(),
            **_house(),
        },
        required=("service", "store"),
    )


def _span(default: str, about: str = "") -> Schema:
    return formed(_SPAN, about or 'A duration, such as "30s" or "7d".', default=default)


def _rate(default: str, about: str) -> Schema:
    return formed(r"^[0-9]{1,9} ?/ ?(s|m|h|d)$", about, default=default)


def _secret(about: str = "Where the secret is kept; never the secret itself.") -> Schema:
    keys = {"credential": text(), "file": text(), "env": text()}
    return {**closed(keys, about), "minProperties": 1, "maxProperties": 1}


def _mode() -> Schema:
    return words(MODES, "observe: everything is recorded, nothing reaches a customer.")


def _service() -> Schema:
    address_as = {"type": "object", "additionalProperties": text()}
    keys = {
        "name": text("What customers know us by."),
        "timezone": text("An IANA time zone."),
        "hours": text(f'Opening hours where sla/ is not there, such as "{OFFICE_HOURS}".'),
        "country": text("Whose holidays count where sla/ is not there, such as DE-BE."),
        "mode": {**_mode(), "default": "live"},
        "languages": listed(_LANGUAGE, "The first is the default.", default=["en", "de", "da", "id"]),
        "address_as": {**address_as, "description": 'How customers are addressed: { da = "du" }.'},
        "internal_domains": listed(text(), "Mail from here and from subdomains is never acknowledged."),
        "public_url": {**_WEB, "description": "The base of links given to customers and staff."},
        "key": _secret("What signs ids and links; made once where it is missing."),
    }
    return closed(keys, "Who we are.", required=("name", "timezone"))


def _http() -> Schema:
    keys = {
        "listen": text("For the API, the page and metrics.", default="127.0.0.1:8025"),
        "public_listen": text("For webhooks and links.", default="127.0.0.1:8026"),
        "trusted_proxies": listed(text(), default=["127.0.0.1"]),
        "rate": _rate("6000/m", "Requests of one API key."),
        "export_rate": _rate("600/h", "Snapshots and exports of one API key."),
    }
    return closed(keys, "Where commsd listens.")


def _agent() -> Schema:
    keys = {
        "name": text(),
        "mail": listed(_MAIL),
        "phone": _NUMBER,
        "languages": listed(_LANGUAGE, "Best first."),
        "deputy": text("Named, rung and told instead, while away."),
        "away": listed(formed(_DAYS), "Days or spans of days, both ends included."),
    }
    return closed(keys)


def _team() -> Schema:
    keys = {
        "kind": words(TEAM_KINDS, default="service"),
        "members": listed(text()),
        "lead": text(),
    }
    return closed(keys)


def _route() -> Schema:
    keys = {
        "mail": listed(_MAIL),
        "webhook": _WEB,
        "sms": _NUMBER,
        "hours": text('"always", opening hours, or a calendar of sla/.', default="always"),
    }
    one = [{"required": [key]} for key in ("mail", "webhook", "sms")]
    return {**closed(keys), "oneOf": one}


def _server(ports: str) -> Schema:
    keys = {
        "host": text(),
        "port": {**count(ports, 1), "maximum": 65535},
        "tls": words(Tls, "none: on this machine only."),
        "username": {"type": "string"},
        "password": _secret(),
        "auth": _oauth(),
        "ca": text("A file of certificates trusted besides the system's."),
    }
    return closed(keys, required=("host",))


def _oauth() -> Schema:
    keys = {
        "oauth": words(("microsoft", "google")),
        "client_id": text("Of the application registered with the provider."),
        "client_secret": _secret(),
        "tenant": text("Microsoft's directory; common where it is not said."),
        "refresh_token": _secret("The first one; by default the credential MAILBOX-oauth."),
        "token_url": {**_WEB, "description": "Where tokens come from, if not from the provider."},
    }
    return closed(keys, "Instead of a password.", required=("oauth",))


def _sender() -> Schema:
    keys = {
        "subject": text("An expression with groups called number, mail, name, customer, address or subject."),
        "header": text("A header field, in which `field` is searched for."),
        "field": text("An expression, as for subject."),
        "body": text("An expression, as for subject."),
    }
    return closed(keys)


def _mailbox() -> Schema:
    keys = {
        "address": _MAIL,
        "aliases": listed(_MAIL),
        "channel": words(("email", "fax", "letter"), "What its mail counts as.", default="email"),
        "team": text(),
        "person": text("Named in the acknowledgement unless the contact has an owner."),
        "line": text("From which callbacks asked for here are made."),
        "mode": _mode(),
        "imap": _server("993, or 143."),
        "smtp": _server("587, or 465."),
        "folder": text(default="INBOX"),
        "sent": listed(text(), "Folders, or mailboxes of staff by name.", default=["auto"]),
        "role": words(MailboxRole, "sent-only: only our answers are read; log: what is forwarded.", default="inbox"),
        "done": listed(text(), "A mail moved here closes its case.", default=["Done"]),
        "poll": _span("30s"),
        "start": formed(r"^(now|backfill:([0-9]{1,9}(ms|s|m|h|d))+)$", default="now"),
        "max_age": _span("24h", "Older mail is recorded, not acknowledged."),
        "ack_budget": _rate("3000/h", "Beyond it acknowledgements pause."),
        "follow_up": words(FollowUp, "A further writing in the same case.", default="short"),
        "forwarders": listed(_MAIL, "A rule there forwards people's mail to us."),
        "own_list_ids": listed(text(), "The group that is this address."),
        "contact_forms": listed(_MAIL, "The customer stands in Reply-To."),
        "letterhead": listed(text(), "Lines over a printed acknowledgement, our name first.", maxItems=5),
        "senders": {"type": "array", "items": _sender(), "description": "Who wrote, behind a fax or letter gateway."},
        "authserv_ids": listed(text(), "Whose Authentication-Results are believed."),
        "system_senders": listed(text(), 'Local parts that are heard all the same, such as "postmaster".'),
        "invitations": flag("true: an invitation is acknowledged too.", False),
        "precedence": flag("false: acknowledgements go out without Precedence: bulk.", True),
        "html": flag("true: acknowledgements have an HTML part beside the plain one.", False),
        "bounce_address": {**_MAIL, "description": "Envelope sender where the server refuses the empty one."},
        "on_unknown": words(OnUnknown, "An acknowledgement that perhaps went out.", default="resend"),
    }
    return closed(keys, required=("address", "imap"))


def _twilio() -> Schema:
    api_key = closed({"sid": formed("^SK"), "secret": _secret()}, required=("sid", "secret"))
    keys = {
        "account_sid": formed("^AC"),
        "auth_tokens": listed(_secret(), "Several while rotating.", minItems=1),
        "api_key": api_key,
        "webhooks": flag("false: Twilio's call list is polled.", True),
        "public_url": {**_WEB, "description": "What Twilio signs."},
        "api_base_url": {**_WEB, "default": "https://api.twilio.com"},
        "shared_keys": {"type": "object", "additionalProperties": _secret(), "description": "Secrets by key id."},
        "require_shared_key": flag("true: an auth token signs no webhook.", False),
        "fallback_url": {**_WEB, "description": "What our people hear on a call of ours while we do not answer."},
        "connect_url": {**_WEB, "description": "With webhooks = false: a TwiML Bin that joins who pressed a key."},
        "delete_recordings": flag("true: a message is deleted at Twilio once we have the copy.", False),
        "transcriber": listed(text(), "A command that gets a sound file and prints what is said in it.", default=[]),
    }
    return closed(keys, required=("account_sid",))


def _line() -> Schema:
    keys = {
        "number": _NUMBER,
        "team": text(),
        "languages": listed(_LANGUAGE),
        "calendar": text("Decides only whether to ring."),
        "rounds": listed(listed(text()), "Each round rings at once; none: straight to the offer."),
        "sequential": flag("true: within a round one after the other.", False),
        "ring": _span("20s"),
        "voices": {"type": "object", "additionalProperties": text(), "description": "Twilio voices by language."},
        "answer": formed(r"^[0-9]{1,3}% ?/ ?\S+$", 'The service level, such as "80% / 20s".'),
        "tell": listed(text(), "One notice per missed call, at once."),
        "sms_ack": flag("", True),
        "mode": _mode(),
    }
    return closed(keys, required=("number",))


def _wait(*default: str) -> Schema:
    one = either(words(("next-window",)), formed(_SPAN))
    return {**either(one, listed(one, minItems=1)), "default": default[0] if len(default) == 1 else list(default)}


def _callbacks() -> Schema:
    retry = {
        "busy": _wait("5m"),
        "no_answer": _wait("30m", "2h", "next-window"),
        "voicemail": _wait("4h"),
        "technical": _wait("1m", "5m", "15m"),
    }
    keys = {
        "tries_per_day": count("Vain rings to the customer.", default=3),
        "tries": count("Then a person is told.", default=6),
        "retry": closed(retry),
        "quiet_hours": formed(_TIME[:-1] + "-" + _TIME[1:], "In the customer's zone.", default="20:00-08:00"),
        "first_try_after": _span("45s", "The missed call is over: the customer may ring again, and our people rest."),
        "owner_grace": _span("15m", "The owner's head start."),
        "confirm": _span("2m", "To say what came of the call."),
    }
    return closed(keys, "Calls that are owed.")


def _dialling() -> Schema:
    keys = {
        "enabled": flag("", True),
        "machine_detection": flag("Twilio tells us whether a machine answered the customer's end: a hint.", False),
        "regions": listed(
            formed("^[A-Z]{2}$"),
            "Any other number is held for a person.",
            default=["DE", "AT", "CH", "DK", "ID", "GB"],
        ),
        "pace": _rate("1/s", "How fast the machine dials."),
        "max_cost": formed(r"^[0-9]+(\.[0-9]{1,2})? [A-Z]{3} ?/ ?(day|week|month)$", default="20 EUR/day"),
        "burst": closed(
            {
                "all": count("In all.", default=100),
                "country": count("From one country abroad.", default=20),
                "prefix": count("With one prefix: all but the last four digits.", default=10),
            },
            "How many numbers that never rang before may come in an hour.",
        ),
    }
    return closed(keys, "What the machine may dial.")


def _house() -> dict[str, Schema]:
    time = either(formed(_TIME), {"type": "string", "format": "partial-time"})
    return {
        "cases": closed({"auto_close": _span("7d", "Nothing owed and silent this long.")}),
        "notices": closed({"mailbox": text("Notices leave from it."), "digest": {**time, "default": "08:00"}}),
        "alarms": closed(
            {
                "unread_for": _span("10m", "How long a channel may go unread."),
                "ping_url": {**_WEB, "description": "Fetched each minute while all is well."},
                "heartbeat": formed(_SPAN, "How often each mailbox writes to itself; never, if not given."),
                "tell": listed(text()),
            }
        ),
        "webhooks": closed(
            {
                "private_networks": listed(text(), "Your own networks that may be posted to.", default=[]),
                "proxy": {**_WEB, "description": "Posts leave through it."},
                "ca": text("A file of certificates trusted besides the system's."),
                "timeout": _span("20s", "For one post: 15 to 30 seconds."),
            },
            "How posts to CRM systems leave the house.",
        ),
        "rules": closed({"confirm_share": formed(r"^[0-9.]+%$", "More due times moved: --confirm.", default="20%")}),
        "retention": closed({"originals": _span("400d"), "contacts_idle": _span("1100d"), "events": _span("90d")}),
    }
