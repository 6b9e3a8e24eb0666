from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from skin.analysis.heatmaps import cam, to_image_size
from skin.analysis.localisation import measures
from skin.analysis.localisation.probe import HeatmapProbe, probe_heatmaps
from skin.analysis.localisation.results import COLUMNS, SANITY, read_probed
from skin.analysis.localisation.settings import Constants, Settings
from skin.analysis.localisation.views import View, Views
from skin.analysis.probes.store import probes_folder, why_stale
from skin.analysis.probes.subjects import Part, Subject
from skin.data.loader import evaluation_loader
from skin.data.masks import Masks, open_masks
from skin.errors import SkinError
from skin.files import locked
from skin.runs import Run
from skin.training.held_out import HeldOut

CPU = torch.device("cpu")
SETTINGS = Settings(images=24, traced=6, resamples=200)


def subject_of(run, data_dir, seed=0):
    held_out = [HeldOut.find(fold, data_dir) for fold in run.finished_folds()]
    return Subject(run, tuple(Part(one, one.rows) for one in held_out), seed)


@pytest.fixture(scope="module")
def probed_run(small_run, toy_data, masks, tmp_path_factory):
    """A run that was probed, and the result; not to be written into."""
    folder = tmp_path_factory.mktemp("probed") / "cbam"
    run = Run(Path(shutil.copytree(small_run, folder)))
    return run, probe_heatmaps(subject_of(run, toy_data), masks, SETTINGS, CPU)


@pytest.fixture
def probed(probed_run):
    return probed_run[1]


@pytest.fixture
def subject(run, toy_data):
    return subject_of(run, toy_data)


def test_a_row_an_image_and_map(probed):
    table = probed.table
    assert tuple(table.columns) == COLUMNS
    assert table["map"].tolist() == ["gradcam", "attention"] * 24
    assert table["image_id"].is_monotonic_increasing
    assert table[["area", "energy", "pointing", "iou", "energy_gaussian"]].notna().all(axis=None)
    assert set(table["fold"]) == {0, 1}
    traced = table[["deletion", "insertion", "deletion_random", "insertion_random"]].notna()
    assert traced.sum().tolist() == [12] * 4
    assert traced.nunique(axis=1).eq(1).all()


def test_figures_are_the_tables_means(probed):
    for name, found in probed.result.maps.items():
        part = probed.table[probed.table["map"] == name]
        for column in ("area", "energy", "pointing", "iou", "deletion", "insertion_random"):
            assert found.figures[column].value == pytest.approx(part[column].mean())
        gap = part["energy"] - part["energy_gaussian"]
        assert found.figures["energy_over_gaussian"].value == pytest.approx(gap.mean())
        gain = (part["deletion_random"] - part["deletion"]).mean()
        assert found.figures["deletion_gain"].value == pytest.approx(gain)
        assert (found.images, found.size, found.empty) == (24, (2, 2), part["empty"].sum())
        assert found.curves["deletion"].shares == (0, 0.25, 0.5, 0.75, 1)
        ends = [found.curves[kind].values for kind in ("deletion", "insertion")]  # noqa: PD011 - no pandas
        # Nothing deleted is all inserted, and the other way round.
        assert ends[0][0] == ends[1][-1]
        assert ends[0][-1] == ends[1][0]


def test_an_images_energy_is_that_of_its_own_folds_model(subject, masks, probed):
    table = probed.table[probed.table["map"] == "gradcam"].set_index("image_id")
    for part in subject.parts:
        held_out = part.held_out
        ids = held_out.dataset.table["image_id"]
        row = next(row for row in held_out.rows if ids[row] in table.index)
        (view,) = Views(held_out, masks, CPU).of(np.array([row]))
        model = held_out.load(CPU)
        classes = model(view.images).argmax(1)
        maps = cam(model, view.images, classes)
        large = to_image_size(maps.double(), 64).numpy()
        one = table.loc[ids[row]]
        assert one["fold"] == held_out.fold.fold
        assert one["predicted"] == held_out.task.codes[int(classes[0])]
        assert one["energy"] == pytest.approx(measures.energy(large, view.masks)[0])
        assert one["area"] == view.masks.mean()


def test_other_lesions_are_those_of_all_folds(subject, masks, probed):
    """All pairs of maps and masks, made by hand, against the sums that the probe goes by."""
    table = probed.table[probed.table["map"] == "gradcam"].set_index("image_id")
    ids = subject.dataset.table["image_id"]
    images, every_map, every_mask = [], [], []
    for part in subject.parts:
        rows = np.array([row for row in part.held_out.rows if ids[row] in table.index])
        model = part.held_out.load(CPU)
        for view in Views(part.held_out, masks, CPU).of(rows):
            maps = cam(model, view.images, model(view.images).argmax(1))
            every_map.append(to_image_size(maps.double(), 64).numpy())
            every_mask.append(view.masks)
            images += ids[view.rows].tolist()
    maps, lesions = np.concatenate(every_map), np.concatenate(every_mask)
    assert len(images) == len(table) == 24
    off = ~np.eye(24, dtype=bool)
    for name in ("energy", "pointing"):
        measure = getattr(measures, name)
        pairs = np.stack([measure(maps, np.roll(lesions, k, axis=0)) for k in range(24)])
        # Row k pairs map i with mask i - k.
        square = np.array([[pairs[(i - j) % 24, i] for j in range(24)] for i in range(24)])
        own = table.loc[images]
        by_map = np.where(off, square, 0).sum(axis=1) / 23
        by_mask = np.where(off, square, 0).sum(axis=0) / 23
        np.testing.assert_allclose(own[f"{name}_other_masks"], by_map, atol=1e-6)
        np.testing.assert_allclose(own[f"{name}_other_maps"], by_mask, atol=1e-6)
        found = probed.result.maps["gradcam"].figures[f"{name}_over_other"].value
        assert found == pytest.approx(np.diag(square).mean() - square[off].mean(), abs=1e-6)


def test_maps_that_are_the_same_in_every_image_follow_nothing(subject, masks, monkeypatch):
    sharp = np.zeros((1, 4, 4))
    sharp[0, 1:3, 1:3] = 1

    def blind(view, *_) -> dict:
        return {"gradcam": np.repeat(sharp, len(view.rows), axis=0)}

    monkeypatch.setattr(View, "maps", blind)
    result, _ = HeatmapProbe.plan(subject, masks, Settings(images=24, traced=0)).measure(CPU)
    figures = result.maps["gradcam"].figures
    assert figures["energy_over_chance"].low > 0  # it is in the middle, as lesions are
    for name in ("energy", "pointing"):
        assert figures[f"{name}_over_other"].value == pytest.approx(0, abs=1e-12)
        assert abs(figures[f"{name}_over_other"].low) < 0.02


def test_a_view_is_what_the_evaluation_shows(subject, masks):
    held_out = subject.parts[0].held_out
    rows = held_out.rows[:3]
    (view,) = Views(held_out, masks, CPU).of(rows)
    loader = evaluation_loader(held_out.images(), rows, 3, 0, pin_memory=False)
    torch.testing.assert_close(view.images, next(iter(loader)).images)
    assert view.masks.shape == (3, 64, 64)
    # Lesions are darker than the skin around them.
    light = view.images.float().mean(1).numpy()
    assert light[view.masks].mean() < light[~view.masks].mean() - 5


def test_it_is_written_and_read_again(probed_run, tmp_path):
    folder, probed = shutil.copytree(probed_run[0].folder, tmp_path / "cbam"), probed_run[1]
    again = read_probed(folder)
    assert again.result.constants == Constants.now()
    pd.testing.assert_frame_equal(again.table, probed.table, check_dtype=False)
    assert again.result.model_copy(update={"table_sha256": None}) == probed.result
    assert why_stale(folder, again.result) == ""
    Run(folder).fold(1).weights.write_bytes(b"other")
    assert "fold 1 has other weights" in why_stale(folder, again.result)


def test_the_same_seed_gives_the_same_bytes(probed_run, subject, masks):
    probe_heatmaps(subject, masks, SETTINGS, CPU)
    for name in ("heatmaps.json", "heatmaps.csv"):
        first, again = (one.folder / "probes" / name for one in (probed_run[0], subject.run))
        assert first.read_bytes() == again.read_bytes()


def test_one_process_probes_a_run_at_a_time(subject, masks):
    folder = probes_folder(subject.run.folder)
    with locked(folder, "probed"), pytest.raises(SkinError, match="is being probed by another"):
        probe_heatmaps(subject, masks, SETTINGS, CPU)
    (folder / ".heatmaps.csv.x.tmp").write_text("half")
    probe_heatmaps(subject, masks, Settings(images=4, traced=0, resamples=20), CPU)
    assert sorted(path.name for path in folder.iterdir() if path.name != ".lock") == [
        "heatmaps.csv",
        "heatmaps.json",
    ]


def test_without_curves(subject, masks):
    settings = Settings(images=8, traced=0, resamples=50)
    probe = HeatmapProbe.plan(subject, masks, settings)
    told = []
    result, table = probe.measure(CPU, told.append)
    assert sum(told) == probe.work == 3 * 8
    assert table[[*SANITY, "deletion"]].isna().all(axis=None)
    assert all("deletion" not in found.figures for found in result.maps.values())
    assert all(found.curves == {} for found in result.maps.values())


def test_progress_reaches_its_end(subject, masks):
    probe = HeatmapProbe.plan(subject, masks, Settings(images=6, traced=4, resamples=20))
    told = []
    probe.measure(CPU, told.append)
    assert sum(told) == probe.work == 3 * 6 + 4 * 5


def test_views_without_a_lesion_are_left_out_and_named(subject, masks, tmp_path, encode_mask):
    black = HeatmapProbe.plan(subject, masks, SETTINGS).sample.rows[:2]
    table = subject.dataset.table
    names = sorted(table["image_id"].iloc[black])
    for image_id in masks.ids:
        data = masks.read(image_id) if image_id not in names else encode_mask(masks, image_id)
        (tmp_path / f"{image_id}.png").write_bytes(data)
    probed = probe_heatmaps(subject, open_masks(tmp_path), SETTINGS, CPU)
    assert probed.result.without_lesion == tuple(names)
    assert probed.table["image_id"].nunique() == 22
    assert not probed.table["image_id"].isin(names).any()


def test_masks_that_show_nothing_at_all(subject, masks, tmp_path, encode_mask):
    for image_id in masks.ids:
        (tmp_path / f"{image_id}.png").write_bytes(encode_mask(masks, image_id))
    with pytest.raises(SkinError, match="show no lesion by these masks"):
        probe_heatmaps(subject, open_masks(tmp_path), SETTINGS, CPU)


def test_missing_masks_are_named_and_recorded(subject, masks, capsys):
    gone = sorted(masks.ids)[:3]
    refs = {name: ref for name, ref in masks.refs.items() if name not in gone}
    settings = Settings(images=6, traced=0, resamples=20)
    probed = probe_heatmaps(subject, Masks(masks.archive, refs), settings, CPU)
    assert probed.result.without_mask == tuple(gone)
    assert f"3 held-out images have no mask: {', '.join(gone)}" in " ".join(
        capsys.readouterr().err.split()
    )


@pytest.mark.parametrize("traced", [0, 2])
def test_a_fold_may_have_no_image_of_the_sample(run, toy_data, masks, traced):
    settings = Settings(images=2, traced=traced, resamples=20)
    plans = (
        HeatmapProbe.plan(subject_of(run, toy_data, seed), masks, settings) for seed in range(20)
    )
    probe = next(plan for plan in plans if len(set(plan.sample.folds)) == 1)
    result, table = probe.measure(CPU)
    assert list(result.origin.weights) == [0, 1]
    assert table["image_id"].nunique() == 2
    assert set(table["fold"]) == set(probe.sample.folds)
    figures = table[["energy", "energy_other_masks", "energy_other_maps"]]
    assert figures.notna().all(axis=None)
    assert table["deletion"].notna().all() == (traced == 2)


def repaint(masks: Masks, folder: Path, paint) -> Masks:
    """The masks with each one's pixels (H, W) replaced by `paint` of its id and these."""
    for image_id in masks.ids:
        with Image.open(io.BytesIO(masks.read(image_id))) as mask:
            pixels = paint(image_id, np.asarray(mask.convert("1")))
        Image.fromarray(pixels.astype(np.uint8) * 255).save(folder / f"{image_id}.png")
    return open_masks(folder)


def test_views_of_nothing_but_lesion_are_left_out_and_named(subject, masks, tmp_path, capsys):
    white = HeatmapProbe.plan(subject, masks, SETTINGS).sample.rows[:2]
    names = sorted(subject.dataset.table["image_id"].iloc[white])
    painted = repaint(masks, tmp_path, lambda name, mask: mask | (name in names))
    probed = probe_heatmaps(subject, painted, SETTINGS, CPU)
    assert probed.result.without_lesion == tuple(names)
    assert probed.table["image_id"].nunique() == 22
    # They are no lesions that others are held against either.
    assert (probed.table["energy_other_masks"] < 0.9).all()
    said = " ".join(capsys.readouterr().err.split())
    assert f"2 images left out, of which the masks cover nothing or all: {names[0]}" in said
    assert "inverted" not in said


def test_masks_that_are_all_white_are_refused(subject, masks, tmp_path):
    painted = repaint(masks, tmp_path, lambda _, mask: np.ones_like(mask))
    with pytest.raises(SkinError, match=r"nothing but lesion: are the masks inverted"):
        probe_heatmaps(subject, painted, SETTINGS, CPU)
    assert not (probes_folder(subject.run.folder) / "heatmaps.json").exists()


def test_inverted_masks_are_warned_of(subject, masks, tmp_path, capsys):
    painted = repaint(masks, tmp_path, lambda _, mask: ~mask)
    probe_heatmaps(subject, painted, Settings(images=8, traced=0, resamples=20), CPU)
    assert "are the masks inverted?" in " ".join(capsys.readouterr().err.split())


def test_missing_weights_are_a_message_before_any_work(subject, masks):
    weights = subject.run.fold(1).weights
    weights.unlink()
    with pytest.raises(SkinError, match=r"no weights at .*fold1"):
        probe_heatmaps(subject, masks, SETTINGS, CPU)
