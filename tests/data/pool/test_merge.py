from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from skin.data.links import equal, first_of_each
from skin.data.pool.merge import merge
from skin.taxonomy import LABELS, merge_labels

COLUMNS = ["lesion_id", "patient_id", "dx", "dx_raw", "dx_type", "age", "age_raw"]
COLUMNS += ["sex", "sex_raw", "site", "site_raw"]
NONE = np.empty((0, 2), np.int64)


def table(*rows: dict[str, object]) -> pd.DataFrame:
    """Rows of parts `a`, `b`, ...; without a lesion, one of its own."""
    given_rows = [{"lesion_id": row["image_id"], "dx": "nv", **row} for row in rows]
    frame = pd.DataFrame(given_rows).reindex(columns=["image_id", "source", *COLUMNS])
    frame["part"] = frame["source"].map({"a": 0, "b": 1, "c": 2})
    text = frame.columns.difference(["age", "part"])
    return frame.astype(dict.fromkeys(text, "string") | {"age": "float64"})


def pairs(*given_pairs: tuple[int, int]) -> NDArray[np.int64]:
    return np.array(given_pairs, np.int64).reshape(-1, 2)


def test_components_by_hand():
    values = pd.Series(["x", None, "y", "x", None, "y", "z"], dtype="string")
    assert equal(values).tolist() == [[0, 0], [2, 2], [0, 3], [2, 5], [6, 6]]
    assert first_of_each(7, [equal(values)]).tolist() == [0, 1, 2, 0, 4, 2, 6]
    assert first_of_each(7, [equal(values), pairs((3, 2))]).tolist() == [0, 1, 0, 0, 4, 0, 6]
    assert first_of_each(3, []).tolist() == [0, 1, 2]


def test_a_value_comes_with_its_own_published_text():
    merged = merge(
        table(
            {"image_id": "X", "source": "a", "age_raw": "unknown", "sex": "male", "sex_raw": "M"},
            {"image_id": "X", "source": "b", "age": 40.0, "age_raw": "40", "sex": "female"},
            {"image_id": "X", "source": "c", "age": 41.0, "age_raw": "41", "site": "back"},
            {"image_id": "Y", "source": "c", "age_raw": "none"},
        ),
        pairs((0, 1), (0, 2)),
        drop_copies=False,
    )
    assert merged.keeper.tolist() == [0, 0, 0, 3]
    first, last = merged.table.iloc[0], merged.table.iloc[3]
    assert first[["age", "age_raw", "sex", "sex_raw", "site"]].tolist() == [
        40,
        "40",
        "male",
        "M",
        "back",
    ]
    assert pd.isna(first["site_raw"])
    assert np.isnan(last["age"])
    assert last["age_raw"] == "none", "what nobody says stays as it was published"


def test_an_images_own_id_names_no_lesion():
    merged = merge(
        table(
            {"image_id": "X", "source": "a"},
            {"image_id": "Y", "source": "a", "lesion_id": "L1"},
            {"image_id": "X", "source": "b", "lesion_id": "L2"},
            {"image_id": "Z", "source": "b", "lesion_id": "L2"},
            {"image_id": "V", "source": "b"},
            {"image_id": "W", "source": "c"},
        ),
        pairs((4, 5)),
        drop_copies=False,
    )
    assert merged.table["lesion_id"].tolist() == ["L2", "L1", "L2", "L2", "V", "V"]


def test_patients_of_one_photograph_are_one():
    merged = merge(
        table(
            {"image_id": "X", "source": "a", "patient_id": "P1"},
            {"image_id": "Y", "source": "a", "patient_id": "P3"},
            {"image_id": "X", "source": "b", "patient_id": "P2"},
            {"image_id": "Z", "source": "b", "patient_id": "P2"},
            {"image_id": "W", "source": "b"},
        ),
        NONE,
        drop_copies=False,
    )
    assert merged.table["patient_id"].fillna("").tolist() == ["P1", "P3", "P1", "P1", ""]


def test_a_pair_within_a_dataset_joins_lesions_and_nothing_else():
    merged = merge(
        table(
            {"image_id": "X", "source": "a", "lesion_id": "L1", "dx": "mel", "patient_id": "P1"},
            {"image_id": "Y", "source": "a", "lesion_id": "L2", "dx": "nv", "patient_id": "P2"},
        ),
        pairs((0, 1)),
        drop_copies=True,
    )
    assert merged.table["lesion_id"].tolist() == ["L1", "L1"]
    assert merged.table["patient_id"].tolist() == ["P1", "P2"]
    assert merged.table["dx"].tolist() == ["mel", "nv"]
    assert merged.keeper.tolist() == [0, 1]
    assert merged.conflicts == ()


@pytest.mark.parametrize("drop_copies", [False, True])
def test_another_photograph_of_an_id_says_nothing_of_the_image(drop_copies: bool):
    merged = merge(
        table(
            {"image_id": "X", "source": "a", "dx": "mel"},
            {"image_id": "X", "source": "b", "dx": "bcc", "age": 40.0, "lesion_id": "L1"},
            {"image_id": "Y", "source": "c", "dx": "nv", "lesion_id": "L2"},
        ),
        pairs((1, 2)),  # Y is a copy of b's X, which is not a's
        drop_copies=drop_copies,
    )
    assert merged.differs.tolist() == [False, True, False]
    assert merged.keeper.tolist() == [0, 0, 2]
    assert merged.table["dx"].tolist() == ["mel", "mel", "nv"]
    assert merged.table["age"].isna().all()
    assert merged.table["lesion_id"].tolist() == ["L1"] * 3
    assert merged.conflicts == ()


@pytest.mark.parametrize(
    ("said", "expected", "overruled"),
    [
        (("akiec", "scc", None), "bowen", ()),
        (("unknown", "benign", "nv"), "nv", ()),
        (("nv", "mel", "benign"), "nv", ("mel",)),
        (("benign", "nv", "df"), "nv", ("df",)),
        ((None, "bkl", "sk"), "sk", ()),
        ((None, None, None), "", ()),
    ],
)
def test_diagnoses_by_hand(said: tuple[str | None, ...], expected: str, overruled: tuple[str, ...]):
    rows = [
        {"image_id": "X", "source": source, "dx": dx}
        for source, dx in zip("abc", said, strict=True)
    ]
    merged = merge(table(*rows), pairs((0, 1), (0, 2)), drop_copies=False)
    assert merged.table["dx"].fillna("").tolist() == [expected] * 3
    assert tuple(one.other_dx for one in merged.conflicts) == overruled


ROWS = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.sampled_from("UVWXYZ"),
        st.sampled_from(["", "L1", "L2", "L3"]),
        st.sampled_from(["", "P1", "P2"]),
        st.sampled_from(sorted(LABELS)),
    ),
    min_size=1,
    max_size=14,
    unique_by=lambda row: row[:2],
)


@settings(max_examples=40)
@given(rows=ROWS, data=st.data(), drop_copies=st.booleans())
def test_what_holds_for_all_pools(
    rows: list[tuple[str, ...]], data: st.DataObject, drop_copies: bool
):
    rows = sorted(rows)  # part by part
    given_table = table(
        *(
            {
                "source": source,
                "image_id": image,
                "lesion_id": lesion or image,
                "patient_id": patient or None,
                "dx": dx,
            }
            for source, image, lesion, patient, dx in rows
        )
    )
    places = st.integers(0, len(rows) - 1)
    drawn = data.draw(st.lists(st.tuples(places, places), max_size=4))
    merged = merge(given_table, pairs(*drawn), drop_copies=drop_copies)
    out, keeper = merged.table, merged.keeper
    kept = keeper == np.arange(len(rows))
    assert kept[keeper].all()
    assert not out.loc[kept, "image_id"].duplicated().any()
    assert set(given_table["image_id"]) == set(out.loc[kept, "image_id"]) or drop_copies
    assert not out["lesion_id"].isna().any()
    # Whoever was together is together.
    for column in ("image_id", "lesion_id", "patient_id"):
        together = out.groupby(given_table[column])[
            "patient_id" if column == "patient_id" else "lesion_id"
        ].agg(lambda ids: len(set(ids)))
        assert (together == 1).all()
    lesions = out["lesion_id"].tolist()
    assert all(lesions[a] == lesions[b] for a, b in drawn)
    # A label says no more than the first one that was said, and nothing that it does not hold.
    for _, image in out.groupby(given_table["image_id"]):
        (label,) = set(image["dx"])
        assert label in LABELS
    if not merged.conflicts:
        heard = ~merged.differs
        for label, said in zip(out["dx"][heard], given_table["dx"][heard], strict=True):
            assert merge_labels(label, said) == label
    again = merge(out, pairs(*drawn), drop_copies=drop_copies)
    pd.testing.assert_frame_equal(again.table, out)
    assert again.conflicts == ()
