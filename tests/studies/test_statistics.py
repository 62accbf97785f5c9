"""Intervals and differences against their definitions; how a failure is put in words."""

import numpy as np

from scripts.studies.statistics import difference, interval


def test_an_interval_holds_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)
    found = [interval(rng.normal(3, 2, 4)) for _ in range(1000)]
    assert 0.93 < np.mean([one["low"] < 3 < one["high"] for one in found]) < 0.97


def test_intervals_of_little():
    assert interval([None]) is None
    assert interval([2.0, None]) == {"mean": 2.0, "low": None, "high": None, "count": 1}
    assert interval([2.0, 2.0])["high"] == 2.0


def test_differences_of_little():
    assert difference([1.0], [None]) is None
    assert difference([3.0], [1.0, 2.0]) == dict.fromkeys(("low", "high", "p", "detectable")) | {
        "mean": 1.5,
        "counts": [1, 2],
    }
    assert difference([3.0, 3.0], [1.0, 1.0])["p"] is None  # nothing varies: t is infinite


def test_a_detectable_difference_is_found_four_times_in_five():
    rng = np.random.default_rng(0)

    def draw(true):
        return difference(rng.normal(true, 1, 5), rng.normal(0, 1, 5))

    detectable = np.median([draw(0)["detectable"] for _ in range(2000)])
    found = np.mean([draw(detectable)["p"] < 0.05 for _ in range(2000)])
    assert 0.74 < found < 0.86
