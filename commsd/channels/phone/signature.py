"""Is this webhook Twilio's: the signature of a form over the public URL, checked without the library's traps.

Pure. Reading the request stands in guard.py. Twilio: "Validating requests" (docs/usage/security), "SharedKeys"
(docs/usage/webhooks/webhook-shared-keys). Bodies in JSON are signed otherwise; no route of ours takes them.
"""

import hmac
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from twilio.request_validator import HMAC_SHA1, HMAC_SHA256, RequestValidator

Fields = Sequence[tuple[str, str]]

# The library ships no types.
_validator = cast("Callable[[str], Any]", RequestValidator)

_PORT = {"http": 80, "https": 443}
_PORT_AT_END = re.compile(r":\d+$")


def public_url(base: str, raw_path: bytes, raw_query: bytes) -> str:
    """The URL that Twilio signed: the configured base, then path and query byte for byte as they arrived.

    The Host header has no say in it: whoever sends a request chooses that.
    """
    query = f"?{raw_query.decode('latin-1')}" if raw_query else ""
    return base.rstrip("/") + raw_path.decode("latin-1") + query


def genuine(
    url: str,
    fields: Fields,
    signature: str | None,
    tokens: Sequence[str],
    *,
    settings_header: str | None = None,
    shared_keys: Mapping[str, str] | None = None,
) -> bool:
    """Whether Twilio signed this form for this URL with one of our secrets.

    fields: every pair of the form, empty values and white space as they came. tokens: auth tokens, several while
    rotating. settings_header: X-Twilio-Webhooks-Signature-Settings; it names one of shared_keys (key id -> secret).
    """
    if not signature or not signature.isascii():
        return False
    algorithm, secrets = _secrets(tokens, settings_header, shared_keys or {})
    form = _Form(fields)
    return any(
        hmac.compare_digest(_validator(secret).compute_signature(seen, form, algorithm), signature)
        for secret in secrets
        for seen in _spellings(url)
    )


def _secrets(
    tokens: Sequence[str], settings_header: str | None, shared_keys: Mapping[str, str]
) -> tuple[str, Sequence[str]]:
    if not settings_header:
        return HMAC_SHA1, tokens
    pairs = (part.partition("=") for part in settings_header.split(","))
    named = {name.strip(): value.strip() for name, _, value in pairs}
    secret = shared_keys.get(named.get("key", ""))
    known = named.get("algorithm", "").upper() == HMAC_SHA256
    return (HMAC_SHA256, (secret,)) if secret and known else (HMAC_SHA1, ())


def _spellings(url: str) -> Iterator[str]:
    """Without and with the port: Twilio signs either. Fragments (#rc=3) are never signed.

    The library's own cut at the first colon breaks on `[::1]:8443` and on `user:pass@host`, and putting a URL together
    again from its parts loses an empty query.
    """
    url = url.partition("#")[0]
    scheme, _, rest = url.partition("://")
    end = min((place for mark in "/?" if (place := rest.find(mark)) >= 0), default=len(rest))
    host, behind = rest[:end], rest[end:]
    bare = _PORT_AT_END.sub("", host)
    port = "" if bare != host else f":{_PORT.get(scheme, 443)}"
    yield url
    yield f"{scheme}://{bare}{behind}"
    yield f"{scheme}://{host}{port}{behind}"


class _Form:
    """The pairs as the library wants to read them; a plain dict would lose doubled names."""

    def __init__(self, pairs: Fields) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def getall(self, name: str) -> list[str]:
        return self._values[name]
