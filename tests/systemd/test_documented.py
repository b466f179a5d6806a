"""Every event of the log and every metric stands in systemd/README.md, and nothing stands there that is gone."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
METRICS = {"Counter", "Gauge", "Histogram", "Summary", "Info", "Enum"}


@pytest.fixture(scope="module")
def calls(root: Path) -> list[ast.Call]:
    trees = (ast.parse(path.read_text()) for path in (root / "commsd").rglob("*.py"))
    return [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]


def listed(root: Path, title: str) -> set[str]:
    """The first column of the table under this title."""
    chapter = (root / "systemd" / "README.md").read_text().split(f"\n## {title}\n")[1].split("\n## ")[0]
    return set(re.findall(r"^\| `([a-z_.]+)", chapter, re.MULTILINE))


def first_words(calls: list[ast.Call]) -> Iterator[str]:
    for call in calls:
        if call.args and isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str):
            yield call.args[0].value


def events(calls: list[ast.Call]) -> set[str]:
    """What `log.info("ack.sent", ...)` and its like are given, also after a `bind`."""
    return set(first_words([call for call in calls if _logs(call.func)]))


def metrics(calls: list[ast.Call]) -> set[str]:
    """What a Counter, Gauge or Histogram of ours is called."""
    made = [call for call in calls if ast.unparse(call.func).rpartition(".")[2] in METRICS]
    return {word for word in first_words(made) if word.startswith("commsd_")}


def _logs(function: ast.expr) -> bool:
    if not isinstance(function, ast.Attribute) or function.attr not in LEVELS:
        return False
    speaker = ast.unparse(function.value).partition("(")[0]
    return re.search(r"(^|[._])(log|logger)($|\.)", speaker) is not None


def test_every_event_is_a_noun_and_what_became_of_it(calls: list[ast.Call]) -> None:
    assert [word for word in events(calls) if not re.fullmatch(r"[a-z_]+\.[a-z_]+", word)] == []


def test_the_events_of_the_log_are_the_listed_ones(root: Path, calls: list[ast.Call]) -> None:
    assert events(calls) == listed(root, "Logs")


def test_the_metrics_are_the_listed_ones(root: Path, calls: list[ast.Call]) -> None:
    assert metrics(calls) == listed(root, "Metrics")
