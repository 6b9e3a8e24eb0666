from __future__ import annotations

import json
from dataclasses import replace

import pytest

from skin.analysis.report.collect import collect
from skin.analysis.report.compare import compare
from skin.analysis.report.context import Context
from skin.analysis.report.sections import browser
from skin.data.dataset import find_dataset


@pytest.fixture
def context(workspace, toy_data):
    """Runs whose images are those of the data set `toy`."""
    dataset = find_dataset(toy_data, "toy")
    workspace.run("plain")
    workspace.run("se", skill=3.0, seed=4)
    ids = dataset.table["image_id"]
    entries = [
        replace(entry, oof=entry.oof.head(len(ids)).assign(image_id=ids[::-1].tolist()))
        for entry in collect([], *workspace.folders)
    ]
    return Context(compare(entries, resamples=100), dataset, resamples=100)


def test_section_with_a_dataset(context):
    section = browser.section(context)

    block, table = section.blocks
    assert section.key == "browser"
    assert block.runs == tuple(row.entry.name for row in context.comparison.ranked)
    assert block.images == len(context.dataset)
    assert (block.notice, block.table) == ("", f"tables/{table.name}.csv")
    assert len(json.loads(block.pictures)) == block.images
    known = json.loads(block.data)
    assert known["side"] == 128
    assert {"age", "sex", "site", "dx_type"} == set(known["facts"])
    assert section.finding.startswith("All 2 runs get ")


def test_pictures_are_of_their_images(context):
    block = browser.section(context).blocks[0]
    ids = json.loads(block.data)["image"]
    turned = replace(context.comparison.best.entry, oof=context.comparison.best.entry.oof[::-1])
    comparison = compare([turned], resamples=100)
    other = browser.section(replace(context, comparison=comparison)).blocks[0]

    assert ids == json.loads(other.data)["image"][::-1]
    assert json.loads(block.pictures) == json.loads(other.pictures)[::-1]


def test_section_without_a_dataset_says_what_gives_it(context):
    without = replace(context, dataset=None, missing="Dataset 'toy' is not in data.")

    block = browser.section(without).blocks[0]

    assert block.notice.startswith("No pictures and no metadata: Dataset 'toy' is not in data.")
    assert "skin report --data-dir" in block.notice
    assert block.pictures == "[]"
    assert json.loads(block.data)["facts"] == {}


def test_section_without_a_cache_says_what_gives_it(context, monkeypatch):
    monkeypatch.setattr(type(context.dataset), "short_sides", ())

    block = browser.section(context).blocks[0]

    assert "dataset 'toy' has no cached images" in block.notice
    assert "skin data add" in block.notice
    assert json.loads(block.data)["facts"]


def test_section_says_what_the_budget_left_out(context, monkeypatch):
    make = browser.make_thumbnails
    monkeypatch.setattr(browser, "make_thumbnails", lambda *given: make(*given, budget=4_000))

    block = browser.section(context).blocks[0]

    pictures = json.loads(block.pictures)
    kept = sum(one is not None for one in pictures)
    assert 0 < kept < len(pictures)
    assert f"Pictures of {kept} of {len(pictures)} images" in block.notice
    assert f"{len(pictures) - kept} others have none" in block.notice
    best = context.comparison.best.entry
    wrong = best.targets != best.probabilities.argmax(axis=1)
    assert 0 < wrong.sum() < kept
    assert all(pictures[i] for i in wrong.nonzero()[0])


def test_same_bytes_each_time(context):
    assert browser.section(context).blocks[0] == browser.section(context).blocks[0]


def test_leaking_rows_are_not_said_never_to_have_seen_the_lesion(context):
    assert "never saw its lesion" in browser.section(context).intro
    rows = [
        replace(row, entry=replace(row.entry, leaking=True)) for row in context.comparison.ranked
    ]
    leaky = replace(context, comparison=replace(context.comparison, rows=tuple(rows)))

    assert "may have seen its lesion" in browser.section(leaky).intro
