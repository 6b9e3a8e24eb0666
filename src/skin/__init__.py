"""skin: skin-lesion classification for the ISIC challenges."""

import os

__version__ = "0.1.0"

# On import, albumentations otherwise asks the network whether there is a newer release.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
