"""What the duty of webhooks asks again and again is answered by an index."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import create_engine

from commsd.store import webhooks as rows
from commsd.store.crm_schema import metadata
from commsd.store.webhooks import Webhook
from tests.store.test_query_plans import NOW, plans


def hook(**more: Any) -> Webhook:
    given = {"id": "w", "revision": 1, "name": "crm", "url": "https://example.com/", "types": ("case.*",)}
    fixed = {"payload": "thin", "ordered": False, "sealed": b"", "created_at": NOW, "planned_upto": 5}
    return Webhook(**{**given, **fixed, **more})


@pytest.mark.parametrize("ordered", [False, True])
def test_what_is_due_to_a_webhook_is_found_by_its_index(ordered: bool) -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        metadata.create_all(connection)
        with plans(connection) as found:
            rows.claim(connection, hook(ordered=ordered), "node/1", NOW, NOW + timedelta(minutes=1), 8)
            rows.wanted(connection, hook(), 5, 100)
            rows.backlogs(connection, NOW)
    engine.dispose()
    claimed, _, wanted, owed = found
    assert "ix_webhook_posts_due (webhook_id=?" in claimed
    assert not ordered or "ix_webhook_posts_order (webhook_id=? AND partition_key=?)" in claimed
    assert "sqlite_autoindex_feed_1 (seq>? AND seq<?)" in wanted
    assert "ix_webhook_posts" in owed


def test_a_webhook_that_somebody_else_changed_is_not_overwritten() -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        metadata.create_all(connection)
        assert rows.insert_webhook(connection, hook())
        assert not rows.insert_webhook(connection, hook(id="other"))
        assert rows.seal(connection, hook(), b"new")
        assert not rows.seal(connection, hook(), b"newer")
        known = rows.webhook_called(connection, "crm")
        assert known is not None
        assert (known.sealed, known.revision) == (b"new", 2)
        late = hook(planned_upto=4)
        assert not rows.plan(connection, late, (), 9, (), NOW)
        assert rows.plan(connection, known, (), 9, (), NOW)
    engine.dispose()


def test_a_webhook_that_is_gone_is_not_enabled() -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        metadata.create_all(connection)
        rows.insert_webhook(connection, hook(state=rows.DISABLED, reason="gone", disabled_at=NOW))
        assert rows.enable(connection, "w", NOW)
        known = rows.webhook_called(connection, "crm")
        assert known is not None
        assert (known.active, known.reason, known.disabled_at, known.revision) == (True, None, None, 2)
        assert rows.remove_webhook(connection, "w")
        assert not rows.enable(connection, "w", NOW)
    engine.dispose()
