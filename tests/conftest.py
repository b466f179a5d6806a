"""What every test may ask for.

Servers start once per worker process, each on ports of its own; users and databases are fresh per test.
"""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from commsd.store.engine import open_engine
from commsd.store.log import Log
from commsd.store.migrate import upgrade
from tests.neighbours.absent import absent
from tests.neighbours.dovecot import Dovecot, dovecot_running
from tests.neighbours.postfix import Postfix, postfix_running
from tests.neighbours.postgres import Postgres, postgres_running
from tests.world import ScriptedWorld

ROOT = Path(__file__).resolve().parent.parent

# A busy machine is no finding; what fails is printed so that it can be repeated.
settings.register_profile("commsd", deadline=None, print_blob=True)
settings.load_profile("commsd")


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with examples and vectors that are read, never copied: $COMMSD_SHARED, else ../shared."""
    path = Path(os.environ.get("COMMSD_SHARED") or ROOT.parent / "shared")
    if not path.is_dir():
        absent("the shared folder is not there: set COMMSD_SHARED")
    return path.resolve()


@pytest.fixture
def scripted_world() -> ScriptedWorld:
    """Time that stands until the test moves it."""
    return ScriptedWorld()


@pytest.fixture(scope="session")
def _dovecot() -> Iterator[Dovecot]:
    with dovecot_running() as server:
        yield server


@pytest.fixture
def dovecot(_dovecot: Dovecot) -> Dovecot:
    """A real IMAP server, up. Take a fresh user; a test may stop it, the next finds it up again."""
    _dovecot.start()
    return _dovecot


@pytest.fixture(scope="session")
def _postfix(_dovecot: Dovecot) -> Iterator[Postfix]:
    with postfix_running(_dovecot) as server:
        yield server


@pytest.fixture
def postfix(_postfix: Postfix, dovecot: Dovecot) -> Postfix:
    """A real submission server, up, with Dovecot behind it. A test may kill it, the next finds it up again."""
    _postfix.start()
    return _postfix


@pytest.fixture(scope="session")
def _postgres() -> Iterator[Postgres]:
    with postgres_running() as server:
        yield server


@pytest.fixture
def postgres(_postgres: Postgres) -> Postgres:
    """A real PostgreSQL, up. A test may stop it, the next finds it up again."""
    _postgres.start()
    return _postgres


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """A fresh, empty database, as `store.url` has it."""
    name = postgres.create_database()
    yield postgres.url(name)
    postgres.start()
    postgres.drop_database(name)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A file that is not there yet, as `store.url` has it."""
    return f"sqlite:///{tmp_path / 'commsd.db'}"


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest) -> str:
    """Each store in turn: what uses this runs twice and must not notice."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
async def log(store_url: str, scripted_world: ScriptedWorld) -> AsyncIterator[Log]:
    engine = open_engine(store_url)
    await engine.commit(upgrade)
    log = Log(engine, scripted_world.world)
    log.start()
    yield log
    await log.close()
