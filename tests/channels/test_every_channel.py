"""What every channel in the registry keeps to; a new one is tested by being there."""

import ast
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.routing import Route

from commsd.channels.channel import Channel, Means
from commsd.channels.registry import CHANNELS
from commsd.config.load import load
from commsd.sla.rules.in_force import Rules
from commsd.store.claims import Claims
from commsd.store.journal import Journal
from commsd.store.log import Log
from commsd.telemetry import Metrics
from commsd.web.pulse import Pulse
from tests.world import ScriptedWorld

ROOT = Path(__file__).parents[2]
SMALLEST = """
[service]
name = "Example Ltd"
timezone = "Europe/Berlin"
hours = "mon-fri 09:00-17:00"
[store]
url = "sqlite:////tmp/unused/commsd.db"
"""


@pytest.fixture(params=CHANNELS, ids=lambda channel: channel.name)
def channel(request: pytest.FixtureRequest) -> Channel:
    found: Channel = request.param
    return found


@pytest.fixture
def means(log: Log, scripted_world: ScriptedWorld, tmp_path: Path) -> Means:
    (tmp_path / "commsd.toml").write_text(SMALLEST)
    world = scripted_world.world
    return Means(
        folder=tmp_path,
        firm=load(tmp_path).firm,
        rules=Rules(log, timedelta(days=7)),
        log=log,
        claims=Claims(log, world, "node"),
        journal=Journal(log),
        world=world,
        pulse=Pulse(Metrics(), world),
        key=b"k" * 32,
    )


def test_names_and_tables_are_nobody_elses() -> None:
    names: Sequence[str] = [channel.name for channel in CHANNELS]
    tables = [table for channel in CHANNELS for table in channel.tables]
    assert len(set(names)) == len(names)
    assert len(set(tables)) == len(tables)


def test_a_channel_lives_in_a_folder_of_its_name_and_knows_no_other(channel: Channel) -> None:
    folder = ROOT / "commsd" / "channels" / channel.name
    others = {f"commsd.channels.{other.name}" for other in CHANNELS if other.name != channel.name}
    imported = {
        node.module
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module
    }
    assert [name for name in imported for other in others if name.startswith(other)] == []


def test_a_channel_nobody_configured_does_nothing(channel: Channel, means: Means) -> None:
    settings = load(means.folder).settings[channel.name]
    assert list(channel.duties(settings, means)) == []
    assert list(channel.routes(settings, means)) == []


def test_the_example_config_serves_each_route_once(channel: Channel, means: Means) -> None:
    example = load(ROOT / "config").settings[channel.name]
    routes = channel.routes(example, means)
    served = [(route.path, tuple(sorted(route.methods or ()))) for route in routes if isinstance(route, Route)]
    assert len(served) == len(routes)
    assert len(set(served)) == len(served)
    assert all(path.startswith("/") for path, _ in served)
