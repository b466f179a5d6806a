"""The command group `sla`; each file beside this one adds its commands to it."""

import typer

sla_app = typer.Typer(
    help="Opening hours, rules, what they would have done and what came of them.", no_args_is_help=True
)
