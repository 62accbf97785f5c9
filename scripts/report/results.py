"""The results that README.md states: each a phrase with its numbers in it, made from logs and studies.

A function makes the phrases of one part of a section from the logs in assets/runs/ and the JSON in
assets/benchmarks/, in the words of the README; where the words change there, they are to change here too.
scripts/report/report.py compares.
"""

import math
import re
from typing import NamedTuple

import numpy as np

from scripts import plots
from scripts.figures import jacobians as plots_dynamics
from scripts.files.errors import UserError
from scripts.files.numbers import plus_minus, tiny
from scripts.files.paths import check_version, log_path
from scripts.files.runs import NAMES
from scripts.files.storage import read_json
from scripts.files.studies import read_study, remedy_of
from scripts.studies.cue_distance import PROBE_SETTINGS
from scripts.studies.initialisations import without_varied
from scripts.studies.settings_search import planned
from scripts.studies.words import describe_epochs, describe_failure, epochs_of
from scripts.training import logs as figure_logs
from scripts.training.evaluation import kept_path
from scripts.training.recipes import BEST, BEST_5_EPOCHS, WIDE_RNN
from scripts.training.settings import check_settings

RNN, LSTM = figure_logs.DEFAULT_RNN, figure_logs.DEFAULT_LSTM
JACOBIAN_SEEDS = 3  # of each of the best settings
DEPTH = 20  # steps back at which results are read
SENTENCE = "It isn't a bad film, but I wouldn't call it good either."
PARTS = []


class Part(NamedTuple):
    """Results that share their runs.

    Attributes
    ----------
    section : str
        Heading in README.md, without the code in brackets that it ends with.
    results : callable
        Called with :class:`Sources`; yields phrases, in which a run of whitespace is one blank.
    figures : dict of str to callable
        By the name that the README links to; each draws its figure and returns its path.
    """

    section: str
    results: object
    figures: dict

    @property
    def name(self):
        """What results.json calls it."""
        return self.results.__name__


def results_of(section, **figures):
    """A decorator: what the function yields stands in that section, beside ``readme-<name>.png`` …"""

    def add(function):
        drawn = {f"readme-{name.replace('_', '-')}.png": draw for name, draw in figures.items()}
        PARTS.append(Part(section, function, drawn))
        return function

    return add


# What the results are read from ---------------------------------------------------------------------------


class Sources:
    """Logs and studies, as the parts read them; ``runs`` keeps what results.json says of those that were."""

    def __init__(self):
        self.runs, self.datasets = {}, {}

    def dataset(self):
        """The one dataset that all that was read is of; UserError where there are several."""
        first, *others = self.datasets.values()
        if others:
            names = ", ".join(f"{one['name']} with {one['embeddings']}" for one in (first, *others))
            raise UserError(f"its runs and studies are of different data ({names}): make them again")
        return first

    def note(self, described):
        """Remember of which data a log or study is, and return it."""
        self.datasets.setdefault(described["dataset"]["checksum"], described["dataset"])
        return described

    def log(self, run_id, model=None):
        """The log of a run."""
        log = figure_logs.read(run_id, model)
        self.note(log.settings)
        self.runs[run_id] = describe_run(log)
        return log

    def study(self, name):
        """A study, and the logs of its runs."""
        study = self.note(read_study(name))
        for measured in study.get("variants") or study.get("candidates") or study.get("models", ()):
            for run_id in measured.get("runs") or [measured["run_id"]]:
                if not log_path(run_id).is_file():
                    raise UserError(f"the log of its run {run_id!r} is missing: {remedy_of(name)}")
                self.log(run_id)
        return study

    def jacobians(self, run_id, model):
        """The Jacobian study of a run."""
        self.log(run_id, model)
        return self.note(plots_dynamics.read(run_id, model))

    def test(self, run_id):
        """What ``test(run_id)`` found."""
        return self._of_log(kept_path("test", run_id), run_id, f'test("{run_id}")')

    def reading(self, run_id, sentence):
        """What ``predict(sentence, run_id)`` found."""
        path, block = kept_path("sentence", run_id), f'predict("{sentence}", …)'
        reading = self._of_log(path, run_id, block)
        if reading["sentence"] != sentence:
            raise UserError(f"{path} is of another sentence: call {block} of main.py")
        return reading

    def _of_log(self, path, run_id, block):
        """A JSON file that was made with the weights of a run, and is as new as they."""
        log, remedy = self.log(run_id), f"call {block} of main.py"
        if not path.is_file():
            raise UserError(f"{path} is missing: {remedy}")
        found = read_json(path)
        check_version(path, found, remedy)
        if (found["epoch"], found["dataset"]) != (log.best["epoch"], log.settings["dataset"]):
            raise UserError(f"{path} was made before {run_id!r} was trained again: {remedy}")
        return found


def describe_run(log):
    """What results.json says of a run."""
    given = log.settings["hyperparameters"]
    defaults = check_settings(log.model, {})
    return {
        "model": log.model,
        "parameters": log.settings["parameters"],
        "settings": {name: value for name, value in given.items() if value != defaults.get(name)},
        "epochs": log.epochs[-1]["epoch"],
        "best_epoch": log.best["epoch"],
        "validation_loss": log.best["validation_loss"],
        "validation_accuracy": log.best["validation_accuracy"],
        "versions": log.settings["versions"],
    }


def left(record, state="h", depth=DEPTH, quantile="median"):
    """What is left of ∂z/∂state some steps back, relative to the last step, at one epoch of a log."""
    return record["gradients"][state]["decay"][quantile][depth - 1]


# Numbers as the README prints them --------------------------------------------------------------------------


def short(value, digits=2):
    """A number to so many digits, no zero before its point: ".046", "4.3"; below a thousandth one: "2e-7".

    Examples
    --------
    >>> short(0.0459), short(4.32), short(2.3e-7), short(0.0997)
    ('.046', '4.3', '2e-7', '.10')
    """
    if abs(value) < 1e-3:
        return "-" * (value < 0) + tiny(math.log10(abs(value))) if value else "0"
    exponent = int(f"{value:.{digits - 1}e}".split("e")[1])
    return bare(f"{value:.{max(0, digits - 1 - exponent)}f}")


def power(log10):
    """10**log10 as :func:`short` prints it."""
    return tiny(log10) if log10 < -3 else short(10**log10)


def percent(share):
    """A share as a percentage of two digits: "11", "4.6", ".018"."""
    return short(100 * share)


def bare(text):
    """Without the zero before a decimal point."""
    return re.sub(r"(?<!\d)0\.", ".", text)


def listed(values, last=", "):
    """Texts in a row: "a, b, c", or with `last` before the last one."""
    *others, final = values
    return ", ".join(others) + last + final


def score(accuracies):
    """Mean of some accuracies, in per cent."""
    return f"{100 * np.mean(accuracies):.1f}"


def span(values, digits):
    """The smallest and the largest share of some, in per cent: "82 to 98.5"."""
    low, high = (f"{100 * value:.{digits}f}".removesuffix(".0") for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


# The results, part by part ----------------------------------------------------------------------------------


FRONT = "Gradients through time: a vanilla RNN and an LSTM, by hand"


@results_of(FRONT, best=lambda: plots.plot_comparison("best")[0])
def front_page(sources):
    """How far back the gradient reaches, before training and after it, and what is classified rightly."""
    study = best(sources)
    measured, depth = study["sentences"], study["depth"]
    yield f"{min(len(variant['seeds']) for variant in study['variants'])} seeds of each model"
    yield f"{measured['count']:,} validation sentences of at least {measured['shortest']} words"
    (rnn, lstm), n = (variant["decay"] for variant in study["variants"]), depth - 1
    fresh = [percent(decay["before"]["median"][n]) for decay in (rnn["h"], lstm["c"])]
    yield "{} steps back a median of {} % of it is left, in the LSTM's cell {} %".format(depth, *fresh)
    trained = [percent(decay["after"]["median"][n]) for decay in (rnn["h"], lstm["h"], lstm["c"])]
    yield "{} % is left in the RNN, {} % in the LSTM's hidden state, and {} % in its cell".format(*trained)
    for variant in study["variants"]:
        yield best_row(f"BEST_{NAMES[variant['model']]}", variant, sources)


@results_of(FRONT)
def beside(sources):
    """What else classifies the test sentences."""
    (wide,) = recipe_study(sources, "best-wide", {"rnn": WIDE_RNN})["variants"]
    yield best_row("WIDE_RNN", wide, sources)
    found = sources.study("baselines")
    for name, features in (("mean_vectors", "mean vectors"), ("counts", "word counts")):
        yield f"| logistic regression on {features} | {score(found[name]['test'])} % |"
    yield f"| the commoner label | {score(found['majority'])} % |"


def best(sources):
    """The comparison of both models with the best settings of each."""
    return recipe_study(sources, "best", BEST)


def recipe_study(sources, name, recipes):
    """The comparison of some recipes, one a model; UserError where its runs have other settings."""
    study = sources.study(name)
    models = [variant["model"] for variant in study["variants"]]
    if (models, study.get("of_model"), study["settings"], study["axes"]) != (list(recipes), recipes, {}, {}):
        raise UserError(
            f"the comparison {name!r} is not of the settings in scripts/training/recipes.py: call its block of main.py"
            " again, with overwrite=True"
        )
    return study


def best_row(settings, variant, sources):
    """A model as a row of the table of accuracies: mean ± half of the interval, range, parameters."""
    units = sources.log(variant["runs"][0]).hidden_size
    right = 100 * np.array(variant["test_accuracy"])
    cells = [
        f"{bare(plus_minus(variant['intervals']['test_accuracy'], 100, 1))} %",
        f"{right.min():.1f} – {right.max():.1f} %",
        f"{variant['parameters']:,}",
    ]
    model = f"{NAMES[variant['model']]}, `{settings}`: {units} units, {len(right)} seeds"
    return f"| {model} | {' | '.join(cells)} |"


@results_of("What came out")
def accuracies(sources):
    """Test accuracy, seed by seed."""
    study = comparison(sources)
    yield f"| | {' | '.join(f'seed {seed}' for seed in study['seeds'])} | mean | parameters |"
    for variant in study["variants"]:
        units = sources.log(variant["runs"][0]).hidden_size
        cells = [f"{100 * accuracy:.1f} %" for accuracy in variant["test_accuracy"]]
        cells += [f"{score(variant['test_accuracy'])} %", f"{variant['parameters']:,}"]
        yield f"| {NAMES[variant['model']]}, {units} units | {' | '.join(cells)} |"
    of_seeds = 100 * np.array([variant["test_accuracy"] for variant in study["variants"]])
    test = study["dataset"]["splits"]["test"]["rows"]
    error = 100 * study["standard_error"]
    yield f"an accuracy near {of_seeds.mean():.0f} % on {test:,} sentences is {error:.1f} points"
    yield f"seeds of one model differ by up to {np.ptp(of_seeds, axis=1).max():.1f}"


def comparison(sources):
    """The study of ``compare()``, of an RNN and an LSTM."""
    study = sources.study("compare")
    if [variant["model"] for variant in study["variants"]] != ["rnn", "lstm"]:
        raise UserError("the comparison 'compare' is not of one RNN and one LSTM: call compare()")
    return study


@results_of("What came out")
def recipes(sources):
    """The best settings against the default ones."""
    study, defaults = best(sources), comparison(sources)
    gains = [
        bare(f"{100 * (np.mean(tuned['test_accuracy']) - np.mean(default['test_accuracy'])):+.1f}")
        for tuned, default in zip(study["variants"], defaults["variants"], strict=True)
    ]
    yield "{} points for the RNN, {} for the LSTM".format(*gains)


@results_of("What came out")
def lead(sources):
    """The best settings of both models against each other."""
    study = best(sources)
    (pair,) = study["paired"]
    found = difference(pair["differences"]["test_accuracy"], 100, 1)
    yield f"LSTM less RNN over {len(pair['seeds'])} equal seeds: {found}"
    error = bare(f"{100 * pair['sentences_error']:.1f}")
    yield f"its standard error over the sentences is {error} points"
    last = [
        sum(epoch == BEST[variant["model"]]["epochs"] for epoch in variant["best_epoch"])
        for variant in study["variants"]
    ]
    yield "best epoch is the last one in {} seeds of the RNN and {} of the LSTM".format(*last)


@results_of("The search behind the best settings")
def searched(sources):
    """The best settings beside each change of them, on the validation split, as a table."""
    study = sources.study("search")
    found = [(one["model"], one["change"]) for one in study["candidates"]]
    if (study["of_model"], found) != (BEST, planned()):
        raise UserError(
            "the search is of other settings than scripts/studies/settings_search.py has: call search() again"
        )
    yield f"| validation split, mean of {len(study['seeds'])} seeds | loss | accuracy | best epochs |"
    rows = []
    for one in study["candidates"]:
        cells = [
            f"{NAMES[one['model']]}, {name_change(one['change'])}",
            bare(f"{np.mean(one['validation_loss']):.4f}"),
            f"{score(one['validation_accuracy'])} %",
            listed(map(str, one["best_epoch"])),
        ]
        rows.append(f"| {' | '.join(cells)} |")
    yield " ".join(rows)  # as one: two rows may differ in their numbers alone


@results_of("What came out")
def random_rows(sources):
    """What rows divided at random would have claimed, beside rows divided by source, seed 0."""
    found = sources.study("baselines")
    if found["of_model"] != BEST:
        raise UserError(
            "the baselines are of other settings than scripts/training/recipes.py: call baselines() again"
        )
    by_source = [score(variant["validation_accuracy"][0]) for variant in best(sources)["variants"]]
    at_random = [score(found["random_rows"][model]["validation"]) for model in ("rnn", "lstm")]
    yield "Divided by source {} and {} % of the validation rows are classified rightly".format(*by_source)
    yield "divided at random {} and {} %".format(*at_random)


@results_of("What came out")
def overfitting(sources):
    """The LSTM without dropout."""
    log = sources.log("lstm-plain", "lstm")
    best, last = log.best, log.epochs[-1]
    losses = [bare(f"{record['validation_loss']:.2f}") for record in (best, last)]
    yield (
        f"the best validation loss of the LSTM, {losses[0]}, comes at epoch {best['epoch']}, and at epoch "
        f"{last['epoch']} it is {losses[1]}"
    )


@results_of("Three widths", widths=plots.plot_gradients_rnns)
def widths(sources):
    """Decay in RNNs of three widths."""
    logs = [sources.log(run_id, "rnn") for run_id in (*figure_logs.WIDTHS, RNN)]
    units = listed([str(log.hidden_size) for log in logs], " and ")
    fresh, trained = (
        listed([f"{percent(left(record))} %" for record in records], " and ")
        for records in ([log.epochs[0] for log in logs], [log.best for log in logs])
    )
    yield f"{DEPTH} steps back, at {units} units, {fresh} is left before training and {trained} after it"
    yield f"a quarter of them keep {percent(left(logs[0].best, quantile='q25'))} % or less"


@results_of("Many runs", compare=lambda: plots.plot_comparison()[0])
def many_runs(sources):
    """What compare() prints, as a table."""
    study = comparison(sources)
    rnn, lstm = (variant["intervals"] for variant in study["variants"])
    differences = study["paired"][0]["differences"]
    (epochs,) = {run["epochs"] for run in sources.runs.values()}
    yield f"| {len(study['seeds'])} seeds, {epochs} epochs: mean ± half of its 95 % interval"
    cells = [bare(plus_minus(model["test_accuracy"], 100, 1)) for model in (rnn, lstm)]
    yield f"| test accuracy, % | {' | '.join(cells)} | {difference(differences['test_accuracy'], 100, 1)} |"
    cells = [bare(plus_minus(model["h"]["after"], 1, 2)) for model in (rnn, lstm)]
    what = f"log₁₀ of what is left of ∂z/∂h {study['depth']} steps back, best epoch"
    yield f"| {what} | {' | '.join(cells)} | {difference(differences['left_h'])} |"
    cell = bare(plus_minus(lstm["c"]["after"], 1, 2))
    what = "log₁₀ of what is left of ∂z/∂c, less the RNN's ∂z/∂h"
    yield f"| {what} | | {cell} | {difference(differences['left_c'])} |"
    yield f"(standard error {100 * study['standard_error']:.1f} points)"


def difference(found, scale=1, digits=2):
    """A paired difference with its interval and p: "+3.3 (+1.5 to +5.0; p = .006)"."""
    mean, low, high = (bare(f"{scale * found[end]:+.{digits}f}") for end in ("mean", "low", "high"))
    return f"{mean} ({low} to {high}; p = {short(found['p'], 1)})"


@results_of("How to read the gradient figure", gradients=plots.plot_gradients_rnn_vs_lstm)
def one_seed(sources):
    """The same of the two runs that `python main.py` trains."""
    rnn, lstm = sources.log(RNN, "rnn"), sources.log(LSTM, "lstm")
    fresh = percent(left(rnn.epochs[0])), percent(left(lstm.epochs[0], "c"))
    yield (
        f"{DEPTH} steps back {fresh[0]} % is left in the RNN and {fresh[1]} % in the LSTM's cell before "
        "training"
    )
    trained = [percent(value) for value in (left(rnn.best), left(lstm.best), left(lstm.best, "c"))]
    yield "{} % in the RNN, {} % in the LSTM's h and {} % in its cell after it".format(*trained)


@results_of("How it changes while learning", learning=plots.plot_decay_while_learning)
def learning(sources):
    """How the decay changes from epoch to epoch."""
    rnn, lstm = sources.log(RNN, "rnn"), sources.log(LSTM, "lstm")
    cell = [left(record, "c", 40) for record in lstm.epochs[1:]]
    yield f"keeps {short(min(cell), 1)} to {short(max(cell), 1)} of its gradient 40 steps back"
    hidden = np.log10([left(record, "h", 30) for record in rnn.epochs[1:]])
    factor = 10 ** np.abs(np.diff(hidden)).max()
    yield f"what is left 30 steps back can change by a factor of {factor:.0f}"


@results_of("How it changes while learning", weights=plots.plot_recurrent_weights)
def weights(sources):
    """What W_hh learns from, and what becomes of it."""
    rnn, lstm = sources.log(RNN, "rnn"), sources.log(LSTM, "lstm")
    half = [steps_of_half(record) for record in (rnn.epochs[0], rnn.best, lstm.best)]
    yield (
        f"comes from the last {half[0]} steps in a fresh RNN and the last {half[1]} in a trained one; in a "
        f"trained LSTM from the last {half[2]}"
    )
    spectra = rnn.epochs[-1]["recurrent_weights"]["h"]
    largest, radius = (short(spectra[name]) for name in ("largest_singular_value", "spectral_radius"))
    yield f"singular value of the RNN's W_hh from 1 to {largest}, and its spectral radius to {radius}"
    saturated = np.mean(rnn.best["activations"]["h"]["saturated"][:DEPTH])
    yield f"{100 * saturated:.0f} % of the |h| of the last {DEPTH} steps are above .9"


def steps_of_half(record):
    """How many steps, from the last on, add the half of ∂ℓ/∂W_hh that is nearest to the end."""
    shares = np.cumsum(record["gradients"]["recurrent_share"]["mean"])
    return int(np.argmin(np.abs(shares - 0.5))) + 1


@results_of("Theory over measurement", theory=plots.plot_theory)
def theory(sources):
    """Bounds of the RNN over measurement."""
    study = sources.jacobians(RNN, "rnn")
    before, best = study["at"]["initialisation"], study["at"]["best"]
    depth = study["depths"][1]
    times = 10 ** -before["quantities"]["h"]["median"][depth - 1]
    yield f"{depth} steps back the gradient is {times:.0f} times smaller (median)"
    excess = best["excess"]
    yield (
        f"σ₁(W_hh) is {short(best['recurrent_weights']['h']['largest_singular_value'])}; at depth {depth} "
        f"Pascanu's bound (σ₁γ)^k is 10^{excess['pascanu']:.1f} times the measurement, the tighter ∏‖J_t‖ "
        f"10^{excess['norms']:.1f} times. The norm of the product of the Jacobians is only "
        f"{10 ** excess['product']:.1f} times larger"
    )


@results_of("Theory over measurement")
def exponents(sources):
    """Lyapunov exponents of both models over measured rates, as a table."""
    studies = [sources.jacobians(RNN, "rnn"), sources.jacobians(LSTM, "lstm")]
    first, last = studies[0]["depths"]
    moments = [study["at"][moment] for study in studies for moment in ("initialisation", "best")]
    rates = [moment["rates"] for moment in moments]
    yield f"log ‖∂z/∂h_t‖ over depths {first} to {last}"
    yield "| | RNN before | RNN, epoch {} | LSTM before | LSTM, epoch {} |".format(
        *(moment["epoch"] for moment in moments[1::2])
    )
    drive = [f"{r['exponent_drive']:.3f} ± {r['exponent_drive_error']:.4f}" for r in rates]
    start = studies[0]["sentences"]["burn_in"] + 1
    for what, cells in (
        ("predicted: largest exponent, long drive", drive),
        (f"predicted: largest exponent, sentences from step {start}", column(rates, "exponent_sentences")),
        ("measured: ∂z/∂h", column(rates, "slope_h")),
        ("measured: ∂z/∂c", ["", "", *column(rates[2:], "slope_c")]),
    ):
        yield re.sub(" +", " ", f"| {what} | {' | '.join(map(bare, cells))} |")
    yield f"The long drive is {studies[0]['drive']['steps']:,} words"
    fresh, trained = (
        [abs(r[name] / r["slope_h"] - 1) for name in ("exponent_drive", "exponent_sentences")]
        for r in rates[:2]
    )
    yield f"both predictions agree with the measurement within {math.ceil(100 * max(fresh))} %"
    yield f"the long drive is off by {100 * trained[0]:.0f} %, the sentences by {100 * trained[1]:.0f} %"


def column(rates, name):
    """One rate at each moment, in nats a step."""
    return [f"{rate[name]:.3f}" for rate in rates]


@results_of("Why does my LSTM's gradient vanish?", direct_path=plots.plot_direct_path)
def direct_path(sources):
    """What the LSTM's cell alone hands back, and the full Jacobian."""
    study = sources.jacobians(LSTM, "lstm")
    depth = study["depths"][1]

    def before_and_after(quantity):
        medians = [study["at"][m]["quantities"][quantity]["median"] for m in ("initialisation", "best")]
        return [power(median[depth - 1]) for median in medians]

    mean, largest = map(before_and_after, ("direct_mean", "direct_max"))
    full, cell, alone = map(before_and_after, ("product", "c", "direct_gradient"))
    yield (
        f"over the units is {mean[0]} at depth {depth} before training, and {mean[1]} at the best epoch, in "
        f"the largest unit {largest[0]} and {largest[1]}"
    )
    yield f"of (h, c) at depth {depth} is {full[0]} before and {full[1]} after"
    yield (
        f"is {cell[0]} before training and {cell[1]} after, of which the direct path alone would leave "
        f"{alone[0]} and {alone[1]}"
    )
    yield f"over {study['sentences']['count']} validation sentences"


@results_of("Does it hold with the best settings?", best_jacobians=plots.plot_jacobians_over_seeds)
def best_rates(sources):
    """Predicted and measured rates, direct path and full Jacobian of the best settings, over seeds."""
    best(sources)
    of_model = {
        model: [sources.jacobians(f"study-{model}-best-s{seed}", model) for seed in range(JACOBIAN_SEEDS)]
        for model in ("rnn", "lstm")
    }
    columns = [
        [study["at"][moment] for study in studies]
        for studies in of_model.values()
        for moment in ("initialisation", "best")
    ]
    first, last = of_model["rnn"][0]["depths"]
    start = of_model["rnn"][0]["sentences"]["burn_in"] + 1
    for what, read, used in (
        ("predicted: largest exponent, long drive", rate("exponent_drive"), columns),
        (f"predicted: largest exponent, sentences from step {start}", rate("exponent_sentences"), columns),
        (f"measured: ∂z/∂h, depths {first} to {last}", rate("slope_h"), columns),
        (f"measured: ∂z/∂c, depths {first} to {last}", rate("slope_c"), columns[2:]),
        (f"log₁₀ of the direct path's mean, depth {last}", median_at("direct_mean", last), columns[2:]),
        (
            f"log₁₀ of the direct path's largest unit, depth {last}",
            median_at("direct_max", last),
            columns[2:],
        ),
        (f"log₁₀ of the full Jacobian's norm, depth {last}", median_at("product", last), columns),
    ):
        cells = [""] * (4 - len(used)) + [over_seeds(list(map(read, moments))) for moments in used]
        yield re.sub(" +", " ", f"| {what} | {' | '.join(cells)} |")


def rate(name):
    """What reads one rate from a moment of a Jacobian study, in nats a step."""
    return lambda moment: moment["rates"][name]


def median_at(quantity, depth):
    """What reads the median of a quantity at a depth, as log₁₀, from a moment of a Jacobian study."""
    return lambda moment: moment["quantities"][quantity]["median"][depth - 1]


def over_seeds(values):
    """Mean of some values, and the smallest and largest: "-.17 (-.19 to -.16)"."""
    mean, low, high = (bare(f"{value:.2f}") for value in (np.mean(values), min(values), max(values)))
    return f"{mean} ({low} to {high})"


def best_study(sources, name, of_model, settings):
    """A study whose models have these settings of their own, and all these; UserError of another."""
    study = sources.study(name)
    if (study.get("of_model"), study["settings"]) != (of_model, settings):
        raise UserError(
            f"the study {name!r} is not of the settings in scripts/training/recipes.py: {remedy_of(name)} again"
        )
    return study


@results_of("How should weights begin?", initialisations=lambda: plots.plot_initialisations()[-1])
def initialisations(sources):
    """How weights begin: gradients before and after training, accuracies."""
    study = best_study(sources, "initialisations", without_varied(BEST), {})
    rnns, lstms = ([v for v in study["variants"] if v["model"] == model] for model in ("rnn", "lstm"))
    depth = study["sentences"]["shortest"]

    def kept(variants, state, moment):
        return [short(variant["decay"][state][moment]["median"][depth - 1]) for variant in variants]

    yield (
        "keeps {} of ∂z/∂h with W_hh uniform in ±1/√H, {} with an orthogonal one and {} with the "
        "identity".format(*kept(rnns, "h", "before"))
    )
    fresh = listed(kept(lstms, "c", "before"), " and ")
    yield f"the LSTM keeps {fresh} of ∂z/∂c with forget bias 0, 1, 2 and chrono"
    yield f"RNN {listed(kept(rnns, 'h', 'after'))}; LSTM {listed(kept(lstms, 'c', 'after'))}"
    scores = [listed([score(variant["test_accuracy"]) for variant in some]) for some in (rnns, lstms)]
    yield f"{describe_epochs(study, BEST)}: RNN {scores[0]} %; LSTM {scores[1]} %"
    spread = max(np.ptp(100 * np.array(variant["test_accuracy"])) for variant in study["variants"])
    yield f"the seeds of one initialisation differ by up to {spread:.1f} points"


@results_of("Is the LSTM's lead its size?")
def parameters(sources):
    """An RNN of as many parameters as the LSTM."""
    study = sources.study("equal-parameters")
    depth = study["sentences"]["shortest"]
    models = [
        f"{NAMES[variant['model']]} of {sources.log(variant['runs'][0]).hidden_size} units "
        f"({variant['parameters']:,} parameters) {score(variant['test_accuracy'])} %"
        for variant in study["variants"]
    ]
    yield listed(models)
    kept = [short(variant["decay"]["h"]["after"]["median"][depth - 1]) for variant in study["variants"][1:]]
    yield f"the wide RNN keeps {kept[0]} of ∂z/∂h {depth} steps back, the LSTM {kept[1]}"


@results_of("Does SST-2 need memory?", memory=plots.plot_memory)
def memory(sources):
    """Accuracy from the last k words."""
    study = sources.study("memory")
    rnn, lstm = study["models"]
    if [model["runs"][0] for model in (rnn, lstm)] != ["study-rnn-best-s0", "study-lstm-best-s0"]:
        raise UserError("the study of the last k words is not of the best settings: call memory_study(…)")
    seeds = len(rnn["runs"])
    yield f"Mean of {seeds} seeds"
    ks = (1, 5, 10, 15, 20, 30)
    means = [100 * np.mean(model["accuracy"], axis=0) for model in (lstm, rnn)]
    lists = [listed([f"{right[k - 1]:.0f}" for k in ks], " and ") for right in means]
    yield f"From its last {listed(list(map(str, ks)), ' and ')} words the LSTM classifies {lists[0]} %"
    yield f"the RNN {lists[1]} %"
    yield f"From k = {lstm['enough']} (LSTM) and {rnn['enough']} (RNN) on"
    yield f"Logistic regression on word counts reaches {score(study['baselines']['counts'][-1])} %"
    yield f"only {study['longer'][29]} of the {study['sentences']:,} sentences are longer than 30 words"


@results_of("How far back does each model remember?", probe=plots.plot_probe)
def probe_even(sources):
    """How far back both models remember, all distances equally often."""
    study = best_study(sources, "probe-even", BEST, PROBE_SETTINGS)
    rnn, lstm = study["models"]
    distances = study["distances"]
    failed = [distances.index(d) for d in rnn["fails_at"] if d is not None]
    at = max(failed, default=len(distances) - 1)
    failure = describe_failure(study, rnn)
    epochs = describe_epochs(study, BEST)
    yield f"from {distances[0]} to {distances[-1]} equally often, {epochs}, the RNN {failure}"
    right = np.array(rnn["accuracy"])
    scores = [f"{span(right[:, place], 1)} % at d = {distances[place]}" for place in range(at + 1)][-3:]
    scores += [f"{span(right[:, at + 1 :].ravel(), 1)} % beyond"] if at + 1 < len(distances) else []
    yield ", ".join(scores)
    gradient = cue_gradients(rnn, "h", at)
    yield f"At d = {distances[at]}, {gradient[0]} of ∂z/∂h was left before training and {gradient[1]} after"
    gradient = cue_gradients(lstm, "h", -1)
    yield (
        f"The LSTM is {rightly(lstm)}, up to d = {distances[-1]}, where {gradient[0]} of ∂z/∂h was left "
        f"before training and {gradient[1]} after, and {cue_gradients(lstm, 'c', -1)[1]} of ∂z/∂c"
    )


def cue_gradients(model, state, place):
    """What is left of ∂z/∂state at the deciding cue, before training and after it."""
    medians = [model["gradient"][state][moment]["median"][place] for moment in ("before", "after")]
    return ["0" if median is None else power(median) for median in medians]


def rightly(model):
    """How often a model of a probe study is right at every distance."""
    least = np.min(model["accuracy"])
    return "always right" if least == 1 else f"right in {100 * least:.1f} % or more"


@results_of("How far back does each model remember?")
def probe_log(sources):
    """The same, short distances more frequent."""
    study = best_study(sources, "probe-log", BEST, PROBE_SETTINGS)
    rnn = study["models"][0]
    longest, epochs = study["distances"][-1], epochs_of(study, "rnn")
    yield f"the same RNN is {rightly(rnn)}, up to d = {longest}, within {epochs} epochs"
    yield f"with {cue_gradients(rnn, 'h', -1)[1]} of ∂z/∂h left there"


@results_of("Long texts", imdb=lambda: plots.plot_comparison("imdb")[0])
def long_texts(sources):
    """Decay over 400 steps, and accuracy, over seeds."""
    study = recipe_study(sources, "imdb", BEST_5_EPOCHS)
    rnn, lstm = study["variants"]
    hidden, cell = rnn["decay"]["h"]["after"], lstm["decay"]["c"]["after"]
    ends = (*(hidden[name][-1] for name in ("median", "low", "high")), cell["median"][-1])
    left_there = [short(value or 0) for value in ends]  # null where it is 0
    epochs = f"{BEST_5_EPOCHS['rnn']['epochs']} epochs, {len(rnn['seeds'])} seeds"
    yield (
        "{}. {} steps back the RNN keeps {} of ∂z/∂h ({} to {}), the LSTM's cell {} of ∂z/∂c".format(
            epochs, hidden["depth"][-1], *left_there
        )
    )
    reviews = study["dataset"]["splits"]["test"]["rows"]
    right = [bare(plus_minus(model["intervals"]["test_accuracy"], 100, 1)) for model in (lstm, rnn)]
    rightly = f"{right[0]} % of {reviews:,} test reviews are classified rightly"
    yield f"{rightly} by the LSTM, {right[1]} % by the RNN"
    last = sum(epoch == BEST_5_EPOCHS["lstm"]["epochs"] for epoch in lstm["best_epoch"])
    yield f"best epoch of the LSTM is its last one in {last} of {len(lstm['seeds'])} seeds"


def sentence_figure():
    """The figure of the sentence, RNN above LSTM."""
    sources = Sources()
    return plots.plot_sentence([sources.reading(run_id, SENTENCE) for run_id in (RNN, LSTM)])


@results_of("Which words does the gradient reach?", sentence=sentence_figure)
def sentence(sources):
    """One sentence, word by word."""
    lstm = sources.reading(LSTM, SENTENCE)
    first = lstm["words"].index("n't")
    product, occlusion = lstm["gradient_input"][first], lstm["left_out"][first]
    yield f'gradient · input of the first "n\'t" is {bare(f"{product:+.2f}")}'
    yield f"without it the score {'falls' if occlusion > 0 else 'rises'} by {abs(occlusion):.1f}"
