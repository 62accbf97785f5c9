"""Is sentiment kept on a line of fixed points, and how slowly do states return to them?

main.py calls :func:`fixed_points`; scripts/dynamics/fixed_points.py defines the search. Besides what every
study holds (scripts/files/studies.py), ``assets/studies/fixed-points/<name>.json`` has

    sentences   {count, shortest, longest}: some of those on which logs measure gradients; the states after
                each of their words are the visited states, whose RMS distance from their mean is the spread
    starts      number of visited states at which a search begins
    models      a list of what arguments.begin_study returns, each with
        initialisation, best    for each run, before training and at its selected epoch:
            zero, mean  fixed points at input 0 and at the mean vector of the validation words, each with
                found (number of searches that ended there), distance (to the nearest visited state, in
                spreads), largest (|λ|), half_life (of its two slowest modes, in words; the doubling time
                where |λ| > 1; null: ∞)
            dimensions, three   of the visited states: participation ratio (Σv)² / Σv² of their variances v
                along principal components, and share of the first three
            driven, measured    rates from the run's study of Jacobians, if it has one: the largest Lyapunov
                exponent, and the slope of ∂z/∂h (RNN) or ∂z/∂c (LSTM)
        plane   of the first run at its selected epoch, [PC 1, PC 2] of some visited states (and their logit),
                of the fixed points (zero, mean), and of path, the states after each word of SENTENCE
"""

import itertools
from contextlib import suppress
from functools import partial

import numpy as np
from threadpoolctl import threadpool_limits

from scripts.dynamics import fixed_points as dynamics
from scripts.dynamics.gradients import BATCH_SIZE, gradient_rows
from scripts.files.blocks import DEFAULT
from scripts.files.errors import UserError
from scripts.files.numbers import table
from scripts.files.progress import progress_bar
from scripts.files.runs import NAMES
from scripts.files.studies import read_study
from scripts.studies.arguments import MOMENTS, announce, begin_study
from scripts.studies.jacobians import finite
from scripts.text.batches import sorted_batches
from scripts.text.tokens import tokens_of
from scripts.training.evaluation import model_at, token_ids

SENTENCES, STARTS, SHOWN, SEED = 300, 64, 400, 0  # SHOWN visited states are in the figure
FEW = 4  # searches that are timed
JOINED = 0.1  # spreads: points that are closer than this are one
SENTENCE = "It isn't a bad film, but I wouldn't call it good either."
INPUTS = {"zero": "input 0", "mean": "mean word"}


def fixed_points(run_ids=("rnn-run-1", "lstm-run-3"), name=DEFAULT):
    """Search the fixed points of runs at constant input, and their slowest modes.

    Returns the dict that is written, and prints a table.

    Parameters
    ----------
    run_ids : str or sequence of str
        Runs of one model differ only in their seeds.
    name : str
        Name of the study and its figure.
    """
    data, models, save = begin_study("fixed-points", name, run_ids, fixed_points_table)
    count = STARTS * len(INPUTS) * len(MOMENTS) / FEW
    announce(models, lambda run_id: partial(_few_searches, model_at(run_id, True)), count)
    s = data.splits["validation"].s
    rows = np.random.default_rng(SEED).permutation(gradient_rows(s))[:SENTENCES]
    with threadpool_limits(1):
        for model, moment in itertools.product(models, MOMENTS):
            found = [_measure(run, moment, data, rows) for run in model["runs"]]
            model[moment], (model["plane"], *_) = map(list, zip(*found, strict=True))
    sentences = {"count": len(rows), "shortest": int(s[rows].min()), "longest": int(s[rows].max())}
    return save(sentences=sentences, starts=STARTS, models=models)


def _few_searches(model):
    """Search from random states, for the estimate of the time."""
    starts = np.random.default_rng(SEED).uniform(-1, 1, (FEW, len(model.states) * model.H))
    dynamics.find_fixed_points(dynamics.step_map(model, np.zeros(model.D)), starts, 0)


def _measure(run_id, moment, data, rows):
    """Measure one run at one moment, in float64; return what was found, and what a figure shows of it."""
    from sklearn.decomposition import PCA  # takes a second to import

    model, split = model_at(run_id, moment == "best"), data.splits["validation"]
    batches = sorted_batches(split, BATCH_SIZE, rows)
    visited = np.concatenate([dynamics.states_along(model, ids, sizes) for ids, sizes, *_ in batches])
    visited = np.random.default_rng(SEED).permutation(visited)
    ids = token_ids(tokens_of(SENTENCE, data.manifest), data.vocabulary)
    shown = {"visited": visited[:SHOWN], "path": dynamics.states_along(model, ids, np.ones(len(ids), int))}
    pca = PCA(svd_solver="full").fit(visited)
    v, counts = pca.explained_variance_, np.bincount(split.x, minlength=len(model.embeddings))
    found = {"dimensions": finite(v.sum() ** 2 / (v**2).sum()), "three": finite(v[:3].sum() / v.sum())}
    for name, x in (("zero", np.zeros(model.D)), ("mean", counts @ model.embeddings / counts.sum())):
        bar = progress_bar(visited[:STARTS], f"{run_id}, {MOMENTS[moment]}, {name}")
        F, spread = dynamics.step_map(model, x), np.sqrt(v.sum())
        points = dynamics.find_fixed_points(F, bar, JOINED * spread)
        found[name] = [_describe(F, *point, visited, spread) for point in points]
        shown[name] = [point for point, _ in points]
    with suppress(UserError):
        rates = read_study("jacobians", run_id)["at"][moment]["rates"]
        found |= {"driven": rates["exponent_drive"], "measured": rates[f"slope_{model.states[-1]}"]}
    plane = {name: finite(pca.transform(s)[:, :2].T) if len(s) else [[], []] for name, s in shown.items()}
    return found, plane | {"logit": finite(dynamics.logits_of(model, shown["visited"]))}


def _describe(F, point, count, visited, spread):
    """Describe where a fixed point is, and how slowly states return to it."""
    eigenvalues = np.linalg.eigvals(dynamics.jacobian(F, point))
    distance = np.linalg.norm(visited - point, axis=1).min() / spread
    found = {"found": count, "distance": finite(distance), "largest": finite(abs(eigenvalues).max())}
    return found | {"half_life": finite(dynamics.half_lives(eigenvalues)[:2])}


def fixed_points_table(study):
    """Write one row per model, moment and input as a table: medians and ranges over runs and points."""
    rows = []
    for model, moment, name in itertools.product(study["models"], MOMENTS, INPUTS):
        runs, points = model[moment], [point for run in model[moment] for point in run[name]]
        at = [[point["distance"], point["largest"], *point["half_life"]] for point in points]
        of = [[run.get("driven"), run.get("measured"), run["dimensions"], 100 * run["three"]] for run in runs]
        at, of = (np.array(each, float).reshape(-1, 4).T for each in (at, of))
        values = [[len(run[name]) for run in runs], *at]
        values += [*(np.log(2) / -rates[rates < 0] for rates in of[:2]), *of[2:]]
        searches = f"{sum(point['found'] for point in points)} of {study['starts'] * len(runs)}"
        label = f"{NAMES[model['model']]}, {MOMENTS[moment]}, {INPUTS[name]}"
        rows.append([label, searches, *map(_span, values, (0, 1, 3, 1, 1, 1, 1, 1, 0))])
    heads = ["", "searches", "points", "distance", "largest |λ|", "slowest mode", "second", "driven"]
    heads += ["measured", "dimensions", "3 PCs, %"]
    note = (
        "Searches: how many ended at a fixed point. Else median (lowest to highest) over runs and points. "
        "Points: per run; distance: to the nearest visited state, in spreads of these. Modes: words until a "
        "deviation halves or, where |λ| > 1, doubles. Half-lives in words: driven, by the largest Lyapunov "
        "exponent; measured, of ∂z/∂h (RNN) or ∂z/∂c (LSTM), of runs where these decay. Dimensions: "
        "participation ratio of visited states; then share of three PCs."
    )
    return f"{table(rows, heads)}\n\n{note}"


def _span(values, digits):
    """Write the median and the range of some numbers; None is ∞."""
    if not len(values):
        return "–"
    numbers = np.nan_to_num(np.array(values, float), nan=np.inf)
    numbers = np.quantile(numbers, (0.5, 0, 1), method="nearest")
    middle, low, high = ("∞" if n > 1e4 else f"{n:.{digits}f}" for n in numbers)
    return middle if low == high else f"{middle} ({low} to {high})"
