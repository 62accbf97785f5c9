"""Timing and comparison of contenders, for the sections that have several; it touches no file.

Contenders take turns in every repetition, so that a slow minute of the machine affects all of them; medians
are compared. One that computes something else than ours is refused and not timed.
"""

import time
from statistics import median

import numpy as np

TOLERANCE = 1e-4
clock = time.perf_counter


def seconds(act, *arguments):
    """Return how many seconds a call takes."""
    started = clock()
    act(*arguments)
    return clock() - started


def take_turns(acts, repetitions):
    """Call functions that return seconds in turns; return ``seconds`` and their ``median`` by key."""
    timed = {name: [] for name in acts}
    for _ in range(repetitions):
        for name, act in acts.items():
            timed[name].append(act())
    return {name: {"seconds": each, "median": median(each)} for name, each in timed.items()}


def check_agreement(found, reference, what):
    """Compare a contender's numbers with ours: the ``difference``, and why it is ``refused``, or None."""
    difference = float(np.abs(found - reference).max()) if found.shape == reference.shape else np.inf
    refused = f"{what} differ from ours by {difference:.1e}, more than {TOLERANCE:g}"
    return {
        "difference": difference if np.isfinite(difference) else None,
        "refused": None if difference <= TOLERANCE else refused,  # NaN is refused, too
    }


def refusals(entries, names):
    """Return one line for each contender that was refused, with some values of its entry."""
    return [
        f"Refused: {result['library']} {result.get('variant', '')} "
        f"({', '.join(f'{name} {entry[name]}' for name in names)}): {result['refused']}."
        for entry in entries
        for result in entry["results"]
        if result["refused"]
    ]
