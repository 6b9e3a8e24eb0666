"""What datasets there are, and what each holds."""

from __future__ import annotations

from skin.data.catalogue.description import Description, describe
from skin.data.catalogue.listing import Damaged, Listed, list_datasets
from skin.data.catalogue.tables import description_tables, listing_table

__all__ = [
    "Damaged",
    "Description",
    "Listed",
    "describe",
    "description_tables",
    "list_datasets",
    "listing_table",
]
