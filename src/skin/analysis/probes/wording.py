"""What probes found, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from skin.analysis.probes.hiding import CONDITIONS
from skin.analysis.probes.results import (
    CHANCE_AUC,
    BackgroundResult,
    Figure,
    RobustnessResult,
    Shown,
)
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
        f"{result.origin.run} predicts without the lesion, where chance is {chance_text(result)}; "
        f"{'; '.join(said)}."
    )


def background_finding(result: BackgroundResult) -> str:
    """Say whether images without the lesion predict, and what they score with its size hidden."""
    run, chance, telling = result.origin.run, chance_text(result), [*result.telling]
    if not telling:
        first, rim = (_all_scores(result.conditions[name]) for name in ("background", "rim"))
        return (
            f"{run} is not shown to predict without the lesion: {first}, where chance is {chance}; "
            f"with its size and shape hidden too {rim}."
        )
    said = [
        f"{CONDITIONS[name].title.lower()}, {_first_score(result.conditions[name], result.chance)}"
        for name in dict.fromkeys((telling[0], telling[-1]))
    ]
    if "rim" not in telling:
        said.append(f"not shown with the rim only, {_all_scores(result.conditions['rim'])}")
    return f"{run} predicts without the lesion: {'; '.join(said)}."


def chance_text(result: BackgroundResult) -> str:
    """What guessing scores."""
    return f"BACC {number(result.chance)} and malignant AUC {number(CHANCE_AUC)}"


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


def _all_scores(shown: Shown) -> str:
    """Both scores, above chance or not."""
    area = shown.malignant_auc
    ranking = "" if area is None else f", malignant AUC {figure_text(area)}"
    return f"BACC {figure_text(shown.bacc)}{ranking}"


def _first_score(shown: Shown, chance: float) -> str:
    """BACC if it is above chance, or else the malignant AUC, which is; beside it what chance is."""
    if shown.decides(chance) or shown.malignant_auc is None:
        return f"BACC {figure_text(shown.bacc)}, chance {number(chance)}"
    return f"malignant AUC {figure_text(shown.malignant_auc)}, chance {number(CHANCE_AUC)}"


def _scores(shown: Shown, chance: float) -> str:
    """Those of the two that are above chance."""
    parts = []
    if shown.decides(chance):
        kept = "" if shown.kept is None else f", {share_text(shown.kept.value)} of the skill"
        parts.append(f"BACC {figure_text(shown.bacc)}{kept}")
    if shown.ranks and shown.malignant_auc is not None:
        parts.append(f"malignant AUC {figure_text(shown.malignant_auc)}")
    return ", ".join(parts)
