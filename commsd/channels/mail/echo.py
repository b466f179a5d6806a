"""What we told a server at the login, taken out of its words: some quote the command they refuse. Pure.

Names and secrets stay out of log and store, plain or coded. Which words pass through here is up to whoever logs in.
"""

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterator

WITHHELD = "(withheld)"

_SHORT = 4
_HEAD = 12
"""As many letters of a code tell that it is this one: servers cut what they quote."""

_REST = r"[\w+/-]*={0,2}"
_CODE = re.compile(r"(?<![\w+/=-])(?=[\w+/-]*\d)(?=[\w+/-]*[a-z])(?=[\w+/-]*[A-Z])[\w+/-]{20,}={0,2}", re.ASCII)


class Echo:
    """What one login says: a name, and the secrets tried with it, in each way `sasl` and the vendors present them."""

    def __init__(self, name: str, *secrets: str) -> None:
        plain = {form for word in (name, *secrets) for form in _as_said(word)}
        coded = {_coded(said) for secret in secrets if secret for said in _presented(name, secret)}
        forms = [_begins(code) for code in sorted((coded | {_coded(name)}) - {""}, key=len, reverse=True)]
        # The longest first: a name may be part of the password.
        forms += [_found(form) for form in sorted(plain, key=len, reverse=True)]
        self._told = re.compile("|".join(forms), re.IGNORECASE) if forms else None

    def out_of(self, text: str) -> str:
        """The words without it, and without anything else that looks like base64."""
        return _CODE.sub(WITHHELD, self.known_out_of(text))

    def known_out_of(self, text: str) -> str:
        """The words without it, and otherwise as they are: they may name a message by a code."""
        return self._told.sub(WITHHELD, text) if self._told else text


_PROSE = re.compile(rb"(\S+ (?:OK|NO|BAD|BYE|PREAUTH)\b(?: \[[A-Z0-9-]+)?)(.*)", re.IGNORECASE | re.DOTALL)


def without(line: bytes, echo: Echo) -> bytes:
    """A line of IMAP whose words for people are without what was told; its grammar stays. RFC 3501 section 7.1."""
    found = _PROSE.match(line)
    return found[1] + echo.out_of(found[2].decode("utf-8", "replace")).encode() if found else line


def _presented(name: str, secret: str) -> Iterator[str]:
    yield from (secret, f"\0{name}\0{secret}")
    yield from (f"user={name}\1auth=Bearer {secret}", f"n,a={name},\1host=")


def _as_said(word: str) -> Iterator[str]:
    """A word as it stands, as IMAP quotes it, and as a server shows it that tidies blanks."""
    yield from {word, word.replace("\\", "\\\\").replace('"', '\\"'), " ".join(word.split())} - {""}


def _found(form: str) -> str:
    """A short one only as a word of its own: the letter a is no secret in every word."""
    return re.escape(form) if len(form) >= _SHORT else rf"(?<!\w){re.escape(form)}(?!\w)"


def _begins(code: str) -> str:
    head = code.rstrip("=")[:_HEAD]
    return re.escape(head) + _REST if len(head) == _HEAD else rf"(?<![\w+/]){re.escape(head)}={{0,2}}(?![\w+/])"


def _coded(word: str) -> str:
    return b64encode(word.encode()).decode()


def mark_of(secret: str) -> str:
    """Tells a secret from another, and does not tell the secret."""
    return hashlib.sha256(secret.encode()).hexdigest()
