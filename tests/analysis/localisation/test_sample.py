from __future__ import annotations

import numpy as np
import pytest

from skin.analysis.localisation.sample import draw_sample
from skin.data.masks import Masks
from skin.errors import SkinError
from skin.training.held_out import HeldOut


@pytest.fixture
def folds(run, toy_data):
    return [HeldOut.find(fold, toy_data) for fold in run.finished_folds()]


def test_one_image_a_lesion_each_of_its_own_fold(folds, masks):
    sample = draw_sample(folds, masks, 1000, seed=0)
    table = folds[0].dataset.table
    lesions = table["lesion_id"].iloc[sample.rows]
    assert lesions.is_unique
    assert set(lesions) == set(table["lesion_id"]), "there are fewer lesions than asked for"
    for held_out in folds:
        rows = sample.of_fold(held_out.fold.fold)
        assert set(rows) <= set(held_out.rows)
    assert sample.missing == ()


def test_fewer_are_the_first_of_more_and_another_seed_draws_others(folds, masks):
    many, few = (draw_sample(folds, masks, count, seed=0) for count in (30, 12))
    np.testing.assert_array_equal(few.rows, many.rows[:12])
    np.testing.assert_array_equal(many.of_fold(1, first=12), few.of_fold(1))
    assert set(draw_sample(folds, masks, 12, seed=1).rows) != set(few.rows)


def test_the_order_of_the_folds_does_not_matter(folds, masks):
    one, other = (draw_sample(part, masks, 20, seed=0) for part in (folds, folds[::-1]))
    np.testing.assert_array_equal(one.rows, other.rows)
    np.testing.assert_array_equal(one.folds, other.folds)


def test_lesions_of_many_images_are_not_drawn_more_often(folds, masks):
    table = folds[0].dataset.table
    images = table.groupby("lesion_id").size()
    drawn = [
        images[table["lesion_id"].iloc[draw_sample(folds, masks, 8, seed).rows]].mean()
        for seed in range(60)
    ]
    assert np.mean(drawn) == pytest.approx(images.mean(), abs=3 * np.std(drawn) / np.sqrt(60))


def test_images_without_a_mask_are_named_and_left_out(folds, masks):
    kept = dict(list(masks.refs.items())[10:])
    sample = draw_sample(folds, Masks(masks.archive, kept), 1000, seed=0)
    drawn = set(folds[0].dataset.table["image_id"].iloc[sample.rows])
    assert set(sample.missing) == masks.ids - set(kept)
    assert drawn <= set(kept)


def test_masks_of_other_images_are_refused(folds, masks):
    with pytest.raises(SkinError, match=r"has masks of 0 of the 65 images .* dataset 'toy'"):
        draw_sample(folds, Masks(masks.archive, {"ISIC_1": "x.png"}), 10, seed=0)
