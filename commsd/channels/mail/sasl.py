"""How a name and its secret are presented to a mail server: which method both know, and the bytes of it. Pure.

RFC 4616 (PLAIN), RFC 7628 (OAUTHBEARER), Google's and Microsoft's XOAUTH2. Who sends them is `imap_login` and
`smtp_login`; where tokens come from is `oauth`.
"""

from base64 import b64encode
from collections.abc import Collection
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Method:
    """One way in. first: what is sent with the command or at the first `+`, in base64. last: the answer to a further
    `+`, which carries the reason of a refusal; only after it says the server NO."""

    name: str
    first: str = field(repr=False)
    last: str = ""


def by_token(offered: Collection[str], username: str, token: str, host: str, port: int) -> Method | None:
    """The way in with an access token; None where the server offers neither. offered: method names in upper case."""
    if "XOAUTH2" in offered:
        return Method("XOAUTH2", _coded(f"user={username}\1auth=Bearer {token}\1\1"))
    if "OAUTHBEARER" in offered:
        said = f"n,a={_saslname(username)},\1host={host}\1port={port}\1auth=Bearer {token}\1\1"
        return Method("OAUTHBEARER", _coded(said), last=_coded("\1"))  # RFC 7628 section 3.2.3
    return None


def by_password(offered: Collection[str], username: str, password: str) -> Method | None:
    """PLAIN, which unlike LOGIN says in what alphabet a password is; None where the server does not offer it."""
    return Method("PLAIN", _coded(f"\0{username}\0{password}")) if "PLAIN" in offered else None


def _coded(said: str) -> str:
    return b64encode(said.encode()).decode()


def _saslname(name: str) -> str:
    return name.replace("=", "=3D").replace(",", "=2C")
