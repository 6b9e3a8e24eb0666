"""What heatmaps against masks tell, in one sentence."""

from __future__ import annotations

from collections.abc import Sequence

from skin.analysis.localisation.results import SANITY
from skin.analysis.map_names import map_label
from skin.analysis.report.compared_maps import OVER_OTHER, Compared, OneMap
from skin.analysis.text import number, plural, signed, signed_span, span
from skin.errors import name_some

_ALIKE = 0.5  # the correlation with random weights that a reader is warned of


def maps_finding(compared: Compared) -> str:
    """Whether any map follows the lesion, whether any does more than the reference, and caveats."""
    shown = compared.maps
    differences = compared.over_other["energy"]
    best = max(shown, key=lambda one: differences[one.key].interval.value)
    gap = differences[best.key].interval
    energy = best.found.figures["energy"].interval
    following = _following(compared, "energy")
    count = f"{following} of {plural(len(shown), 'heatmap')}" if following else "No heatmap"
    follow = "follow" if following > 1 else "follows"
    claim = f"{count} {follow} the lesion, not only the middle of the image"
    held = (
        f": the best, {_named(best)}, has {number(energy.value)} ({span(energy)}) of its energy "
        f"inside its own lesion, {signed(gap.value)} ({signed_span(gap)}) against other lesions' "
        "masks"
    )
    by_maximum = _following(compared, "pointing")
    pointing = f"; by where maxima lie, {by_maximum or 'none'} of {len(shown)}"
    return f"{claim}{held}{pointing}{_against_reference(compared)}{_unmoved(shown)}."


def _following(compared: Compared, measure: str) -> int:
    """How many maps fit their own images' masks better than others', corrected by Holm."""
    found = compared.over_other[measure].values()
    return sum(one.holds and one.interval.value > 0 for one in found)


def _named(one: OneMap) -> str:
    """Within a sentence."""
    return f"{map_label(one.name)} of {one.run.name}"


def _against_reference(compared: Compared) -> str:
    differences = compared.differences[OVER_OTHER]
    if not differences:
        return ""
    reference = _named(compared.reference)
    held = {
        _named(one): differences[one.key].interval.value
        for one in compared.comparable
        if one.key in differences and differences[one.key].holds
    }
    said = []
    for word, sign in (("more", 1), ("less", -1)):
        names = sorted(
            (name for name in held if held[name] * sign > 0), key=lambda n: -abs(held[n])
        )
        if names:
            listed = name_some((f"{name} ({signed(held[name])})" for name in names), most=2)
            said.append(f"following it {word} than {reference}: {listed}")
    return "; " + ("; ".join(said) or f"none is told apart from {reference}")


def _unmoved(shown: Sequence[OneMap]) -> str:
    """The maps that are much the same when all weights are random."""
    last = SANITY[-1]
    alike = [
        _named(one)
        for one in shown
        if last in one.found.figures and one.found.figures[last].low > _ALIKE
    ]
    if not alike:
        return ""
    names = name_some(alike, most=3)
    return f"; correlated above {_ALIKE} with the map of random weights: {names}"
