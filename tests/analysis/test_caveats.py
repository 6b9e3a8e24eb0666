from __future__ import annotations

from skin.analysis.caveats import never_saw


def test_only_models_of_sound_folds_never_saw_the_lesion():
    assert never_saw() == "never saw its lesion"
    assert never_saw(["leaky"]) == (
        "never saw it, though those of leaky may have seen its lesion, as its folds leak"
    )
