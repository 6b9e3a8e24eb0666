"""`skin probe`: what a run's models do with other images than those they were judged on."""

from __future__ import annotations

import typer

from skin.cli.probe.background import background
from skin.cli.probe.heatmaps import heatmaps
from skin.cli.probe.robustness import robustness

probe_app = typer.Typer(
    help="Probes: corrupted images, hidden lesions, heatmaps against masks.", no_args_is_help=True
)
probe_app.command("robustness")(robustness)
probe_app.command("background")(background)
probe_app.command("heatmaps")(heatmaps)
