from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skin.data.archive.entries import Entries, Entry
from skin.data.archive.folder import is_hidden
from skin.data.archive.texts import Texts

# Names of files that are no UTF-8 come as lone surrogates, U+DC80 to U+DCFF.
NAMES = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\udc80\udcff"))


@given(st.lists(NAMES))
def test_texts_give_back_what_they_were_made_of(names: list[str]):
    texts = Texts(names)
    assert list(texts) == names
    assert [texts[place] for place in range(len(texts))] == names
    assert texts[1:3] == names[1:3]


def test_texts_end():
    with pytest.raises(IndexError):
        Texts(["a"])[1]
    assert Texts(["a", "b"])[-1] == "b"


@given(st.sets(NAMES), NAMES)
def test_each_entry_is_found_by_its_ref_and_no_other(names: set[str], other: str):
    listed = [Entry(name, number, -number) for number, name in enumerate(sorted(names))]
    entries = Entries(listed)
    assert list(entries) == listed
    assert entries[:2] == listed[:2]
    for place, entry in enumerate(listed):
        assert entries.find(entry.ref) == place
        assert entries[place] == entry
    assert (entries.find(other) is None) == (other not in names)


@pytest.mark.parametrize(
    ("ref", "path", "name"),
    [
        ("a.jpg", "a.jpg", "a.jpg"),
        ("deep/a.zip::x/b.jpg", "x/b.jpg", "b.jpg"),
        ("t.hdf5::ISIC_1.jpg", "ISIC_1.jpg", "ISIC_1.jpg"),
    ],
)
def test_an_entry_names_its_file(ref: str, path: str, name: str):
    entry = Entry(ref, 0, 0)
    assert entry.path.as_posix() == path
    assert entry.name == entry.path.name == name


@pytest.mark.parametrize(
    ("path", "hidden"),
    [
        ("a/b.jpg", False),
        ("./a.jpg", False),
        ("a..b/c...jpg", False),
        (".a.jpg", True),
        ("a/.git/b", True),
        ("__MACOSX/a.jpg", True),
        ("not__MACOSX/a.jpg", False),
    ],
)
def test_dot_files_are_hidden(path: str, hidden: bool):
    assert is_hidden(path) is hidden
