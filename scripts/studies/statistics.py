"""Statistics of the studies: intervals over seeds, differences of variants, errors over test sentences.

Over seeds: Student's interval of a mean, Welch's test of a difference. Over test sentences: the standard
error of an accuracy, and of a difference between models that read the same sentences, which is a paired one.
"""

import math

import numpy as np

from scripts.files.numbers import round_to_digits
from scripts.files.runs import NAMES

CONFIDENCE = 0.95
POWER = 0.8  # with which a difference is called detectable


def interval(values):
    """Return the mean of some values and its 95% confidence interval, by Student's t.

    A value of None is left out; of one value ``low`` and ``high`` are None, and of no value the result is.

    Examples
    --------
    >>> interval([1.0, 2.0, 3.0])
    {'mean': 2.0, 'low': -0.4841377, 'high': 4.484138, 'count': 3}
    """
    from scipy import stats  # takes a second to import

    values = np.array([value for value in values if value is not None], float)
    n = len(values)
    if n == 0:
        return None
    mean, low, high = values.mean(), None, None
    if n > 1:
        half = stats.t.ppf((1 + CONFIDENCE) / 2, n - 1) * values.std(ddof=1) / math.sqrt(n)
        low, high = round_to_digits(mean - half), round_to_digits(mean + half)
    return {"mean": round_to_digits(mean), "low": low, "high": high, "count": n}


def lower_medians(rows):
    """Return the median of each column of some rows, the lower one of two; None is left out.

    Examples
    --------
    >>> lower_medians([[1, 5, None], [3, 6, None], [2, None, None]])
    [2, 5, None]
    """
    columns = [sorted(value for value in column if value is not None) for column in zip(*rows, strict=True)]
    return [values[(len(values) - 1) // 2] if values else None for values in columns]


def difference(a, b):
    """Compare the means of two lists of values, such as two models over seeds, by Welch's test.

    Values of None are left out.

    Returns
    -------
    dict or None
        Mean of `a` − mean of `b`, ``low`` and ``high`` of its 95% interval, ``p`` for no difference,
        ``detectable``: the true difference that this test finds with a probability of 80%, and the
        ``counts`` of both. All but mean and counts are None where a list has one value, or nothing varies;
        None alone where one has no value.
    """
    from scipy import stats

    a, b = (np.array([value for value in values if value is not None], float) for values in (a, b))
    n = np.array([len(a), len(b)])
    if not n.all():
        return None
    mean, low, high, p, detectable = a.mean() - b.mean(), None, None, None, None
    if n.min() > 1 and (s2 := np.array([a.var(ddof=1), b.var(ddof=1)]) / n).sum() > 1e-18:  # less is rounding
        error, freedom = math.sqrt(s2.sum()), s2.sum() ** 2 / (s2**2 / (n - 1)).sum()
        t = stats.t(freedom)
        half = t.ppf((1 + CONFIDENCE) / 2) * error
        low, high = round_to_digits(mean - half), round_to_digits(mean + half)
        p = round_to_digits(2 * t.sf(abs(mean) / error))
        detectable = round_to_digits(half + t.ppf(POWER) * error)
    found = {"mean": round_to_digits(mean), "low": low, "high": high, "p": p}
    return found | {"detectable": detectable, "counts": n.tolist()}


def error_over_sentences(a, b):
    """Standard error, over the test sentences, of the difference in mean accuracy of two lists of runs.

    Each run is an (N,) array, true where it classifies a sentence correctly. Both read the same sentences, so
    it is the standard error of the mean of each sentence's difference.
    """
    differences = np.mean(a, axis=0) - np.mean(b, axis=0)
    return round_to_digits(differences.std(ddof=1) / math.sqrt(len(differences)))


def standard_error(accuracy, sentences):
    """Standard error of an accuracy on so many sentences."""
    return math.sqrt(accuracy * (1 - accuracy) / sentences)


def smallest_enough(study, model, significance=0.05):
    """Return the smallest K of a backward study from which on truncate-K is not measurably worse, or None.

    Neither Welch's test of the test accuracy over seeds nor the error of that difference over the test
    sentences may find it worse, at this K and at all larger ones.
    """
    head, full, enough = f"{NAMES[model]}, truncate-", f"{NAMES[model]}, full", None
    pairs = [found for found in study["differences"] if found["minus"] == full]
    cut = {found["of"].removeprefix(head): found for found in pairs if found["of"].startswith(head)}
    for K in sorted((int(K) for K in cut if K.isdecimal()), reverse=True):
        accuracy = cut[str(K)]["test_accuracy"]
        told = accuracy["p"] is not None and accuracy["p"] < significance
        told |= abs(accuracy["mean"]) > 1.96 * cut[str(K)]["sentences_error"]
        if told and accuracy["mean"] < 0:
            return enough
        enough = K
    return enough
