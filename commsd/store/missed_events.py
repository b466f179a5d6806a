"""What a webhook can never be posted any more: the feed let go of it while it waited."""

from sqlalchemy import Connection, func, select

from commsd.store import crm_schema, feed
from commsd.store.webhooks import FAILED, PENDING, Webhook


def missed_events(connection: Connection, webhook: Webhook) -> tuple[int, int] | None:
    """The first and the last number of what the feed let go of before it was posted; None where nothing is amiss."""
    posts, oldest = crm_schema.webhook_posts, feed.span(connection).oldest
    mine = (posts.c.webhook_id == webhook.id, posts.c.state.in_((PENDING, FAILED)), posts.c.seq < oldest)
    waiting: int | None = connection.execute(select(func.min(posts.c.seq)).where(*mine)).scalar()
    first = webhook.planned_upto + 1 if waiting is None else waiting
    return (first, oldest - 1) if first < oldest else None
