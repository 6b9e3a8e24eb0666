from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skin.analysis.layout import short
from skin.analysis.leaderboard import curves, figures, members


@given(st.text(max_size=60), st.integers(5, 40))
def test_a_short_name_fits_and_keeps_both_ends(name, longest):
    shown = short(name, longest)

    assert len(shown) <= longest
    assert shown == name or (name.startswith(shown[0]) and name.endswith(shown[-1]))


def test_short_names_of_two_seeds_differ():
    assert short("resnet50_soft_attention_prior_seed1") == "resnet50_soft…on_prior_seed1"
    assert short("resnet50") == "resnet50"


def test_ranking_names_all_lines_and_kinds(awkward):
    drawn = figures.ranking_figure(awkward).light.decode()

    for name in ("mean", "[bold]x[/bold]", "&lt;b&gt;y&lt;/b&gt;|&amp;amp;", "$z_1$ *s*"):
        assert f">{name}</text>" in drawn
    for kind in ("run", "chosen", "in-sample"):
        assert f">{kind}</text>" in drawn
    assert ">method</text>" not in drawn


def test_matrix_shows_each_pair_once(assessment):
    correlation = np.array([[1, 0.11, -0.22], [0.11, 1, np.nan], [-0.22, np.nan, 1]])

    drawn = members.correlation_figure(replace(assessment, correlation=correlation)).light.decode()

    for value in ("0.11", "−0.22", "—"):  # noqa: RUF001 - a true minus
        assert drawn.count(f">{value}</text>") == 1
    assert ">1.00</text>" not in drawn
    assert ">plain · 1</text>" in drawn


@pytest.mark.parametrize("same", [0.5, np.nan])
def test_matrix_of_runs_all_alike(assessment, same):
    correlation = np.full((3, 3), same)

    drawn = members.correlation_figure(replace(assessment, correlation=correlation)).dark.decode()

    assert drawn.count(">—</text>" if np.isnan(same) else ">0.50</text>") == 3


def test_disagreement_is_in_per_cent(assessment):
    disagreement = np.array([[0, 0.123, 0.2], [0.123, 0, 0.3], [0.2, 0.3, 0]])

    picture = members.disagreement_figure(replace(assessment, disagreement=disagreement))

    assert b">12.3</text>" in picture.light


def test_gain_names_runs_as_they_join(assessment):
    drawn = members.gain_figure(assessment).light.decode()

    for name in ("cbam", "+ se", "+ plain"):
        assert f">{name}</text>" in drawn


def test_one_run_has_no_figures_of_several(alone):
    assert members.correlation_figure(alone) is None
    assert members.disagreement_figure(alone) is None
    assert members.gain_figure(alone) is None
    assert figures.steps_figure(alone) is None


def test_steps_leave_out_the_first(assessment):
    drawn = figures.steps_figure(assessment).light.decode()

    assert ">2. se joins</text>" in drawn
    assert "one view" not in drawn


def test_recall_shows_plain_argmax_beside_a_rule(assessment, alone):
    assert b">plain argmax</text>" in figures.recall_figure(assessment).light
    assert b">plain argmax</text>" not in figures.recall_figure(alone).light


def test_classes_without_images_are_drawn_without_figures(awkward):
    assert b">VASC</text>" in figures.recall_figure(awkward).light
    assert b">VASC</text>" in figures.coverage_figure(awkward).light


def test_coverage_tells_what_was_asked(assessment):
    assert b"asked: 0.9</text>" in figures.coverage_figure(assessment).light


def test_reliability_before_and_after(assessment, alone):
    both, one = (curves.reliability_figure(each).light for each in (assessment, alone))

    assert b">before</text>" in both
    assert b">vector</text>" in both
    assert b">before</text>" not in one
    assert b">none</text>" in one


def test_risk_of_many_images_is_no_large_file(assessment):
    coverage = np.linspace(1e-5, 1, 100_000)
    noise = 0.01 * np.random.default_rng(0).normal(size=len(coverage))
    many = replace(assessment.selective, coverage=coverage, risk=0.2 * coverage + noise)

    drawn = curves.risk_figure(replace(assessment, selective=many)).light

    assert len(drawn) < 40_000
    assert b"referred:" in drawn


def test_risk_where_all_is_referred(assessment):
    all_referred = replace(assessment.selective, referred=1.0, kept_risk=float("nan"))

    drawn = curves.risk_figure(replace(assessment, selective=all_referred)).light.decode()

    assert ">1.000 referred: — of the others wrong</text>" in drawn
