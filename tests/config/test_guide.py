"""The tuning guide is true: its settings are accepted, its commands run in their order and print what it shows."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from commsd.config.load import render
from tests.bench import history
from tests.config.folder import MAILBOX, MINIMUM, look, write

CASES = 60


class Block(NamedTuple):
    """A fenced block of the guide. file: named in its first line, if it belongs into one."""

    language: str
    text: str
    file: str | None


@pytest.fixture(scope="module")
def blocks(root: Path) -> list[Block]:
    guide = (root / "config" / "README.md").read_text("utf-8")
    found = re.findall(r"^```(\w+)\n(.*?)^```", guide, re.DOTALL | re.MULTILINE)
    return [Block(language, text, _file(text)) for language, text in found]


def _file(text: str) -> str | None:
    named = re.match(r"# (?:in )?(\S+\.\w+)\n", text)
    return named[1] if named else None


def test_the_settings_the_guide_shows_are_accepted(tmp_path: Path, blocks: list[Block]) -> None:
    shown = [block.text for block in blocks if block.language == "toml" and not block.file]
    service = [text.removeprefix("[service]\n") for text in shown if text.startswith("[service]")]
    route = [text for text in shown if text.startswith("[route.")]
    alarms = [text for text in shown if text.startswith("[alarms]")]
    boxes = [text for text in shown if text.startswith("[mailbox.")]
    phone = [text for text in shown if text.startswith(("[twilio]", "[dialling]"))]
    posts = [text for text in shown if text.startswith("[webhooks]")]
    others = ("[service]", "[route.", "[alarms]", "[mailbox.", "[twilio]", "[dialling]", "[webhooks]")
    rules = "".join(text for text in shown if not text.startswith(others))
    assert (len(service), len(route), rules.count("[[rule]]")) == (2, 1, 2)
    main = MINIMUM.replace('hours = "mon-fri 09:00-17:00"\n', "".join(service)) + "".join(
        route + alarms + boxes + phone + posts
    )
    claims = MAILBOX.replace("mailbox.support", "mailbox.claims").replace("support@", "claims@")
    rest = '[policy.standard]\ncalendar = "shop"\nfirst_response = "4h"\n' + rules + '[[rule]]\npolicy = "standard"\n'
    for name, files in (("hours", None), ("rules", {"shop.toml": rest})):
        config, findings = look(write(tmp_path / name, main + MAILBOX + claims, files))
        assert config is not None, render(findings)


@pytest.mark.end_to_end
def test_what_the_guide_types_works_in_its_order(tmp_path: Path, blocks: list[Block]) -> None:
    url = f"sqlite:///{tmp_path / 'history.db'}"
    config = history.folder(tmp_path, url)
    history.make(config, url, CASES)
    typed = 0
    for block in blocks:
        if block.language == "console":
            typed += _typed(block.text, tmp_path, config)
        elif block.file:
            _put(tmp_path / block.file, block)
    assert typed == 16


def _put(file: Path, block: Block) -> None:
    """The block as a file of its own, or its keys in place of those of the same table."""
    lines = block.text.splitlines(keepends=True)[1:]
    if not lines[0].startswith("["):
        file.write_text(block.text, "utf-8")
        return
    table, changed = lines[0], {line.split("=")[0].strip(): line for line in lines[1:]}
    before, _, after = file.read_text("utf-8").partition(table)
    body, bracket, rest = after.partition("\n[")
    kept = [changed.pop(line.split("=")[0].strip(), line) for line in body.splitlines(keepends=True)]
    assert not changed, "the guide changes a key the file does not have"
    file.write_text(before + table + "".join(kept) + bracket + rest, "utf-8")


def _typed(text: str, place: Path, config: Path) -> int:
    """Runs each line after a "$ "; the lines below it must be what it prints, "…" standing for any."""
    commands = [part.partition("\n") for part in re.split(r"^\$ ", text, flags=re.MULTILINE) if part]
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COMMSD_CONFIG": str(config)}
    for line, _, shown in commands:
        ran = subprocess.run(
            ["bash", "-c", line], cwd=place, env=env, capture_output=True, text=True, timeout=240, check=False
        )
        assert ran.returncode == 0, f"{line}\n{ran.stdout}{ran.stderr}"
        pattern = "".join(".*" if part == "…\n" else re.escape(part) for part in shown.splitlines(keepends=True))
        assert re.fullmatch(pattern, ran.stdout, re.DOTALL), f"{line}\n{ran.stdout}"
    return len(commands)
