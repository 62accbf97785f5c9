"""Truncated gradients: the error of the gradient after K steps, for every K, before and after training.

main.py calls :func:`truncation_study`; scripts/dynamics/truncation.py defines g_K and g, and compares them.
Besides what every study holds (scripts/files/studies.py), ``assets/studies/truncation/<name>.json`` has

    sentences   {count, shortest, longest}: the validation split
    batches     {count, size, seed}: of sentences drawn from it at random
    K, delta    0, 1, … up to the longest sentence - 1; relative errors δ
    models      a list of what arguments.begin_study returns, each with
        initialisation, best    for each run, at untrained weights and at those of the selected epoch:
            whole, batches      {W_hh, all}: of the mean loss over the split; medians over the batches

``all`` are W_ih, W_hh and b; the output layer, which truncation doesn't change, is left out. Dropout is off,
and g is the plain gradient, whatever a run's ``backward``. Each holds (null: undefined)

    cosine, error       by K: of g_K and g, and ‖g_K - g‖ / ‖g‖
    kappa               by δ: κ(δ), the smallest K whose error is below δ
    bound, bound_kappa  the same for δ(K), which Aicher, Foti & Fox (2019) derive from the decay alone

The decay φ_k is the mean of ‖∂ℓ/∂h_{T-k}‖ over all sentences (0 in one too short for k), relative to k = 0;
for an LSTM, of h alone. M = max_k ‖G_k‖ / φ_k is taken for ``W_hh`` and ``all`` each: M φ_k bounds ‖G_k‖.
"""

import itertools

import numpy as np
from threadpoolctl import threadpool_limits

from scripts.dynamics import truncation
from scripts.dynamics.gradients import BATCH_SIZE
from scripts.files.blocks import DEFAULT
from scripts.files.numbers import table, whole_number
from scripts.files.progress import progress_bar
from scripts.studies.arguments import MOMENTS, begin_study
from scripts.studies.jacobians import finite
from scripts.studies.statistics import lower_medians
from scripts.text.batches import random_batches, sorted_batches
from scripts.training.evaluation import model_at
from scripts.training.experiment import LOSSES

DELTAS = (0.9, 0.5, 0.1)
SIZE, SEED = 64, 0  # of the random batches


def truncation_study(run_ids=("rnn-run-1", "lstm-run-3"), name=DEFAULT, batches=100, *, progress=True):
    """Measure what the gradient loses when it goes back K steps and no more.

    Returns the dict that is written, and prints a table.

    Parameters
    ----------
    run_ids : str or sequence of str
        Runs of one model differ only in their seeds.
    name : str
        Name of the study and its figure.
    batches : int
        How many batches of 64 sentences at most.
    progress : bool
        Show progress bars.
    """
    data, models, save = begin_study("truncation", name, run_ids, truncation_table)
    split = data.splits["validation"]
    drawn = random_batches(split, SIZE, np.random.default_rng(SEED), whole_number("batches", batches))
    for model, moment in itertools.product(models, MOMENTS):
        model[moment] = [_measure(run, model["model"], moment, drawn, progress) for run in model["runs"]]
    return save(
        sentences={"count": len(split.s), "shortest": int(split.s.min()), "longest": int(split.s.max())},
        batches={"count": len(drawn), "size": len(drawn.rows[0]), "seed": SEED},
        K=list(range(split.s.max())),
        delta=list(DELTAS),
        models=models,
    )


def _measure(run_id, kind, moment, drawn, progress):
    """Measure one run at one moment, in float64."""
    split, model = drawn.split, model_at(run_id, moment == "best")
    bar = progress_bar(drawn, f"{run_id}, {moment}", progress=progress)
    with threadpool_limits(1):
        whole = compare(model, kind, sorted_batches(split, BATCH_SIZE), split.s.max())
        each = [compare(model, kind, [batch], split.s.max()) for batch in bar]
    medians = {
        name: {quantity: lower_medians([one[name][quantity] for one in each]) for quantity in found}
        for name, found in whole.items()
    }
    return {"whole": whole, "batches": medians}


def compare(model, kind, batches, longest):
    """Compare g_K and g of the mean loss over some batches taken as one, for K below `longest`."""
    parts, signal = np.zeros((longest, *model._W.shape)), np.zeros(longest)
    for ids, batch_sizes, y, *_ in batches:
        T, (_, dz) = len(batch_sizes), LOSSES[kind](model.forward(ids, batch_sizes), y)
        signal[:T] += truncation.signal_by_distance(model, batch_sizes, dz)
        parts[:T] += truncation.parts_by_distance(model, batch_sizes, dz)
    decay, found = signal / (signal[0] or 1), {}  # sums instead of means: all that follows is relative
    for name, columns in (("W_hh", slice(model.D, model.D + model.H)), ("all", slice(None))):
        errors = truncation.relative_errors(parts[:, :, columns])
        bounds = truncation.decay_bounds(parts[:, :, columns], decay)
        found[name] = {
            "cosine": finite(truncation.cosines(parts[:, :, columns])),
            "error": finite(errors),
            "kappa": [truncation.kappa(errors, delta) for delta in DELTAS],
            "bound": finite(bounds),
            "bound_kappa": [truncation.kappa(bounds, delta) for delta in DELTAS],
        }
    return found


def truncation_table(study):
    """Write every κ as a table; a cell has that of the split, of the batches, and of the bound."""
    rows = []
    for model in study["models"]:
        for run, (run_id, epoch) in enumerate(zip(model["runs"], model["best_epoch"], strict=True)):
            for moment, when in (("initialisation", MOMENTS["initialisation"]), ("best", f"epoch {epoch}")):
                whole, batches = model[moment][run]["whole"], model[moment][run]["batches"]
                kinds = [(whole[n]["kappa"], batches[n]["kappa"], whole[n]["bound_kappa"]) for n in whole]
                cells = [cell for each in kinds for cell in zip(*each, strict=True)]
                shown = [" / ".join("–" if K is None else str(K) for K in cell) for cell in cells]
                rows.append([f"{run_id}, {when}", *shown])
    heads = [f"{name}, κ({delta})" for name in ("W_hh", "all") for delta in study["delta"]]
    split, batches = f"{study['sentences']['count']:,} sentences", f"batches of {study['batches']['size']}"
    kinds = f"of all {split} / median of {batches} / bound from the decay; {study['seconds']} s"
    return f"κ(δ), the first K with a relative error below δ: {kinds}\n\n{table(rows, ['', *heads])}"
