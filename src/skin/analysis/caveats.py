"""What holds of any out-of-fold figures, whether of one run or of an ensemble: one wording."""

from __future__ import annotations

from skin.analysis.text import PERCENT, plural

CHOSEN_BY_SCORE = (
    "The best checkpoint of each fold was chosen by BACC on that same held-out fold, so the "
    "figures, of each fold and pooled, are slightly optimistic{of}."
)
"""Of which runs goes into `of`: nothing for all, or text that begins with its own separator."""
CHOSEN_APART = (
    "The best checkpoint was chosen by BACC on a validation part of its own, apart from the images "
    "that are scored{of}."
)
LEAKING = (
    "a lesion was on both sides of a fold, so that {whose} scores are inflated and say nothing of "
    "new lesions."
)


def intervals(resamples: int) -> str:
    """What an interval holds, and what it does not tell."""
    return (
        f"Intervals hold 95{PERCENT}: percentiles of {plural(resamples, 'bootstrap resample')} of "
        "lesions, all images of a lesion together. They tell how scores would vary with other "
        "lesions, not with another training seed."
    )
