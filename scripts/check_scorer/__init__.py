"""Agreement of `skin score` with the official scorer; `scripts/check-scorer` runs it."""
