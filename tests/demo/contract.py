"""Twilio's own description of its REST API, held against what was really asked: path, query, form, required, types.

The description allows unknown names; Twilio ignores them, so a misspelt one would pass in silence. Here it is a fault.
"""

import json
import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from openapi_core import OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest

from commsd.demo.exchange import RestRequest

FORM = "application/x-www-form-urlencoded"
_SOUND = re.compile(r".*/Recordings/RE\w+(\.mp3|\.wav)?")


class Contract:
    """Reads a description when it is first needed, which takes two seconds.

    file: the one of api.twilio.com; the others stand beside it.
    """

    def __init__(self, file: Path) -> None:
        self._api, self._voice = Description(file), Description(file.with_name("twilio_voice_v1.json"))

    def faults(self, requests: Iterable[RestRequest]) -> list[str]:
        """What Twilio would not understand, a line each. Sound files have no place in the description."""
        asked = [request for request in requests if not _SOUND.fullmatch(request.path)]
        return [fault for request in asked for fault in self._of(request).faults(request)]

    def _of(self, request: RestRequest) -> "Description":
        return self._voice if request.path.startswith("/v1/") else self._api


class Description:
    """One of Twilio's APIs."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @cached_property
    def _document(self) -> Mapping[str, Any]:
        document: Mapping[str, Any] = json.loads(self._file.read_text())
        return document

    @cached_property
    def description(self) -> OpenAPI:
        return OpenAPI.from_dict(dict(self._document))

    def faults(self, request: RestRequest) -> Iterable[str]:
        """What this request has in it that Twilio would not understand."""
        operation = self._operation(request)
        if operation is None:
            yield f"{request.method} {request.path}: no such resource"
            return
        known = {parameter["name"] for parameter in operation.get("parameters", ())}
        strange = {name for name, _ in request.query} - known
        if request.method == "POST":
            schema = operation["requestBody"]["content"][FORM]["schema"]
            strange |= {name for name, _ in request.form} - schema["properties"].keys()
        if strange:
            yield f"{request.method} {request.path}: unknown {sorted(strange)}"
        try:
            self.description.validate_request(self._mock(request))
        except OpenAPIError as error:
            yield f"{request.method} {request.path}: {error} {error.__cause__ or ''}"

    def _operation(self, request: RestRequest) -> Mapping[str, Any] | None:
        for template, operations in self._document["paths"].items():
            pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
            if re.fullmatch(pattern, request.path) and request.method.lower() in operations:
                found: Mapping[str, Any] = operations[request.method.lower()]
                return found
        return None

    def _mock(self, request: RestRequest) -> MockRequest:
        posts = request.method == "POST"
        return MockRequest(
            self._document["servers"][0]["url"],
            request.method.lower(),
            request.path,
            args=dict(request.query),
            headers={"Authorization": "Basic QUM6c2VjcmV0"},
            data=urlencode(request.form).encode() if posts else b"",
            content_type=FORM if posts else "",
        )
