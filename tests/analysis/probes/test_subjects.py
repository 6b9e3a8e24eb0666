from __future__ import annotations

import json

import numpy as np
import pytest

from skin.analysis.probes.subjects import choose_rows, find_subjects, parse_images
from skin.errors import SkinError


def test_every_image_is_one_that_the_model_never_saw(subject):
    found = subject()
    assert [part.fold for part in found.parts] == [0, 1]
    for part in found.parts:
        assert part.rows.tolist() == sorted(part.held_out.rows.tolist())
    assert found.images == len(found.dataset) == len(found.keys)
    assert set(found.keys["fold"]) == {0, 1}


def test_a_choice_is_of_whole_lesions_and_even_over_classes(subject):
    chosen = subject(images=42).keys
    every = subject().keys
    assert 42 <= len(chosen) <= 43
    for lesion in set(chosen["lesion_id"]):
        assert (chosen["lesion_id"] == lesion).sum() == (every["lesion_id"] == lesion).sum()
    counts = chosen["target"].value_counts()
    assert len(counts) == 7
    assert counts.max() - counts.min() <= 2  # lesions have one or two images


def test_a_smaller_choice_is_part_of_a_larger_and_another_seed_chooses_others(subject):
    few, more = (set(subject(images=n).keys["image_id"]) for n in (20, 42))
    assert few < more
    assert set(subject(images=20, seed=1).keys["image_id"]) != few


def test_a_rare_class_gives_all_it_has(subject):
    """Of a class with few images left, others make up for it."""
    held_out = [part.held_out for part in subject().parts]
    table = held_out[0].dataset.table
    rare = [h for h in held_out if h.fold.fold == 0]
    rows = choose_rows(rare, len(rare[0].rows) - 3, 0)[0]
    assert len(rare[0].rows) - 3 <= len(rows) < len(rare[0].rows)
    assert set(table["dx"].iloc[rows]) == set(table["dx"])


def test_folds_can_be_named(subject):
    assert [part.fold for part in subject(folds="1").parts] == [1]
    with pytest.raises(SkinError, match=r"--fold 5: the dataset's folds are 0 to 1"):
        subject(folds="5")


@pytest.mark.parametrize(("text", "images"), [("all", None), (" 12 ", 12)])
def test_number_of_images(text, images):
    assert parse_images(text) == images


@pytest.mark.parametrize("text", ["0", "-3", "some", "1.5", ""])
def test_a_wrong_number_of_images_is_named(text):
    with pytest.raises(SkinError, match="--images"):
        parse_images(text)


def find(place, *names):
    return find_subjects(
        names,
        runs_dir=place / "runs",
        ensembles_dir=place / "ensembles",
        data_dir=place / "data",
        folds="all",
        images=None,
        seed=0,
    )


def test_a_run_named_twice_is_probed_once(place):
    assert len(find(place, "plain", str(place / "runs" / "plain"))) == 1


def test_an_unknown_run_is_named(place):
    with pytest.raises(SkinError, match=r"no run 'plan' in .*: did you mean 'plain'"):
        find(place, "plan")


def test_an_unfinished_fold_is_left_out_or_refused(place, subject):
    path = place / "runs" / "plain" / "fold0" / "metadata.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"status": "running"}))
    assert [part.fold for part in subject().parts] == [1]
    with pytest.raises(SkinError, match=r"--fold 0: plain has not finished fold 0; it has 1"):
        subject(folds="0")
    other = place / "runs" / "plain" / "fold1" / "metadata.json"
    other.unlink()
    with pytest.raises(SkinError, match=r"plain has no finished fold"):
        subject()


def test_a_dataset_of_another_state_is_refused(place, subject):
    path = place / "runs" / "plain" / "fold0" / "metadata.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"dataset_hash": "other"}))
    with pytest.raises(SkinError, match="another state of dataset 'cues'"):
        subject()


def test_an_ensemble_names_its_runs(place, monkeypatch):
    class Described:
        runs = tuple(type("Members", (), {"name": name}) for name in ("plain", "se"))

    (place / "ensembles" / "both").mkdir(parents=True)
    (place / "ensembles" / "both" / "ensemble.json").write_text("{}")
    monkeypatch.setattr("skin.analysis.probes.subjects.load_ensemble", lambda _: Described)
    with pytest.raises(SkinError, match=r"both is an ensemble, .* name its runs, plain se"):
        find(place, "both")


def test_rows_are_those_of_the_keys(subject):
    (part, _) = subject(images=20).parts
    ids = part.held_out.dataset.table["image_id"].to_numpy()
    assert part.keys["image_id"].tolist() == ids[part.rows].tolist()
    codes = np.array(part.held_out.task.codes)
    assert (codes[part.held_out.experiment.targets[part.rows]] == part.keys["target"]).all()
