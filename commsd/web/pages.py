"""Pages from templates: the one place that knows Jinja2, and the files served as they are."""

import hashlib
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

STATIC = {"board.css": "text/css", "docs.css": "text/css", "board.js": "text/javascript", "icon.svg": "image/svg+xml"}


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("commsd.web"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["static"] = _address
    return made


def page(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """The page from a template; a name the template does not get is an error."""
    return HTMLResponse(_environment().get_template(template).render(values), status_code=status)


def static_routes() -> list[BaseRoute]:
    """Style sheet, script and icon; their address changes with their content, so they may be kept."""
    return [Route(f"/static/{name}", _served(name)) for name in STATIC]


@cache
def _content(name: str) -> bytes:
    return files("commsd.web").joinpath("static", name).read_bytes()


def _address(name: str) -> str:
    return f"/static/{name}?{hashlib.sha256(_content(name)).hexdigest()[:12]}"


def _served(name: str) -> Callable[[Request], Response]:
    def served(_request: Request) -> Response:
        return Response(_content(name), media_type=STATIC[name], headers={"Cache-Control": "private, max-age=86400"})

    return served
