"""The published datasets' original hosts: which files to fetch, and fetching them."""
