"""Where a secret is kept, and reading it when it is needed. The config names the place, never the value.

`{ credential = "name" }` is $CREDENTIALS_DIRECTORY/name (systemd's LoadCredential), else DIR/credentials/name with
mode 0600; `{ file = "…" }` and `{ env = "…" }` are what they say.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from os.path import exists, expanduser, join
from pathlib import Path
from typing import Literal

from commsd.errors import ConfigError

Kind = Literal["credential", "file", "env"]
KINDS: tuple[Kind, ...] = ("credential", "file", "env")


class Secret:
    """A value that does not show itself when printed, logged or compared in a failing test."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself. Hand it to the one call that needs it and to nothing else."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)


class SecretMissing(ConfigError):
    """There is no such credential, file or variable here. `commsd check` only warns of it."""


@dataclass(frozen=True, slots=True)
class SecretSource:
    """The place of a secret. folder: the config's, from which relative paths count."""

    kind: Kind
    name: str
    folder: Path = field(default=Path(), compare=False)

    def __str__(self) -> str:
        return f'{{ {self.kind} = "{self.name}" }}'

    def read(self, env: Mapping[str, str] | None = None) -> Secret:
        """The secret as it is now, so that a rotated one is seen. Raises ConfigError. env: os.environ by default."""
        return resolve(self, self.folder, os.environ if env is None else env)


def resolve(source: SecretSource, folder: Path, env: Mapping[str, str]) -> Secret:
    """The secret, without its trailing newline. Raises SecretMissing, or ConfigError where it may not be used."""
    if source.kind == "env":
        if source.name not in env:
            raise SecretMissing(f"{source}: the variable is not set", remedy=f"set {source.name} for this process")
        return _usable(source, env[source.name])
    path, ours = _path(source, folder, env)
    try:
        with open(path, "rb", buffering=0) as kept:
            mode = os.fstat(kept.fileno()).st_mode
            text = kept.read().decode("utf-8")
    except FileNotFoundError:
        raise SecretMissing(
            f"{source}: there is no file {path}", remedy=f"put the secret into {path}, mode 0600"
        ) from None
    except UnicodeDecodeError:
        raise ConfigError(f"{source}: {path} is not UTF-8 text", remedy="store the secret as plain text") from None
    except OSError as error:
        raise ConfigError(
            f"{source}: {path} cannot be read: {error.strerror}", remedy="give this user the right to read it"
        ) from None
    if ours and mode & 0o177:
        raise ConfigError(
            f"{source}: {path} has mode {mode & 0o777:04o}, so others may read it", remedy=f"chmod 0600 {path}"
        )
    return _usable(source, text)


def _path(source: SecretSource, folder: Path, env: Mapping[str, str]) -> tuple[str, bool]:
    """The file, and whether it is one of ours, whose mode we answer for; systemd answers for what it hands over.

    os.path: webhooks ask for each of them, and Path would take more time than to read the file.
    """
    if source.kind == "file":
        return join(folder, expanduser(source.name)), False
    handed = env.get("CREDENTIALS_DIRECTORY")
    if handed and exists(join(handed, source.name)):
        return join(handed, source.name), False
    return join(folder, "credentials", source.name), True


def _usable(source: SecretSource, text: str) -> Secret:
    value = text.removesuffix("\n").removesuffix("\r")
    if not value:
        raise ConfigError(f"{source} is empty", remedy="store the secret there")
    return Secret(value)
