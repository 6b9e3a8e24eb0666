"""What was measured, for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from skin.analysis.localisation.results import LINEAR, LOCAL, TRACED, HeatmapResult, MapResult
from skin.analysis.map_names import map_label
from skin.analysis.text import DASH, number, short_span, terminal_table

_HEADS = ("Energy", "Pointing", "IoU", "Deletion", "Insertion", "Sanity")


def rich_table(result: HeatmapResult) -> Table:
    """A line a map: means, below energy its interval, then on other lesions' masks.

    Last is what knows nothing. Chance is the lesions' share of the area, and for deletion and
    insertion a random order of the cells. Sanity is the rank correlation with the map of a model
    whose weights are all random.
    """
    table = terminal_table([escape(result.origin.run), *_HEADS])
    for name, found in result.maps.items():
        span = short_span(found.figures["energy"].interval)
        energy, *others = _cells(found, [*LOCAL, *TRACED, "sanity_all"])
        table.add_row(map_label(name), f"{energy}\n[dim]{span}[/dim]", *others)
        other = [f"{measure}_other_masks" for measure in LINEAR]
        table.add_row("[dim]other masks[/dim]", *_cells(found, other))
    first = next(iter(result.maps.values()))
    blind = ["area"] * len(LOCAL) + [f"{kind}_random" for kind in TRACED]
    gaussian = [f"{name}_gaussian" for name in LOCAL]
    table.add_row("[dim]chance[/dim]", *_cells(first, blind))
    table.add_row("[dim]centred Gaussian[/dim]", *_cells(first, gaussian))
    return table


def _cells(found: MapResult, names: Sequence[str]) -> list[str]:
    known = (found.figures.get(name) for name in names)
    return [DASH if one is None else number(one.value) for one in known]
