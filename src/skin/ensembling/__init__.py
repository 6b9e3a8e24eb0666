"""Ensembles: which models, how they are combined, what they score out of fold."""
