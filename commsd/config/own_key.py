"""The house's own key: configured, or made once. What it signs and seals, is the business of who asks for it."""

import os
import secrets
from collections.abc import Mapping

from commsd.config.secret import resolve
from commsd.config.settings import Config


def own_key(config: Config, env: Mapping[str, str]) -> bytes:
    """The key that signs ids and links: the configured one, else one made once in the state folder, mode 0600."""
    if config.key is not None:
        return resolve(config.key, config.folder, env).reveal().encode()
    path = config.state_folder(env) / "key"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        pass
    return path.read_text().strip().encode()
