"""`contacts show --timeline`: one person over all channels."""

from tests.cli.office import Office

CUSTOMER = "+493023125099"


def test_the_timeline_tells_what_is_owed_and_what_happened(office: Office) -> None:
    change = office.missed_call()
    ran = office.done("contacts", "show", CUSTOMER, "--timeline")
    owed, _, past = ran.out.partition("what happened")
    assert "callback waiting" in owed
    assert change.callbacks[0].id in owed
    assert change.interactions[0].id in past
    assert "call inbound" in past


def test_the_timeline_as_json_has_the_contact_what_is_owed_and_the_past(office: Office) -> None:
    change = office.missed_call()
    told = office.done("contacts", "show", CUSTOMER, "--timeline", "--json").json
    assert told["contact"]["identities"][0]["value"] == CUSTOMER
    assert [each["id"] for each in told["timeline"]] == [change.interactions[0].id]
    assert [each["clock"] for each in told["owed"]] == ["callback"]
    assert [each["id"] for each in told["callbacks"]] == [change.callbacks[0].id]


def test_the_timeline_and_the_cases_are_shown_together(office: Office) -> None:
    change = office.missed_call()
    said = office.done("contacts", "show", CUSTOMER, "--timeline", "--cases").out
    assert said.index("what happened") < said.index("SUBJECT") < said.rindex(str(change.interactions[0].case_id))
    told = office.done("contacts", "show", CUSTOMER, "--timeline", "--cases", "--json").json
    assert set(told) == {"contact", "owed", "callbacks", "timeline", "cases"}
    assert [each["id"] for each in told["cases"]] == [change.interactions[0].case_id]


def test_somebody_to_whom_nothing_is_owed_is_told_so(office: Office) -> None:
    office.done("contacts", "block", CUSTOMER)
    owed = office.done("contacts", "show", CUSTOMER, "--timeline").out.partition("\nowed\n")[2]
    assert owed.startswith("  nothing\n")
