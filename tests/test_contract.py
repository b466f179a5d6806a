"""Who may import whom, what stays pure, and which room a vendor's library lives in; stops where ruff's bans begin.

The floors themselves stand in pyproject.toml, for import-linter. Here is what it cannot say.
"""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "commsd"

# Every file of core/ is pure, and these besides. A name that is not there yet is allowed.
PURE = (
    "cli/why_silent.py",
    "errors.py",
    *(f"config/{name}.py" for name in ("read", "position", "unit")),
    "channels/mail/sasl.py",
    "config/schema.py",
    *(f"sla/rules/{name}.py" for name in ("reach", "schema", "shift", "wished_hours")),
    *(f"egress/{name}.py" for name in ("answer", "target")),
    *(f"crm/webhook/{name}.py" for name in ("keeping", "notice", "retry", "signing", "thin")),
    *(
        f"sla/notice/{name}.py"
        for name in ("carriage", "instead", "morning", "notice", "offer", "post", "recipient", "summons", "telling")
    ),
    "sla/notice/alarm.py",
    *(f"sla/notice/{name}.py" for name in ("call_matter", "call_notice", "call_words", "house_notice")),
    *(f"sla/report/{name}.py" for name in ("chart", "page", "record", "report", "style", "text", "week", "wording")),
    *(
        f"sla/trial/{name}.py"
        for name in ("deviation", "happened", "instant", "rules", "sheet", "trial", "versions", "wanted")
    ),
    *(f"sla/whatif/{name}.py" for name in ("blocks", "gist", "page", "text")),
    *(f"crm/{name}.py" for name in ("csv_form", "pseudonym")),
    *(f"crm/schema/{name}.py" for name in ("answer", "catalogue", "example", "shape", "words")),
    *(f"crm/{name}.py" for name in ("actions", "call_actions", "event", "event_pattern", "link_action")),
    *(f"crm/{name}.py" for name in ("card", "contact_actions", "contact_csv", "contact_merge", "contact_set", "vcard")),
    *(f"crm/{name}.py" for name in ("export_words", "organisation_home", "organisation_set", "read_contact")),
    *(
        f"channels/mail/{name}.py"
        for name in (
            "account",
            "ack",
            "address",
            "alert",
            "answer",
            "arrival",
            "asked_call",
            "authentication",
            "beat",
            "bounce",
            "brake",
            "call_number",
            "call_phrases",
            "call_request",
            "call_time",
            "call_wish",
            "dates",
            "desk",
            "done_folder",
            "echo",
            "first_to",
            "folder",
            "forwarded",
            "gateways",
            "greeting",
            "html_part",
            "intake",
            "language",
            "letter",
            "log_mailbox",
            "mail_interaction",
            "message",
            "mime",
            "notice",
            "order",
            "outcome",
            "outgoing",
            "overheard",
            "owed_ack",
            "paper",
            "paper_notice",
            "phrases",
            "posted",
            "printed",
            "reading",
            "recipients",
            "region",
            "reply",
            "report",
            "same_mail",
            "sender_pattern",
            "sent_names",
            "signs",
            "settle",
            "suppression",
            "tone",
            "wire",
        )
    ),
    *(f"channels/phone/{name}.py" for name in ("line_check", "rounds", "scene", "seen", "speech", "step", "voice")),
    *(f"channels/phone/{name}.py" for name in ("line", "call", "twiml", "signature", "prompt_lint")),
    *(f"channels/phone/{name}.py" for name in ("dialling_check", "number_setup", "swept")),
    *(f"channels/phone/{name}.py" for name in ("message", "message_words", "message_texts", "sms_ack")),
    *(f"channels/phone/{name}.py" for name in ("text_owed", "text_settle")),
    *(
        f"channels/phone/dial/{name}.py"
        for name in ("attempt", "brakes", "call_order", "line_state", "moves", "placed")
    ),
    *(f"channels/phone/dial/{name}.py" for name in ("plan", "scene", "settle", "step", "twiml", "wording")),
)

# What a pure file may not reach, not even through another file of ours.
IMPURE = {
    "commsd.world", "commsd.duty", "commsd.telemetry", "commsd.store",
    "aiohttp", "aioimaplib", "aiosmtplib", "alembic", "asyncio", "asyncpg", "httpx", "logging", "random", "requests",
    "secrets", "select", "smtplib", "socket", "sqlalchemy", "sqlite3", "ssl", "starlette", "structlog", "subprocess",
    "threading", "time", "urllib3", "uuid", "uuid_utils", "uvicorn", "uvloop",
}  # fmt: skip

# library -> the one file that knows it
ROOMS = {
    "aioimaplib": "channels/mail/imap.py",
    "aiosmtplib": "channels/mail/submission",
    "twilio.rest": "channels/phone/rest.py",
    "pymap": "demo/",
    "yaml": "sla/trial/sheet.py",
}


def files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def pure_files() -> list[Path]:
    core = [path for path in (PACKAGE / "core").glob("**/*.py") if path.name != "__init__.py"]
    return sorted(core) + [PACKAGE / name for name in PURE if (PACKAGE / name).exists()]


def named(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("commsd", include_external_packages=True, cache_dir=None)


def imports(path: Path) -> Iterator[str]:
    """Every dotted name that the file imports, also inside functions and under TYPE_CHECKING."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def test_each_floor_imports_only_what_lies_below_it() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--no-logo", "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_module_stands_on_a_floor() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["id"] == "floors")
    floors = [name.strip(" ()") for layer in layers for name in layer.replace(":", "|").split("|")]
    bare = {"commsd", "commsd.config", "commsd.channels"}  # folders that only hold floors
    astray = [
        module(path)
        for path in files()
        if module(path) not in bare and not any(within(module(path), f) for f in floors)
    ]
    assert astray == [], "say in pyproject.toml which floor they stand on"


@pytest.mark.parametrize("name", ["config/__init__.py", "channels/__init__.py"])
def test_a_folder_that_spans_floors_imports_nothing(name: str) -> None:
    assert list(imports(PACKAGE / name)) == []


@pytest.mark.parametrize("path", pure_files(), ids=named)
def test_a_pure_file_reaches_nothing_that_waits_stores_or_asks_the_time(path: Path) -> None:
    reached = graph().find_upstream_modules(module(path))
    assert {name for name in reached if any(within(name, impure) for impure in IMPURE)} == set()


@pytest.mark.parametrize("path", pure_files(), ids=named)
def test_a_pure_file_neither_awaits_nor_opens_files(path: Path) -> None:
    assert [ast.unparse(node) for node in ast.walk(tree(path)) if _waits(node) or _opens_or_prints(node)] == []


def _waits(node: ast.AST) -> bool:
    return isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith)


def _opens_or_prints(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"open", "print", "input"}


@pytest.mark.parametrize(("library", "room"), ROOMS.items())
def test_a_vendors_library_is_known_in_one_room_only(library: str, room: str) -> None:
    strangers = [
        named(path)
        for path in files()
        if not named(path).startswith(room) and any(within(name, library) for name in imports(path))
    ]
    assert strangers == []


@pytest.mark.parametrize(
    "line",
    [
        "from datetime import datetime\n\nx = datetime.now()",
        "import time\n\nx = time.time()",
        "import uuid\n\nx = uuid.uuid4()",
        "import uuid_utils\n\nx = uuid_utils.uuid7()",
        "import random\n\nx = random.random()",
        "import asyncio\n\nx = asyncio.sleep(1)",
        "from asyncio import sleep\n\nx = sleep(1)",
    ],
)
@pytest.mark.parametrize("name", ["commsd/core/clock.py", "commsd/daemon.py", "commsd/demo/people.py"])
def test_clocks_ids_chance_and_sleep_are_banned_outside_world(line: str, name: str) -> None:
    assert "TID251" in _ruff(line, name)


def test_the_world_itself_may_use_them() -> None:
    assert "TID251" not in _ruff("import random\n\nx = random.random()", "commsd/world.py")


@pytest.mark.parametrize("name", ["tests/core/test_clock.py", "tests/test_daemon.py"])
def test_tests_do_not_sleep(name: str) -> None:
    assert "TID251" in _ruff("import time\n\ntime.sleep(1)", name)


@pytest.mark.parametrize(
    "path", [*files(), *sorted((ROOT / "tests").rglob("*.py"))], ids=lambda p: str(p.relative_to(ROOT))
)
def test_nobody_silences_the_checks(path: Path) -> None:
    """A ban that a comment lifts is none."""
    lifted = ("noqa: " + "TID251", "ruff: " + "noqa", "type: " + "ignore")
    text = path.read_text()
    assert [words for words in lifted if words in text] == []


def test_no_file_is_named_for_nothing() -> None:
    empty_words = {"utils", "helpers", "common", "base", "manager", "service", "misc", "types"}
    assert [named(path) for path in files() if path.stem in empty_words] == []


def test_the_list_of_pure_files_names_no_folder_that_is_gone() -> None:
    assert [name for name in PURE if not (PACKAGE / name).parent.is_dir()] == []


def _ruff(text: str, name: str) -> str:
    ruff = Path(sys.executable).with_name("ruff")
    command = [str(ruff), "check", "--no-cache", "--output-format=concise", "--stdin-filename", str(ROOT / name), "-"]
    done = subprocess.run(command, input=text, cwd=ROOT, capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr
