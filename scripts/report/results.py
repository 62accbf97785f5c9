"""The numbers and tables of the results page, one function per section; report.py checks and writes them.

Each function reads logs and studies, and returns its numbers by name (a value, or a list) and the rows of its
table, the heading first. Shares stay shares, 0.43% is 0.0043; differences of percentages are points.
"""

import math
from functools import partial

import numpy as np

from scripts import plots
from scripts.files.blocks import DEFAULT
from scripts.files.errors import UserError
from scripts.files.numbers import plus_minus, tiny
from scripts.files.runs import NAMES
from scripts.report.sources import FREE, Sources
from scripts.training.logs import DEFAULT_LSTM, DEFAULT_RNN, WIDTHS
from scripts.training.recipes import BEST, BEST_5_EPOCHS, WIDE_RNN
from scripts.training.settings import as_given, check_settings

RUNS = {"rnn": DEFAULT_RNN, "lstm": DEFAULT_LSTM}  # that main.py trains, with these settings
DEFAULTS = {"rnn": {}, "lstm": {}}
NO_DROPOUT = {"input_dropout": 0.0, "state_dropout": 0.0}
K = 19  # distance from the end at which the logs are read
MOMENTS = ("initialisation", "best")  # of a Jacobian study
SENTENCE = "It isn't a bad film, but I wouldn't call it good either."
PARTS = {}  # by name: heading, function, and figures: the <name> of readme-<name>.png with what draws it


def section(heading, **figures):
    """Add the decorated function to the parts of the page, with the figures of its section."""

    def add(function):
        PARTS[function.__name__] = heading, function, figures
        return function

    return add


# Values and cells -----------------------------------------------------------------------------------------


def _remaining(record, state="h", k=K, quantile="median"):
    return record["gradients"][state]["decay"][quantile][k]


def _at_both(log, state="h"):
    return [_remaining(log.epochs[0], state), _remaining(log.best, state)]


def _before_and_after(study, variant, state):
    decay, k = variant["decay"][state], study["distance"]
    return [decay[moment]["median"][k] or 0.0 for moment in ("before", "after")]  # None is a 0


def _mean_accuracies(study):
    return [np.mean(variant["test_accuracy"]) for variant in study["variants"]]


def _seeds_that_end_best(variant, recipes):
    return sum(epoch == recipes[variant["model"]]["epochs"] for epoch in variant["best_epoch"])


def _power(log10):
    if log10 is None:
        return 0.0
    return 10**log10 if log10 > -300 else tiny(log10)  # text where it is no float


def _percent(shares):
    return f"{100 * np.mean(shares):.1f}%"


def _model_cell(sources, variant):
    return f"{NAMES[variant['model']]}, {sources.settings(variant)['hidden_size']} units"


def _baselines(sources):
    study = sources.study("baselines", DEFAULT, {})
    if study["of_model"] != BEST:
        raise UserError("the baselines are not of scripts/training/recipes.py: call baselines() of main.py")
    return study


def _of_default_runs(sources, kind, call):
    runs = RUNS.items()
    return [sources.of_run(kind, run, of, DEFAULTS[of], call.format(run)) for of, run in runs]


def _default_logs(sources):
    return [sources.log(run_id, model, DEFAULTS[model]) for model, run_id in RUNS.items()]


# Accuracies -----------------------------------------------------------------------------------------------


@section("Front page", best=lambda: plots.plot_comparison("best")[0])
def front_page(sources):
    study, others = sources.study("comparison", "best", BEST), _baselines(sources)
    (rnn, lstm), wider = study["variants"], sources.study("comparison", "best-wide", {"rnn": WIDE_RNN})
    (wide,) = wider["variants"]
    title = f"on the {others['sentences']} labelled test sentences of SST-2"
    rows = [[title, "accuracy: mean ± half of its 95% interval over seeds", "lowest – highest", "parameters"]]
    for variant, recipe in ((lstm, "`BEST_LSTM`"), (rnn, "`BEST_RNN`"), (wide, "`WIDE_RNN`")):
        found = variant["test_accuracy"]
        name = f"{_model_cell(sources, variant)}, {recipe}, {len(found)} seeds"
        mean = f"{plus_minus(variant['intervals']['test_accuracy'], 100, 1)}%"
        spread = f"{100 * min(found):.1f} – {100 * max(found):.1f}%"
        rows.append([name, mean, spread, f"{variant['parameters']:,}"])
    rows += [
        ["logistic regression on mean vectors", _percent(others["mean_vectors"]["test"]), "", ""],
        ["logistic regression on word counts", _percent(others["counts"]["test"]), "", ""],
        ["majority class", _percent(others["majority"]), "", ""],
    ]
    return {
        "rnn_h": _before_and_after(study, rnn, "h"),
        "lstm_h": _before_and_after(study, lstm, "h"),
        "lstm_c": _before_and_after(study, lstm, "c"),
        "standard_error_points": 100 * study["standard_error"],
    }, rows


@section("What came out")
def what_came_out(sources):
    compared = sources.study("comparison", "compare", DEFAULTS)
    best = sources.study("comparison", "best", BEST)
    plain = sources.log("lstm-plain", "lstm", DEFAULTS["lstm"] | NO_DROPOUT)
    random = _baselines(sources)["random_rows"]
    rows = [["", *(f"seed {seed}" for seed in compared["seeds"]), "mean", "parameters"]]
    for variant in compared["variants"]:
        found = variant["test_accuracy"]
        cells = [*map(_percent, found), _percent(found), f"{variant['parameters']:,}"]
        rows.append([_model_cell(sources, variant), *cells])
    of_seeds = [variant["test_accuracy"] for variant in compared["variants"]]
    (pair,) = best["paired"]
    lead = pair["differences"]["test_accuracy"]
    return {
        "mean_accuracy": np.mean(of_seeds),
        "standard_error_points": 100 * compared["standard_error"],
        "largest_spread_points": 100 * np.ptp(of_seeds, axis=1).max(),
        "without_dropout_best_loss": plain.best["validation_loss"],
        "without_dropout_last_loss": plain.epochs[-1]["validation_loss"],
        "gain_points": 100 * np.subtract(_mean_accuracies(best), _mean_accuracies(compared)),
        "lead_points": [100 * lead[end] for end in ("mean", "low", "high")],
        "lead_p": lead["p"],
        "lead_sentences_error_points": 100 * pair["sentences_error"],
        "seeds_that_end_best": [_seeds_that_end_best(variant, BEST) for variant in best["variants"]],
        "divided_by_source": [variant["validation_accuracy"][0] for variant in best["variants"]],
        "divided_at_random": [random[model]["validation"] for model in ("rnn", "lstm")],
    }, rows


@section("The search behind the best settings")
def search(sources):
    study = sources.study("search", DEFAULT, BEST, *check_settings("lstm", {}))
    rows = [[f"validation split, mean of {len(study['seeds'])} seeds", "loss", "accuracy", "best epochs"]]
    for variant in study["variants"]:
        model, found = variant["model"], sources.settings(variant)
        recipe = check_settings(model, BEST[model])
        change = {key: found[key] for key in recipe if found[key] != recipe[key] and key not in FREE}
        name = f"{NAMES[model]}, {as_given(change) or 'its best settings'}"
        loss, epochs = f"{np.mean(variant['validation_loss']):.4f}", map(str, variant["best_epoch"])
        rows.append([name, loss, _percent(variant["validation_accuracy"]), ", ".join(epochs)])
    if sum("its best settings" in name for name, *_ in rows) != len(BEST):
        raise UserError(
            "the search is of other settings than recipes.py: call search(overwrite=True) of main.py"
        )
    return {}, rows


@section("Many runs", compare=lambda: plots.plot_comparison()[0])
def many_runs(sources):
    study = sources.study("comparison", "compare", DEFAULTS)
    rnn, lstm = (variant["intervals"] for variant in study["variants"])
    (pair,) = study["paired"]

    def row(name, of_rnn, of_lstm, difference, scale=1, digits=2):
        found = pair["differences"][difference]
        mean, low, high = (f"{scale * found[end]:+.{digits}f}" for end in ("mean", "low", "high"))
        p = f"{found['p']:.1g}" if found["p"] >= 1e-3 else tiny(math.log10(found["p"]))
        intervals = [one and plus_minus(one, scale, digits) for one in (of_rnn, of_lstm)]
        return [name, *intervals, f"{mean} ({low} to {high}; p = {p})"]

    title = f"{len(study['seeds'])} seeds: mean ± half of its 95% interval (Student's t)"
    hidden = f"log₁₀ of what remains of ∂z/∂h at k = {study['distance']}, best epoch"
    cell = "log₁₀ of what remains of ∂z/∂c, minus the RNN's ∂z/∂h"
    return {"standard_error_points": 100 * study["standard_error"]}, [
        [title, "RNN", "LSTM", "LSTM − RNN, same seeds (95% interval; paired t-test)"],
        row("test accuracy, %", rnn["test_accuracy"], lstm["test_accuracy"], "test_accuracy", 100, 1),
        row(hidden, rnn["h"]["after"], lstm["h"]["after"], "left_h"),
        row(cell, "", lstm["c"]["after"], "left_c"),
    ]


# Gradients, one seed --------------------------------------------------------------------------------------


@section("Three widths", widths=plots.plot_gradients_rnns)
def widths(sources):
    units = {run_id: {"hidden_size": H} for run_id, H in WIDTHS.items()} | {DEFAULT_RNN: {}}
    logs = [sources.log(run_id, "rnn", DEFAULTS["rnn"] | own) for run_id, own in units.items()]
    before, after = zip(*map(_at_both, logs), strict=True)
    narrowest = _remaining(logs[0].best, quantile="q25")
    return {"before": before, "after": after, "narrowest_quartile": narrowest}, []


@section("How to read the gradient figure", gradients=plots.plot_gradients_rnn_vs_lstm)
def one_seed(sources):
    rnn, lstm = _default_logs(sources)
    numbers = {"rnn_h": _at_both(rnn), "lstm_h_after": _remaining(lstm.best), "lstm_c": _at_both(lstm, "c")}
    return numbers, []


@section(
    "How it changes while learning",
    learning=plots.plot_decay_while_learning,
    weights=plots.plot_recurrent_weights,
)
def learning(sources):
    rnn, lstm = _default_logs(sources)
    cell = [_remaining(record, "c", 39) for record in lstm.epochs[1:]]
    hidden = np.log10([_remaining(record, "h", 29) for record in rnn.epochs[1:]])
    spectra = rnn.epochs[-1]["recurrent_weights"]["h"]
    recorded = [record["gradients"] for record in (rnn.epochs[0], rnn.best, lstm.best)]
    added = [np.cumsum(gradients["recurrent_share"]["mean"]) for gradients in recorded]
    return {
        "lstm_c_at_k_39": [min(cell), max(cell)],
        "rnn_h_at_k_29_changes_by_a_factor_of": 10 ** np.abs(np.diff(hidden)).max(),
        "steps_that_add_half": [np.argmin(np.abs(share - 0.5)) + 1 for share in added],
        "largest_singular_value": spectra["largest_singular_value"],
        "spectral_radius": spectra["spectral_radius"],
        "saturated": np.mean(rnn.best["activations"]["h"]["saturated"][: K + 1]),
    }, []


def _readings(sources):
    call = f"predict({SENTENCE!r}, {tuple(RUNS.values())})"
    found = _of_default_runs(sources, "sentence", call)
    if {reading["sentence"] for reading in found} != {SENTENCE}:
        raise UserError(f"another sentence was read last: call {call} of main.py")
    return found


@section("Which words does the gradient reach?", sentence=lambda: plots.plot_sentence(_readings(Sources())))
def sentence(sources):
    _, lstm = _readings(sources)
    first = lstm["words"].index("n't")
    return {"gradient_input": lstm["gradient_input"][first], "score_falls_by": lstm["left_out"][first]}, []


# Theory ---------------------------------------------------------------------------------------------------


def _rates_table(rnns, lstms):
    """Return predicted and measured rates, in nats per step, of each model's Jacobian studies."""
    (first, last), start = rnns[0]["distances"], rnns[0]["sentences"]["burn_in"] + 1

    def measured(part):
        quantities = part["quantities"].items()
        return part["rates"] | {name: of_distance["median"][last] for name, of_distance in quantities}

    columns = [[measured(of["at"][moment]) for of in runs] for runs in (rnns, lstms) for moment in MOMENTS]

    def row(label, name, digits=3):
        cells = [label]
        for seeds in columns:
            found = [values[name] for values in seeds if name in values]  # an RNN has no c
            mean, low, high = (f"{of(found):.{digits}f}" if found else "" for of in (np.mean, min, max))
            cells.append(f"{mean} ({low} to {high})" if len(found) > 1 else mean)
        return cells

    return [
        ["", "RNN before", "RNN, best epoch", "LSTM before", "LSTM, best epoch"],
        row("predicted: largest exponent, long drive", "exponent_drive"),
        row("its standard error", "exponent_drive_error", 4),
        row(f"predicted: largest exponent, sentences from step {start}", "exponent_sentences"),
        row(f"measured: ∂z/∂h, k = {first} to {last}", "slope_h"),
        row(f"measured: ∂z/∂c, k = {first} to {last}", "slope_c"),
        row(f"log₁₀ of the direct path's mean, k = {last}", "direct_mean"),
        row(f"log₁₀ of the direct path's largest unit, k = {last}", "direct_max"),
        row(f"log₁₀ of the full Jacobian's norm, k = {last}", "product"),
    ]


@section("Theory over measurement", theory=plots.plot_theory)
def theory(sources):
    rnn, lstm = _of_default_runs(sources, "jacobians", 'jacobians("{}")')
    before, best = (rnn["at"][moment] for moment in MOMENTS)
    predicted = ("exponent_drive", "exponent_sentences")
    rates = (before["rates"], best["rates"])
    off = [[abs(one[name] / one["slope_h"] - 1) for one in rates] for name in predicted]
    return {
        "times_smaller_before": 10 ** -before["quantities"]["h"]["median"][rnn["distances"][1]],
        "largest_singular_value": best["recurrent_weights"]["h"]["largest_singular_value"],
        "log10_of_pascanu_over_measured": best["excess"]["pascanu"],
        "log10_of_norms_over_measured": best["excess"]["norms"],
        "product_over_measured": 10 ** best["excess"]["product"],
        "predictions_before_are_within": math.ceil(100 * max(first for first, _ in off)) / 100,
        "predictions_after_are_off_by": [last for _, last in off],
    }, _rates_table([rnn], [lstm])


@section("Why does my LSTM's gradient vanish?", direct_path=plots.plot_direct_path)
def direct_path(sources):
    call = f'jacobians("{DEFAULT_LSTM}")'
    study = sources.of_run("jacobians", DEFAULT_LSTM, "lstm", DEFAULTS["lstm"], call)
    names = {"mean": "direct_mean", "largest": "direct_max", "alone": "direct_gradient"}
    at = [study["at"][moment]["quantities"] for moment in MOMENTS]
    return {
        name: [_power(quantities[kept]["median"][study["distances"][1]]) for quantities in at]
        for name, kept in (names | {"full_jacobian": "product", "measured_c": "c"}).items()
    }, []


@section("Does it hold with the best settings?")
def best_rates(sources):
    of_model = {}
    for variant in sources.study("comparison", "best", BEST)["variants"]:
        model = variant["model"]
        of_model[model] = [
            sources.of_run("jacobians", run_id, model, BEST[model], f'jacobians("{run_id}", sentences=100)')
            for run_id in variant["runs"][:3]
        ]
    return {}, _rates_table(of_model["rnn"], of_model["lstm"])


# Other studies --------------------------------------------------------------------------------------------


@section("How should weights begin?", initialisations=lambda: plots.plot_initialisations()[-1])
def initialisations(sources):
    study = sources.study("initialisations", DEFAULT, BEST, "recurrent_init", "forget_bias")
    numbers = {"largest_spread_points": 100 * max(np.ptp(one["test_accuracy"]) for one in study["variants"])}
    for variant in study["variants"]:
        varied, state = {"rnn": ("recurrent_init", "h"), "lstm": ("forget_bias", "c")}[variant["model"]]
        name = f"{variant['model']}_{sources.settings(variant)[varied]}"
        numbers[f"{name}_{state}"] = _before_and_after(study, variant, state)
        numbers[f"{name}_accuracy"] = np.mean(variant["test_accuracy"])
    return numbers, []


@section("Is the LSTM's lead its size?")
def equal_parameters(sources):
    recipes = {model: {"epochs": 8} for model in DEFAULTS}
    study = sources.study("equal-parameters", DEFAULT, recipes, "hidden_size")
    _, wide, lstm = study["variants"]
    if abs(wide["parameters"] / lstm["parameters"] - 1) > 0.01:
        raise UserError(
            "the wide RNN is not of the LSTM's size: call equal_parameters(overwrite=True) of main.py"
        )
    remaining = [_before_and_after(study, variant, "h")[1] for variant in (wide, lstm)]
    return {"accuracy": _mean_accuracies(study), "h_after": remaining}, []


@section("Does SST-2 need memory?", memory=plots.plot_memory)
def memory(sources):
    study = sources.study("memory", DEFAULT, BEST)
    numbers = {"word_counts": study["baselines"]["counts"][-1], "longer_than_30_words": study["longer"][29]}
    for one in study["models"]:
        by_k = np.mean(one["accuracy"], axis=0)
        numbers[f"{one['model']}_accuracy"] = by_k[[0, 4, 9, 14, 19, 29]]
        numbers[f"{one['model']}_enough"] = one["enough"]
    return numbers, []


def _cue_distances(sources, mixture):
    recipes = {model: recipe | NO_DROPOUT | {"gradients": False} for model, recipe in BEST.items()}
    study = sources.study("cue-distance", mixture, recipes)
    numbers = {"failing": study["failing"]}
    for one in study["models"]:
        failed = [d for d in one["fails_at"] if d is not None]
        place = study["distances"].index(max(failed or study["distances"]))  # the last seed's, or the longest
        least, most = np.min(one["accuracy"], axis=0), np.max(one["accuracy"], axis=0)
        numbers[f"{one['model']}_accuracy"] = [least.tolist(), most.tolist()]
        for state, moments in one["gradient"].items():
            found = [_power(moments[moment]["median"][place]) for moment in ("before", "after")]
            numbers[f"{one['model']}_{state}"] = found
    return numbers, []


CUE_DISTANCES = "How far back does each model remember?"
PARTS["probe_even"] = CUE_DISTANCES, partial(_cue_distances, mixture="even"), {"probe": plots.plot_probe}
PARTS["probe_log"] = CUE_DISTANCES, partial(_cue_distances, mixture="log"), {}


@section("Long texts", imdb=lambda: plots.plot_comparison("imdb")[0])
def long_texts(sources):
    study = sources.study("comparison", "imdb", BEST_5_EPOCHS)
    rnn, lstm = study["variants"]
    hidden, cell = rnn["decay"]["h"]["after"], lstm["decay"]["c"]["after"]
    intervals = [variant["intervals"]["test_accuracy"] for variant in (rnn, lstm)]
    return {
        "distance": hidden["distance"][-1],
        "rnn_h": [hidden[name][-1] or 0.0 for name in ("median", "low", "high")],  # None is a 0
        "lstm_c": cell["median"][-1] or 0.0,
        "accuracy": [found["mean"] for found in intervals],
        "half_of_its_interval": [(found["high"] - found["low"]) / 2 for found in intervals],
        "seeds_that_end_best": _seeds_that_end_best(lstm, BEST_5_EPOCHS),
    }, []
