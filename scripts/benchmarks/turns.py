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


def compare(contenders, repetitions, what):
    """Time contenders in turns; return what describes each, with ``refused`` and, if it is not, seconds.

    A contender is a dict that describes it, a function that returns the numbers that have to agree with those
    of the first, which are called `what`, and a function that returns the seconds of a turn.
    ``first_seconds`` are those of both functions at first.
    """
    results, acts, reference = [], {}, None
    for number, (described, check, act) in enumerate(contenders):
        started = clock()
        found = check()
        reference = found if reference is None else reference
        results.append(described | {"refused": refusal(found, reference, what)})
        if not results[number]["refused"]:
            act()
            results[number]["first_seconds"] = clock() - started
            acts[number] = act
    timed = [{number: act() for number, act in acts.items()} for _ in range(repetitions)]
    for number in acts:
        results[number]["seconds"] = median(turn[number] for turn in timed)
    return results


def refusal(found, reference, what):
    """Return why a contender is refused, whose numbers differ from ours, or None."""
    difference = float(np.abs(found - reference).max()) if found.shape == reference.shape else np.inf
    if difference <= TOLERANCE:  # not so of NaN
        return None
    return f"{what} differ from ours by {difference:.1e}, more than {TOLERANCE:g}"


def refusals(entries, names):
    """Return one line for each contender that was refused, with some values of its entry."""
    return [
        f"Refused: {result['library']} {result.get('variant', '')} "
        f"({', '.join(f'{name} {entry[name]}' for name in names)}): {result['refused']}."
        for entry in entries
        for result in entry["results"]
        if result["refused"]
    ]
