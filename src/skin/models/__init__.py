"""Backbones, attention, heads, and how a model runs over images."""
