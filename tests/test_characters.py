"""Names are looked up as they are before anything else is made of them."""

import pytest

from simpsons.characters import SLUGS, find_name


@pytest.mark.parametrize(
    ("wanted", "names", "found"),
    [
        ("Bart Simpson", ["Bart Simpson", "bart_simpson"], "Bart Simpson"),
        ("bart_simpson", ["Bart Simpson"], "Bart Simpson"),
        ("BART-SIMPSON", ["bart_simpson"], "bart_simpson"),
        ("charles_montgomery_burns", ["Mr. Burns"], "Mr. Burns"),
        ("mr burns", SLUGS, "charles_montgomery_burns"),
        ("Mu\u0308ller", ["M\u00fcller"], "M\u00fcller"),
        ("M\u00fcller", ["Mu\u0308ller", "Muller"], "Mu\u0308ller"),
        ("a b", ["a_b", "a-b"], None),
        ("?", ["?", "!"], "?"),
        ("*", ["?", "!"], None),
        ("Kodos", SLUGS, None),
    ],
)
def test_the_very_name_else_the_only_one_spelt_alike(wanted, names, found):
    assert find_name(wanted, names) == found
