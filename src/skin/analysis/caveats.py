"""What holds of any out-of-fold figures, whether of one run or of an ensemble: one wording."""

from __future__ import annotations

from collections.abc import Sequence

from skin.analysis.text import PERCENT, plural
from skin.errors import name_some

CHOSEN_BY_SCORE = (
    "The best checkpoint of each fold was chosen on that same held-out fold, by BACC unless its "
    "config names an AUC, so the figures, of each fold and pooled, are slightly optimistic{of}."
)
"""Of which runs goes into `of`: nothing for all, or text that begins with its own separator."""
CHOSEN_APART = (
    "The best checkpoint was chosen on a validation part of its own, by BACC unless its config "
    "names an AUC, apart from the images that are scored{of}."
)
LEAKING = (
    "a lesion was on both sides of a fold, so that {whose} scores are inflated and say nothing of "
    "new lesions."
)


def never_saw(leaking: Sequence[str] = ()) -> str:
    """What the models that predict an image never saw, as the end of a sentence.

    Args:
        leaking: the names of the runs whose folds leak.
    """
    if not leaking:
        return "never saw its lesion"
    return (
        f"never saw it, though those of {name_some(leaking)} may have seen its lesion, as "
        f"{'its' if len(leaking) == 1 else 'their'} folds leak"
    )


def intervals(resamples: int) -> str:
    """What an interval holds, and what it does not tell."""
    return (
        f"Intervals hold 95{PERCENT}: percentiles of {plural(resamples, 'bootstrap resample')} of "
        "lesions, all images of a lesion together. They tell how scores would vary with other "
        "lesions, not with another training seed."
    )
