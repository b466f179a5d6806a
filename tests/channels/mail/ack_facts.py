"""Acknowledgements to test with: five readers, every situation, one scene."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from commsd.channels.mail.ack import AckFacts, OwedCall, render
from commsd.channels.mail.dates import PhoneHours
from commsd.channels.mail.texts import load_texts
from commsd.core.token import ack_id

TEXTS = load_texts()
KEY = b"k" * 32


def at(day: int, clock: str) -> datetime:
    """In March 2026, by the clock in Berlin, which is an hour ahead of UTC."""
    return datetime.fromisoformat(f"2026-03-{day:02d}T{clock}+01:00").astimezone(UTC)


FACTS = AckFacts(
    message_id=ack_id(KEY, "a" * 64, "example.com"),
    address="support@example.com",
    service_name="Example Ltd",
    recipient="jane@customer.test",
    customer_name="Jane Clarke",
    language="en",
    original_id="2041@customer.test",
    subject="Delivery of order 2041",
    received_at=at(10, "10:17"),
    promised_at=at(10, "14:30"),
    person="Anna Berg",
    person_phone="+493023125011",
    phone_hours=(PhoneHours(weekday_from=0, weekday_to=4, windows=((time(9), time(17)),)),),
    customer_tz=ZoneInfo("Europe/London"),
    service_tz=ZoneInfo("Europe/Berlin"),
    customer_region="GB",
    in_hours=True,
    call_me_url="https://calls.example.com/c/7qk2",
    date_at=at(10, "10:17"),
)
CALLED = OwedCall(at(10, "12:30"), "+442079460018")
CALLED_MONDAY = OwedCall(at(9, "11:00"), "+442079460018")
CLOSED: dict[str, Any] = {
    "received_at": at(6, "19:40"),
    "date_at": at(6, "19:40"),
    "promised_at": at(9, "13:00"),
    "in_hours": False,
    "opens_at": at(9, "09:00"),
}
READERS: dict[str, dict[str, Any]] = {
    "en": {"language": "en"},
    "de": {
        "language": "de",
        "customer_name": "Petra Weber",
        "customer_tz": ZoneInfo("Europe/Berlin"),
        "customer_region": "DE",
        "subject": "Lieferung der Bestellung 2041",
    },
    "da-du": {
        "language": "da",
        "customer_name": "Mette Holm",
        "customer_tz": ZoneInfo("Europe/Copenhagen"),
        "customer_region": "DK",
        "subject": "Levering af ordre 2041",
    },
    "id": {
        "language": "id",
        "customer_name": "Sari Wulandari",
        "customer_tz": ZoneInfo("Asia/Jakarta"),
        "customer_region": "ID",
        "subject": "Pengiriman pesanan 2041",
    },
}
READERS["da-De"] = {**READERS["da-du"], "address_as": "de"}
SITUATIONS: dict[str, dict[str, Any]] = {
    " ".join(filter(None, names)): {key: value for each in changes for key, value in each.items()}
    for names, changes in (
        zip(*chosen, strict=True)
        for chosen in itertools.product(
            [("open", {}), ("closed", CLOSED), ("closed holiday", {**CLOSED, "holiday": "Midsommar"})],
            [("", {}), ("without-time", {"promised_at": None})],
            [
                ("", {}),
                ("without-person", {"person": None, "person_phone": None}),
                ("without-phone", {"person_phone": None}),
            ],
            [("", {}), ("without-link", {"call_me_url": None})],
            [
                ("", {}),
                ("short", {"kind": "short"}),
                ("late", {"late": True}),
                ("called", {"call": CALLED}),
                ("called no-time", {"call": OwedCall(None, CALLED.number)}),
                ("called no-number", {"call": OwedCall(None, None)}),
                ("called short", {"kind": "short", "call": CALLED}),
            ],
        )
    )
}
EVERY = [(reader, situation) for reader in READERS for situation in SITUATIONS]


for _name, _situation in SITUATIONS.items():
    if _name.startswith("closed") and _situation.get("call") == CALLED:
        _situation["call"] = CALLED_MONDAY


def facts(reader: str = "en", situation: str = "open", **changed: Any) -> AckFacts:
    return replace(FACTS, **{**READERS[reader], **SITUATIONS[situation], **changed})


def text(reader: str = "en", situation: str = "open", **changed: Any) -> str:
    return render(facts(reader, situation, **changed), TEXTS).text
