"""Nothing but what is listed gets through, whatever a record holds."""

import json

from hypothesis import given
from hypothesis import strategies as st

from commsd.core.interaction import Interaction
from commsd.core.record import PERSONAL
from commsd.crm.pseudonym import IDS, KEPT, Pseudonyms

SECRET = "Quirina Oxenfoord"
NAMES = st.sampled_from(
    ["subject", "preview", "agent", "status_raw", "tags", "external_ids", "raw", "attachments", "links", "note", "new"]
)


@given(st.dictionaries(NAMES, st.sampled_from([SECRET, [SECRET], {"a": SECRET}])))
def test_what_is_not_listed_is_left_out(fields: dict[str, object]) -> None:
    record = {
        "id": "i",
        "contact_id": "c",
        "reason": f"said {SECRET}",
        "detail": {"note": SECRET, "reason": SECRET, "attrs": {"owner": SECRET}, "promise": {"id": SECRET}},
        "clocks": [{"clock": "ack", "case_id": SECRET}],
        **fields,
    }
    assert SECRET not in json.dumps(Pseudonyms(b"salt", {}).of(record))


def test_no_personal_field_is_listed() -> None:
    assert not {pointer.split("/")[1] for pointer in PERSONAL[Interaction]} - {"detail"} & {*KEPT, *IDS}


def test_a_person_is_the_same_by_contact_by_merger_and_by_the_forms_of_an_address() -> None:
    names = Pseudonyms(b"salt", {"old": "new"})
    assert names.of({"contact_id": "old"})["person"] == names.of({"contact_id": "new"})["person"]
    one, other = ({"parties": [{"role": "from", "address": each}]} for each in ("Jane@Example.ORG", "jane@example.org"))
    assert names.of(one)["person"] == names.of(other)["person"] is not None
    assert names.of({})["person"] is None


def test_two_salts_have_nothing_in_common() -> None:
    assert Pseudonyms(b"one", {}).token("person", "c") != Pseudonyms(b"other", {}).token("person", "c")
    assert Pseudonyms(b"one", {}).token("person", "c") != Pseudonyms(b"one", {}).token("case", "c")
