"""skin: skin-lesion classification for the ISIC challenges."""

__version__ = "0.1.0"
