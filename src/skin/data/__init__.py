"""From an archive of images to a dataset: one table, decoded caches, frozen folds."""
