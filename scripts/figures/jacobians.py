"""Theory and measurement (scripts/studies/jacobians.py): bounds, the direct path, Lyapunov exponents, rates.

Each run has a study of its own, ``assets/benchmarks/jacobians-<run_id>.json``. The last figure takes those of
all seeds of a comparison.
"""

import matplotlib.ticker
import numpy as np

from scripts.figures import panels
from scripts.figures.sources import name_data, name_sentences, reading, reading_study
from scripts.figures.style import AMBER, BLACK, GREY, PURPLE, SKY, STATES, add_provenance, figure, open_figure
from scripts.files.errors import UserError
from scripts.files.numbers import counted
from scripts.files.paths import check_run_id, check_version, log_path
from scripts.files.runs import NAMES
from scripts.files.storage import read_json
from scripts.files.studies import jacobians_path
from scripts.training import logs
from scripts.training.logs import DEFAULT_LSTM, DEFAULT_RNN

MOMENTS = {"initialisation": "before training", "best": "at the best epoch"}
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
OVER_SEEDS = {  # of these the quantities over seeds, with shorter labels
    "rnn": {"product": "full Jacobian: norm of the product", "h": "measured: ∂z/∂h"},
    "lstm": {
        "product": "full Jacobian of (h, c)",
        "direct_max": "direct path, largest unit",
        "direct_mean": "direct path, mean of units",
        "c": "measured: ∂z/∂c",
    },
}
RATES = {  # label, marker, and of a measured rate the state
    "exponent_drive": ("predicted: largest Lyapunov exponent, long drive", "o", None),
    "exponent_sentences": ("predicted: the same of sentences", "^", None),
    "slope_h": ("measured: slope of ln ‖∂z/∂h‖", "s", "h"),
    "slope_c": ("measured: slope of ln ‖∂z/∂c‖", "D", "c"),
}
REMEDY = "uncomment the block jacobians(…) of several seeds in main.py and run `python main.py`"


# Studies --------------------------------------------------------------------------------------------------


def _remedy(*run_ids):
    calls = " and ".join(f'jacobians("{run_id}")' for run_id in run_ids)
    return f"call {calls} of main.py"


def read(run_id, model):
    """Read the Jacobian study of a run of that model, as scripts/studies/jacobians.py describes it.

    A UserError says that there is none, or that it is damaged, of another format or model, or older than the
    log of the run.
    """
    path, remedy = jacobians_path(run_id), _remedy(run_id)
    if not path.is_file():
        raise UserError(f"the Jacobians of run {run_id!r} are not measured yet ({path} is missing): {remedy}")
    study = read_json(path)
    check_version(path, study, remedy)
    with reading(path, remedy=remedy):
        found = study["model"]
        if found != model:
            raise UserError(
                f"run {run_id!r} is of an {NAMES[found]}, expected one of an {NAMES[model]}: name another run"
            )
        if log_path(run_id).is_file() and _is_stale(study, logs.read(run_id)):
            raise UserError(f"{path} was measured before the run was trained again: {remedy}")
    return study


def _is_stale(study, log):
    """Return whether a study is of another training, or of other data, than the run's log."""
    studied = [study["model"], study["hidden_size"], study["at"]["best"]["epoch"], study["epochs"]]
    logged = [log.model, log.hidden_size, log.best["epoch"], log.epochs[-1]["epoch"]]
    return studied != logged or study["dataset"].get("checksum") != log.settings["dataset"].get("checksum")


def _check_alike(first, *others, sentences=False):
    """Raise UserError where studies were not measured alike; where `sentences`, on the same ones."""

    def measured(study):
        drive = [study["drive"][key] for key in ("steps", "burn_in", "seed")]
        parts = {
            "data": [name_data(study["dataset"]), study["dataset"].get("checksum")],
            "depths": study["depths"],
            "long drives": drive,
            "burn-ins of the sentences": study["sentences"]["burn_in"],
        }
        return parts | ({"sentences": study["sentences"]} if sentences else {})

    for other in others:
        one, two = measured(first), measured(other)
        for name in one:
            if one[name] != two[name]:
                run_ids = first["run_id"], other["run_id"]
                raise UserError(
                    f"the Jacobians of {run_ids[0]!r} and {run_ids[1]!r} were measured with other {name} "
                    f"({one[name]} and {two[name]}): {_remedy(*run_ids)} "
                    "with the same options, for runs on the same data"
                )


def _add_provenance(drawn, *studies):
    runs = [f"{of['run_id']} (epoch {of['at']['best']['epoch']} of {of['epochs']})" for of in studies]
    sentences = dict.fromkeys(name_sentences(of["sentences"], of["sentences"]["split"]) for of in studies)
    add_provenance(drawn, name_data(studies[0]["dataset"]), ", ".join(runs), *sentences)


def _describe_moment(study, moment):
    return "Before training" if moment == "initialisation" else f"Epoch {study['at'][moment]['epoch']} (best)"


# By depth -------------------------------------------------------------------------------------------------


def plot_jacobians(rnn=DEFAULT_RNN, lstm=DEFAULT_LSTM, show=False):
    """Draw three figures: :func:`plot_theory`, :func:`plot_direct_path`, :func:`plot_lyapunov`."""
    return [plot_theory(rnn, show), plot_direct_path(lstm, show), plot_lyapunov(rnn, lstm, show)]


@figure("theory-{rnn}.png")
def plot_theory(rnn=DEFAULT_RNN):
    """Draw bounds of an RNN's gradient and the measured gradient, before and after training.

    k steps back (depth k + 1), theory allows at most the bounds. Measured is one vector, ∂z/∂h_T, taken
    through the product of step Jacobians J_t = ∂h_t/∂h_{t-1}, so it lies below the product's norm. Lines are
    medians over the sentences, bands quartiles; bounds that leave at the top go on. The titles say how loose
    each bound is.
    """
    study = read(rnn, "rnn")
    with reading(jacobians_path(rnn), remedy=_remedy(rnn)):
        title = f"Theory and measurement: an RNN's gradient ({study['hidden_size']} units)"
        return _draw_by_depth(study, THEORY, title, _describe_bounds)


def _describe_bounds(study, moment):
    """How loose the bounds are, in a title of two lines."""
    part = study["at"][moment]
    sigma_1 = part["recurrent_weights"]["h"]["largest_singular_value"]
    product, norms, pascanu = (power(part["excess"][name]) for name in ("product", "norms", "pascanu"))
    return (
        f"{_describe_moment(study, moment)}, σ₁ = {sigma_1:.2f}. At depth {study['depths'][1]} (medians): "
        f"Pascanu's bound is {pascanu} times the measurement,\n"
        f"the tighter one {norms} times, the norm of the product {product} times"
    )


@figure("direct-path-{lstm}.png")
def plot_direct_path(lstm=DEFAULT_LSTM):
    """Draw the direct path and the full Jacobian of an LSTM and the measured gradient: why does it vanish?

    The direct path is what reaches c_{T-k} along the cell alone, ∏ f_t over the last k steps, unit by unit.
    The full Jacobian of (h, c) also goes through the gates and h, and the measured gradient, a total
    derivative, takes all these ways. Norms: spectral for matrices, Euclidean for vectors, over all units;
    inputs are the words of the sentences. Lines are medians over the sentences, bands quartiles.
    """
    study = read(lstm, "lstm")
    with reading(jacobians_path(lstm), remedy=_remedy(lstm)):
        title = "Why does my LSTM's gradient vanish? The direct path and the whole"
        title += f" ({study['hidden_size']} units)"
        return _draw_by_depth(study, DIRECT, title, _describe_direct_path)


def _describe_direct_path(study, moment):
    """What remains at one depth, in a title of two lines."""
    quantities, depth = study["at"][moment]["quantities"], study["depths"][1]
    remains = {name: power(quantities[name]["median"][depth - 1]) for name in DIRECT}
    return (
        f"{_describe_moment(study, moment)}. At depth {depth} (medians): measured ‖∂z/∂c‖ {remains['c']}, "
        f"along the direct path alone {remains['direct_gradient']};\n"
        f"∏f_t {remains['direct_mean']} in the mean over units, {remains['direct_max']} in the largest one; "
        f"norm of the full Jacobian {remains['product']}"
    )


def _draw_by_depth(study, looks, title, describe):
    """Draw quantities of a study by depth: before training, at the best epoch, and the sentence counts."""
    drawn, axes = open_figure(title, 10, nrows=3, sharex=True, height_ratios=[3.4, 3.4, 1])
    for panel, moment in zip(axes, MOMENTS, strict=False):
        part, linestyle = study["at"][moment], "-" if moment == "best" else "--"
        counted_depths = {"depth": part["depth"], "count": part["count"]}
        curves = [
            panels.Curve(label, {"log": counted_depths | part["quantities"][name]}, colour, marker, linestyle)
            for name, (label, colour, marker) in looks.items()
        ]
        for curve in curves:
            panels.draw_quartiles(panel, curve, "log")
        panel.axhline(0, color=GREY, linewidth=1, zorder=1)
        panel.set(ylabel="relative to the last step", title=describe(study, moment))
        panel.yaxis.set_major_locator(matplotlib.ticker.MaxNLocator(8, integer=True))
        panel.yaxis.set_major_formatter(lambda value, _: f"$10^{{{value:g}}}$")
    _share_height(axes[:2], study)
    panels.draw_counts(axes[2], curves[:1])
    panels.mark_curves(axes, curves, study["sentences"]["shortest"])
    drawn.align_ylabels(axes)
    panels.add_legend(axes[0], axes[0].get_legend_handles_labels(), 1, title_lines=2)
    _add_provenance(drawn, study)
    return drawn


def _share_height(panels, study):
    """Give panels one y-axis that shows all that was measured; bounds may leave at the top."""
    lows, highs = zip(*(panel.get_ylim() for panel in panels), strict=True)
    products = [study["at"][moment]["quantities"]["product"]["q75"] for moment in MOMENTS]
    measured = np.nanmax(np.array(products, float))
    for panel in panels:
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
    sentences. Slopes: least squares through the mean of the logs between the depths of the study.
    """
    studies = read(rnn, "rnn"), read(lstm, "lstm")
    with reading(jacobians_path(rnn), jacobians_path(lstm), remedy=_remedy(rnn, lstm)):
        _check_alike(*studies)
        units = ", ".join(f"{NAMES[study['model']]} ({study['hidden_size']} units)" for study in studies)
        drawn, axes = open_figure(
            f"Lyapunov exponents and rates: {units}", 8, nrows=2, ncols=2, height_ratios=[4, 2.6]
        )
        for panel, study in zip(axes[0], studies, strict=True):
            for moment in MOMENTS:
                _draw_spectrum(panel, study, moment)
            panel.axhline(0, color=GREY, linewidth=1, zorder=1)
            panel.set(
                title=_describe_spectrum(study),
                xlabel="number of the exponent, i",
                ylabel="λᵢ (nats per step)",
            )
            panel.legend(fontsize=9)
        _draw_rates(panels.span_last_row(drawn, axes), {study["model"]: [study] for study in studies})
        _add_provenance(drawn, *studies)
        return drawn


def _describe_spectrum(study):
    """Title of a panel: model, state, and how many exponents of all are shown."""
    states, every = {"rnn": ("h", 1), "lstm": ("(h, c)", 2)}[study["model"]]
    every *= study["hidden_size"]
    shown = len(study["at"]["best"]["exponents"]["drive"])
    number = f"the {shown} largest of {every}" if shown < every else f"all {every}"
    return f"{NAMES[study['model']]}, state {states}: {number} λᵢ"


def _draw_spectrum(axes, study, moment):
    """Draw the exponents of one moment: along the long drive, and over the sentences with quartiles."""
    exponents = study["at"][moment]["exponents"]
    best = moment == "best"
    when = f"epoch {study['at'][moment]['epoch']}" if best else "before training"
    i = range(1, len(exponents["drive"]) + 1)
    axes.set_xticks(panels.count_ticks(len(i)))
    q25, q75 = (np.array(exponents["sentences"][name], float) for name in ("q25", "q75"))
    axes.fill_between(i, q25, q75, color=BLACK, alpha=0.15 if best else 0.08, linewidth=0)
    for values, of, colour, marker in (
        (exponents["drive"], "long drive", STATES[study["model"], "h"][0], "o"),
        (exponents["sentences"]["mean"], "sentences", BLACK, "^"),
    ):
        (line,) = axes.plot(i, np.array(values, float), color=colour, marker=marker, label=f"{when}, {of}")
        line.set(linestyle="-" if best else "--", markerfacecolor=colour if best else "white")
        line.set_markevery((0, max(1, len(i) // 8)))


def _draw_rates(axes, studies):
    """Draw predicted and measured rates of every seed: a row per model and moment, a marker per kind."""
    rows = []
    for model, of_model in studies.items():
        for moment, when in MOMENTS.items():
            for number, (name, (label, marker, state)) in enumerate(RATES.items()):
                rates = [study["at"][moment]["rates"].get(name) for study in of_model]
                values = [rate for rate in rates if rate is not None]
                if not values:
                    continue  # an RNN has no c
                colour = STATES[model, state][0] if state else BLACK
                label = f"{label}, {NAMES[model]}" if state else label
                places = [len(rows) + 0.17 * (number - 1.5)] * len(values)
                filled = colour if state else "white"
                axes.plot(
                    values,
                    places,
                    marker,
                    color=colour,
                    markerfacecolor=filled,
                    linestyle="none",
                    label=label,
                )
            rows.append(f"{NAMES[model]}\n{when}")
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.axvline(0, color=GREY, linewidth=1, zorder=1)
    axes.set(title="Predicted and measured rates", xlabel="nats per step (0: nothing is lost)")
    handles = {line.get_label(): line for line in axes.lines if not line.get_label().startswith("_")}
    panels.add_legend(axes, (handles.values(), handles), 2)


# Over seeds -----------------------------------------------------------------------------------------------


@figure("jacobians-{name}.png")
def plot_jacobians_over_seeds(name="best"):
    """Draw the direct path, the full Jacobian and the rates of both models of a comparison, over its seeds.

    The full Jacobian multiplies all steps' Jacobians; the direct path is ∏ f_t, what the LSTM's cell alone
    hands back; measured is one vector, taken through all of it. A line is the median seed, a band goes from
    the smallest to the largest, of each seed's median over the sentences.

    Parameters
    ----------
    name : str
        Of a comparison; of one RNN and one LSTM in it the Jacobians of equally many runs are measured.
    """
    check_run_id(name, "name")
    run_ids = _measured_pair(name)
    if not run_ids:
        raise UserError(
            f"the comparison {name!r} has no one RNN and one LSTM whose Jacobians are measured, of equally "
            f"many seeds: {REMEDY}"
        )
    studies = {model: [read(run_id, model) for run_id in run_ids[model]] for model in OVER_SEEDS}
    paths = [jacobians_path(run_id) for model in OVER_SEEDS for run_id in run_ids[model]]
    with reading(*paths, remedy=REMEDY):
        _check_alike(*studies["rnn"], *studies["lstm"], sentences=True)
        return _draw_over_seeds(studies)


def has_jacobians(name):
    """Return whether :func:`plot_jacobians_over_seeds` finds both models of a comparison measured."""
    try:
        return bool(_measured_pair(name))
    except UserError:
        return False  # plot_comparison() complains


def _measured_pair(name):
    """Run ids of a comparison with measured Jacobians, by model; None unless of one variant of each."""
    measured = []
    with reading_study(name) as comparison:
        for variant in comparison["variants"]:
            run_ids = [run_id for run_id in variant["runs"] if jacobians_path(run_id).is_file()]
            if run_ids:
                measured.append((variant["model"], run_ids))
    models, counts = [model for model, _ in measured], {len(run_ids) for _, run_ids in measured}
    return dict(measured) if sorted(models) == sorted(OVER_SEEDS) and len(counts) == 1 else None


def _draw_over_seeds(studies):
    seeds = counted(len(studies["rnn"]), "seed")
    units = ", ".join(f"{NAMES[model]} ({of[0]['hidden_size']} units)" for model, of in studies.items())
    title = f"Full Jacobian, direct path and rates: {units}, {seeds}"
    drawn, axes = open_figure(title, 10, nrows=3, ncols=2, height_ratios=[3, 3, 2.4])
    sentences = studies["rnn"][0]["sentences"]
    for row, (model, of_model) in zip(axes, studies.items(), strict=False):
        for panel, (moment, when) in zip(row, MOMENTS.items(), strict=True):
            parts = [study["at"][moment] for study in of_model]
            looks = THEORY if model == "rnn" else DIRECT
            curves = [(_over_seeds(parts, q), label, looks[q][1:]) for q, label in OVER_SEEDS[model].items()]
            panels.draw_over_seeds(panel, curves, dashed=moment == "initialisation")
            panels.mark_depths([panel], parts[0]["depth"], parts[0]["count"], sentences["shortest"])
            panel.set(title=f"{NAMES[model]} {when}", xlabel="steps back (1 = the last step)")
        panels.share_y(row)
        row[0].set_ylabel("norm, relative to the\nlast step")
        row[0].legend(fontsize=9, loc="lower left")
    _draw_rates(panels.span_last_row(drawn, axes), studies)
    data = name_data(studies["rnn"][0]["dataset"])
    add_provenance(drawn, data, f"{seeds} of each model", name_sentences(sentences, sentences["split"]))
    return drawn


def _over_seeds(parts, quantity):
    """One quantity by depth: of the seeds' medians the middle one, the smallest and the largest."""
    medians = 10 ** np.array([part["quantities"][quantity]["median"] for part in parts], float)
    middle, low, high = np.median(medians, axis=0), medians.min(axis=0), medians.max(axis=0)
    return {"depth": parts[0]["depth"], "median": middle, "low": low, "high": high}
