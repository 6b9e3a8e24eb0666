from __future__ import annotations

import pytest

from skin.data.sources.terms import TERMS


@pytest.mark.parametrize("reader", TERMS)
def test_terms_can_be_looked_up(reader: str):
    terms = TERMS[reader]
    assert terms.url.startswith("https://")
    assert any(place in terms.citation for place in ("doi:", "arXiv:", "https://"))
    assert bool(terms.legal_code) == terms.licence.startswith("CC")


def test_licences_of_creative_commons_are_told_apart():
    assert TERMS["isic2017"].licence == "CC0 1.0"
    assert TERMS["pad_ufes"].legal_code == "https://creativecommons.org/licenses/by/4.0/legalcode"
    assert "by-nc" in (TERMS["ham10000"].legal_code or "")
