from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

pytestmark = pytest.mark.usefixtures("work")


def test_it_writes_a_page_with_its_tables_and_figures_the_same_each_time(skin):
    result = skin("data", "explore", "--figures", "svg")

    assert result.code == 0, result.err
    folder = Path("reports/toy-data")
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert str(folder / "index.html") in result.out
    assert "Fold balance: Folds k2-seed0 share no lesion" in result.out
    for name in ("classes", "samples", "metadata", "lesions", "missing", "pictures"):
        assert f'id="{name}"' in page
    assert page.count("data:image/webp") > 40
    assert 'src="http' not in page
    counted = pd.read_csv(folder / "tables" / "classes.csv")["images"].sum()
    assert counted == len(pd.read_csv("data/toy/dataset.csv"))
    assert (folder / "figures" / "age-by-class.svg").read_bytes()[:5] == b"<?xml"

    assert skin("data", "explore", "toy", "--out", "again").code == 0
    assert Path("again/index.html").read_text(encoding="utf-8") == page


def test_without_images_and_folds_it_shows_the_rest(skin):
    shutil.rmtree("data/toy/cache")
    shutil.rmtree("data/toy/folds")

    result = skin("data", "explore")

    assert result.code == 0, result.err
    page = Path("reports/toy-data/index.html").read_text(encoding="utf-8")
    assert "No images of &#39;toy&#39; are cached" in page
    assert "skin data folds toy" in page
    assert "data:image/webp" not in page


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["toyy"], "no dataset 'toyy' under data: did you mean 'toy'?"),
        (["--folds", "k5-seed0"], "dataset 'toy' has no folds 'k5-seed0': make them with"),
        (["--figures", "png", "--figures", "gif"], "unknown format of figures 'gif'"),
        (["--out", "data/toy/dataset.csv"], "data/toy/dataset.csv is a file"),
        (["--data-dir", "nowhere"], "no dataset under nowhere"),
    ],
)
def test_mistakes_are_told_before_the_work(skin, words, message):
    result = skin("data", "explore", *words)

    assert result.code == 2
    assert message in result.err
    assert not Path("reports").exists()
