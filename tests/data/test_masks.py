from __future__ import annotations

import io

import albumentations as A  # noqa: N812 - the name its documentation uses
import numpy as np
import pytest
from PIL import Image

from skin.data.masks import evaluate_with_mask, open_masks, require_sound
from skin.errors import SkinError

IMAGE = np.zeros((4, 6, 3), np.uint8)


def png(pixels, mode=None):
    image = Image.fromarray(np.asarray(pixels))
    buffer = io.BytesIO()
    (image.convert(mode) if mode else image).save(buffer, "PNG")
    return buffer.getvalue()


def left(height=4, width=6):
    """A mask of the left half."""
    return np.arange(width)[None, :].repeat(height, axis=0) < width // 2


@pytest.mark.parametrize("make", ["make_zip", "make_folder"])
def test_three_kinds_of_names_anywhere_below(make, request):
    files = {
        "HAM10000_segmentations_lesion_tschandl/ISIC_1_segmentation.png": png(left()),
        "a/b/ISIC_2_mask.png": png(left()),
        "ISIC_3.PNG": png(left()),
        "ISIC_4.jpg": b"no mask",
        "readme.txt": b"no mask",
    }
    masks = open_masks(request.getfixturevalue(make)(files))

    assert masks.ids == {"ISIC_1", "ISIC_2", "ISIC_3"}
    for image_id in masks.ids:
        np.testing.assert_array_equal(masks.for_image(image_id, IMAGE), left())


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
def test_what_is_not_black_is_lesion(mode, make_folder):
    faint = (left() * 7).astype(np.uint8) if mode != "1" else left()
    mask = open_masks(make_folder({"a.png": png(faint, mode)})).for_image("a", IMAGE)

    assert mask.dtype == bool
    np.testing.assert_array_equal(mask, left())


def test_a_mask_comes_in_the_frame_of_the_cached_image(make_folder):
    masks = open_masks(make_folder({"a.png": png(left(450, 600))}))

    mask = masks.for_image("a", np.zeros((256, 341, 3), np.uint8))  # as `resize` scales 600x450
    assert mask.shape == (256, 341)
    assert mask.mean() == pytest.approx(0.5, abs=0.01)


def test_the_mask_of_another_crop_is_refused(make_folder):
    masks = open_masks(make_folder({"a_mask.png": png(left(450, 600))}))

    with pytest.raises(SkinError, match=r"a_mask.png has 600x450 pixels, another aspect than .*a:"):
        masks.for_image("a", np.zeros((256, 256, 3), np.uint8))


def test_a_mask_may_be_a_pixel_off(make_folder):
    """450 rows at 341 columns for 600 are 255.75, which one program rounds and another cuts."""
    masks = open_masks(make_folder({"a.png": png(left(450, 600))}))
    assert masks.for_image("a", np.zeros((256, 342, 3), np.uint8)).shape == (256, 342)


def test_the_first_kind_counts(make_folder):
    photograph = np.full((4, 6, 3), 200, np.uint8)
    folder = make_folder({"images/a.png": png(photograph), "masks/a_mask.png": png(left())})
    np.testing.assert_array_equal(open_masks(folder).for_image("a", IMAGE), left())


def test_copies_are_one_and_others_are_refused(make_folder):
    files = {"x/a_mask.png": png(left()), "y/a_mask.png": png(left())}
    assert open_masks(make_folder(files)).ids == {"a"}
    files["y/a_mask.png"] = png(~left())
    with pytest.raises(SkinError, match=r"masks of one image that differ: x/a_mask.png, y/a_mask"):
        open_masks(make_folder(files))


def test_what_cannot_be_used_is_named(make_folder, tmp_path):
    whole = png(np.random.default_rng(0).integers(0, 2, (64, 64), np.uint8))
    deep = png(np.ones((4, 4), np.uint16))
    masks = open_masks(make_folder({"torn.png": whole[:-60], "deep.png": deep}))

    with pytest.raises(SkinError, match=r"torn.png is not a usable image"):
        masks.for_image("torn", IMAGE)
    with pytest.raises(SkinError, match=r"deep.png has 16 bits a pixel"):
        masks.for_image("deep", IMAGE)
    with pytest.raises(SkinError, match="no mask of image other: it needs a file other_segment"):
        masks.for_image("other", IMAGE)
    with pytest.raises(SkinError, match="does not exist"):
        open_masks(tmp_path / "nothing")
    with pytest.raises(SkinError, match="holds no masks"):
        open_masks(make_folder({"a.jpg": b""}, name="none"))


def test_image_and_mask_get_the_same_crop():
    pipeline = A.Compose([A.SmallestMaxSize(8), A.CenterCrop(8, 8)])
    mask = np.zeros((16, 24), bool)
    mask[4:10, 6:14] = True
    image = np.where(mask[..., None], 255, 0).repeat(3, axis=2).astype(np.uint8)

    seen, seen_mask = evaluate_with_mask(pipeline, image, mask)

    assert seen.shape == (8, 8, 3)
    assert seen_mask.dtype == bool
    np.testing.assert_array_equal(seen_mask, seen[..., 0] > 127)
    with pytest.raises(SkinError, match="a mask of 24x16 pixels is not of an image of 16x16"):
        evaluate_with_mask(pipeline, image[:, :16], mask)


def test_a_pipeline_that_draws_does_so_by_the_row():
    pipeline = A.Compose([A.RandomCrop(4, 4)])
    image = np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3)
    mask = image[..., 0] % 2 == 0
    first, again, other = (evaluate_with_mask(pipeline, image, mask, row) for row in (3, 3, 5))
    np.testing.assert_array_equal(first[0], again[0])
    assert (first[0] != other[0]).any()
    np.testing.assert_array_equal(first[1], first[0][..., 0] % 2 == 0)


def test_bad_masks_are_told_together(make_folder):
    square = png(np.ones((4, 4), np.uint8))
    masks = open_masks(make_folder({"a.png": square, "b.png": png(left()), "c.png": square}))

    require_sound(masks, [("b", IMAGE)])
    with pytest.raises(SkinError, match=r"^\S*a\.png has 4x4 pixels, another aspect"):
        require_sound(masks, [("a", IMAGE), ("b", IMAGE)])
    with pytest.raises(SkinError, match=r"2 masks cannot be used: .*a\.png has .*c\.png has "):
        require_sound(masks, [(name, IMAGE) for name in "abc"])
