"""`skin probe`: what a run's models do with other images than those they were judged on."""

from __future__ import annotations

import typer

probe_app = typer.Typer(
    help="Probes: corrupted images, hidden lesions, heatmaps against masks.", no_args_is_help=True
)
