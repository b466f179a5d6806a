"""The schemas that editors use say what the readers say: the same keys, the same defaults."""

import json
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from commsd.config import load as reading
from commsd.config.read import Findings, Table
from commsd.config.schema import main_schema
from commsd.sla.rules.schema import rules_schema
from tests.config.folder import NOW, channels, write

MORE = """
[mailbox.third]
address = "third@example.com"
channel = "fax"
senders = [{ subject = "a", header = "X-Fax", field = "b", body = "c" }]
imap = { host = "h", username = "u", auth = AUTH }
smtp = { host = "h", auth = AUTH }
""".replace(
    "AUTH",
    '{ oauth = "google", client_id = "c", client_secret = { env = "S" }, tenant = "common", '
    'refresh_token = { env = "R" }, token_url = "https://x.example" }',
)

RULES = """
[policy.rich]
calendar       = "germany"
ack            = { target = "15m" }
first_response = { target = "4h" }
next_response  = { target = "4h" }
update         = { target = "4h" }
callback       = { target = "4h" }
resolution     = { target = "40h" }
promise        = { warn = "15m" }
[calendar.spare]
tz = "UTC"
hours = "24x7"
holidays = { country = "DE" }
dates = { 2026-12-24 = "closed" }
"""

Key = tuple[str, str]


def rich(folder: Path, root: Path) -> tuple[Table, tuple[Table, ...]]:
    """The root tables of a folder in which every table stands, after they were read."""
    main = (root / "config" / "commsd.toml").read_text("utf-8") + MORE
    rules = (root / "config" / "sla" / "office.toml").read_text("utf-8")
    write(folder, main, {"a.toml": RULES, "office.toml": rules})
    files = reading._Files.read(folder, None, findings := Findings())
    reading._config(files, channels(), NOW)
    assert findings.errors == ()
    assert files.main
    assert files.rules
    return files.main, files.rules


def objects(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The forms of a value that are tables, also those in its list."""
    for form in schema.get("anyOf", [schema]):
        if form.get("type") == "object":
            yield form
        elif form.get("type") == "array":
            yield from objects(form["items"])


def keys(schema: dict[str, Any], path: str = "") -> Iterator[Key]:
    """Every key in a schema with the path of its table; "*" for names of one's own."""
    for form in objects(schema):
        for key, inner in form.get("properties", {}).items():
            yield path, key
            yield from keys(inner, f"{path}.{key}".strip("."))
        if isinstance(form.get("additionalProperties"), dict):
            yield from keys(form["additionalProperties"], f"{path}.*".strip("."))


def asked(roots: Iterable[Table], schema: dict[str, Any]) -> set[Key]:
    """Every key the readers asked for, with its path as `keys` has it."""
    return {
        (path, key)
        for root in roots
        for dotted, key in root.asked()
        if (path := general(dotted, schema)) is not None and not path.endswith("!")
    }


def general(dotted: str, schema: dict[str, Any]) -> str | None:
    """The path with "*" for names; "!" at its end where the schema lets any name stand as a key."""
    found: list[str] = []
    forms = list(objects(schema))
    for part in dotted.split(".") if dotted else ():
        name = part.partition(" ")[0]
        inner = [form["properties"][name] for form in forms if name in form.get("properties", {})]
        if not inner:
            name, inner = "*", [each for form in forms if isinstance(each := form.get("additionalProperties"), dict)]
        found.append(name)
        forms = [form for each in inner for form in objects(each)]
        if not forms:
            return None
    closed = any(form.get("additionalProperties") is False and "properties" in form for form in forms)
    return ".".join(found) + ("" if closed else "!")


def test_every_key_of_the_readers_is_in_the_schema_and_the_other_way_round(tmp_path: Path, root: Path) -> None:
    main, rules = rich(tmp_path, root)
    secret = {"credential", "file", "env"}  # read together
    assert asked([main], main_schema()) == {each for each in keys(main_schema()) if each[1] not in secret}
    assert asked(rules, rules_schema()) == set(keys(rules_schema()))


def validator(which: str) -> Draft202012Validator:
    schema = {"commsd": main_schema, "sla": rules_schema}[which]()
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def mistakes(which: str, text: str) -> list[str]:
    contents = json.loads(json.dumps(tomllib.loads(text), default=str))
    return [error.json_path for error in validator(which).iter_errors(contents)]


def test_the_example_is_as_the_schemas_say(root: Path) -> None:
    assert mistakes("commsd", (root / "config" / "commsd.toml").read_text("utf-8") + MORE) == []
    assert mistakes("sla", (root / "config" / "sla" / "office.toml").read_text("utf-8") + RULES) == []


def test_what_the_interface_shows_is_as_the_schemas_say(shared: Path) -> None:
    text = (shared / "requirements" / "sla.md").read_text("utf-8").split("```toml\n")[1].split("```")[0]
    assert mistakes("sla", text) == []
    smallest = (shared / "interface.md").read_text("utf-8").split("```toml\n")[1].split("```")[0]
    assert mistakes("commsd", smallest) == []


SMALL = '[service]\nname = "x"\ntimezone = "UTC"\n'
WRONG = [
    ("sla", '[calendar.x]\ntz = "UTC"\nhours = "24x7"\nholiday = "DE"', "$.calendar.x"),
    ("sla", '[calendar.x]\ntz = "UTC"\nhours = { monday = ["09:00-17:00"] }', "$.calendar.x.hours"),
    ("sla", '[calendar.x]\ntz = "UTC"\nhours = { mon = ["9-17"] }', "$.calendar.x.hours"),
    ("sla", '[policy.x]\nack = "2d"', "$.policy.x.ack"),
    ("sla", "[policy.x]\nack = 15", "$.policy.x.ack"),
    ("sla", '[policy.x]\ncallback = { target = "2h", max_attempts = 3 }', "$.policy.x.callback"),
    ("sla", '[policy.x]\npromise = "2h"', "$.policy.x.promise"),
    ("sla", '[policy.x]\nack = { target = "2h", objective = "95" }', "$.policy.x.ack"),
    ("sla", '[[rule]]\npolicy = "x"\nmatch = { chanel = "fax" }', "$.rule[0].match"),
    ("sla", '[[rule]]\npolicy = "x"\nmatch = { channel = "mail" }', "$.rule[0].match.channel"),
    ("sla", '[[rule]]\nmatch = { tier = "gold" }', "$.rule[0]"),
    ("sla", '[ladder.x]\nsteps = [{ at = "soon", tell = ["owner"] }]', "$.ladder.x.steps[0].at"),
    ("sla", '[change]\napplies = "new"', "$"),
    ("commsd", SMALL + 'language = "en"\n[store]\nurl = "x"', "$.service"),
    ("commsd", SMALL + '[store]\nurl = "x"\n[cases]\nauto_close = 7', "$.cases.auto_close"),
    ("commsd", SMALL, "$"),
]  # fmt: skip


@pytest.mark.parametrize(("which", "text", "where"), WRONG)
def test_a_mistake_is_seen_in_the_editor(which: str, text: str, where: str) -> None:
    assert mistakes(which, text) == [where]


def defaults(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for form in objects(schema):
        for key, inner in form.get("properties", {}).items():
            if "default" in inner:
                yield f"{path}.{key}".strip("."), inner["default"]
            if inner.get("type") == "object" or "anyOf" in inner:
                yield from defaults(inner, f"{path}.{key}".strip("."))
        if isinstance(form.get("additionalProperties"), dict):
            yield from defaults(form["additionalProperties"], f"{path}.x".strip("."))


def test_the_defaults_of_the_schema_are_those_of_the_readers(tmp_path: Path) -> None:
    told = dict(defaults(main_schema()))
    assert len(told) > 30
    contents: dict[str, Any] = {}
    needed = {
        "service.name": "x", "service.timezone": "UTC", "store.url": "sqlite:////tmp/x.db",
        "route.x.mail": ["x@example.com"],
        "mailbox.x.address": "x@example.com", "mailbox.x.imap.host": "h", "mailbox.x.imap.username": "u",
        "mailbox.x.imap.password": {"env": "PASSWORD"}, "mailbox.x.smtp.host": "h", "line.l.number": "+493023125010",
        "twilio.account_sid": "AC1", "twilio.auth_tokens": [{"env": "TOKEN"}], "twilio.public_url": "https://x.example",
    }  # fmt: skip
    for dotted, value in {**needed, **told}.items():
        *path, key = dotted.replace("line.x", "line.l").replace("team.x", "team.t").split(".")
        within = contents
        for part in path:
            within = within.setdefault(part, {})
        within[key] = value
    write(tmp_path, "".join(f"{key} = {_toml(value)}\n" for key, value in contents.items()))
    files = reading._Files.read(tmp_path, None, findings := Findings())
    reading._config(files, channels(), NOW)
    assert findings.errors == ()
    assert files.main
    assert {key for key, _ in files.main.departures()} == {*needed}


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + "}"
    return "[" + ", ".join(map(_toml, value)) + "]" if isinstance(value, list) else json.dumps(value)
