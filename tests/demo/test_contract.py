"""The contract finds what Twilio would not understand, and nothing in what it would."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from commsd.demo.exchange import RestRequest
from tests.demo.contract import Contract

CALLS = f"/2010-04-01/Accounts/AC{'0' * 32}/Calls.json"
GOOD = (("To", "+493023125011"), ("From", "+493023125010"), ("Url", "https://calls.example.com/x"), ("Timeout", "25"))


@pytest.fixture(scope="module")
def contract(shared: Path) -> Contract:
    return Contract(shared / "twilio/openapi/twilio_api_v2010.json")


def asked(method: str, path: str, *form: tuple[str, str], query: tuple[tuple[str, str], ...] = ()) -> RestRequest:
    return RestRequest(method=method, path=path, form=form, query=query, at=datetime(2026, 3, 4, tzinfo=UTC))


def test_a_call_as_it_should_be_has_no_fault(contract: Contract) -> None:
    events = tuple(("StatusCallbackEvent", event) for event in ("initiated", "ringing", "answered", "completed"))
    listed = asked(
        "GET", CALLS, query=(("To", "+493023125011"), ("StartTime>", "2026-03-04T00:00:00Z"), ("PageSize", "50"))
    )
    assert contract.faults([asked("POST", CALLS, *GOOD, *events), listed]) == []


@pytest.mark.parametrize(
    "request_",
    [
        asked("POST", CALLS, GOOD[0], GOOD[2]),
        asked("POST", CALLS, *GOOD[:3], ("Timeout", "soon")),
        asked("POST", CALLS, *GOOD, ("StatusCallbakEvent", "ringing")),
        asked("GET", CALLS, query=(("StartDate", "2026-03-04"),)),
        asked("GET", CALLS, query=(("Status", "initiated"),)),
        asked("GET", f"/2010-04-01/Accounts/AC{'0' * 32}/Phonecalls.json"),
        asked("DELETE", CALLS),
        asked("GET", "/v1/DialingPermissions/Countries", query=(("Country", "DE"),)),
        asked("GET", "/v1/DialingPermission/Countries"),
        asked("GET", f"/2010-04-01/Accounts/AC{'0' * 32}/Calls"),
    ],
)
def test_a_request_that_twilio_would_not_understand_is_a_fault(contract: Contract, request_: RestRequest) -> None:
    assert len(contract.faults([request_])) >= 1


def test_each_request_is_held_against_the_description_of_its_own_api(contract: Contract) -> None:
    countries = asked("GET", "/v1/DialingPermissions/Countries", query=(("IsoCode", "DE"), ("PageSize", "50")))
    assert contract.faults([countries, asked("GET", "/v1/DialingPermissions/Countries/DE")]) == []


def test_a_sound_file_is_no_part_of_the_description(contract: Contract) -> None:
    assert contract.faults([asked("GET", f"/2010-04-01/Accounts/AC{'0' * 32}/Recordings/RE1.mp3")]) == []
