"""Does an LSTM's cell remember unit by unit, and are units that remember long more sensitive?

main.py calls :func:`cell_memory_study`, after Zucchet & Orvieto (2024). Its sentences are some of those on
which the runs' logs measured gradients. Besides what every study holds (scripts/files/studies.py),
``assets/studies/cell-memory/<name>.json`` has

    sentences       {count, of, shortest, longest}: the logs have `of` sentences
    k, count        1, 2, …; the number of sentences that are longer than k words
    models          a list of one: what arguments.begin_study returns, and
        initialisation, best    for each run, at untrained weights and at those of the selected epoch:
            diagonal        by k, the share of ‖∂c_T/∂c_{T-k}‖² (Frobenius) on its diagonal, see
                            scripts/dynamics/jacobians.py: median over sentences, null if there is none
            time_scale      of each unit, 1/(1 − f̄) words, f̄ the mean of its forget gate over all words
            sensitivity     of each unit, the mean of (∂z/∂b_f)² over the sentences
            spearman        rank correlation of the two over the units; null if there is none

Each step's part in ∂z/∂b_f has the factor f (1 − f), which is small in slow units and lowers the correlation;
so do chrono's input gates, which begin nearly closed in slow units.
"""

from functools import partial

import numpy as np
from threadpoolctl import threadpool_limits

from scripts.dynamics.jacobians import diagonal_shares
from scripts.files.blocks import DEFAULT
from scripts.files.errors import UserError
from scripts.files.numbers import counted, plus_minus, round_to_digits, table, whole_number
from scripts.files.progress import progress_bar
from scripts.studies.arguments import MOMENTS, announce, begin_study
from scripts.studies.jacobians import finite, logged_rows
from scripts.studies.statistics import interval
from scripts.text.batches import sorted_batches
from scripts.training.evaluation import model_at

SHOWN = (2, 5, 10, 19, 30)  # k in the table


def cell_memory_study(run_ids="lstm-run-3", name=DEFAULT, sentences=100, *, progress=True):
    """Measure how much of a cell's memory stays within its unit, and how sensitive slow units are.

    Returns the dict that is written, and prints a table.

    Parameters
    ----------
    run_ids : str or sequence of str
        Runs of the LSTM that differ only in their seeds.
    name : str
        Name of the study and its figure.
    sentences : int
        How many sentences at most.
    progress : bool
        Show progress bars.
    """
    data, (of, *others), save = begin_study("cell-memory", name, run_ids, cell_memory_table)
    if others or of["model"] != "lstm":
        raise UserError(f"run_ids={run_ids!r}: an RNN has no cell, expected the LSTM's: name these alone")
    split = data.splits["validation"]
    logged, rows = logged_rows(split, whole_number("sentences", sentences))
    lengths = split.s[rows]
    *_, shortest = sorted_batches(split, 1, rows)
    count = len(MOMENTS) * lengths.sum(dtype=int) / len(shortest.ids)
    announce([of], lambda run_id: partial(_read, model_at(run_id, True), shortest.ids), count)
    for moment in MOMENTS:
        of[moment] = [_measure(run_id, moment, split, rows, progress) for run_id in of["runs"]]
    k = np.arange(1, lengths.max())
    extremes = {"shortest": int(lengths.min()), "longest": int(lengths.max())}
    return save(
        sentences={"count": len(rows), "of": len(logged), **extremes},
        k=k.tolist(),
        count=(lengths > k[:, None]).sum(1).tolist(),
        models=[of],
    )


def _measure(run_id, moment, split, rows, progress):
    """Measure one run before training or at its selected epoch."""
    from scipy.stats import spearmanr  # takes a second to import

    model, by_sentence, squares, forgot = model_at(run_id, moment == "best"), [], 0, 0
    bar = progress_bar(sorted_batches(split, 1, rows), f"{run_id}, {MOMENTS[moment]}", progress=progress)
    for ids, *_ in bar:
        shares, gradient, forget = _read(model, ids)
        by_sentence.append(shares)
        squares, forgot = squares + gradient**2, forgot + (1 - forget).sum(1)
    forgot /= split.s[rows].sum(dtype=np.int64)
    time_scale, sensitivity = 1 / np.maximum(forgot, 1e-16), squares / len(rows)  # a gate may be exactly 1
    by_k = ([each[k] for each in by_sentence if len(each) > k] for k in range(len(by_sentence[0])))
    varied = np.ptp(time_scale) and np.ptp(sensitivity)  # else there is no correlation
    return {
        "diagonal": finite([np.median(each) for each in by_k]),
        "time_scale": round_to_digits(time_scale),
        "sensitivity": round_to_digits(sensitivity),
        "spearman": finite(spearmanr(time_scale, sensitivity).statistic) if varied else None,
    }


def _read(model, ids):
    """Read one sentence; return its diagonal shares (T - 1,), ∂z/∂b_f (H,), and the forget gates (H, T)."""
    T, H = len(ids), model.H
    with threadpool_limits(1):
        model.forward(ids, np.ones(T, int))
        model.backward(np.ones(1))
        forget = np.concatenate([model.activations(t)["f"] for t in range(T)], axis=1)
        back = (model.step_jacobians(t)[0] for t in range(T - 1, 0, -1))  # J_T … J_2
        return diagonal_shares(back), model.gradients["bias_ih_l0"][H : 2 * H], forget


def cell_memory_table(study):
    """Write shares, time scales and correlations as a table of means over the runs."""
    (model,), on_diagonal = study["models"], "on the diagonal of ∂c_T/∂c_{T-k}"
    quantities = [
        (f"{on_diagonal}, k = {k}, %", lambda run, k=k: run["diagonal"][k - 1], 100, 1)
        for k in SHOWN
        if k in study["k"]
    ]
    quantities += [
        ("time scale of the median unit, words", lambda run: np.median(run["time_scale"]), 1, 1),
        ("time scale of the slowest unit, words", lambda run: max(run["time_scale"]), 1, 1),
        ("Spearman's ρ of time scale and sensitivity", lambda run: run["spearman"], 1, 2),
    ]
    rows = [
        [words, *(plus_minus(interval(map(pick, model[moment])), *rounding) for moment in MOMENTS)]
        for words, pick, *rounding in quantities
    ]
    runs, sentences = len(model["runs"]), study["sentences"]["count"]
    return table(rows, [f"{counted(runs, 'run')}, {counted(sentences, 'sentence')}", *MOMENTS.values()])
