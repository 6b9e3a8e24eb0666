"""From images to probabilities to a submission."""
