"""Figures of scripts/studies/jacobians.py: what theory predicts of a run's gradient, next to the measurement.

Each run has a study of its own, ``assets/studies/jacobians/<run_id>.json``.
"""

import contextlib

import matplotlib.ticker
import numpy as np

from scripts.figures import panels
from scripts.figures.sources import name_data, name_sentences, reading
from scripts.figures.style import AMBER, BLACK, GREY, PURPLE, SKY, STATES, add_provenance, figure, open_figure
from scripts.files.errors import UserError
from scripts.files.paths import log_path
from scripts.files.runs import NAMES
from scripts.files.studies import read_study, study_path
from scripts.training import logs
from scripts.training.logs import DEFAULT_LSTM, DEFAULT_RNN

MOMENTS = {"initialisation": "before training", "best": "at the best epoch"}
LINESTYLES = {"initialisation": "--", "best": "-"}
HIGHEST = 10  # powers of ten above 1 that a panel shows at least; bounds go on beyond
THEORY = {  # by quantity: label, colour, marker
    "pascanu": ("bound of Pascanu et al.: (σ₁ γ)ᵏ, σ₁ = ‖W_hh‖₂, γ = 1", BLACK, "v"),
    "norms": ("tighter bound: product of the norms ∏ ‖J_s‖₂", PURPLE, "D"),
    "product": ("norm of the product ‖J_T … J_{T-k+1}‖₂ of step Jacobians", SKY, "s"),
    "h": ("measured: ‖∂z/∂h‖ relative to the last step", *STATES["rnn", "h"]),
}
DIRECT = {
    "product": ("full Jacobian of (h, c): norm ‖J_T … J_{T-k+1}‖₂", PURPLE, "D"),
    "direct_max": ("direct path ∏f_t: largest unit (= its norm)", AMBER, "P"),
    "c": ("measured: ‖∂z/∂c‖ relative to the last step", *STATES["lstm", "c"]),
    "direct_gradient": ("the same along the direct path alone: ‖∂z/∂c_T ⊙ ∏f_t‖", SKY, "v"),
    "direct_mean": ("direct path ∏f_t: mean over units", BLACK, "s"),
}
RATES = {  # label, marker, and of a measured rate the state
    "exponent_drive": ("predicted: largest Lyapunov exponent, long drive", "o", None),
    "exponent_sentences": ("predicted: the same of sentences", "^", None),
    "slope_h": ("measured: slope of ln ‖∂z/∂h‖", "s", "h"),
    "slope_c": ("measured: slope of ln ‖∂z/∂c‖", "D", "c"),
}

ALIKE = ("distances", "drive", "sentences")  # of studies that are drawn together

# Studies --------------------------------------------------------------------------------------------------


def _remedy(*run_ids):
    calls = " and ".join(f'jacobians("{run_id}")' for run_id in run_ids)
    return f"call {calls} of main.py"


def read(run_id, model):
    """Read the Jacobian study of a run, checked: of that model, and not older than the log of the run."""
    study, path, remedy = read_study("jacobians", run_id), study_path("jacobians", run_id), _remedy(run_id)
    with reading(path, remedy=remedy):
        found = study["model"]
        if found != model:
            raise UserError(
                f"run {run_id!r} is of an {NAMES[found]}, expected one of an {NAMES[model]}: name another run"
            )
        if log_path(run_id).is_file():
            log = logs.read(run_id)
            logged = log.model, log.hidden_size, log.best["epoch"], log.epochs[-1]["epoch"]
            measured = model, study["hidden_size"], study["at"]["best"]["epoch"], study["epochs"]
            if logged != measured or log.settings["dataset"] != study["dataset"]:
                raise UserError(f"{path} was measured before the run was trained again: {remedy}")
    return study


@contextlib.contextmanager
def _reading(*runs):
    """A block that draws from the studies of these runs, (run id, model) each, which it yields in a list."""
    studies, run_ids = [read(*run) for run in runs], [run_id for run_id, _ in runs]
    with reading(*(study_path("jacobians", run_id) for run_id in run_ids), remedy=_remedy(*run_ids)):
        yield studies


def _check_alike(first, *others):
    """Raise UserError where studies were not measured with the same options, on the same sentences."""

    def options(study):
        return {"data": study["dataset"]["checksum"]} | {key: study[key] for key in ALIKE}

    for other in others:
        for name, one in options(first).items():
            if one != (two := options(other)[name]):
                run_ids = first["run_id"], other["run_id"]
                raise UserError(
                    f"the Jacobians of {run_ids[0]!r} and {run_ids[1]!r} were measured with other {name} "
                    f"({one} and {two}): {_remedy(*run_ids)} with the same options, for runs on the same data"
                )


# By distance ----------------------------------------------------------------------------------------------


@figure("theory-{rnn}.png")
def plot_theory(rnn=DEFAULT_RNN):
    """Draw bounds of an RNN's gradient and the measured gradient, before and after training.

    at distance k from the end, theory allows at most the bounds. Measured is one vector, ∂z/∂h_T, taken
    through the product of step Jacobians J_t = ∂h_t/∂h_{t-1}, so it lies below the product's norm. Lines are
    medians over the sentences, bands quartiles; bounds that leave at the top go on. The titles say how loose
    each bound is.
    """
    with _reading((rnn, "rnn")) as (study,):
        title = f"Theory and measurement: an RNN's gradient ({study['hidden_size']} units)"
        return _draw_by_distance(study, THEORY, title, _describe_bounds)


def _describe_bounds(study, part):
    sigma_1 = part["recurrent_weights"]["h"]["largest_singular_value"]
    excess = {name: power(log) for name, log in part["excess"].items()}
    return (
        f", σ₁ = {sigma_1:.2f}. At k = {study['distances'][1]} (medians): "
        f"Pascanu's bound is {excess['pascanu']} times the measurement,\n"
        f"the tighter one {excess['norms']} times, the norm of the product {excess['product']} times"
    )


@figure("direct-path-{lstm}.png")
def plot_direct_path(lstm=DEFAULT_LSTM):
    """Draw the direct path and the full Jacobian of an LSTM and the measured gradient: why does it vanish?

    The direct path is what reaches c_{T-k} along the cell alone, ∏ f_t over the last k steps, unit by unit.
    The full Jacobian of (h, c) also goes through the gates and h, and the measured gradient, a total
    derivative, takes all these ways. Norms: spectral for matrices, Euclidean for vectors, over all units.
    Lines are medians over the sentences, bands quartiles.
    """
    with _reading((lstm, "lstm")) as (study,):
        title = "Why does my LSTM's gradient vanish? The direct path and the whole ({} units)"
        return _draw_by_distance(study, DIRECT, title.format(study["hidden_size"]), _describe_direct_path)


def _describe_direct_path(study, part):
    k = study["distances"][1]
    remains = {name: power(part["quantities"][name]["median"][k]) for name in DIRECT}
    return (
        f". At k = {k} (medians): measured ‖∂z/∂c‖ {remains['c']}, "
        f"along the direct path alone {remains['direct_gradient']};\n"
        f"∏f_t {remains['direct_mean']} in the mean over units, {remains['direct_max']} in the largest one; "
        f"norm of the full Jacobian {remains['product']}"
    )


def _draw_by_distance(study, looks, title, describe):
    """Draw quantities of a study by distance: before training, at the best epoch, and the sentence counts."""
    drawn, axes = open_figure(title, 10, nrows=3, sharex=True, height_ratios=[3.4, 3.4, 1])
    for panel, (moment, linestyle) in zip(axes, LINESTYLES.items(), strict=False):
        part = study["at"][moment]
        counted_distances = {"distance": part["distance"], "count": part["count"]}
        curves = [
            panels.Curve(label, {"log": counted_distances | part["quantities"][name]}, *look, linestyle)
            for name, (label, *look) in looks.items()
        ]
        panels.draw_medians(panel, curves, "log")
        panel.axhline(0, color=GREY, linewidth=1, zorder=1)
        when = f"Epoch {part['epoch']} (best)" if moment == "best" else "Before training"
        panel.set(ylabel="relative to the last step", title=when + describe(study, part))
        panel.yaxis.set_major_locator(matplotlib.ticker.MaxNLocator(8, integer=True))
        panel.yaxis.set_major_formatter(lambda value, _: f"$10^{{{value:g}}}$")
    _share_height(axes[:2], study)
    panels.draw_counts(drawn, axes, curves, study["sentences"]["shortest"])
    panels.add_legend(axes[0], axes[0].get_legend_handles_labels(), 1, title_lines=2)
    _add_provenance(drawn, study)
    return drawn


def _add_provenance(drawn, *studies):
    runs = [f"{of['run_id']} (epoch {of['at']['best']['epoch']} of {of['epochs']})" for of in studies]
    sentences = dict.fromkeys(name_sentences(of["sentences"], of["sentences"]["split"]) for of in studies)
    add_provenance(drawn, name_data(studies[0]["dataset"]), ", ".join(runs), *sentences)


def _share_height(axes, study):
    """Give two panels one y-axis that shows all that was measured; bounds may leave at the top."""
    lows, highs = zip(*(panel.get_ylim() for panel in axes), strict=True)
    products = [part["quantities"]["product"]["q75"] for part in study["at"].values()]
    measured = np.nanmax(np.array(products, float))
    for panel in axes:
        panel.set_ylim(min(lows), min(max(highs), max(HIGHEST, measured + 1, -min(lows) / 2)))


def power(log):
    """10 to a power as text; a factor from 0.01 to below 1000 in plain digits."""
    if log is None:
        return "0"
    if not -2 <= log < 3:
        return f"$10^{{{log:.1f}}}$"
    return f"{10**log:.0f}" if log >= 1 else f"{10**log:.2g}"


# Lyapunov exponents ---------------------------------------------------------------------------------------


@figure("lyapunov-{rnn}-vs-{lstm}.png")
def plot_lyapunov(rnn=DEFAULT_RNN, lstm=DEFAULT_LSTM):
    """Draw the Lyapunov exponents of an RNN and an LSTM, and the predicted and the measured rates.

    Below 0, a small change of the state dies out; in the long run a gradient is multiplied by exp λ₁ per
    step. Long drive: words drawn at random, state never reset. Sentences: each in directions drawn at random,
    to its last word, without the first steps, while these turn into place; mean and quartiles (band) over the
    sentences. Slopes: least squares through the mean of the logs between the distances of the study.
    """
    with _reading((rnn, "rnn"), (lstm, "lstm")) as studies:
        _check_alike(*studies)
        title = f"Lyapunov exponents and rates: {_name_units(studies)}"
        drawn, axes = open_figure(title, 8, nrows=2, ncols=2, height_ratios=[4, 2.6])
        for panel, study in zip(axes[0], studies, strict=True):
            for moment in MOMENTS:
                _draw_spectrum(panel, study, moment)
            panel.axhline(0, color=GREY, linewidth=1, zorder=1)
            panel.set(xlabel="number of the exponent, i", ylabel="λᵢ (nats per step)")
            panel.legend(fontsize=9)
        _draw_rates(panels.span_last_row(drawn, axes), studies)
        _add_provenance(drawn, *studies)
        return drawn


def _name_units(studies):
    return ", ".join(f"{NAMES[study['model']]} ({study['hidden_size']} units)" for study in studies)


def _draw_spectrum(axes, study, moment):
    """Draw the exponents of one moment: along the long drive, and over the sentences with quartiles."""
    part, best, model = study["at"][moment], moment == "best", study["model"]
    when = f"epoch {part['epoch']}" if best else "before training"
    drive, sentences = part["exponents"]["drive"], part["exponents"]["sentences"]
    i = range(1, len(drive) + 1)
    q25, mean, q75 = (np.array(sentences[name], float) for name in ("q25", "mean", "q75"))
    axes.fill_between(i, q25, q75, color=BLACK, alpha=0.15 if best else 0.08, linewidth=0)
    for values, of, colour, marker in (
        (np.array(drive, float), "long drive", STATES[model, "h"][0], "o"),
        (mean, "sentences", BLACK, "^"),
    ):
        (line,) = axes.plot(i, values, LINESTYLES[moment], color=colour, marker=marker, label=f"{when}, {of}")
        line.set(markerfacecolor=colour if best else "white", markevery=(0, max(1, len(i) // 8)))
    panels.count_axis(axes, 1, len(i))
    state, every = ("h", study["hidden_size"]) if model == "rnn" else ("(h, c)", 2 * study["hidden_size"])
    number = f"the {len(i)} largest of {every}" if len(i) < every else f"all {every}"
    axes.set_title(f"{NAMES[model]}, state {state}: {number} λᵢ")


def _draw_rates(axes, studies):
    """Draw predicted and measured rates: a row per model and moment, a marker per kind."""
    rows = [(study, moment) for study in studies for moment in MOMENTS]
    for row, (study, moment) in enumerate(rows):
        for number, (name, (label, marker, state)) in enumerate(RATES.items()):
            rate = study["at"][moment]["rates"].get(name)
            if rate is None:
                continue  # an RNN has no c
            look = {"color": BLACK, "markerfacecolor": "white", "label": label}
            if state:
                model = study["model"]
                look = {"color": STATES[model, state][0], "label": f"{label}, {NAMES[model]}"}
            axes.plot([rate], [row + 0.17 * (number - 1.5)], marker, linestyle="none", **look)
    axes.set_yticks(range(len(rows)), [f"{NAMES[of['model']]}\n{MOMENTS[moment]}" for of, moment in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.axvline(0, color=GREY, linewidth=1, zorder=1)
    axes.set(title="Predicted and measured rates", xlabel="nats per step (0: nothing is lost)")
    handles = {line.get_label(): line for line in axes.lines if not line.get_label().startswith("_")}
    panels.add_legend(axes, (handles.values(), handles), 2)
