"""Whom a TLS connection trusts: one context for all servers under one authority, for each costs half a megabyte."""

import ssl
from functools import lru_cache
from pathlib import Path

from commsd.errors import ConfigError


def trusting(ca: str | None) -> ssl.SSLContext:
    """What a client presents to servers: the system's authorities, or those of this PEM file, read anew when changed.

    Shared: do not change it. Raises ConfigError for a file that holds no certificates.
    """
    try:
        return _context(ca, Path(ca).stat().st_mtime_ns if ca else 0)
    except OSError as error:
        raise ConfigError(f"{ca} holds no certificates", remedy="name a PEM file as `ca`") from error


@lru_cache(maxsize=32)
def _context(ca: str | None, _changed_at: int) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca)
