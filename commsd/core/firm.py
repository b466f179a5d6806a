"""What every channel knows about the firm it works for: name, zone, languages, people, and whether we are live."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from commsd.config.read import Table
from commsd.config.unit import DOMAIN, LANGUAGE, TEXT, URL, ZONE, Minutes, span_of_day
from commsd.core.agent import People
from commsd.core.calling_hours import QUIET
from commsd.core.number import parse_number

MODES = ("live", "observe")
_LANGUAGES = ("en", "de", "da", "id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Firm:
    """The `[service]` table and the people. timezone: IANA. languages: the first is the default.

    observe: everything is recorded and decided, nothing reaches a customer. address_as: e.g. {"da": "du"}.
    public_url: base of links given to customers and staff, None for mailto links. hours: as written, where no SLA
    files say when we are open. country: e.g. "DE-BE". lines: the numbers we are rung on, E.164. quiet: when no customer
    is rung, by his own clock.
    """

    name: str
    timezone: str
    languages: tuple[str, ...] = _LANGUAGES
    address_as: Mapping[str, str] = field(default_factory=dict)
    internal_domains: frozenset[str] = frozenset()
    public_url: str | None = None
    country: str | None = None
    hours: str | None = None
    observe: bool = False
    people: People = field(default_factory=People)
    lines: frozenset[str] = frozenset()
    quiet: Minutes = QUIET

    @property
    def numbers(self) -> frozenset[str]:
        """Our own numbers, of lines and people, E.164: no customer is reached there."""
        return self.lines | {agent.phone for agent in self.people.agents.values() if agent.phone}

    @property
    def zone(self) -> ZoneInfo:
        """The firm's own zone."""
        return ZoneInfo(self.timezone)

    def day(self, instant: datetime) -> date:
        """The local date of an instant, by which people are away or at work."""
        return instant.astimezone(self.zone).date()


def read_firm(root: Table, people: People) -> Firm:
    """The `[service]` table. Mistakes are noted on the table with their places."""
    service = root.table("service", required=True)
    address_as = service.table("address_as")
    return Firm(
        name=service.text("name"),
        timezone=service.read("timezone", ZONE),
        languages=service.many("languages", LANGUAGE, _LANGUAGES) or _LANGUAGES,
        address_as={language: address_as.text(language) for language in address_as.every_key()},
        internal_domains=frozenset(domain.lower() for domain in service.many("internal_domains", DOMAIN)),
        public_url=_base(service.maybe("public_url", URL)),
        country=service.maybe("country", TEXT),
        hours=service.maybe("hours", TEXT),
        observe=observes(service),
        people=people,
        lines=frozenset(_lines(root.contents.get("line"))),
        quiet=_quiet(root.contents.get("callbacks")),
    )


def observes(table: Table, otherwise: bool = False) -> bool:
    """Whether `mode` says observe; `otherwise` where the table does not say."""
    return table.choice("mode", MODES, "observe" if otherwise else "live") == "observe"


def _lines(tables: object) -> Iterator[str]:
    """The numbers of all `[line.*]`; what is wrong with them, the channel says that reads these tables."""
    for line in tables.values() if isinstance(tables, Mapping) else ():
        text = line.get("number") if isinstance(line, Mapping) else None
        number = parse_number(text) if isinstance(text, str) else None
        if number:
            yield number.e164


def _quiet(callbacks: object) -> Minutes:
    """The quiet hours of `[callbacks]`, read likewise: whoever tells a time for a call keeps to them."""
    return (span_of_day(callbacks.get("quiet_hours")) if isinstance(callbacks, Mapping) else None) or QUIET


def _base(url: str | None) -> str | None:
    return url.rstrip("/") if url else None
