"""The schemas that ship with the program say what its events are, and go on saying it of those of yesterday."""

import ast
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from openapi_spec_validator import validate

from commsd.crm.api import OPERATIONS, openapi
from commsd.crm.schema.answer import ANSWERS
from commsd.crm.schema.catalogue import event_types, schemas
from commsd.crm.schema.example import event_examples, record_example
from commsd.crm.schema.shipped import names, text_of
from commsd.crm.schema.words import EVENTS
from commsd.crm.webhook.thin import thin as posted_thin
from tests.crm.golden.renew import EXAMPLES, RELEASED, written
from tests.crm.schema_difference import breaks
from tests.crm.serving import Place, rang, wrote

PACKAGE = Path(__file__).parents[2] / "commsd"
RENEW = "run `python -m tests.crm.golden.renew` and look at what it changed"
ASKED = frozenset({"erased", "merged", "split", "updated", "created"})


def judged(event: dict[str, Any], *, thin: bool = False) -> None:
    """Raises where the event is not as its shipped schema and the CloudEvents SDK want it.

    thin: of its record it has ids, kinds and times alone, each as the schema says.
    """
    schema = orjson.loads(text_of(event["type"]))
    if thin:
        schema["properties"]["data"]["required"] = ["id"]
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(event)
    read = JSONFormat().read(CloudEvent, orjson.dumps(event))
    assert read.get_extension("sequence") == event["sequence"]


def test_evt3_the_files_in_the_wheel_are_what_the_records_are() -> None:
    assert set(names()) == set(schemas()), RENEW
    for name, schema in schemas().items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert text_of(name) == written(schema), f"{name}: {RENEW}"


@pytest.mark.parametrize("name", sorted(file.stem for file in RELEASED.glob("*.json")))
def test_evt3_a_schema_only_grows_against_the_last_release(name: str) -> None:
    before = orjson.loads((RELEASED / f"{name}.json").read_bytes())
    assert breaks(before, orjson.loads(text_of(name))) == []


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.json")), ids=lambda file: file.stem)
def test_evt3_an_event_of_every_past_version_still_fits_its_schema(file: Path) -> None:
    for event in orjson.loads(file.read_bytes()):
        judged(event)


def test_evt3_every_type_has_a_schema_an_example_and_a_golden_event() -> None:
    assert set(event_types()) == set(event_examples()) == {file.stem for file in EXAMPLES.glob("*.json")}, RENEW
    assert set(event_types()) <= set(names())


@pytest.mark.parametrize("name", event_types())
def test_evt1_the_sdk_and_the_schema_accept_an_event_of_each_type(name: str) -> None:
    for event in event_examples()[name]:
        judged(event)


@pytest.mark.parametrize("name", event_types())
def test_whk4_a_thin_post_of_each_type_has_nothing_that_its_schema_does_not_say(name: str) -> None:
    for event in event_examples()[name]:
        told = orjson.loads(posted_thin(orjson.dumps(event).decode()))
        judged(told, thin=True)
        assert told["data"].keys() <= event["data"].keys()
        assert told["data"]["id"] == event["data"]["id"]


@pytest.mark.parametrize("name", event_types())
def test_evt3_what_is_rendered_today_has_every_field_of_its_golden_event(name: str) -> None:
    for golden, today in zip(
        orjson.loads((EXAMPLES / f"{name}.json").read_bytes()), event_examples()[name], strict=True
    ):
        assert golden.keys() <= today.keys()
        assert golden["data"].keys() <= today["data"].keys()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s["properties"].pop("subject"), "/properties/subject is gone"),
        (lambda s: s["properties"]["subject"].update(type="integer"), "/properties/subject/type"),
        (lambda s: s["required"].append("subject"), "/required"),
        (lambda s: s["properties"]["subject"].update(enum=["a"]), "/properties/subject/enum"),
        (lambda s: s["properties"]["subject"].update(pattern="^a"), "/properties/subject/pattern"),
        (lambda s: s.update(additionalProperties=False), "/additionalProperties"),
    ],
)
def test_evt3_the_gate_sees_what_would_break_a_consumer(change: Any, said: str) -> None:
    before = {"type": "object", "properties": {"id": {"type": "string"}, "subject": {"type": "string"}}}
    before["required"] = ["id"]
    after = orjson.loads(orjson.dumps(before))
    after["properties"]["new"] = {"type": "string"}
    assert breaks(before, after) == []
    change(after)
    (found,) = breaks(before, after)
    assert said in found


def test_evt3_enumerations_of_answers_are_open() -> None:
    for name, schema in schemas().items():
        assert b'"enum"' not in orjson.dumps(schema), name
        assert b'"additionalProperties":false' not in orjson.dumps(schema), name


def test_evt2_whatever_the_code_tells_the_feed_is_a_type_that_is_described() -> None:
    known = {f"{thing}.{word}" for thing, words in EVENTS.items() for word in words}
    told = {name for file in PACKAGE.rglob("*.py") for name in _literal_events(file)}
    assert told
    assert told <= known


def _literal_events(file: Path) -> set[str]:
    calls = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
    made = [call.args[0] for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Event" and call.args]
    return {each.value for each in made if isinstance(each, ast.Constant) and isinstance(each.value, str)}


async def test_evt1_what_comes_over_the_wire_fits_the_served_schema(here: Place) -> None:
    await wrote(here)
    await rang(here)
    await here.numbered()
    for scopes in (("events:read",), ("events:read", "events:read:pii")):
        async with await here.client(*scopes) as crm:
            data = (await crm.get("/v1/events")).json()["data"]
            assert len(data) > 5
            for event in data:
                judged(event)
                named = event.get("dataschema", f"urn:commsd:schema:{event['type']}")
                served = await crm.get(f"/v1/schemas/{named.removeprefix('urn:commsd:schema:')}")
                assert served.json()["$id"] == named
                assert served.content == text_of(event["type"])


async def test_evt3_the_schemas_are_listed_and_a_name_that_is_none_is_not_found(here: Place) -> None:
    async with await here.client("events:read") as crm:
        listed = (await crm.get("/v1/schemas")).json()["data"]
        for each in listed[:3]:
            answer = await crm.get(each["url"])
            assert answer.headers["content-type"] == "application/schema+json", answer.text
        for name in ("nothing", "..%2f__init__.py", "interaction.v1.json"):
            assert (await crm.get(f"/v1/schemas/{name}")).status_code == 404
    assert [each["name"] for each in listed] == list(names())


def test_the_description_is_valid_openapi_with_a_real_answer_for_every_route() -> None:
    described = openapi()
    validate(described)
    assert {f"{each.method} {each.path}" for each in OPERATIONS} <= set(ANSWERS)
    for path, item in described["paths"].items():
        for method, operation in item.items():
            assert operation["description"].startswith("Scope: "), (method, path)
            for response in operation["responses"].values():
                for content in response.get("content", {}).values():
                    assert content["schema"], (method, path)


@pytest.mark.parametrize("thing", EVENTS)
def test_an_example_of_the_description_fits_its_own_schema(thing: str) -> None:
    components = {"components": openapi()["components"]}
    schema = {**components, "$ref": f"#/components/schemas/{thing}"}
    jsonschema.Draft202012Validator(schema).validate(record_example(thing))
