"""Draw the Jacobians of the runs of a comparison, over seeds: what theory allows, the direct path, the rates.

Everything drawn stands in ``assets/benchmarks/jacobians-<run_id>.json`` (scripts/studies/jacobians.py) of those runs
of a comparison (scripts/studies/comparison.py) whose Jacobians were measured; nothing is computed here but the middle,
the smallest and the largest of the seeds.
"""

import numpy as np

from scripts.figures import style as figure_style
from scripts.figures.captions import name_data
from scripts.figures.jacobians import DIRECT, THEORY, check_alike, describe_sentences, read
from scripts.figures.studies import draw_over_seeds, mark_depths, reading, share_y, span_last_row
from scripts.figures.style import LSTM_C, LSTM_H, RNN_H, house_style
from scripts.files.errors import UserError
from scripts.files.numbers import counted
from scripts.files.paths import check_run_id
from scripts.files.runs import NAMES
from scripts.studies import jacobians as analysis

MOMENTS = {"before": "initialisation", "after": "best"}  # of a study over seeds, of one of Jacobians
TITLES = {"before": "before training", "after": "at the best epoch"}
SHOWN = {  # quantities of each model: label, and the look that they have where one run is drawn
    "rnn": {
        "product": ("full Jacobian: norm of the product", THEORY["product"][1:]),
        "h": ("measured: ∂z/∂h", THEORY["h"][1:]),
    },
    "lstm": {
        "product": ("full Jacobian of (h, c)", DIRECT["product"][1:]),
        "direct_max": ("direct path, largest unit", DIRECT["direct_max"][1:]),
        "direct_mean": ("direct path, mean of units", DIRECT["direct_mean"][1:]),
        "c": ("measured: ∂z/∂c", DIRECT["c"][1:]),
    },
}
RATES = {  # rates of a study: label, marker, whether it is a prediction
    "exponent_drive": ("predicted: largest Lyapunov exponent, long drive", "o", True),
    "exponent_sentences": ("predicted: the same of sentences", "^", True),
    "slope_h": ("measured: slope of ln ‖∂z/∂h‖", "s", False),
    "slope_c": ("measured: slope of ln ‖∂z/∂c‖", "D", False),
}
COLOURS = {"slope_h": {"rnn": RNN_H, "lstm": LSTM_H}, "slope_c": {"lstm": LSTM_C}}
REMEDY = "uncomment the block jacobians(…) of several seeds in main.py and run `python main.py`"


def plot_jacobians_over_seeds(name="best", show=False):
    """Draw the direct path, the full Jacobian and the rates of both models of a comparison, over its seeds.

    Parameters
    ----------
    name : str
        Of a comparison; of one RNN and one LSTM in it the Jacobians of equally many runs are measured.
    show : bool
        Show it as well, where there is a screen.

    Returns
    -------
    pathlib.Path
        ``assets/figures/jacobians-<name>.png``.

    Raises
    ------
    UserError
        There is no such comparison, or its Jacobians are not measured, or not alike.
    """
    check_run_id(name, "name")
    return figure_style.save(draw_jacobians(read_measured(name)), f"jacobians-{name}.png", show)


def read_measured(name):
    """The Jacobian studies of a comparison by model, all measured alike; UserError where they aren't."""
    measured = measured_runs(name)
    if not is_a_pair(measured):
        raise UserError(
            f"the comparison {name!r} has no one RNN and one LSTM whose Jacobians are measured, of equally "
            f"many seeds: {REMEDY}"
        )
    measured = {model: run_ids for (model, _), run_ids in measured.items()}
    studies = {model: [read(run_id, model) for run_id in measured[model]] for model in SHOWN}
    first, *others = [study for of_model in studies.values() for study in of_model]
    for other in others:
        check_alike(first, other)
        if other["sentences"] != first["sentences"]:
            raise UserError(
                f"the Jacobians of {first['run_id']!r} and {other['run_id']!r} were measured on other "
                f"sentences: {REMEDY}, with the same `sentences` for all"
            )
    return studies


def measured_runs(name):
    """Of each variant of a comparison, by model and name, the run ids whose Jacobians are measured."""
    measured = {}
    with reading(name) as comparison:
        for variant in comparison["variants"]:
            runs = [run_id for run_id in variant["runs"] if analysis.study_path(run_id).is_file()]
            measured[variant["model"], variant["name"]] = runs
    return {variant: runs for variant, runs in measured.items() if runs}


def is_a_pair(measured):
    """Whether they are one variant of each model, of equally many seeds."""
    counts = {len(runs) for runs in measured.values()}
    return sorted(model for model, _ in measured) == sorted(SHOWN) and len(counts) == 1


def has_jacobians(name):
    """Whether :func:`plot_jacobians_over_seeds` finds both models of a comparison measured."""
    try:
        measured = measured_runs(name)
    except UserError:
        return False  # plot_comparison() complains
    return is_a_pair(measured)


@house_style
def draw_jacobians(studies):
    """The figure of :func:`plot_jacobians_over_seeds`, of studies by model."""
    seeds = max(map(len, studies.values()))
    units = ", ".join(f"{NAMES[model]} ({of[0]['hidden_size']} units)" for model, of in studies.items())
    figure, axes = figure_style.open_figure(
        f"Full Jacobian, direct path and rates: {units}, {counted(seeds, 'seed')}",
        11,
        nrows=3,
        ncols=2,
        height_ratios=[3, 3, 2.4],
    )
    for row, (model, of_model) in zip(axes, studies.items(), strict=False):
        sentences = of_model[0]["sentences"]
        decay = {quantity: over_seeds(of_model, quantity) for quantity in SHOWN[model]}
        for panel, moment in zip(row, MOMENTS, strict=True):
            draw_over_seeds(
                panel,
                [(decay[quantity][moment], *look) for quantity, look in SHOWN[model].items()],
            )
            mark_depths(panel, {"sentences": sentences}, [{"decay": decay}])
            panel.set_title(f"{NAMES[model]} {TITLES[moment]}")
            panel.set_xlabel("steps back (1 = the last step)")
        share_y(row)
        row[0].set_ylabel("norm, relative to the\nlast step (no unit)")
        row[0].legend(fontsize=9, loc="lower left")
    draw_rates(span_last_row(figure, axes), studies)
    figure_style.add_footer(figure, *footer(studies, seeds))
    return figure


def over_seeds(studies, quantity):
    """A quantity at both moments, by depth: of the seeds' medians the middle, smallest and largest."""
    by_moment = {}
    for name, moment in MOMENTS.items():
        parts = [study["at"][moment] for study in studies]
        medians = 10 ** np.array([part["quantities"][quantity]["median"] for part in parts], float)
        by_moment[name] = {
            "depth": parts[0]["depth"],
            "count": parts[0]["count"],
            "median": np.median(medians, axis=0),
            "low": medians.min(axis=0),
            "high": medians.max(axis=0),
        }
    return by_moment


def draw_rates(axes, studies):
    """Predicted and measured rates of every seed: a row a model and moment, a marker a kind of rate."""
    rows = []
    for model, of_model in studies.items():
        for when, moment in MOMENTS.items():
            for k, (name, (label, marker, predicted)) in enumerate(RATES.items()):
                rates = [study["at"][moment]["rates"].get(name) for study in of_model]
                values = [value for value in rates if value is not None]
                if not values:
                    continue  # an RNN has no c
                colour = "black" if predicted else COLOURS[name][model]
                label = label if predicted else f"{label}, {NAMES[model]}"
                axes.plot(
                    *(values, [len(rows) + 0.17 * (k - 1.5)] * len(values), marker),
                    **{"color": colour, "linestyle": "none", "label": label},
                    markerfacecolor="white" if predicted else colour,
                )
            rows.append(f"{NAMES[model]}\n{TITLES[when]}")
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.axvline(0, color=figure_style.GREY, linewidth=1, zorder=1)
    axes.set_title("Predicted and measured rates, a marker a seed")
    axes.set_xlabel("nats a step (0: nothing is lost)")
    handles = {line.get_label(): line for line in axes.lines if not line.get_label().startswith("_")}
    axes.legend(handles.values(), handles, fontsize=9, loc="lower left")


def footer(studies, seeds):
    """How to read it; data, runs and sentences."""
    first, last = studies["rnn"][0]["depths"]
    runs = "; ".join(
        f"{NAMES[model]}: {', '.join(study['run_id'] for study in of_model)}"
        for model, of_model in studies.items()
    )
    return (
        "How to read: the full Jacobian multiplies all steps' Jacobians; the direct path is ∏ f_t, what the "
        "LSTM's cell alone hands back; measured is one vector, taken through all of it. Line: the middle "
        f"seed of {seeds}; band: the smallest to the largest seed, of each seed's median over the sentences. "
        "Right of the dotted line only longer sentences are left. Slopes: least squares through the mean of "
        f"the logs, depths {first} to {last}.",
        f"{name_data(studies['rnn'][0]['dataset'])} Runs: {runs}. Measured on "
        f"{describe_sentences(studies['rnn'][0]['sentences'])}.",
    )
