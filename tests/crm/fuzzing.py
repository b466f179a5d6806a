"""schemathesis against a served API, over its socket: all checks, limits of each field, random requests."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from commsd.crm.api import openapi


class Finding(NamedTuple):
    """What a check says of one route, and the request that shows it."""

    route: str
    said: str
    request: str

    def __str__(self) -> str:
        return f"{self.route}: {self.said}\n    {self.request}"


def findings(url: str, key: str, *, examples: int, seed: int, limits: bool = True) -> tuple[list[Finding], int]:
    """What is answered otherwise than described, and how many requests were made.

    examples: random ones of each route. limits: also each field at and beyond its limits, some hundred requests more.
    """
    config = SchemathesisConfig.from_dict(_config(examples, seed, limits))
    schema = schemathesis.openapi.from_dict(openapi(), config=config)
    schema.config.base_url = url
    schema.config.headers = {"Authorization": key}
    found: dict[tuple[str, str], Finding] = {}
    asked = 0
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            asked += len(event.recorder.interactions)
            for each in _failures(event):
                found.setdefault(each[:2], each)
        if isinstance(event, events.NonFatalError | events.FatalError):
            said = str(getattr(getattr(event, "info", event), "message", event))
            found["error", said] = Finding("error", said, str(getattr(event, "label", "")))
    return list(found.values()), asked


def _config(examples: int, seed: int, limits: bool) -> dict[str, Any]:
    return {
        "seed": seed,
        "phases": {"coverage": {"enabled": limits}},
        "generation": {"max-examples": examples, "database": "none"},
        "checks": {
            # What a field may hold is not all: whether a cursor is ours, or a case still open, no schema can say.
            "positive_data_acceptance": {"expected-statuses": ["2xx", "400", "401", "403", "404", "409", "410", "422"]},
        },
    }


def _failures(event: events.ScenarioFinished) -> Iterator[Finding]:
    for case_id, checks in event.recorder.checks.items():
        for check in checks:
            if check.failure_info is None:
                continue
            case = event.recorder.cases[case_id].value
            failure = check.failure_info.failure
            said = f"{check.name}: {failure.title}: {' '.join(failure.message.split())[:300]}"
            yield Finding(case.operation.label, said, case.as_curl_command()[:600])
