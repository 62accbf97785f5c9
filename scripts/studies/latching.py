"""Do two attractors keep a cue, and how much of its gradient remains?

main.py calls :func:`latching_study`, after probe_study. It makes pairs of sentences of the cue-distance task
that differ in the order of their two cues; after the deciding cue, both go on with the same neutral words.
If their states stay apart, two attractors keep the cue, and a small change of a state dies out there, as the
gradient does (Bengio, Simard & Frasconi 1994); if they meet, the cue is forgotten. Besides what every study
holds (scripts/files/studies.py), ``assets/studies/latching/<name>.json`` has

    pairs, steps    number of pairs; numbers of words for which the lists below have values
    models          a list of what arguments.begin_study returns, each with
        orbits      for each run, at its selected epoch, medians over the pairs:
            positive, negative, apart   after that many words from the cue: the logits of the two sentences,
                    and ‖s⁺ - s⁻‖ of their states, which are h, or (h, c) for the LSTM
            h, c    log₁₀ of ‖∂z/∂h_t‖ that many words before the last, relative to it, of all sentences;
                    null where it is 0
            told_apart  number of pairs whose logits have the signs of their labels after the last word
"""

import random
from functools import partial

import numpy as np

from scripts.dynamics.fixed_points import logits_of, states_along
from scripts.dynamics.gradients import walk_back
from scripts.files.blocks import DEFAULT
from scripts.files.data import Split
from scripts.files.numbers import power_of_ten, table
from scripts.files.progress import progress_bar
from scripts.studies.arguments import announce, begin_study
from scripts.studies.jacobians import finite
from scripts.text import cue_distance as task
from scripts.text.batches import sorted_batches
from scripts.training.evaluation import model_at, token_ids

PAIRS = 10
SHOWN = (10, 100, 1000)  # words after the cue: those in the table, of which the last is the end


def latching_study(run_ids, name=DEFAULT):
    """Follow the states after opposite cues through neutral words, and their gradients.

    Returns the dict that is written, and prints a table.

    Parameters
    ----------
    run_ids : str or sequence of str
        Runs on the cue-distance task; those of one model differ only in their seeds.
    name : str
        Name of the study and its figure.
    """
    data, models, save = begin_study("latching", name, run_ids, latching_table)
    task.cue_distances(data.splits["test"], data.vocabulary)  # refuses other datasets
    few = max(2, SHOWN[-1] // 20)
    short = make_pairs(data.vocabulary, few), np.array([0, few])
    announce(models, lambda run_id: partial(_follow, model_at(run_id, True), *short), SHOWN[-1] / few)
    pairs = make_pairs(data.vocabulary, SHOWN[-1])
    steps = np.unique([*range(10), *SHOWN, *np.linspace(10, SHOWN[-1], 100, dtype=int)])
    for model in models:
        bar = progress_bar(model["runs"], model["model"])
        model["orbits"] = [_follow(model_at(run, True), pairs, steps) for run in bar]
    return save(pairs=PAIRS, steps=steps.tolist(), models=models)


def make_pairs(vocabulary, after):
    """Return a split of pairs, the positive sentence first; `after` words follow the deciding cue."""
    rng = random.Random(0)
    texts, y = zip(*(t for _ in range(PAIRS) for t in task.make_twins(after, False, rng)), strict=True)
    ids = token_ids([word for text in texts for word in text], vocabulary)
    return Split(ids, np.array(list(map(len, texts))), np.array(y), np.arange(len(y)) // 2)


def _follow(model, pairs, steps):
    """Measure one model on all pairs; `steps` ends with the number of words after their cues."""
    (batch,) = batches = sorted_batches(pairs, len(pairs.y))  # pairs are of one length and stay together
    first = np.cumsum(batch.batch_sizes) - batch.batch_sizes  # place of the longest sentence at each step
    t, B = pairs.s[batch.rows] - 1 - steps[-1] + steps[:, None], len(batch.rows)
    s = states_along(model, batch.ids, batch.batch_sizes)[first[t] + np.arange(B)]
    z, walk = logits_of(model, s), walk_back(model, batches)
    curves = {"positive": z[:, ::2], "negative": z[:, 1::2]}
    curves["apart"] = np.linalg.norm(s[:, ::2] - s[:, 1::2], axis=-1)
    for state in model.states:
        curves[state] = walk.decay(state, steps[:, None], np.arange(B))
    medians = {name: finite(np.median(curve, axis=1)) for name, curve in curves.items()}
    return medians | {"told_apart": int(np.sum((z[-1, ::2] > 0) & (z[-1, 1::2] < 0)))}


def latching_table(study):
    """Write one row per run: how many pairs it tells apart, how far, and how much of the gradient remains."""
    places, rows = [study["steps"].index(step) for step in SHOWN], []
    for model in study["models"]:
        for run, orbits in zip(model["runs"], model["orbits"], strict=True):
            ends = [f"{orbits[name][-1]:.1f}" for name in ("positive", "negative")]
            ends += [f"{orbits['apart'][place]:.1f}" for place in (0, *places)]
            logs = [orbits.get(state) for state in "hc"]
            remains = [power_of_ten(log[place]) if log else "–" for log in logs for place in places]
            rows.append([run, f"{orbits['told_apart']} of {study['pairs']}", *ends, *remains])
    heads = ["", "told apart", "z⁺", "z⁻", "‖s⁺ − s⁻‖ at the cue", *(f"{step:,} words on" for step in SHOWN)]
    heads += [f"∂z/∂{state}, k = {step:,}" for state in "hc" for step in SHOWN]
    note = (
        f"Told apart: pairs whose logits have the signs of their labels {SHOWN[-1]:,} neutral words after "
        "the cue. Then medians over the pairs: these logits, the distance of the two states, and what "
        "remains of the gradient k words before the last one."
    )
    return f"{table(rows, heads)}\n\n{note}"
