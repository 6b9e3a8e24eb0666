from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import yaml

from skin.analysis import blocks
from skin.analysis.drawing import Picture
from skin.analysis.localisation.results import (
    COLUMNS,
    FIGURES,
    SANITY,
    Curve,
    HeatmapResult,
    MapResult,
    Probed,
    write_probed,
)
from skin.analysis.localisation.settings import Constants, Settings
from skin.analysis.localisation.summary import mean_intervals, with_differences
from skin.analysis.probes.results import Figure
from skin.analysis.probes.store import Origin
from skin.analysis.report.collect import collect
from skin.analysis.report.compare import compare
from skin.analysis.report.context import Context
from skin.analysis.report.sections import localisation
from skin.analysis.report.sections.localisation import section
from skin.runs import Run

IMAGES = 40


def image_table(name, energy, seed, *, traced=True, similarity=0.1, first=0):
    """Made-up outcomes of one map: chance is 0.3, the Gaussian's energy 0.5, others' masks' 0.4."""
    rng = np.random.default_rng(seed)
    ids = [f"ISIC_{first + i:07d}" for i in range(IMAGES)]
    table = pd.DataFrame({"image_id": ids, "lesion_id": ids, "fold": 0, "map": name})
    table = table.assign(target="MEL", predicted="NV", empty=False, **dict.fromkeys(FIGURES, 0.4))
    spread = np.random.default_rng(0).normal(0, 0.05, IMAGES)  # the images', alike for all maps
    table["area"], table["energy_gaussian"] = 0.3, 0.5
    noise = rng.normal(0, 0.01, IMAGES)
    table["energy_other_masks"] = 0.4 + spread - spread.mean()
    table["energy"] = energy + spread - spread.mean() + noise - noise.mean()
    table["deletion"], table["deletion_random"] = 0.3, 0.5
    table[list(SANITY)] = similarity + rng.normal(0, 0.01, (IMAGES, len(SANITY)))
    if not traced:
        table[["deletion", "insertion", "deletion_random", "insertion_random", *SANITY]] = np.nan
    return table


def probe(folder, *tables, attention="none", masks="y", constants=None):
    """Leave a result in a made-up run's folder."""
    for fold in Run(folder).finished_folds():
        fold.weights.write_bytes(folder.name.encode())
        config = {"model": {"attention": attention}}
        (fold.folder / "config.yaml").write_text(yaml.safe_dump(config))
    flat = Figure(value=0.5, low=0.4, high=0.6)
    curve = Curve(shares=(0, 0.5, 1), values=(flat,) * 3)
    maps = {}
    for table in tables:
        means = mean_intervals(with_differences(table), table["lesion_id"], 200, 0)
        kinds = ("deletion", "insertion", "deletion_random", "insertion_random")
        maps[table["map"].iloc[0]] = MapResult(
            images=len(table),
            empty=0,
            size=(4, 4),
            figures={key: Figure.of(one) for key, one in means.items()},
            curves=dict.fromkeys(kinds, curve) if "deletion" in means else {},
        )
    run = Run(folder)
    result = HeatmapResult(
        origin=Origin(
            run=folder.name,
            dataset="toy",
            dataset_hash="x",
            weights=Origin.of(run, run.finished_folds(), 0).weights,
            seed=0,
        ),
        settings=Settings(),
        constants=constants or Constants.now(),
        masks="masks.zip",
        masks_sha256=masks,
        lesions=IMAGES,
        without_mask=(),
        without_lesion=(),
        maps=maps,
    )
    write_probed(folder, Probed(result, pd.concat(tables)[list(COLUMNS)]))


@pytest.fixture
def _undrawn(monkeypatch) -> None:
    """Figures take longer to draw than all else."""
    for name in ("energy_figure", "sanity_figure", "curves_figure"):
        monkeypatch.setattr(localisation, name, lambda *_: Picture(b"", b"", ""))


@pytest.fixture
def write(workspace):
    """Write runs, by name their skill."""

    def make(**skills) -> None:
        for seed, (name, skill) in enumerate(skills.items()):
            workspace.run(name, skill=skill, seed=seed, dataset="toy", dataset_hash="x")

    return make


@pytest.fixture
def context(workspace):
    """Give the context of all that was written."""

    def make(*names, baseline=None) -> Context:
        entries = collect(names, *workspace.folders)
        return Context(compare(entries, baseline=baseline, resamples=20), None, resamples=400)

    return make


def lines_of(found, name):
    (table,) = [one for one in blocks.tables([found]) if one.name == name]
    return {line.head: line for line in table.lines}, table


@pytest.mark.usefixtures("_undrawn")
def test_one_table_over_variants(write, context, workspace):
    write(plain=1.0, se=3.0)
    runs = workspace.root / "runs"
    probe(runs / "plain", image_table("gradcam", 0.35, 1))
    probe(
        runs / "se",
        image_table("gradcam", 0.42, 2),
        image_table("attention", 0.34, 3, similarity=0.9),
        attention="se",
    )

    found = section(context())

    lines, table = lines_of(found, "localisation")
    assert list(lines) == [
        "Chance: the lesion's area",
        "Gaussian in the middle",
        "se, Grad-CAM",
        "se, own attention",
        "plain, Grad-CAM",
    ]
    heads = table.heads[1:]
    assert all(len(line.cells) == len(heads) for line in lines.values())
    se = dict(zip(heads, lines["se, Grad-CAM"].cells, strict=True))
    assert se["Energy"].text == "0.420"
    assert (se["less chance"].text, se["less chance"].tone) == ("+0.120", "quiet")
    assert se["less Gaussian"].tone == "quiet"
    assert (se["own less other"].text, se["own less other"].tone) == ("+0.020", "good")
    assert "p 0.0" in se["own less other"].below
    assert (se["against reference"].text, se["against reference"].tone) == ("+0.070", "good")
    attention = dict(zip(heads, lines["se, own attention"].cells, strict=True))
    assert attention["against reference"].tone == "bad"
    assert (attention["own less other"].text, attention["own less other"].tone) == (
        "\N{MINUS SIGN}0.060",
        "bad",
    )
    plain = dict(zip(heads, lines["plain, Grad-CAM"].cells, strict=True))
    assert plain["against reference"].text == "reference"
    blind = [cell.text for cell in lines["Gaussian in the middle"].cells]
    assert blind[0] == "0.500"
    frame = table.frame.set_index(["run", "map"])
    assert frame.loc[("se", "gradcam"), "energy_over_other"] == pytest.approx(0.02)
    assert frame.loc[("se", "gradcam"), "energy_over_other_p_holm"] < 0.05
    assert "corrected likewise for 2 comparisons" in table.caption
    assert "Holm's correction for 3 maps" in table.caption
    assert "more peaked" in table.caption
    assert frame.loc[("se", "gradcam"), "energy_over_reference"] == pytest.approx(0.07, abs=0.01)
    assert frame.loc[("se", "gradcam"), "energy_over_reference_p_holm"] < 0.05
    assert np.isnan(frame.loc[("plain", "gradcam"), "energy_over_reference"])


@pytest.mark.usefixtures("_undrawn")
def test_the_finding_answers_the_question(write, context, workspace):
    write(plain=1.0, se=3.0)
    runs = workspace.root / "runs"
    probe(runs / "plain", image_table("gradcam", 0.35, 1))
    probe(
        runs / "se",
        image_table("gradcam", 0.42, 2),
        image_table("attention", 0.36, 3, similarity=0.9),
        attention="se",
    )
    finding = section(context()).finding
    assert finding.startswith("1 of 3 heatmaps follows the lesion, not only the middle of the")
    assert "the best, Grad-CAM of se, has 0.420 (" in finding
    assert "inside its own lesion, +0.020 (+0.0" in finding
    assert "against other lesions' masks; by where maxima lie, none of 3" in finding
    assert "following it more than Grad-CAM of plain: Grad-CAM of se (+0.070)" in finding
    last = "; correlated above 0.5 with the map of random weights: own attention of se."
    assert finding.endswith(last)


@pytest.mark.usefixtures("_undrawn")
def test_a_sharp_map_of_the_middle_follows_nothing(write, context, workspace):
    """It beats the Gaussian, and does as well on others' masks as on its own images'."""
    write(plain=1.0)
    table = image_table("gradcam", 0.7, 2)
    table["energy_other_masks"] = 0.7
    table["energy_other_maps"] = table["energy"]
    probe(workspace.root / "runs" / "plain", table)
    finding = section(context()).finding
    assert finding.startswith("No heatmap follows the lesion, not only the middle of the image")


@pytest.mark.usefixtures("_undrawn")
def test_the_baseline_is_the_reference(write, context, workspace):
    write(plain=1.0, se=3.0)
    for name, attention in (("plain", "none"), ("se", "se")):
        table = image_table("gradcam", 0.4, 1)
        probe(workspace.root / "runs" / name, table, attention=attention)
    found = section(context(baseline="se"))
    lines, table = lines_of(found, "localisation")
    assert lines["se, Grad-CAM"].cells[2].text == "reference"
    assert "se, Grad-CAM" in table.caption
    assert "none is told apart from Grad-CAM of se" in found.finding


@pytest.mark.usefixtures("_undrawn")
def test_the_reference_is_the_plain_run_that_most_can_be_compared_with(write, context, workspace):
    write(apart=4.0, plain=1.0, se=3.0)
    runs = workspace.root / "runs"
    probe(runs / "apart", image_table("gradcam", 0.6, 1, first=20))
    probe(runs / "plain", image_table("gradcam", 0.35, 1))
    probe(runs / "se", image_table("gradcam", 0.42, 2), attention="se")
    found = section(context())
    # A map is held against other masks on its own images, wherever the reference was measured.
    assert found.finding.startswith("2 of 3 heatmaps follow the lesion")
    lines, _ = lines_of(found, "localisation")
    against = [line.cells[2].text for line in lines.values()]
    assert dict(zip(lines, against, strict=True))["plain, Grad-CAM"] == "reference"
    assert lines["apart, Grad-CAM"].marks == ("other images or masks probed",)
    assert against[2:] == ["\N{EM DASH}", "+0.070", "reference"]


@pytest.mark.usefixtures("_undrawn")
def test_other_images_are_shown_and_not_compared(write, context, workspace):
    write(plain=1.0, se=3.0)
    runs = workspace.root / "runs"
    probe(runs / "plain", image_table("gradcam", 0.35, 1))
    probe(runs / "se", image_table("gradcam", 0.42, 2, first=20), attention="se")
    found = section(context())
    lines, table = lines_of(found, "localisation")
    assert "by other masks: se." in found.blocks[-1].text
    assert "other images or masks probed" in lines["se, Grad-CAM"].marks
    assert "against reference" not in table.heads


def test_faithfulness_and_figures(write, context, workspace):
    write(plain=1.0)
    probe(workspace.root / "runs" / "plain", image_table("gradcam", 0.35, 1))
    found = section(context())
    lines, table = lines_of(found, "localisation-faithfulness")
    cells = dict(zip(table.heads[1:], lines["plain, Grad-CAM"].cells, strict=True))
    assert "40 images" in table.caption
    assert cells["Deletion"].text == "0.300"
    assert len({one.name for one in blocks.plots([found])}) == 3
    assert all(one.picture.light.startswith(b"<?xml") for one in blocks.plots([found]))
    deletion_gain = lines["plain, Grad-CAM"].cells[1]
    assert (deletion_gain.text, deletion_gain.tone) == ("+0.200", "good")


def test_without_curves_there_is_only_the_first_table(write, context, workspace):
    write(plain=1.0)
    probe(workspace.root / "runs" / "plain", image_table("gradcam", 0.35, 1, traced=False))
    found = section(context())
    assert [table.name for table in blocks.tables([found])] == ["localisation"]
    assert [plot.name for plot in blocks.plots([found])] == ["localisation-energy"]


@pytest.mark.usefixtures("_undrawn")
def test_what_is_missing_or_stale_names_its_command(write, context, workspace):
    write(plain=1.0, se=3.0, cbam=2.0)
    runs = workspace.root / "runs"
    probe(runs / "plain", image_table("gradcam", 0.35, 1))
    probe(runs / "cbam", image_table("gradcam", 0.35, 1))
    (runs / "cbam" / "fold1" / "best.safetensors").write_bytes(b"trained anew")
    words = section(context()).blocks[-1]
    assert words.warning
    assert "Not probed yet: se." in words.text
    assert "cbam: its result is stale: fold 1 has other weights since." in words.text
    assert "`skin probe heatmaps cbam se --masks SOURCE`" in words.text


@pytest.mark.usefixtures("_undrawn")
@pytest.mark.parametrize("name", ["heatmaps.json", "heatmaps.csv"])
def test_a_damaged_result_is_said_and_stops_nothing(write, context, workspace, name):
    write(plain=1.0, se=3.0)
    runs = workspace.root / "runs"
    probe(runs / "plain", image_table("gradcam", 0.35, 1))
    probe(runs / "se", image_table("gradcam", 0.35, 1))
    path = runs / "se" / "probes" / name
    path.write_text(path.read_text()[:-20])
    found = section(context())
    assert list(lines_of(found, "localisation")[0])[2:] == ["plain, Grad-CAM"]
    assert f"probes/{name}" in found.blocks[-1].text
    assert found.blocks[-1].warning


@pytest.mark.usefixtures("_undrawn")
def test_what_was_measured_otherwise_is_stale(write, context, workspace):
    write(plain=1.0)
    other = Constants.now().model_copy(update={"blur_sigma": 0.5})
    probe(workspace.root / "runs" / "plain", image_table("gradcam", 0.35, 1), constants=other)
    (words,) = section(context()).blocks
    assert "plain: its result is stale: it was measured otherwise than now" in words.text


@pytest.mark.usefixtures("_undrawn")
def test_other_masks_are_not_compared(write, context, workspace):
    write(plain=1.0, se=3.0)
    runs = workspace.root / "runs"
    probe(runs / "plain", image_table("gradcam", 0.35, 1))
    probe(runs / "se", image_table("gradcam", 0.42, 2), attention="se", masks="z")
    found = section(context())
    lines, table = lines_of(found, "localisation")
    assert "against reference" not in table.heads
    assert lines["se, Grad-CAM"].marks == ("other images or masks probed",)
    assert "Not compared with plain, as measured on other images" in found.blocks[-1].text


def test_no_result_at_all(write, context, workspace):
    write(plain=1.0, se=3.0)
    found = section(context())
    (words,) = found.blocks
    assert "skin probe heatmaps se plain --masks SOURCE" in words.text
    assert found.finding == ""
    workspace.ensemble("main")
    assert section(context("main")) is None


@pytest.mark.usefixtures("_undrawn")
def test_a_run_of_more_folds_than_were_probed_says_so(write, context, workspace):
    write(plain=1.0)
    folder = workspace.root / "runs" / "plain"
    probe(folder, image_table("gradcam", 0.35, 1))
    path = folder / "probes" / "heatmaps.json"
    text = path.read_text()
    start = text.index('"weights": {')
    entries = text[start : text.index("}", start)].splitlines()
    cut = "\n".join([*entries[:2]]).rstrip(",") + "\n    "
    path.write_text(text[:start] + cut + text[text.index("}", start) :])
    lines, _ = lines_of(section(context()), "localisation")
    assert "1 of 3 folds" in lines["plain, Grad-CAM"].marks
