import pytest

from benchmarks.spread import Spread, digits, ratios


def test_spread_is_the_median_and_the_ends():
    assert Spread.of([3.0, 1.0, 10.0]) == Spread(3.0, 1.0, 10.0)
    assert Spread.of([2.0, 4.0]).median == 3.0


def test_spread_of_nothing_is_refused():
    with pytest.raises(ValueError, match="no figures"):
        Spread.of([])


def test_a_ratio_above_one_is_better_whatever_is_measured():
    assert ratios([40.0, 60.0, 50.0], [10.0, 10.0, 10.0], "higher") == Spread(5.0, 4.0, 6.0)
    assert ratios([2.0, 4.0], [8.0, 8.0], "lower") == Spread(3.0, 2.0, 4.0)


def test_ratios_pair_the_repetitions():
    """A machine that is twice as slow in one repetition slows both, and the ratio stays."""
    assert ratios([40.0, 20.0], [10.0, 5.0], "higher") == Spread(4.0, 4.0, 4.0)
    with pytest.raises(ValueError, match="zip"):
        ratios([1.0], [1.0, 2.0], "higher")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.41234, "0.412"), (4.1234, "4.12"), (41.234, "41.2"), (412.34, "412"), (4123.4, "4,123")],
)
def test_digits(value, text):
    assert digits(value) == text


def test_text():
    assert Spread(4.4, 4.1, 12.0).text("x") == "4.40x (4.10 to 12.0)"
