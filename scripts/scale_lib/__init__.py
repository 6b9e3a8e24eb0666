"""A dataset of the size of ISIC 2024's, and what it costs to add, check and split it."""
