"""Jacobians of a trained run: do they predict the decay of its gradients, and how close are their bounds?

main.py calls :func:`jacobian_study`. It measures before training and at the selected epoch, on sentences on
which the run's log measured gradients. Besides what every study holds (scripts/files/studies.py),
``assets/studies/jacobians/<run_id>.json`` has

    run_id, model, hidden_size, epochs      as in the log
    sentences       {split, count, of, shortest, longest, burn_in}: the log has `of` sentences; the exponents
                    along a sentence leave out its first `burn_in` steps
    drive           {steps, burn_in, seed, words}: the long random sequence
    distances       [first, last]: the distances from the end, k, between which slopes are measured; the last
                    is 19, or less if a sentence is shorter than 20 words
    at              for ``initialisation`` and ``best``:
        epoch
        recurrent_weights   spectral radius and largest singular value, as in the log
        distance, count     0, 1, … and how many sentences reach it
        quantities  of log₁₀ by distance {median, q25, q75}: h, c (‖∂z/∂h_t‖, ‖∂z/∂c_t‖ relative to k = 0),
                    product; norms and pascanu (RNN); direct_mean, direct_max and direct_gradient (LSTM):
                    see scripts/dynamics/jacobians.py
        excess      {quantity: median over sentences of log₁₀ (quantity / measured decay of h, for the LSTM
                    of c) at the last of `distances`}
        rates       {exponent_drive, exponent_sentences, slope_<quantity>}: largest Lyapunov exponents and
                    slopes, nats per step; exponent_drive_error, slope_<quantity>_error: their standard errors

A number that is not finite, such as the log₁₀ of a product that is exactly 0, is null.
"""

import time

import numpy as np
from threadpoolctl import threadpool_limits

from scripts.dynamics import jacobians
from scripts.dynamics.gradients import BATCH_SIZE, gradient_rows, spectra, walk_back
from scripts.files.errors import UserError
from scripts.files.numbers import round_to_digits, table, whole_number
from scripts.files.progress import progress_bar
from scripts.files.runs import best_epoch
from scripts.files.studies import save_study
from scripts.text.batches import sorted_batches
from scripts.training.evaluation import load_model, model_at
from scripts.training.logs import Log, check_gradients_recorded

DRIVE_SEED = 0
SENTENCE_BURN_IN = 10
LAST = 19  # distance at which gradients are compared: sentences of 20 words reach it
RATES = {  # name in a study, and in its table
    "exponent_drive": "largest Lyapunov exponent, long drive",
    "exponent_sentences": "largest Lyapunov exponent, sentences from step {start}",
    "slope_h": "measured ∂z/∂h, k = {first} to {last}",
    "slope_c": "measured ∂z/∂c, k = {first} to {last}",
    "slope_product": "norm of the product of Jacobians, k = {first} to {last}",
    "slope_direct_gradient": "∂z/∂c along the direct path alone, k = {first} to {last}",
    "slope_direct_mean": "direct path ∏f, mean over units, k = {first} to {last}",
}
EXCESS = {  # quantities that a table compares with the measured decay
    "pascanu": "the bound (σ₁γ)^k",
    "norms": "the product of norms ∏‖J‖",
    "product": "the norm of the product ‖∏J‖",
    "direct_gradient": "∂z/∂c along the direct path",
}


def jacobian_study(run_id="lstm-run-3", sentences=500, *, steps=10_000, burn_in=500, progress=True):
    """Measure products of Jacobians, their bounds and Lyapunov exponents, before and after training.

    Returns the dict that is written, and prints its rates.

    Parameters
    ----------
    run_id : str
    sentences : int
        How many sentences at most, evenly spaced among those on which the log measured gradients.
    steps, burn_in : int
        Steps of the long drive that are counted, and those before them that are not. Its words are drawn at
        random, with replacement, from those sentences.
    progress : bool
        Show a progress bar.
    """
    started = time.perf_counter()
    sentences = whole_number("sentences", sentences)
    steps, burn_in = whole_number("steps", steps, 1, 10**8), whole_number("burn_in", burn_in, 0, 10**8)
    _, data, run = load_model(run_id)
    check_gradients_recorded(Log(run_id, run.settings, run.history))
    split = data.splits["validation"]
    logged, rows = logged_rows(split, sentences)
    lengths = split.s[rows]
    last = min(LAST, int(lengths.min()) - 1)
    if not last:
        raise UserError("some sentences hold one word, expected 2 or more: no slope can be measured on them")
    distances = [last // 2, last]
    words = np.concatenate([batch.ids for batch in sorted_batches(split, 1, rows)])
    drive = np.random.default_rng(DRIVE_SEED).choice(words, burn_in + steps)

    at = {"initialisation": {"epoch": 0}, "best": {"epoch": best_epoch(run.history)["epoch"]}}
    with threadpool_limits(1):
        for moment, found in at.items():
            model = model_at(run_id, moment == "best")
            bar = {"desc": f"{run_id}, {moment}", "progress": progress}
            by_sentence = _along_sentences(model, split, rows, bar)
            stream = progress_bar(jacobians.stream(model, drive), total=len(drive), **bar)
            along_drive = jacobians.lyapunov_exponents(stream, 1, burn_in)
            found |= _summarise(model, *by_sentence, *along_drive, distances)
    measured = {"split": "validation", "count": len(lengths), "of": len(logged)}
    measured |= {"shortest": int(lengths.min()), "longest": int(lengths.max())}
    measured |= {"burn_in": sentence_burn_in(lengths)}
    found = {
        "run_id": run_id,
        "model": run.settings["model"],
        "hidden_size": run.settings["hyperparameters"]["hidden_size"],
        "epochs": run.history[-1]["epoch"],
        "sentences": measured,
        "drive": {"steps": steps, "burn_in": burn_in, "seed": DRIVE_SEED, "words": len(np.unique(words))},
        "distances": distances,
        "at": at,
    }
    return save_study("jacobians", run_id, run.settings["dataset"], [], rates_table, started, **found)


def logged_rows(split, most):
    """Return the rows on which a log measures gradients, and at most so many of them, evenly spaced."""
    logged = gradient_rows(split.s)
    return logged, logged[np.linspace(0, len(logged) - 1, min(most, len(logged))).round().astype(int)]


def sentence_burn_in(lengths):
    """Return how many first steps the exponent of a sentence leaves out: half of the shortest, at most 10.

    Random directions take some steps to turn into those that grow most; with these steps, the largest
    exponent would be too small.
    """
    return min(SENTENCE_BURN_IN, int(lengths.min()) // 2)


def _along_sentences(model, split, rows, bar):
    """Return log₁₀ of each quantity by distance, for each sentence, longest first; and its exponent (n,)."""
    walk = walk_back(model, sorted_batches(split, BATCH_SIZE, rows))
    values, exponents, burn_in = {}, [], sentence_burn_in(split.s[rows])
    for number, batch in enumerate(progress_bar(sorted_batches(split, 1, rows), **bar)):
        decay = {state: walk.decay(state, np.arange(len(batch.ids)), number) for state in model.states}
        theory, (exponent,) = jacobians.along_sentence(model, batch.ids, 1, number, burn_in)
        for name, logs in (decay | theory).items():
            values.setdefault(name, []).append(logs)
        exponents.append(exponent)
    return values, np.array(exponents)


def _summarise(model, values, of_sentences, along_drive, errors, distances):
    """Summarise what was measured at the weights of one epoch; every sentence reaches both distances."""
    lengths = np.array([len(logs) for logs in values["h"]])
    distance = np.arange(lengths.max())
    rates = {"exponent_drive": finite(along_drive[0]), "exponent_drive_error": finite(errors[0])}
    rates["exponent_sentences"] = finite(of_sentences.mean())
    for name, by_sentence in values.items():
        found = map(finite, jacobians.slope(by_sentence, *distances))
        rates |= zip((f"slope_{name}", f"slope_{name}_error"), found, strict=True)
    at_last = {name: np.array([logs[distances[1]] for logs in values[name]]) for name in values}
    measured = at_last[model.states[-1]]
    return {
        "recurrent_weights": spectra(model),
        "distance": distance.tolist(),
        "count": (lengths > distance[:, None]).sum(1).tolist(),
        "quantities": {name: _quantiles_by_distance(logs) for name, logs in values.items()},
        "excess": {
            name: finite(np.median(bound - measured))
            for name, bound in at_last.items()
            if name not in model.states
        },
        "rates": rates,
    }


def _quantiles_by_distance(by_sentence):
    """Return median and quartiles at every distance; the longest sentence comes first."""
    by_distance = ([logs[k] for logs in by_sentence if len(logs) > k] for k in range(len(by_sentence[0])))
    quantiles = np.transpose([np.quantile(logs, (0.5, 0.25, 0.75)) for logs in by_distance])
    return dict(zip(("median", "q25", "q75"), finite(quantiles), strict=True))


def finite(numbers):
    """Round numbers for a JSON file to seven significant digits; None where one is not finite."""
    if np.ndim(numbers):
        return [finite(number) for number in numbers]
    return round_to_digits(numbers) if np.isfinite(numbers) else None


def rates_table(study):
    """Write predicted and measured rates as a table, and by how much bounds exceed the measurement."""
    both = study["at"]["initialisation"], study["at"]["best"]
    (first, last), start, rows = study["distances"], study["sentences"]["burn_in"] + 1, []
    for name, words in RATES.items():
        if name in both[1]["rates"]:
            label = words.format(first=first, last=last, start=start)
            rows.append([label, *(rate(at["rates"], name) for at in both)])
    for name, words in EXCESS.items():
        excess = [at["excess"].get(name) for at in both]
        if None not in excess:
            rows.append([f"log₁₀ of {words} / measured, k = {last}", *(f"{log:+.1f}" for log in excess)])
    heads = [f"{study['run_id']}: nats per word (half-life in words)", "before training"]
    heads.append(f"epoch {both[1]['epoch']}")
    return f"{study['sentences']['count']} validation rows\n{table(rows, heads)}"


def rate(rates, name):
    """Write a rate in nats per word, ± its standard error, and the half-life if it is a decay."""
    value, error = rates[name], rates.get(f"{name}_error")
    if value is None:
        return "-∞"
    half_life = f" ({np.log(2) / -value:.1f})" if value < 0 else ""
    return f"{value:+.3f}{'' if error is None else f' ± {error:.4f}'}{half_life}"
