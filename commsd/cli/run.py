"""`run` and `demo`: the daemon itself, on real services or on those it brings along."""

import asyncio
import os
import resource
from contextlib import suppress

import typer
import uvloop

from commsd.cli.place import example, folder
from commsd.telemetry import configure

app = typer.Typer()

ENOUGH_FILES = 65_536

THREADS = "32"
"""Half of them look up names, two by default: name servers that are silent would hold up all the others' mail."""


@app.command(epilog=example("commsd run", "commsd --config /etc/commsd run"))
def run(ctx: typer.Context) -> None:
    """Run the daemon. SIGHUP or a changed file reloads, SIGTERM drains."""
    from commsd.daemon import run as run_daemon  # everything there is; `commsd run --help` needs none of it

    configure()
    _open_many()
    os.environ.setdefault("UV_THREADPOOL_SIZE", THREADS)
    uvloop.run(run_daemon(folder(ctx).path))


def _open_many() -> None:
    """As many open files as we may have: the usual 1024 end at 300 mailboxes."""
    with suppress(OSError, ValueError):  # the unit forbids it, and has given us enough
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = ENOUGH_FILES if hard == resource.RLIM_INFINITY else min(ENOUGH_FILES, hard)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@app.command(epilog=example("commsd demo", "commsd demo --once"))
def demo(
    once: bool = typer.Option(False, "--once", help="Play one fixed scenario and print what every customer got."),
    port: int = typer.Option(8025, min=0, max=65535, help="Of the page on 127.0.0.1; 0 takes a free one."),
    verbose: bool = typer.Option(False, "--verbose", "-v", help="Show the daemon's own log too."),
) -> None:
    """Play the main job in real time: customers write and ring, and get their answers."""
    from commsd.demo.scene import run as play

    raise typer.Exit(asyncio.run(play(once=once, port=port, verbose=verbose)))
