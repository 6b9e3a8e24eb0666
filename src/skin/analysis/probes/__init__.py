"""Probes: what a run's models do with images that were changed, and where they look."""
