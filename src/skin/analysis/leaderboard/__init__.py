"""The leaderboard: an ensemble's assessment in the terminal, as CSV, Markdown and a page."""
