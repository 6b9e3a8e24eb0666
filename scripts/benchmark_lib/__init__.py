"""The measurements of `scripts/benchmark`, one a module."""
