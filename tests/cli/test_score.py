"""`skin score` from the outside."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import skin.cli
from skin.cli.score import score

TRUTH = """\
image,MEL,NV,BCC,AKIEC,BKL,DF,VASC
ISIC_1,1,0,0,0,0,0,0
ISIC_2,0,1,0,0,0,0,0
"""
SUBMISSION = """\
image,MEL,NV,BCC,AKIEC,BKL,DF,VASC
ISIC_2,0.4,0.4,0.2,0.0,0.0,0.0,0.0
ISIC_1,0.7,0.2,0.1,0.0,0.0,0.0,0.0
"""

app = typer.Typer()
app.command()(score)


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    (tmp_path / "submission.csv").write_text(SUBMISSION)
    (tmp_path / "truth.csv").write_text(TRUTH)
    return [str(tmp_path / "submission.csv"), str(tmp_path / "truth.csv")]


def run(*arguments: str):
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return result


def words(text: str) -> str:
    return " ".join(text.split())


def test_table_begins_with_bacc(files: list[str]):
    result = run(*files)
    lines = [words(line) for line in result.stdout.splitlines() if line.strip()]
    assert lines[0] == "BACC 0.5000"
    assert lines[1] == "class acc sens spec dice PPV NPV AUC AUC80 AP"
    assert "MEL 1.000 1.000 1.000 1.000 1.000 1.000 1.000 1.000 1.000" in lines
    assert "NV 0.500 0.000 1.000 0.000 1.000 0.500 1.000 1.000 1.000" in lines
    assert "DF 1.000 1.000 1.000 1.000 1.000 1.000 - - 0.000" in lines


def test_says_the_challenge_and_the_ties(files: list[str]):
    remarks = words(run(*files).stderr)
    assert "challenge: isic2018, from the columns of" in remarks
    assert "warning: an exact tie for the maximum counts as wrong: ISIC_2" in remarks


def test_json_is_whole_and_alone_on_standard_output(files: list[str]):
    answer = json.loads(run(*files, "--format", "json").stdout)
    assert answer["challenge"] == "isic2018"
    assert answer["metric"] == "balanced_accuracy"
    assert answer["overall"] == answer["aggregate"]["balanced_accuracy"] == 0.5
    assert answer["per_category"]["auc"]["MEL"] == 1.0
    assert answer["per_category"]["auc"]["DF"] is None
    assert answer["macro_average"]["accuracy"] == pytest.approx((1 + 0.5 + 5) / 7)


def test_metric(files: list[str]):
    result = run(*files, "--metric", "auc")
    assert words(result.stdout).startswith("BACC 0.5000 mean AUC 1.0000 class")
    assert "tie" not in result.stderr


def test_one_column_has_no_bacc(tmp_path: Path):
    (tmp_path / "t.csv").write_text("image_name,target,validation_weight\na,1,0\nb,0,1\nc,1,1\n")
    (tmp_path / "s.csv").write_text("image_name,target\na,0.1\nb,0.5\nc,0.9\n")
    result = run(str(tmp_path / "s.csv"), str(tmp_path / "t.csv"))
    assert words(result.stdout).startswith("AUC 0.5000 by validation weight 1.0000 class")


def test_two_columns_are_named_beside_their_mean(tmp_path: Path):
    rows = ["a,1,0,50", "b,0,1,", "c,0,0,40", "d,0,0,60"]
    head = "image_id,melanoma,seborrheic_keratosis"
    (tmp_path / "t.csv").write_text("\n".join([f"{head},age_approximate", *rows]) + "\n")
    values = ["a,0.9,0.1", "b,0.2,0.4", "c,0.3,0.5", "d,0.1,0.1"]
    (tmp_path / "s.csv").write_text("\n".join([head, *values]) + "\n")
    result = run(str(tmp_path / "s.csv"), str(tmp_path / "t.csv"))
    first = words(result.stdout).split(" class ")[0]
    assert first == "mean AUC 0.8333: melanoma 1.0000, seborrheic_keratosis 0.6667"


def test_the_partial_area_says_what_it_is_of(tmp_path: Path):
    truth = "isic_id,target,patient_id\na,1,IP_1\nb,0,IP_1\nc,0,IP_2\n"
    (tmp_path / "t.csv").write_text(truth)
    (tmp_path / "s.csv").write_text("isic_id,target\na,0.5\nb,0.9\nc,0.1\n")
    result = run(str(tmp_path / "s.csv"), str(tmp_path / "t.csv"))
    assert "challenge: isic2024" in words(result.stderr)
    assert words(result.stdout).startswith("pAUC 0.1000 of 0.2 class")
    assert "pAUC" in result.stdout.splitlines()[2]
    answer = json.loads(
        run(str(tmp_path / "s.csv"), str(tmp_path / "t.csv"), "--format", "json").stdout
    )
    assert answer["metric"] == "pauc"
    assert answer["overall"] == pytest.approx(0.1)


Stopped = Callable[..., tuple[object, str, str]]


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Stopped:
    """Run as `skin` does; give the exit code and what went to both outputs."""

    def stop(*arguments: str) -> tuple[object, str, str]:
        monkeypatch.setattr(skin.cli, "app", app)
        monkeypatch.setattr("sys.argv", ["skin", *arguments])
        with pytest.raises(SystemExit) as raised:
            skin.cli.main()
        return raised.value.code, *capsys.readouterr()

    return stop


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (("MEL", "mel"), [], "missing column MEL"),
        (("ISIC_1", "ISIC_9"), [], "have no row: ISIC_1"),
        (("0.7", "1.7"), [], "1.7 is outside"),
        (("", ""), ["--challenge", "isic2108"], "did you mean 'isic2018'?"),
        (("", ""), ["--challenge", "isic2020"], "the column 'image_name' is missing"),
    ],
)
def test_a_mistake_is_one_message_and_exit_code_2(
    files: list[str],
    stopped: Stopped,
    change: tuple[str, str],
    options: list[str],
    message: str,
):
    Path(files[0]).write_text(SUBMISSION.replace(*change))
    code, printed, remarks = stopped(*files, *options)
    assert code == 2
    assert printed == ""
    assert message in words(remarks)


def test_help_has_examples():
    assert "skin score submissions/isic2018.csv" in words(run("--help").stdout)
