"""What probes found, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from skin.analysis.probes.hiding import CONDITIONS
from skin.analysis.probes.results import BackgroundResult, Figure, RobustnessResult, Shown
from skin.analysis.text import MINUS, PERCENT, number, span


def background_warning(result: BackgroundResult) -> str:
    """Say in which conditions images without the lesion predict; empty where in none."""
    if not result.telling:
        return ""
    said = [
        f"{CONDITIONS[name].title.lower()}: {_scores(shown, result.chance)}"
        for name, shown in result.telling.items()
    ]
    return (
        f"{result.origin.run} predicts without the lesion, where chance is BACC "
        f"{number(result.chance)} and malignant AUC 0.500; {'; '.join(said)}."
    )


def figure_text(known: Figure) -> str:
    """A score and its interval."""
    return f"{number(known.value)} ({span(known.interval)})"


def share_text(share: float) -> str:
    """A share in per cent."""
    return f"{share:.0%}".replace("-", MINUS).replace("%", PERCENT)


def extent(results: Sequence[BackgroundResult] | Sequence[RobustnessResult]) -> str:
    """How many images and lesions were probed, of several runs the range."""
    images, lesions = ([getattr(one, what) for one in results] for what in ("images", "lesions"))
    return f"{_range(images)} images of {_range(lesions)} lesions"


def _range(counts: Sequence[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _scores(shown: Shown, chance: float) -> str:
    parts = []
    if shown.bacc.low > chance:
        kept = "" if shown.kept is None else f", {share_text(shown.kept.value)} of the skill"
        parts.append(f"BACC {figure_text(shown.bacc)}{kept}")
    if shown.ranks and shown.malignant_auc is not None:
        parts.append(f"malignant AUC {figure_text(shown.malignant_auc)}")
    return ", ".join(parts)
