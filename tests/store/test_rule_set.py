"""What a rule sets, kept by both stores: the interaction, the case, the feed, and the next decision that sees it."""

from sqlalchemy import select

from commsd.core import key
from commsd.core.change import Change, change_of
from commsd.core.interaction import Kind
from commsd.core.open_items import OpenItems, Terms
from commsd.core.policy import Rule
from commsd.core.touch import TouchKind, touches_of
from commsd.store import schema
from commsd.store.log import Log
from tests.core.items import JANE, Books, mail_from
from tests.core.sla_builders import policy, version
from tests.house import items_of

RULE = Rule(match={"keywords": ("cancel*",)}, policy="p", sets={"priority": "urgent", "owner": "anna"})
TERMS = Terms(versions=(version(policy(), rules=(RULE, Rule(policy="p"))),))


async def mailed(log: Log, subject: str) -> Change:
    def decide(items: OpenItems) -> Change:
        return change_of(mail_from(subject=subject)(Books(items.now, items.new_id)), items, TERMS)

    return await log.decide(key.of_addresses(JANE), decide)


async def test_a_set_of_a_rule_is_kept_and_seen_by_the_next_decision(log: Log) -> None:
    first = await mailed(log, "Cancel my order")
    (file,) = (await items_of(log, *key.of_addresses(JANE))).files.values()
    assert (file.case.priority, file.case.owner) == ("urgent", "anna")
    mail, made = file.interactions
    assert (made.kind, made.caused_by, made.detail.attrs) == (Kind.SET, mail.id, dict(RULE.sets))
    (touch,) = touches_of(made)
    assert (touch.kind, touch.by_rule, touch.touch, touch.time) == (TouchKind.SET, True, mail.id, mail.occurred_at)
    assert [fact.kind for fact in (await mailed(log, "Re: Cancel my order")).interactions] == [Kind.MESSAGE]
    assert first.cases[0].revision == file.case.revision == 1


async def test_the_feed_tells_of_the_set_after_the_mail(log: Log) -> None:
    change = await mailed(log, "Cancel my order")
    table = schema.outbox
    rows = await log.read(lambda c: c.execute(select(table).order_by(table.c.id)).mappings().all())
    types = [row["type"] for row in rows]
    assert types == ["contact.created", "case.opened", "interaction.recorded", "interaction.recorded"]
    assert [fact.kind for fact in change.interactions] == [Kind.MESSAGE, Kind.SET]
