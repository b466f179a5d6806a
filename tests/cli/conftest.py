"""A firm with a store, per test."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests.cli.office import Office, built


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """What a command does to logging ends with it."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture
def empty_office(tmp_path: Path) -> Office:
    """Configured, and no database yet."""
    return Office(built(tmp_path / "config"))


@pytest.fixture
def office(empty_office: Office) -> Office:
    """With an empty database at this version's tables."""
    empty_office.done("db", "upgrade")
    return empty_office


@pytest.fixture
def office_anywhere(empty_office: Office, store_url: str) -> Office:
    """On each store in turn."""
    file = empty_office.folder / "commsd.toml"
    file.write_text(re.sub(r'url = "sqlite:[^"]*"', f'url = "{store_url}"', file.read_text()))
    empty_office.done("db", "upgrade")
    return empty_office
