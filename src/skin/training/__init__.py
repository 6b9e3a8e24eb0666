"""Training one fold: data, loss, schedule, loop, checkpoints."""
