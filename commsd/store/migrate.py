"""Bringing a database to this version's tables, with Alembic; run at start and by `commsd db upgrade`.

Alembic, 7 MB and a quarter of a second, is imported only where something is missing; which revisions there are say the
names of their files.
"""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from commsd.errors import ConfigError

_FOLDER = Path(__file__).parent / "migrations"
_TABLE = "alembic_version"

DEADLINE = 6 * 3600.0
"""Seconds for an upgrade: a new index over years of interactions takes longer than any other commit may."""


def upgrade(connection: Connection, to: str = "head") -> None:
    """Apply what is missing up to a revision. Raises ConfigError where the database is newer than this commsd."""
    current, known = _current(connection), _known()
    if current is not None and current not in known:
        raise ConfigError(
            f"the database is at revision {current}, which this commsd does not know",
            remedy="a newer commsd has upgraded it: install that version, or restore the backup made before",
        )
    if current != (known[-1] if to == "head" else to):
        _migrate(connection, to)


def revision(connection: Connection) -> tuple[str | None, str]:
    """The revision the database is at, and the newest this commsd knows."""
    return _current(connection), _known()[-1]


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {_TABLE}")).scalar_one_or_none()


def _known() -> list[str]:
    """Oldest first; `v0003_the_mail.py` is revision 0003."""
    return sorted(path.name[1:5] for path in (_FOLDER / "versions").glob("v*.py"))


def _migrate(connection: Connection, to: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["connection"] = connection
    command.upgrade(config, to)
