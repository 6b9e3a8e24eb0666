from __future__ import annotations

import pytest

from skin.data.sources.folders import owner_of


@pytest.mark.parametrize(
    ("folder", "root", "reader", "expected"),
    [
        ("ISIC_2019_Training_Input.zip::", "downloads", "isic2019", ("isic2019", "train")),
        ("a/isic_2019_test_input/b/", "downloads", "isic2018", ("isic2019", "test")),
        ("", "ISIC2018_Task3_Test_Input", "isic2018", ("isic2018", "test")),
        ("images/", "ISIC2018_Task3_Test_Input", "ham10000", ("isic2018", "test")),
        ("test-image.hdf5::", "kaggle", "isic2024", ("isic2024", "test")),
        ("ISIC_2020_Training_JPEG.zip::train/", "x", "isic2020", ("isic2020", "train")),
        ("ISIC_2020_Training_JPEG.zip::train/", "x", "isic2019", ("isic2020", "train")),
        ("train/ISIC_2020_Test_Input/", "x", "isic2020", ("isic2020", "test")),
        ("ISIC_2020_Test_Input/train/", "x", "isic2020", ("isic2020", "train")),
        ("jpeg/test/", "x", "isic2020", ("isic2020", "test")),
        ("jpeg/test/", "x", "isic2018", None),
        ("images/", "test", "isic2020", None),
        ("tests/", "x", "isic2020", None),
        ("", "x", "isic2017", None),
    ],
)
def test_the_nearest_published_name_tells_whose_images_they_are(
    folder: str, root: str, reader: str, expected: tuple[str, str] | None
):
    assert owner_of(folder, root, reader) == expected
