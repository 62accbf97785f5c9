"""Intervals and paired differences against their definitions."""

import numpy as np

from scripts.studies.statistics import interval, paired


def test_an_interval_holds_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)
    found = [interval(rng.normal(3, 2, 4)) for _ in range(1000)]
    assert 0.93 < np.mean([one["low"] < 3 < one["high"] for one in found]) < 0.97


def test_intervals_of_little():
    assert interval([None]) is None
    assert interval([2.0, None]) == {"mean": 2.0, "low": None, "high": None, "count": 1}
    assert interval([2.0, 2.0])["high"] == 2.0
    assert paired([1.0, None], [None, 1.0]) is None
    assert paired([3.0, 2.0], [2.0, 1.0])["p"] is None  # all differences equal: t is infinite
