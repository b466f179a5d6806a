"""`[twilio]`, `[line.*]`, `[callbacks]` and `[dialling]` -> frozen settings of the telephone.

Every mistake is noted on the table with its place. What a caller hears is `twiml`'s matter, who is dialled
`screen`'s and `dialler`'s.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from urllib.parse import urlsplit

import phonenumbers

from commsd.channels.phone.dialling_check import judge_agents, judge_cost, judge_heard, judge_regions, judge_unheard
from commsd.channels.phone.line_check import judge_forwards, judge_polled, judge_rounds, voices
from commsd.config.read import Table, did_you_mean
from commsd.config.secret import SecretSource
from commsd.config.unit import COUNT, DAILY_SPAN, DURATION, LANGUAGE, RATE, TEXT, URL, Form, Minutes, Rate, duration
from commsd.core.agent import NUMBER, RESERVED_NAMES, known_name, known_names
from commsd.core.answer_level import Goal
from commsd.core.backoff import Retry, Wait
from commsd.core.calling_hours import QUIET
from commsd.core.firm import Firm, observes
from commsd.core.number import Number
from commsd.core.price import CURRENCIES
from commsd.core.screen import Burst

_BURST = Burst()
_PACE = Rate(1, timedelta(seconds=1))
_REGIONS = ("DE", "AT", "CH", "DK", "ID", "GB")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A Twilio API key. sid: SK…"""

    sid: str
    secret: SecretSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Twilio:
    """The account. auth_tokens: each may have signed a webhook; the first also logs in where there is no api_key.

    public_url: what Twilio signs; None where webhooks is False and its call list is polled. connect_url: a TwiML Bin
    that then joins whom we ring to the customer, once a key is pressed. fallback_url: what whom we ring hears while
    Twilio cannot reach us, on another host; None: asked of ourselves. shared_keys: secrets by key id
    (docs/usage/webhooks/webhook-shared-keys); require_shared_key: nothing else signs a webhook.
    delete_recordings: at Twilio, once we have the copy. transcriber: a command that gets a sound file and prints words.
    """

    account_sid: str
    auth_tokens: tuple[SecretSource, ...] = ()
    api_key: ApiKey | None = None
    webhooks: bool = True
    public_url: str | None = None
    connect_url: str | None = None
    fallback_url: str | None = None
    api_base_url: str = "https://api.twilio.com"
    shared_keys: Mapping[str, SecretSource] = field(default_factory=dict)
    require_shared_key: bool = False
    delete_recordings: bool = False
    transcriber: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One Twilio number. rounds: agents and teams rung at once, round after round; none: straight to the offer.

    sequential: within a round one after the other. ring: one round, or one telephone of a sequential one.
    voices: by language, where another than ours is to speak. calendar: decides only whether to ring, None for always.
    tell: one notice per missed call.
    observe: answered and rung, but no SMS and no dialling.
    """

    name: str
    number: Number
    team: str | None = None
    languages: tuple[str, ...] = ()
    calendar: str | None = None
    rounds: tuple[tuple[str, ...], ...] = ()
    sequential: bool = False
    ring: timedelta = timedelta(seconds=20)
    voices: Mapping[str, str] = field(default_factory=dict)
    answer: Goal | None = None
    tell: tuple[str, ...] = ()
    sms_ack: bool = True
    observe: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Callbacks:
    """How callbacks are made. tries: vain rings, then a person is told. quiet_hours: in the customer's zone.

    first_try_after: the missed call is over. owner_grace: the owner's head start. confirm: how long to say the result.
    """

    tries_per_day: int = 3
    tries: int = 6
    retry: Retry = field(default_factory=Retry)
    quiet_hours: Minutes = QUIET
    first_try_after: timedelta = timedelta(seconds=45)
    owner_grace: timedelta = timedelta(minutes=15)
    confirm: timedelta = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Cost:
    """At most this much money in each `per`."""

    amount: Decimal
    currency: str
    per: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialling:
    """What the machine may dial. regions: ISO 3166; any other is held for a person. max_cost None: no cap.

    machine_detection: Twilio listens whether a machine answers the customer's leg, and tells us: a hint."""

    enabled: bool = True
    machine_detection: bool = False
    regions: frozenset[str] = frozenset(_REGIONS)
    pace: Rate = _PACE
    burst: Burst = _BURST
    max_cost: Cost | None = Cost(Decimal(20), "EUR", timedelta(days=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneSettings:
    """All of the telephone. twilio None: no telephone at all."""

    twilio: Twilio | None = None
    lines: Mapping[str, Line] = field(default_factory=dict)
    callbacks: Callbacks = field(default_factory=Callbacks)
    dialling: Dialling = field(default_factory=Dialling)

    @property
    def goals(self) -> Mapping[str, Goal]:
        """The service levels that are aimed at, by line."""
        return {name: line.answer for name, line in self.lines.items() if line.answer}

    def line_of(self, called: str) -> Line | None:
        """The line of a number in E.164."""
        return line_of(self.lines, called)


def line_of(lines: Mapping[str, Line], called: str) -> Line | None:
    """The line of a number in E.164."""
    return next((line for line in lines.values() if line.number.e164 == called), None)


_PER = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=30)}


def _level(value: object) -> Goal | None:
    found = re.fullmatch(r"([0-9]{1,3})% ?/ ?(\S+)", value) if isinstance(value, str) else None
    within = duration(found[2]) if found else None
    return Goal(int(found[1]) / 100, within) if found and within and 0 < int(found[1]) <= 100 else None


def _cost(value: object) -> Cost | None:
    pattern = r"([0-9]{1,9}(?:\.[0-9]{1,2})?) ([A-Z]{3}) ?/ ?(day|week|month)"
    found = re.fullmatch(pattern, value) if isinstance(value, str) else None
    return Cost(Decimal(found[1]), found[2], _PER[found[3]]) if found and found[2] in CURRENCIES else None


def _waits(value: object) -> tuple[Wait, ...] | None:
    """One wait or a list of them."""
    found: list[Wait] = []
    for each in value if isinstance(value, list) else [value]:
        length: Wait | None = "next-window" if each == "next-window" else duration(each)
        if not length:
            return None
        found.append(length)
    return tuple(found) or None


def _sid(prefix: str) -> Form[str]:
    return Form(
        f"a Twilio SID beginning with {prefix}",
        f"copy it from Twilio's console: {prefix} and 32 digits and letters",
        lambda value: value if isinstance(value, str) and value.startswith(prefix) else None,
        "",
        echo=False,
    )


LEVEL = Form("a service level", 'write "80% / 20s"', _level, Goal(0.8, timedelta(seconds=20)))
COST = Form(
    "an amount of money",
    f'write "20 EUR/day": per day, week or month, in {", ".join(sorted(CURRENCIES))}',
    _cost,
    Cost(Decimal(0), "EUR", timedelta(days=1)),
)
WAITS: Form[tuple[Wait, ...]] = Form(
    "a wait", 'write "5m", "next-window" or a list such as ["30m", "2h", "next-window"]', _waits, ()
)


def read_settings(root: Table, firm: Firm) -> PhoneSettings:
    """All tables of the telephone."""
    tables = root.tables("line")
    twilio = root.table("twilio")
    lines = {name: _line(table, firm) for name, table in tables.items()}
    if tables and not root.has("twilio"):
        first = next(iter(tables.values()))
        first.error(None, f"[{first.path}] needs a [twilio] table", "add [twilio] with account_sid and auth_tokens")
    if twilio.value("webhooks") is False:
        judge_polled(tables)
        judge_unheard(root.table("dialling"))
    _one_line_per_number(lines, tables)
    judge_forwards(tables, {name: line.number.e164 for name, line in lines.items()}, firm.people)
    judge_heard(tables, firm.people)
    dialling = _dialling(root.table("dialling"))
    _judge_dialling(root.table("dialling"), dialling, tables, lines, firm)
    return PhoneSettings(
        twilio=_twilio(twilio) if twilio.present else None,
        lines=lines,
        callbacks=_callbacks(root.table("callbacks")),
        dialling=dialling,
    )


def _twilio(table: Table) -> Twilio:
    tokens = table.secrets("auth_tokens")
    webhooks = table.flag("webhooks", True)
    public_url = table.maybe("public_url", URL)
    api_key = table.table("api_key")
    if webhooks and not table.has("public_url"):
        remedy = 'add public_url = "https://calls.example.com", or webhooks = false'
        table.error(None, f"public_url is missing in [{table.path}]: Twilio signs it", remedy)
    elif public_url and urlsplit(public_url).scheme != "https":
        what = "public_url is no https: numbers, words and recordings of callers cross the network in the clear"
        table.warn("public_url", what, "put TLS before the public listener, and write https://")
    shared_keys, only = _shared_keys(table), table.flag("require_shared_key", False)
    if only and not shared_keys:
        remedy = 'add shared_keys = { KEY_ID = { credential = "twilio-shared-key" } }, or write false'
        table.error("require_shared_key", "require_shared_key is true, and no shared key is named", remedy)
    if not table.has("auth_tokens") and ((webhooks and not only) or not api_key.present):
        what = f"auth_tokens is missing in [{table.path}]"
        table.error(None, what, 'add auth_tokens = [{ credential = "twilio-auth-token" }]')
    elif table.value("auth_tokens") == []:
        table.error("auth_tokens", "auth_tokens is empty", 'write [{ credential = "twilio-auth-token" }]')
    return Twilio(
        account_sid=table.read("account_sid", _sid("AC")),
        auth_tokens=tokens,
        api_key=_api_key(api_key) if api_key.present else None,
        webhooks=webhooks,
        public_url=public_url.rstrip("/") if public_url else None,
        connect_url=_connect_url(table, webhooks),
        fallback_url=_fallback_url(table, public_url, webhooks),
        api_base_url=table.read("api_base_url", URL, "https://api.twilio.com").rstrip("/"),
        shared_keys=shared_keys,
        require_shared_key=only,
        delete_recordings=table.flag("delete_recordings", False),
        transcriber=_transcriber(table),
    )


def _connect_url(table: Table, webhooks: bool) -> str | None:
    url = table.maybe("connect_url", URL)
    if url and webhooks:
        what = "connect_url does nothing while webhooks = true: we hear the key ourselves"
        table.error("connect_url", what, "take it out, or write webhooks = false")
    elif url and ("?" in url or "#" in url):
        what = "connect_url has a query or a fragment, and the customer's number goes there"
        table.error("connect_url", what, "write the address alone, as the console shows it")
    return url


def _fallback_url(table: Table, public_url: str | None, webhooks: bool) -> str | None:
    url = table.maybe("fallback_url", URL)
    if url and not webhooks:
        what = "fallback_url does nothing while webhooks = false: a call of ours is one document"
        table.error("fallback_url", what, "take it out")
    elif url and public_url and urlsplit(url).hostname == urlsplit(public_url).hostname:
        what = "fallback_url lies on the host of public_url, whose failure it is for"
        remedy = "put what `commsd twiml fallback --ours` prints into a TwiML Bin, or elsewhere"
        table.error("fallback_url", what, remedy)
    return url


def _transcriber(table: Table) -> tuple[str, ...]:
    command = table.many("transcriber", TEXT)
    if command and not command[0].startswith("/"):
        remedy = 'write the whole path of a program, such as ["/usr/local/bin/transcribe"]'
        table.error("transcriber", f'transcriber: "{command[0]}" is looked for nowhere', remedy, 0)
    return command


def _shared_keys(table: Table) -> Mapping[str, SecretSource]:
    """Secrets by key id, as Twilio names the key in the webhook's header."""
    keys = table.table("shared_keys")
    found = {key: keys.secret(key) for key in keys.every_key()}
    return {key: source for key, source in found.items() if source}


def _api_key(table: Table) -> ApiKey | None:
    sid, secret = table.read("sid", _sid("SK")), table.secret("secret", required=True)
    return ApiKey(sid, secret) if secret else None


def _line(table: Table, firm: Firm) -> Line:
    people = firm.people
    rounds, ring = _rounds(table, frozenset((*people.agents, *people.teams))), table.read("ring", DURATION, "20s")
    judge_rounds(table, rounds, ring, people)
    return Line(
        name=table.name,
        number=table.read("number", NUMBER),
        team=known_name(table, "team", people.teams, "team"),
        languages=table.many("languages", LANGUAGE) or firm.languages,
        calendar=table.maybe("calendar", TEXT),
        rounds=rounds,
        sequential=table.flag("sequential", False),
        ring=ring,
        voices=voices(table),
        answer=table.maybe("answer", LEVEL),
        tell=known_names(table, "tell", people.names() | RESERVED_NAMES, "agent, team or route"),
        sms_ack=table.flag("sms_ack", True),
        observe=observes(table, firm.observe),
    )


def _rounds(table: Table, known: frozenset[str]) -> tuple[tuple[str, ...], ...]:
    rounds = table.value("rounds")
    if rounds is None:
        return ()
    if not isinstance(rounds, list) or not all(isinstance(each, list) for each in rounds):
        table.error("rounds", "rounds is not a list of lists", 'write [["anna"], ["service"]], or [] to ring nobody')
        return ()
    for item, each in enumerate(rounds):
        for name in each:
            if str(name) not in known:
                table.error("rounds", f'rounds: no agent or team "{name}"', did_you_mean(str(name), known), item)
    return tuple(tuple(str(name) for name in each) for each in rounds)


def _one_line_per_number(lines: Mapping[str, Line], tables: Mapping[str, Table]) -> None:
    owner: dict[str, str] = {}
    for name, line in lines.items():
        first = owner.setdefault(line.number.e164 or name, name)
        if first != name:
            what = f"{line.number.e164} is the number of [line.{first}] already"
            tables[name].error("number", what, "give each number to one line")


def _callbacks(table: Table) -> Callbacks:
    retry = table.table("retry")
    return Callbacks(
        tries_per_day=table.read("tries_per_day", COUNT, 3),
        tries=table.read("tries", COUNT, 6),
        retry=Retry(
            busy=retry.read("busy", WAITS, "5m"),
            no_answer=retry.read("no_answer", WAITS, ["30m", "2h", "next-window"]),
            voicemail=retry.read("voicemail", WAITS, "4h"),
            technical=retry.read("technical", WAITS, ["1m", "5m", "15m"]),
        ),
        quiet_hours=table.read("quiet_hours", DAILY_SPAN, "20:00-08:00"),
        first_try_after=table.read("first_try_after", DURATION, "45s"),
        owner_grace=table.read("owner_grace", DURATION, "15m"),
        confirm=table.read("confirm", DURATION, "2m"),
    )


def _dialling(table: Table) -> Dialling:
    regions = table.many("regions", TEXT, _REGIONS)
    for item, region in enumerate(regions):
        if region and region not in phonenumbers.SUPPORTED_REGIONS:
            table.error("regions", f'regions: no region "{region}"', 'write two capital letters, such as "DE"', item)
    return Dialling(
        enabled=table.flag("enabled", True),
        machine_detection=table.flag("machine_detection", False),
        regions=frozenset(regions),
        pace=table.read("pace", RATE, "1/s"),
        max_cost=table.read("max_cost", COST, "20 EUR/day"),
        burst=_burst(table.table("burst")),
    )


def _judge_dialling(
    table: Table, dialling: Dialling, tables: Mapping[str, Table], lines: Mapping[str, Line], firm: Firm
) -> None:
    numbers = {name: line.number for name, line in lines.items() if line.number.e164}
    judge_agents(tables, numbers, firm.people)
    if dialling.enabled:
        judge_regions(table, dialling.regions, numbers)
        if dialling.max_cost:
            judge_cost(table, dialling.max_cost.amount, dialling.max_cost.currency, numbers.values())


def _burst(table: Table) -> Burst:
    return Burst(
        all=table.read("all", COUNT, _BURST.all),
        country=table.read("country", COUNT, _BURST.country),
        prefix=table.read("prefix", COUNT, _BURST.prefix),
    )
