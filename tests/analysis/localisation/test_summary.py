from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from skin.analysis.localisation.results import FIGURES
from skin.analysis.localisation.summary import (
    mean_intervals,
    own_over_other,
    paired_differences,
    same_images,
    with_differences,
)
from skin.analysis.statistics import Interval


def table(energy, images=None, lesions=None):
    count = len(energy)
    ids = [f"I{i:03d}" for i in range(count)] if images is None else images
    figures = dict.fromkeys(FIGURES, 0.5) | {"energy": energy}
    return pd.DataFrame({"image_id": ids, "lesion_id": lesions or ids, **figures})


def test_differences_to_what_knows_nothing():
    one = table([0.9]).assign(
        area=0.25, energy_gaussian=0.5, deletion=0.2, deletion_random=0.6, insertion=0.7,
        insertion_random=0.4,
    )  # fmt: skip
    figures = with_differences(one).iloc[0]
    assert figures["energy_over_chance"] == pytest.approx(0.65)
    assert figures["energy_over_gaussian"] == pytest.approx(0.4)
    assert figures["deletion_gain"] == pytest.approx(0.4)
    assert figures["insertion_gain"] == pytest.approx(0.3)


def pairs(energies, **columns):
    """A table of the energies (N, N) of each image's map on each image's mask."""
    count = len(energies)
    own = np.diag(energies)
    return table(own).assign(
        energy_other_masks=(energies.sum(axis=1) - own) / (count - 1),
        energy_other_maps=(energies.sum(axis=0) - own) / (count - 1),
        **columns,
    )


def test_own_over_other_is_the_mean_difference():
    energies = np.array([[0.9, 0.2, 0.4], [0.3, 0.8, 0.1], [0.5, 0.6, 0.7]])
    found = with_differences(pairs(energies))["energy_over_other"]
    others = energies[~np.eye(3, dtype=bool)]
    assert found.mean() == pytest.approx(0.8 - others.mean())


def test_lesions_sizes_do_not_hide_what_a_map_follows():
    """Energies differ by 0.3 with the mask and 0.3 with the map; a map's own mask adds 0.02."""
    rng = np.random.default_rng(0)
    sizes, sharpness = rng.normal(0, 0.3, 200), rng.normal(0, 0.3, 200)
    blind = 0.5 + sizes[None, :] + sharpness[:, None]
    maps = {
        "blind": pairs(blind),
        "follows": pairs(blind + 0.02 * np.eye(200) + rng.normal(0, 0.02, (200, 200))),
    }
    found = own_over_other(maps, "energy", resamples=1000, seed=0)
    assert found["blind"].interval.value == pytest.approx(0, abs=1e-12)
    assert not found["blind"].holds
    assert found["follows"].holds
    assert found["follows"].interval.value == pytest.approx(0.02, abs=0.006)
    width = found["follows"].interval.high - found["follows"].interval.low
    assert width == pytest.approx(2 * 1.96 * 0.02 / np.sqrt(200), rel=0.2)
    alone = own_over_other({"follows": maps["follows"]}, "energy", resamples=1000, seed=0)
    assert found["follows"].p == pytest.approx(2 * alone["follows"].p)  # Holm: twice, of two


def test_means_leave_out_what_was_not_measured():
    figures = pd.DataFrame({"a": [1.0, 3.0, np.nan], "b": [np.nan] * 3, "c": [0.5] * 3})
    means = mean_intervals(figures, ["x", "y", "z"], 300, 0)
    assert list(means) == ["a", "c"]
    assert (means["a"].value, means["a"].low, means["a"].high) == (2, 1, 3)
    assert means["c"] == Interval(0.5, 0.5, 0.5)


def test_the_interval_is_that_of_a_mean_over_lesions():
    """Where both images of each lesion agree, it is as wide as of half as many images."""
    values = np.random.default_rng(0).normal(size=200)
    twice = pd.DataFrame({"a": np.repeat(values, 2)})
    lesions = np.repeat(np.arange(200), 2).astype(str).tolist()
    found = mean_intervals(twice, lesions, 4000, 0)["a"]
    half = 1.96 * values.std() / np.sqrt(200)
    assert found.low == pytest.approx(values.mean() - half, abs=0.012)
    assert found.high == pytest.approx(values.mean() + half, abs=0.012)


def test_paired_differences_are_told_apart_and_corrected():
    rng = np.random.default_rng(0)
    base = rng.random(80)
    maps = {
        "more": table(base + 0.1 + rng.normal(0, 0.05, 80)),
        "same": table(base + rng.normal(0, 0.05, 80)),
    }
    found = paired_differences(maps, table(base), "energy", resamples=1000, seed=0)
    alone = paired_differences(
        {"more": maps["more"]}, table(base), "energy", resamples=1000, seed=0
    )
    assert found["more"].holds
    assert found["more"].interval.value == pytest.approx(0.1, abs=0.02)
    assert not found["same"].holds
    assert found["more"].p == pytest.approx(2 * alone["more"].p)  # Holm: twice, of two


def test_pairs_are_found_by_image_not_by_place():
    base = table([0.1, 0.5, 0.9])
    shuffled = base.iloc[[2, 0, 1]]
    found = paired_differences({"it": shuffled}, base, "energy", resamples=100, seed=0)
    assert found["it"].interval == Interval(0, 0, 0)
    assert found["it"].p == 1


def test_other_images_cannot_be_paired():
    other = table([0.1], images=["J"])
    assert not same_images(other, table([0.1]))
    assert same_images(table([0.1, 0.2]), table([0.2, 0.1], images=["I001", "I000"]))
    with pytest.raises(ValueError, match="same images"):
        paired_differences({"it": other}, table([0.1]), "energy", resamples=10, seed=0)


def test_nothing_to_compare():
    assert paired_differences({}, table([0.1]), "energy", resamples=10, seed=0) == {}
