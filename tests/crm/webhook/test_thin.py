"""A thin post says that something happened, and of what; nothing about anybody. crm-ops.md WHK-4."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from commsd.crm.webhook import thin

PERSONAL = ("maria.muster@example.org", "+4915112345678", "Maria Muster", "About my invoice")


def event(**data: Any) -> str:
    return json.dumps(
        {
            "specversion": "1.0",
            "id": "e1",
            "source": "urn:commsd:x",
            "type": "commsd.interaction.recorded.v1",
            "subject": "i1",
            "time": "2026-03-04T09:00:00.000Z",
            "sequence": "00000000000000000001",
            "dataschema": "https://x/y",
            "data": {"id": "i1", "revision": 1, "kind": "message", "case_id": "c1", **data},
        }
    )


def test_whk_4_a_thin_post_has_ids_kinds_and_times_and_nothing_else() -> None:
    address, number, name, subject = PERSONAL
    body = thin.thin(
        event(
            parties=[{"address": address, "name": name}],
            subject=subject,
            preview=subject,
            external_ids=[{"type": "rfc5322.message-id", "value": f"<{address}>"}],
            status_raw=f"550 {address} unknown",
            detail={"note": name, "attrs": {"from": number}},
            number=number,
            by=name,
            occurred_at="2026-03-04T08:59:00.000Z",
        )
    )
    assert not [text for text in PERSONAL if text in body.decode()]
    told = json.loads(body)
    assert told["data"] == {
        "id": "i1",
        "revision": 1,
        "kind": "message",
        "case_id": "c1",
        "occurred_at": "2026-03-04T08:59:00.000Z",
    }
    assert (told["id"], told["sequence"], told["subject"]) == ("e1", "00000000000000000001", "i1")
    assert "dataschema" not in told  # its data is not the whole record


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**31), 2**31) | st.text(max_size=3000),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=9), inner, max_size=5),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(sorted(thin.SAID)) | st.text(max_size=20), VALUES, max_size=40))
def test_whk_4_a_thin_post_is_small_and_says_nothing_that_is_not_listed(data: dict[str, Any]) -> None:
    body = thin.thin(event(**data))
    told = json.loads(body)["data"]
    assert len(body) <= thin.LARGEST
    assert set(told) <= thin.SAID
    assert not [value for value in told.values() if isinstance(value, list | dict)]
