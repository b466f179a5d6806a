"""Duty: clocks that were warned or breached are recorded at their true instants, and our people told of each once.

Who is told: the policy's ladder where it has one, else the owner of a warning, and owner and lead of a breach; where
that leads to nobody, the house's own address. Ladders in full come with a later release.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial

import structlog

from commsd.core import key
from commsd.core.callback import State as Owed
from commsd.core.callback import released
from commsd.core.case import Case, CaseFile, ClockRecord
from commsd.core.change import Change, OpenItems, Terms, change_of, recheck
from commsd.core.clock import State
from commsd.core.event import Event
from commsd.core.firm import Firm
from commsd.core.interaction import Actor, Channel, Delivery, DeliveryKind, Detail, Direction, Interaction, Kind
from commsd.core.ledger import NOBODY
from commsd.core.policy import Step, Version
from commsd.sla.notice import Notice, about_clock
from commsd.sla.rules import Rules
from commsd.store.claims import Claims
from commsd.store.log import Log
from commsd.world import World

log = structlog.get_logger()

TICK = 1.0
LEASE = timedelta(seconds=30)
DEFAULT_TELL: Mapping[str, tuple[str, ...]] = {"warned": ("owner",), "breached": ("owner", "lead")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """How notices leave. via: the mailbox; None: there is none, and the log line has to do. render: notice -> bytes.

    persons: who sits at a mailbox or line by its name. teams: their team. fallback: where nobody else is told.
    """

    via: str | None
    render: Callable[[Notice], bytes]
    persons: Mapping[str, str] = field(default_factory=dict)
    fallback: tuple[str, ...] = ()


class Escalation:
    """Speak up when a clock runs on."""

    name = "sla.escalation"

    def __init__(self, firm: Firm, post: Post, log: Log, claims: Claims, rules: Rules, world: World) -> None:
        self._firm, self._post = firm, post
        self._log, self._claims, self._rules, self._world = log, claims, rules, world

    async def run(self) -> None:
        while True:
            if await self._claims.lease(self.name, LEASE):
                while await self.once():
                    pass
            await self._world.sleep(TICK)

    async def once(self) -> bool:
        """Take up every case with a clock that is due, a claim that lapsed or nothing left to do; says if any was."""
        now = self._world.now()
        terms = self._rules.terms
        due = await self._claims.due_cases(now)
        silent = await self._claims.silent_cases(now)
        lapsed = await self._claims.lapsed_callbacks(now)
        told = partial(escalated, terms=terms, firm=self._firm, post=self._post)
        decisions = [
            *(self._log.submit((key.of_case(case),), partial(told, case)) for case in due),
            *(self._log.submit((key.of_case(case),), partial(_rested, case, terms=terms)) for case in silent),
            *(self._log.submit((key.of_callback(owed),), partial(_lapsed, owed)) for owed in lapsed),
        ]
        for decision in decisions:
            await decision
        return bool(due or silent or lapsed)


def escalated(case_id: str, items: OpenItems, terms: Terms, firm: Firm, post: Post) -> Change:
    """What time changed in the case, with the notices that are owed for it, each step of each clock once."""
    file = items.files.get(case_id)
    if file is None:
        return Change()
    change = recheck(file, items, terms)
    after = {record.id: record for record in (*file.clocks, *change.clocks)}
    told = [(record, step) for record in after.values() for step in _owed_steps(record)]
    if not told:
        return change
    notices = {record.id: _notices(record, step, file, items, terms, firm, post) for record, step in told}
    clocks = {
        record.id: replace(record, told=(*record.told, step, *(() if notices[record.id] else (NOBODY,))))
        for record, step in told
    }
    deliveries = tuple(delivery for owed in notices.values() for delivery in owed)
    kept = tuple(clocks.get(record.id, record) for record in change.clocks)
    others = tuple(record for clock_id, record in clocks.items() if clock_id not in {r.id for r in change.clocks})
    return replace(change, clocks=(*kept, *others), deliveries=deliveries)


def _owed_steps(record: ClockRecord) -> tuple[str, ...]:
    """Steps that came true while the clock ran on and of which nobody was told."""
    if record.value.stopped_at is not None:
        return ()
    breached = record.value.state is State.BREACHED
    steps = ("breached",) if breached else ("warned",) if record.warned_at else ()
    return tuple(step for step in steps if step not in record.told)


def _notices(
    record: ClockRecord, step: str, file: CaseFile, items: OpenItems, terms: Terms, firm: Firm, post: Post
) -> tuple[Delivery, ...]:
    if post.via is None:
        return ()
    names = _tell(record, step, terms.versions)
    addresses = firm.people.mail_of(_resolved(names, file.case, firm, post), firm.day(items.now)) or post.fallback
    return tuple(
        _delivery(about_clock(record, step, file, address, firm, items.now), items, post) for address in addresses
    )


def _delivery(notice: Notice, items: OpenItems, post: Post) -> Delivery:
    return Delivery(
        id=items.new_id(),
        kind=DeliveryKind.NOTICE,
        key=notice.key,
        via=post.via or "",
        recipient=notice.recipient,
        payload=post.render(notice),
        created_at=items.now,
        due_at=items.now,
        case_id=notice.case_id,
    )


def _tell(record: ClockRecord, step: str, versions: tuple[Version, ...]) -> tuple[str, ...]:
    version = next((known for known in versions if known.id == record.value.rules_version), None)
    policy = version.policies.get(record.value.policy) if version else None
    ladder = version.ladders.get(policy.ladder or "") if version and policy else None
    if not ladder:
        return DEFAULT_TELL[step]
    rungs = [rung for rung in ladder if _before_due(rung) == (step == "warned")]
    return tuple(dict.fromkeys(name for rung in rungs for name in rung.tell)) or DEFAULT_TELL[step]


def _before_due(rung: Step) -> bool:
    return rung.at < 100 if isinstance(rung.at, int) else rung.at < timedelta(0)


def _resolved(names: tuple[str, ...], case: Case, firm: Firm, post: Post) -> tuple[str, ...]:
    """The case's own owner, team and lead in place of those words."""
    team = firm.people.teams.get(case.team or "")
    owner = case.owner or post.persons.get(case.mailbox or "") or post.persons.get(case.line or "")
    words = {"owner": owner, "team": team.id if team else None, "lead": team.lead if team else None}
    return tuple(found for name in names if (found := words.get(name, name)))


def _lapsed(callback_id: str, items: OpenItems) -> Change:
    """A claim nobody made good of goes back into the queue."""
    owed = items.callback(callback_id)
    if owed is None or owed.claimed_until is None or owed.claimed_until > items.now or owed.state is not Owed.CLAIMED:
        return Change()
    free = released(owed)
    return Change(callbacks=(free,), events=(Event("callback.released", free, items.now, "machine"),))


def _rested(case_id: str, items: OpenItems, terms: Terms) -> Change:
    """The case closed by itself: nothing is owed, and it has been silent long enough."""
    file = items.files.get(case_id)
    if file is None or file.case.closes_at is None or file.case.closes_at > items.now:
        return Change()
    fact = Interaction(
        id=items.new_id(),
        channel=Channel.OTHER,
        kind=Kind.CLOSE,
        direction=Direction.INTERNAL,
        actor=Actor.MACHINE,
        occurred_at=items.now,
        recorded_at=items.now,
        contact_id=file.case.contact_id,
        case_id=case_id,
        detail=Detail(reason="auto_close"),
    )
    return change_of(fact, items, terms)
