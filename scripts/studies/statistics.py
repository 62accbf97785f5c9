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

    Values of None are left out. With one value, ``low`` and ``high`` are None; without any, the result is.

    Examples
    --------
    >>> interval([1.0, 2.0, 3.0])
    {'mean': 2.0, 'low': -0.4841377, 'high': 4.484138, 'count': 3}
    """
    from scipy import stats  # takes a second to import

    values, half = _known(values), None
    if (n := len(values)) > 1:
        half = stats.t.ppf((1 + CONFIDENCE) / 2, n - 1) * values.std(ddof=1) / math.sqrt(n)
    return _bounds(values.mean(), half) | {"count": n} if n else None


def _known(values):
    return np.array([value for value in values if value is not None], float)


def _bounds(mean, half):
    """Round a mean and the ends of its interval, which are None if `half` of its width is."""
    low, high = (None if half is None else round_to_digits(mean + sign * half) for sign in (-1, 1))
    return {"mean": round_to_digits(mean), "low": low, "high": high}


def lower_medians(rows):
    """Return the (lower) median of each column of some rows; values of None are left out.

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
        ``counts`` of both. All but mean and counts are None if a list has one value, or nothing varies; if a
        list has no value, None is returned.
    """
    from scipy import stats

    a, b = _known(a), _known(b)
    n = np.array([len(a), len(b)])
    if not n.all():
        return None
    mean, half, p, detectable = a.mean() - b.mean(), None, None, None
    if n.min() > 1 and (s2 := np.array([a.var(ddof=1), b.var(ddof=1)]) / n).sum() > 1e-18:  # less is rounding
        error, freedom = math.sqrt(s2.sum()), s2.sum() ** 2 / (s2**2 / (n - 1)).sum()
        t = stats.t(freedom)
        half = t.ppf((1 + CONFIDENCE) / 2) * error
        p = round_to_digits(2 * t.sf(abs(mean) / error))
        detectable = round_to_digits(half + t.ppf(POWER) * error)
    return _bounds(mean, half) | {"p": p, "detectable": detectable, "counts": n.tolist()}


def error_over_sentences(a, b):
    """Return the standard error, over the test sentences, of two lists' difference in mean accuracy.

    Each run is an (N,) array, true where it classifies a sentence correctly. Both lists read the same
    sentences, so this is the standard error of the mean of each sentence's difference.
    """
    differences = np.mean(a, axis=0) - np.mean(b, axis=0)
    return round_to_digits(differences.std(ddof=1) / math.sqrt(len(differences)))


def standard_error(accuracy, sentences):
    """Return the standard error of an accuracy on so many sentences."""
    return math.sqrt(accuracy * (1 - accuracy) / sentences)


def smallest_enough(study, model, significance=0.05):
    """Return the smallest K of a backward study from which on truncate-K is not measurably worse, or None.

    At this K and all larger ones, the test accuracy is worse neither by Welch's test over seeds nor by the
    error of the difference over the test sentences. With one seed, nothing can be said: None.
    """
    head, full, enough = f"{NAMES[model]}, truncate-", f"{NAMES[model]}, full", None
    pairs = [found for found in study["differences"] if found["minus"] == full]
    cut = {found["of"].removeprefix(head): found for found in pairs if found["of"].startswith(head)}
    for K in sorted((int(K) for K in cut if K.isdecimal()), reverse=True):
        accuracy = cut[str(K)]["test_accuracy"]
        if accuracy["p"] is None:
            return None
        measurable = accuracy["p"] < significance
        measurable |= abs(accuracy["mean"]) > 1.96 * cut[str(K)]["sentences_error"]
        if measurable and accuracy["mean"] < 0:
            return enough
        enough = K
    return enough
