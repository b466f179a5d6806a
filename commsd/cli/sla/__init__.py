"""`sla`: the rules as they stand in the files, in force, and on past traffic."""

import typer

from commsd.cli.sla import apply, diff, hours, report, trial, versions, whatif
from commsd.cli.sla.group import sla_app

__all__ = ["app", "apply", "diff", "hours", "report", "trial", "versions", "whatif"]

app = typer.Typer()
app.add_typer(sla_app, name="sla")
