from __future__ import annotations

import io
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from skin.analysis.blocks import Gallery, Group, Words
from skin.analysis.cases import Cases, Outcomes, choose
from skin.analysis.explain_cases import choose_cases
from skin.analysis.gallery import explain_held_out, galleries, look
from skin.analysis.report.collect import collect
from skin.analysis.report.compare import compare
from skin.analysis.report.context import Context, look_for_dataset
from skin.analysis.report.sections.gallery import section
from skin.config import load_config
from skin.data.dataset import find_dataset
from skin.errors import SkinError
from skin.runs import Run
from skin.taxonomy import get_task
from skin.training.held_out import HeldOut
from skin.training.run import train_run

SMALL = {
    "data": {"image_size": 64},
    "augment": {
        "train": [{"RandomResizedCrop": {}}],
        "evaluate": [{"SmallestMaxSize": {}}, {"CenterCrop": {}}],
    },
    "model": {"backbone": "test_resnet", "pretrained": False},
    "training": {"epochs": 1, "batch_size": 16, "precision": "fp32"},
    "runtime": {"device": "cpu", "workers": 0},
}
CPU = torch.device("cpu")


@pytest.fixture(scope="session")
def two_runs(toy_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `plain` and `tree`, both folds of each finished; not to be written into."""
    root = tmp_path_factory.mktemp("two")
    (root / "small.yaml").write_text(yaml.safe_dump(SMALL))
    heads = {"plain": [], "tree": ["model.head.kind=hierarchical", "model.head.units=8"]}
    for name, settings in heads.items():
        config = load_config(root / "small.yaml", settings)
        train_run(config, Run(root / "runs" / name), "all", toy_data)
    return root / "runs"


def outcomes_of(folder):
    run = Run(folder)
    return Outcomes.of(run.name, run.task, run.oof())


def explain(run, known, image_ids, data_dir, target=None):
    return list(
        explain_held_out(
            run,
            known,
            image_ids,
            methods=["all"],
            target=target,
            data_dir=data_dir,
            device=CPU,
        )
    )


def test_each_image_is_explained_by_the_model_that_never_saw_it(two_runs, toy_data):
    run, known = Run(two_runs / "plain"), outcomes_of(two_runs / "plain")
    ids = known.image_ids[::5].tolist()
    explained = explain(run, known, ids, toy_data)
    assert sorted(each.image_id for each in explained) == sorted(ids)
    assert set(known.folds[::5]) == {0, 1}
    dataset = find_dataset(toy_data)
    for each in explained:
        row = known.row[each.image_id]
        # The out-of-fold prediction of this very image: of no other fold's model is it so.
        np.testing.assert_allclose(each.probabilities, known.probabilities[row], atol=1e-5)
        assert each.target == known.task.codes[known.decided[row]]
        at = dataset.table.index[dataset.table["image_id"] == each.image_id][0]
        images = HeldOut.find(run.fold(int(known.folds[row])), toy_data).images()
        np.testing.assert_array_equal(
            each.pixels, images.pipeline(image=images.images[at])["image"]
        )


def test_a_map_is_for_the_class_asked_for(two_runs, toy_data):
    run, known = Run(two_runs / "plain"), outcomes_of(two_runs / "plain")
    ids = known.image_ids[:3].tolist()
    assert {each.target for each in explain(run, known, ids, toy_data, "DF")} == {"DF"}
    with pytest.raises(SkinError, match="--class df: isic2018 has no such class: "):
        explain(run, known, ids, toy_data, "df")


def test_of_a_coarser_task_the_likeliest_class_within_the_decision_is_shown(two_runs, toy_data):
    (entry,) = collect(
        [str(two_runs / "plain")], two_runs, two_runs, scored_as=get_task("malignant")
    )
    coarse = Outcomes.of(entry.name, entry.task, entry.oof)
    fine = Run(two_runs / "plain").task
    for each in explain(Run(two_runs / "plain"), coarse, coarse.image_ids[:8].tolist(), toy_data):
        decided = entry.task.codes[coarse.decided[coarse.row[each.image_id]]]
        within = [(code in fine.malignant) == (decided == "MAL") for code in fine.codes]
        best = np.where(within, each.probabilities, -1).argmax()
        assert each.target == fine.codes[best]


def test_an_image_that_the_fold_trained_on_is_refused(two_runs, toy_data):
    run, known = Run(two_runs / "plain"), outcomes_of(two_runs / "plain")
    swapped = replace(known, folds=1 - known.folds)
    with pytest.raises(SkinError, match="predicts images that its fold did not hold out: ISIC_"):
        explain(run, swapped, known.image_ids[:1].tolist(), toy_data)


def test_strips_set_runs_side_by_side(two_runs, toy_data):
    known = [outcomes_of(two_runs / name) for name in ("plain", "tree")]
    first, second = known[0].image_ids[:2].tolist()
    cases = [Cases("Some", (second, first), 9), Cases("None", (), 0)]
    looked = [
        look(each, explain(Run(two_runs / each.name), each, [first, second], toy_data), 48)
        for each in known
    ]
    (gallery,) = galleries(cases, looked)
    assert (gallery.name, gallery.title) == ("cases-some", "Some: 2 of 9")
    assert [strip.head for strip in gallery.strips] == [second, first]
    photos = gallery.strips[1].photos
    row = known[0].row[first]
    true = known[0].task.classes[known[0].targets[row]]
    assert photos[0].lines == (f"true {true.code}", true.name)
    assert [photo.lines[0] for photo in photos[1:]] == ["plain"] + ["tree"] * 4
    assert [photo.lines[1] for photo in photos[3:]] == [
        f"own attention, level {level}" for level in (1, 2, 3)
    ]
    decided, chance = known[0].task.codes[known[0].decided[row]], known[0].confidence[row]
    assert photos[1].lines[2].startswith(f"{decided} {chance:.2f}")
    assert ("right" in photos[1].lines[2]) == known[0].right[row] == (photos[1].tone == "good")
    assert f"true {true.code}" in photos[1].lines[2] or known[0].right[row]
    for photo in photos:
        picture = Image.open(io.BytesIO(photo.data))
        assert (picture.format, picture.size) == ("WEBP", (48, 48))
        assert first in photo.alt
    assert len({photo.data for photo in photos[:2]}) == 2


def test_cases_are_of_the_images_that_all_runs_held_out(two_runs, tmp_path):
    shutil.copytree(two_runs, tmp_path / "runs")
    shutil.rmtree(tmp_path / "runs" / "tree" / "fold1")
    runs = [Run(tmp_path / "runs" / name) for name in ("plain", "tree")]
    outcomes, cases = choose_cases(runs, ["uncertain"], 100)
    assert outcomes[0].image_ids.tolist() == outcomes[1].image_ids.tolist()
    assert set(outcomes[0].folds) == {0}
    assert [each.title for each in cases] == ["Most uncertain"]
    shutil.rmtree(tmp_path / "runs" / "plain" / "fold0")
    with pytest.raises(SkinError, match="plain, tree held out no image in common"):
        choose_cases(runs, ["uncertain"], 1)


def test_a_run_without_such_cases_is_one_message(two_runs, capsys):
    run = Run(two_runs / "plain")
    there = {(true, decided) for true, decided, _ in outcomes_of(run.folder).confusions()}
    true, decided = next(
        (a, b) for a in run.task.codes for b in run.task.codes if a != b and (a, b) not in there
    )
    with pytest.raises(SkinError, match=f"plain has no such cases: {true}:{decided}"):
        choose_cases([run], [f"{true}:{decided}"], 1)
    assert f"{true} taken for {decided}: there is no such image" in capsys.readouterr().err


def context_of(runs_dir, data_dir):
    entries = collect([], runs_dir, runs_dir.parent / "ensembles")
    dataset, missing = look_for_dataset(entries, data_dir)
    return Context(compare(entries, resamples=100), dataset, missing, data_dir)


def titles(blocks):
    for block in blocks:
        if isinstance(block, Group):
            yield from titles(block.blocks)
        elif isinstance(block, Gallery):
            yield block.title.partition(":")[0]


def test_the_report_s_section_shows_the_best_run_s_cases(two_runs, toy_data):
    context = context_of(two_runs, toy_data)
    made = section(context)
    best = context.comparison.best.entry
    known = Outcomes.of(best.name, best.task, best.oof)
    shown = list(titles(made.blocks))
    assert len(set(shown)) == len(shown)
    expected = [
        each.title
        for code in known.task.codes
        for each in choose(known, [code], 2)
        if each.image_ids
    ]
    expected += ["Most confident errors", "Most uncertain"]
    assert set(expected) <= set(shown)
    assert sum("taken for" in title for title in shown) >= 2
    assert made.intro.startswith(f"Images chosen by the predictions of {best.name}, the best run")
    assert not any(isinstance(block, Words) for block in made.blocks)


def test_the_section_says_which_run_it_cannot_show(two_runs, toy_data, tmp_path):
    shutil.copytree(two_runs, tmp_path / "runs")
    (tmp_path / "runs" / "tree" / "fold1" / "best.safetensors").unlink()
    made = section(context_of(tmp_path / "runs", toy_data))
    (words,) = [block for block in made.blocks if isinstance(block, Words)]
    assert words.text.startswith("tree is not shown: no weights at ")
    assert list(titles(made.blocks))


def test_the_section_without_images_says_why(two_runs, tmp_path):
    (words,) = section(context_of(two_runs, tmp_path / "nowhere")).blocks
    assert words.text.startswith("No heatmaps: the images are not at hand. Dataset 'toy' is not in")
