from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from skin.analysis.blocks import Group, Plot, Words, tables
from skin.analysis.report.collect import collect
from skin.analysis.report.compare import compare
from skin.analysis.report.context import Context
from skin.analysis.report.sections import subgroups
from skin.data.cache import CacheWriter
from skin.data.dataset import Dataset, DatasetInfo, SourceInfo, find_dataset, tidy


@pytest.fixture
def dataset(workspace, tmp_path):
    """The made-up images: old people's skin is yellowish, others' pictures have a bluish cast."""
    truth = workspace.truth()
    lesion = truth["lesion_id"].str[-7:].astype(int)
    old = lesion >= 90
    table = pd.DataFrame(
        {
            "image_id": truth["image_id"],
            "path": "none",
            "lesion_id": truth["lesion_id"],
            "patient_id": pd.NA,
            "dx": truth["target"].str.lower(),
            "dx_type": "histo",
            "age": np.where(old, 70.0, 35.0),
            "sex": np.where(lesion % 2, "male", "female"),
            "site": np.where(lesion < 5, "acral", "back"),
            "source": "made up",
            "split": "train",
            "width": 40,
            "height": 40,
            "sha256": [f"{i:064d}" for i in range(len(truth))],
            "phash": "0",
        }
    )
    source = SourceInfo(reader="csv", path="none", fingerprint="none")
    info = DatasetInfo(name="d", hash="h", source=source, skipped=(), licence="-", citation="-")
    with CacheWriter(tmp_path / "d", 40) as cache:
        for is_old, sha256 in zip(old, table["sha256"], strict=True):
            pixels = np.full((40, 40, 3), (200, 170, 145) if is_old else (190, 170, 200), np.uint8)
            pixels[14:26, 14:26] = 90
            cache.add(pixels, sha256)
    return Dataset(tmp_path / "d", tidy(table), info)


@pytest.fixture
def context(workspace, dataset):
    def make(**options) -> Context:
        comparison = compare(collect([], *workspace.folders), resamples=20, **options)
        return Context(comparison, dataset, resamples=200)

    return make


def run_worse_for_the_young(workspace):
    workspace.run("plain", skill=4.0)
    for path in (workspace.root / "runs" / "plain").glob("fold*/oof.csv"):
        oof = pd.read_csv(path)
        young = oof["lesion_id"].str[-7:].astype(int) < 90
        columns = [column for column in oof if column.startswith("prob_")]
        oof.loc[young, columns] = np.roll(oof.loc[young, columns].to_numpy(), 1, axis=1)
        oof.to_csv(path, index=False)


def test_a_gap_is_found_and_said(workspace, context):
    run_worse_for_the_young(workspace)

    section = subgroups.section(context())

    assert section.finding.startswith("plain is worse for age 30 to 44: ")
    losses, values, gaps = tables([section])
    assert {"age: 30 to 44"} <= {line.head for line in losses.lines}
    assert (losses.frame["gap_high"] < 0).all()
    assert (losses.frame["p_holm"] < 0.05).all()
    cells = {line.head: line.cells for line in gaps.lines}
    assert cells["age: 30 to 44"][0].tone == "bad"
    assert cells["age: 60 to 74"][0].tone == "good"
    assert cells["sex: male"][0].tone == "plain"
    counts = {line.head: [cell.text for cell in line.cells[:3]] for line in values.lines}
    assert counts["age: 60 to 74"][1] == "90"


def test_small_subgroups_show_their_count(workspace, context):
    workspace.run("plain")

    *_, values, gaps = tables([subgroups.section(context())])

    acral = next(line for line in values.lines if line.head == "site: acral")
    assert {cell.text for cell in acral.cells[3:]} == {"\N{EM DASH}"}
    assert all(cell.below.endswith(" images") for cell in acral.cells[3:])
    frame = gaps.frame[gaps.frame["level"] == "acral"]
    assert len(frame) == 4
    assert frame["gap"].isna().all()


def test_what_the_words_say(workspace, context):
    workspace.run("plain")

    words = " ".join(
        block.text for block in subgroups.section(context()).blocks if isinstance(block, Words)
    )

    assert "no label of skin tone" in words
    assert "not a skin tone label" in words
    assert "Image source: all images have the one value 'made up'." in words
    assert "How the diagnosis was confirmed: all images have the one value" in words
    young = (context().images["age"] == 35).sum()
    assert f"{young} of 240 images have a bluish cast" in words


def test_best_and_reference_are_shown_and_all_rows_are_in_the_files(workspace, context):
    for i, name in enumerate(("a", "b", "c")):
        workspace.run(name, skill=3.0 - i, seed=i)

    section = subgroups.section(context(baseline="b"))

    assert [block.title for block in section.blocks if isinstance(block, Group)] == [
        "a: all subgroups",
        "b: all subgroups",
    ]
    named = {table.name: table for table in tables([section])}
    assert set(named["subgroups"].frame["run"]) == {"a", "b", "c"}
    assert set(named["subgroups-gaps-b"].frame["run"]) == {"b"}
    plots = [block for block in section.blocks if isinstance(block, Plot)]
    assert [plot.name for plot in plots] == ["subgroups-bacc", "subgroups-gap"]
    assert b"site: back" in plots[0].picture.light


def test_without_the_dataset_it_says_what_gives_it(workspace, context):
    workspace.run("plain")
    without = replace(
        context(), dataset=None, missing="Dataset 'd' is not in data; see --data-dir."
    )

    (words,) = subgroups.section(without).blocks

    assert words.text.startswith("Dataset 'd' is not in data")
    assert "skin data add" in words.text


def test_without_cached_images_there_is_no_proxy(workspace, context, dataset, tmp_path):
    workspace.run("plain")
    bare = Dataset(tmp_path / "elsewhere", dataset.table, dataset.info)

    section = subgroups.section(replace(context(), dataset=bare))

    assert any(
        "no cached images" in block.text for block in section.blocks if isinstance(block, Words)
    )
    assert not any("ITA" in line.head for table in tables([section]) for line in table.lines)


def test_real_metadata_of_a_small_dataset(workspace, toy_data):
    toy = find_dataset(toy_data, "toy")
    workspace.run("plain")
    ids = toy.table["image_id"]
    entries = [
        replace(entry, oof=entry.oof.head(len(ids)).assign(image_id=ids.tolist()))
        for entry in collect([], *workspace.folders)
    ]

    section = subgroups.section(Context(compare(entries, resamples=20), toy, resamples=20))

    factors = set(next(t for t in tables([section]) if t.name == "subgroups").frame["factor"])
    assert {"age", "sex", "site"} <= factors
