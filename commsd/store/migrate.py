"""Bringing a database to this version's tables, with Alembic; run at start and by `commsd db upgrade`."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from commsd.errors import ConfigError

_FOLDER = Path(__file__).parent / "migrations"


def upgrade(connection: Connection, to: str = "head") -> None:
    """Apply what is missing up to a revision. Raises ConfigError where the database is newer than this commsd."""
    config = _config()
    current = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        raise ConfigError(
            f"the database is at revision {current}, which this commsd does not know",
            remedy="a newer commsd has upgraded it: install that version, or restore the backup made before",
        )
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def revision(connection: Connection) -> tuple[str | None, str | None]:
    """The revision the database is at, and the newest this commsd knows."""
    script = ScriptDirectory.from_config(_config())
    return MigrationContext.configure(connection).get_current_revision(), script.get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    return config
