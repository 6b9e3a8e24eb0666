"""What the predictions are worth: scores, statistics and reports."""
