from __future__ import annotations

from skin.data.catalogue.uses import uses_of


def use(task: str, **labels: int):
    return next(each for each in uses_of(labels) if each.task == task)


def test_classes_sum_their_labels_and_the_rest_is_outside():
    malignant = use("malignant", mel=3, bcc=2, nv=5, unknown=4)
    assert malignant.classes == {"BEN": 5, "MAL": 5}
    assert malignant.outside == 4
    assert malignant.missing == ()


def test_a_class_without_images_is_named():
    assert use("isic2017", mel=3, nv=5).missing == ("SK",)
    assert use("isic2017", mel=3, nv=5, bkl=2).missing == ("SK",)  # which bkl need not be


def test_submissions_by_meaning():
    assert use("melanoma", mel=1, nv=1).challenges == ("isic2020",)
    assert "isic2019" in use("isic2019", mel=1).challenges
    assert "isic2019" not in use("isic2018", mel=1).challenges
