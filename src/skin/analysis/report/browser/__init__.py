"""The image browser of a report: every out-of-fold image, to filter, to sort and to look at."""
