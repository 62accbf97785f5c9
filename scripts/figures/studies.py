"""Draw the studies of scripts/studies/variants.py: initialisations, equal parameters, the last k words, the probe.

Everything drawn stands in a JSON in ``assets/benchmarks/``; nothing is trained or measured here. From a
Python prompt, or uncommented in main.py::

    from scripts.figures.studies import plot_probe
    plot_probe()
"""

import contextlib
import textwrap

import matplotlib.pyplot as plt
import numpy as np

from scripts.figures import style as figure_style
from scripts.figures.captions import name_data
from scripts.figures.runs import STATES
from scripts.figures.style import house_style
from scripts.files.errors import UserError
from scripts.files.numbers import counted
from scripts.files.runs import NAMES
from scripts.files.studies import read_study, remedy_of, study_path
from scripts.studies.words import OWN, as_given, describe_epochs, describe_failure, describe_gradient_there
from scripts.text.cue_distance import MIXTURES, NEAR
from scripts.training.settings import Settings

LOOKS = [  # of the variants of a study, one after the other: colour, marker, line
    ("#E69F00", "o", "-"),
    ("#56B4E9", "s", "--"),
    ("#CC79A7", "^", "-."),
    ("#000000", "D", ":"),
]
MOMENTS = {"before": "Before training", "after": "At the best epoch"}
FLOOR, CEILING = 1e-30, 1e2  # where the axis of the probe's gradients ends
DEAD = 1e-10  # a line to compare with
TRAINED = {"even": "", "log": "\nwhere short distances are common in training"}
TITLES = {
    "rnn": "Initialising an RNN: the gradient before and after training",
    "lstm": "Initialising an LSTM: the gradient before and after training",
}
WORDS = {  # variants in a legend
    "uniform": "uniform in ±1/√H",
    "orthogonal": "orthogonal",
    "identity": "identity",
    "forget-0": "forget bias 0",
    "forget-1": "forget bias 1",
    "forget-2": "forget bias 2",
    "chrono": "chrono",
}


@contextlib.contextmanager
def reading(name):
    """The JSON of a study; where it lacks something that is drawn, that is a UserError of one line."""
    open_before = plt.get_fignums()
    study = read_study(name)
    try:
        yield study
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as fault:
        for number in set(plt.get_fignums()) - set(open_before):
            plt.close(number)
        what = f"lacks {fault}" if isinstance(fault, KeyError) else f"holds what can't be drawn ({fault})"
        raise UserError(
            " ".join(f"{study_path(name)} is unfinished or damaged, it {what}: {remedy_of(name)}".split())
        ) from fault


def describe_runs(study, models):
    """Seeds and epochs of a study, as a footer names them, of some models of it."""
    seeds = study["seeds"]
    runs = f"run{'s' * (len(seeds) > 1)} study-…{', '.join(f'-s{seed}' for seed in seeds)}"
    epochs = describe_epochs(study, models)
    return f"{counted(len(seeds), 'seed')} ({runs}), {epochs}.{describe_own(study, models)}"


def describe_own(study, models):
    """What settings some models of a study had for themselves, as a footer goes on."""
    return "".join(
        f" Settings of the {NAMES[model]} alone: {as_given(own)}."
        for model, own in study.get("of_model", {}).items()
        if model in models
    )


# Variants: initialisations, equal parameters ----------------------------------------------------------------


def plot_initialisations(show=False):
    """Draw the decay of the gradient before and after training, and the accuracy, of each initialisation.

    Parameters
    ----------
    show : bool
        Show it as well, where there is a screen.

    Returns
    -------
    list of pathlib.Path
        ``assets/figures/initialisations-rnn.png`` and ``-lstm.png``.

    Raises
    ------
    UserError
        The study was not made yet, or its file is damaged.
    """
    paths = []
    with reading("initialisations") as study:
        for model in ("rnn", "lstm"):
            variants = [variant for variant in study["variants"] if variant["model"] == model]
            names = [variant["name"].removeprefix(OWN) for variant in variants]
            labels = [WORDS.get(name, name) for name in names]
            figure = draw_variants(study, variants, labels, TITLES[model])
            paths.append(figure_style.save(figure, f"initialisations-{model}.png", show))
    return paths


def plot_equal_parameters(show=False):
    """Draw the LSTM beside RNNs of as many units and of as many parameters; see :func:`plot_initialisations`.

    Returns
    -------
    pathlib.Path
        ``assets/figures/equal-parameters.png``.
    """
    title = "An LSTM beside RNNs of as many units, or as many parameters (k: thousand)"
    looks = [(figure_style.RNN_H, "o", "-"), ("#000000", "D", ":"), (figure_style.LSTM_H, "s", "--")]
    with reading("equal-parameters") as study:
        labels = [
            f"{NAMES[v['model']]}, {count_units(study, v)} units, {v['parameters'] / 1000:.1f}k"
            for v in study["variants"]
        ]
        figure = draw_variants(study, study["variants"], labels, title, looks)
        return figure_style.save(figure, "equal-parameters.png", show)


def count_units(study, variant):
    """H of a variant: its own, or that of all runs of the study."""
    return {"hidden_size": Settings.hidden_size, **study["settings"], **variant["settings"]}["hidden_size"]


@house_style
def draw_variants(study, variants, labels, title, looks=LOOKS):
    """Decay by depth before (left) and after training (right), a row a state; accuracies below."""
    drawn = list(zip(variants, labels, looks, strict=False))
    states = [state for state in ("c", "h") if any(state in variant["decay"] for variant in variants)]
    rows = len(states)
    height = 2.9 * rows + 0.34 * len(variants) + 3.1
    figure, axes = figure_style.open_figure(
        title, height, nrows=rows + 1, ncols=2, height_ratios=[2.9] * rows + [0.34 * len(variants) + 0.5]
    )
    for row, state in enumerate(states):
        for column, moment in enumerate(("before", "after")):
            draw_decays(axes[row, column], drawn, state, moment)
            mark_depths(axes[row, column], study, variants)
        share_y(axes[row])
        axes[row, 0].set_ylabel(f"norm of ∂z/∂{state}, relative\nto the last step (no unit)")
    for column in (0, 1):
        axes[rows - 1, column].set_xlabel("steps back (1 = the last step)")
    figure_style.add_legend(axes[0, 0], axes[rows - 1, 0].get_legend_handles_labels(), 2)
    draw_scores(span_last_row(figure, axes), study, drawn)
    provenance = provenance_of_variants(study, variants)
    figure_style.add_footer(figure, read_variants(len(study["seeds"])), provenance)
    return figure


def draw_decays(axes, drawn, state, moment):
    """One panel: the decay of one state of all variants, at one moment."""
    curves = [
        (variant["decay"][state][moment], label, look)
        for variant, label, look in drawn
        if state in variant["decay"]
    ]
    draw_over_seeds(axes, curves)
    axes.set_title(f"{MOMENTS[moment]}: {'hidden' if state == 'h' else 'cell'} state {state}")


def draw_over_seeds(axes, curves):
    """Decays by depth, each the middle seed in a band from the smallest to the largest.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    curves : list of (dict, str, (str, str, str))
        A decay over seeds as a study holds it; its label; colour, marker and line.
    """
    axes.set_yscale("log", nonpositive="clip")
    for number, (curve, label, (colour, marker, line)) in enumerate(curves):
        depth, low, high = (np.array(curve[name], float) for name in ("depth", "low", "high"))
        apart = max(8, len(depth) // 6)  # the markers
        axes.fill_between(depth, low, high, color=colour, alpha=0.2, linewidth=0)
        axes.plot(
            *(depth, np.array(curve["median"], float)),  # NaN where it is None: a gap
            **{"color": colour, "linestyle": line, "marker": marker, "label": label},
            markevery=(number * apart // 4, apart),
        )
    axes.axhline(1, color=figure_style.GREY, linewidth=1, zorder=1)


def mark_depths(axes, study, variants):
    """End the axis where too few sentences are left, and mark where they begin to get fewer."""
    curve = next(iter(variants[0]["decay"].values()))["before"]
    enough = [d for d, n in zip(curve["depth"], curve["count"], strict=True) if n >= figure_style.SMALL_COUNT]
    deepest = max(enough, default=curve["depth"][-1])
    axes.axvline(study["sentences"]["shortest"], color="black", linestyle=":", linewidth=1.2, zorder=2)
    axes.set_xlim(1, max(2, deepest))
    axes.set_xticks(figure_style.count_ticks(deepest))


def share_y(row):
    """Give the panels of a row one range, so that before and after compare: that of the depths shown."""
    deepest = int(row[0].get_xlim()[1])
    shown = [line.get_ydata()[:deepest] for axes in row for line in axes.lines if line.get_label()[0] != "_"]
    drawn = np.concatenate(shown)
    low, high = drawn[drawn > 0].min(), drawn.max()
    for axes in row:
        axes.set_ylim(low / 3, 3 * max(1, high))
    row[1].tick_params(labelleft=False)


def span_last_row(figure, axes):
    """One axes in place of the two of the last row."""
    grid = axes[-1, 0].get_gridspec()
    for panel in axes[-1]:
        panel.remove()
    return figure.add_subplot(grid[-1, :])


def draw_scores(axes, study, drawn):
    """Test accuracy of every run, a row a variant; their mean, and the standard error of the test split."""
    error = 100 * study["standard_error"]
    for number, (variant, _, (colour, marker, _)) in enumerate(drawn):
        scores = 100 * np.array(variant["test_accuracy"])
        axes.plot(scores, number + beside_each_other(scores), marker, color=colour, linestyle="none", ms=5)
        axes.plot([scores.mean()] * 2, [number - 0.35, number + 0.35], color=colour)
        axes.plot([scores.mean() - error, scores.mean() + error], [number] * 2, color=colour, linewidth=1)
    axes.set_yticks(range(len(drawn)), [textwrap.fill(label, 16) for _, label, _ in drawn], linespacing=0.9)
    axes.set_ylim(len(drawn) - 0.4, -0.6)
    sentences = study["dataset"]["splits"]["test"]["rows"]
    axes.set_title("Test accuracy at the best epoch")
    axes.set_xlabel(f"correct (% of {sentences:,} test sentences)")


def beside_each_other(scores, step=0.34, height=0.8):
    """Where symbols stand across a row of that height, (N,), so that equal scores show as so many.

    Examples
    --------
    >>> beside_each_other(np.array([81.0, 82.0, 81.0])).tolist()
    [-0.17, 0.0, 0.17]
    """
    places = np.zeros(len(scores))
    for score in np.unique(scores):
        (equal,) = np.nonzero(scores == score)
        among = np.arange(len(equal)) - (len(equal) - 1) / 2
        places[equal] = among * min(step, height / max(1, len(equal) - 1))
    return places


def read_variants(seeds):
    """How to read a figure of variants over so many seeds."""
    lines, accuracies = "Median over the sentences.", "the symbol"
    if seeds > 1:
        lines = (
            f"Of each seed the median over the sentences; line: the middle seed of {seeds}, band: the "
            "smallest and the largest."
        )
        accuracies = "a symbol a seed, bar: their mean"
    return (
        "How to read: 1 = as large as at the last step of the sentence; 0.01 = a hundredth of it is left. "
        f"{lines} Right of the dotted line only longer sentences are left; the axis ends where there are "
        f"fewer than {figure_style.SMALL_COUNT}. Accuracy: {accuracies}, thin line: one "
        "standard error to either side, from the size of the test split."
    )


def provenance_of_variants(study, variants):
    """Data, runs and sentences of a study, of some variants of it."""
    runs = describe_runs(study, dict.fromkeys(variant["model"] for variant in variants))
    return f"{name_data(study['dataset'])} {runs} {describe_measured(study, variants)}"


def describe_measured(study, variants):
    """Best epochs of some variants of a study, and the sentences that gradients were measured on."""
    sentences = study["sentences"]
    best = [epoch for variant in variants for epoch in variant["best_epoch"]]
    return (
        f"Best epochs (smallest validation loss): {min(best)} to {max(best)}. "
        f"Gradients: {sentences['count']:,} validation sentences of {sentences['shortest']} to "
        f"{sentences['longest']} tokens."
    )


# The last k words -------------------------------------------------------------------------------------------


def plot_memory(show=False):
    """Draw the test accuracy of an RNN and an LSTM that are shown only the last k words.

    Parameters
    ----------
    show : bool
        Show it as well, where there is a screen.

    Returns
    -------
    pathlib.Path
        ``assets/figures/memory.png``.

    Raises
    ------
    UserError
        The study was not made yet, or its file is damaged.
    """
    with reading("memory") as study:
        return figure_style.save(draw_memory(study), "memory.png", show)


@house_style
def draw_memory(study):
    """The figure of :func:`plot_memory`."""
    figure, (top, bottom) = figure_style.open_figure(
        "How many of its last words does a sentence need?",
        6.4,
        nrows=2,
        sharex=True,
        height_ratios=[3.6, 1.1],
    )
    k = study["k"]
    for model in study["models"]:
        colour, marker = STATES[model["model"], "h"]
        of_seeds = 100 * np.array(model["accuracy"])
        right, error = of_seeds.mean(0), 100 * model["standard_error"]
        low, high = (
            (right - error, right + error) if len(of_seeds) == 1 else (of_seeds.min(0), of_seeds.max(0))
        )
        label = f"{NAMES[model['model']]}: {right[-1]:.1f} %, flat from k = {model['enough']} on"
        top.fill_between(k, low, high, color=colour, alpha=0.15, linewidth=0)
        top.plot(k, right, color=colour, marker=marker, markevery=3, label=label)
    baselines = study["baselines"]
    counts = 100 * np.array(baselines["counts"])
    label = f"logistic regression on word counts: {counts[-1]:.1f} %"
    top.plot(k, counts, color="black", linestyle="--", label=label)
    majority = 100 * baselines["majority"]
    label = f"always the commoner label: {majority:.1f} %"
    top.axhline(majority, color=figure_style.GREY, linestyle=":", label=label)
    top.set(title="Test accuracy from the last k words", ylabel="correct (% of test sentences)")
    bottom.fill_between(k, study["longer"], step="mid", color=figure_style.GREY, alpha=0.25, linewidth=0)
    bottom.plot(k, study["longer"], color="black", linewidth=1.5, drawstyle="steps-mid")
    bottom.set(title=f"Sentences longer than k words, of {study['sentences']:,} (the others are read whole)")
    bottom.set(ylabel="sentences cut", ylim=(0, None), xlabel="k, words read from the end of each sentence")
    bottom.set_xlim(1, max(2, k[-1]))
    bottom.set_xticks(figure_style.count_ticks(k[-1]))
    figure.align_ylabels([top, bottom])
    figure_style.add_legend(top, top.get_legend_handles_labels(), 2)
    figure_style.add_footer(figure, read_memory(study), provenance_of_memory(study))
    return figure


def read_memory(study):
    """How to read the figure of the last k words."""
    seeds = max(len(model["runs"]) for model in study["models"])
    errors = " and ".join(f"{100 * model['standard_error']:.1f}" for model in study["models"])
    band = "the band" if seeds == 1 else f"{errors} points"
    lines = "" if seeds == 1 else f" Line: mean of {seeds} seeds; band: the smallest to the largest of them."
    return (
        "How to read: the legend gives the accuracy on whole sentences; flat: from there on never more than "
        f"one standard error ({band}) below it.{lines} Nothing is trained for a k: the models were trained "
        "on whole rows and read the last k words as if they were all. A flat line says that this dataset "
        "needs no longer memory (or, far right, that few sentences are longer), not that the model has none."
    )


def provenance_of_memory(study):
    """Data and runs of the study of the last k words."""
    runs = "; ".join(
        f"{', '.join(model['runs'])} ({NAMES[model['model']]}, {model['hidden_size']} units, best epoch "
        f"{', '.join(map(str, model['best_epoch']))})"
        for model in study["models"]
    )
    lengths = f"{study['sentences']:,} test sentences of up to {study['k'][-1]} tokens"
    return f"{name_data(study['dataset'])} Runs: {runs}. {lengths}."


# The cue-distance probe -------------------------------------------------------------------------------------


def plot_probe(mixture=MIXTURES[0], show=False):
    """Draw accuracy and the gradient at the deciding cue against the cue's distance from the end.

    Parameters
    ----------
    mixture : {"even", "log"}
        Of the distances in training: as the probe was preprocessed.
    show : bool
        Show it as well, where there is a screen.

    Returns
    -------
    pathlib.Path
        ``assets/figures/probe-<mixture>.png``.

    Raises
    ------
    UserError
        The study was not made yet, or its file is damaged; or there is no such mixture.
    """
    if mixture not in MIXTURES:
        raise UserError(f"mixture {mixture!r} is unknown: choose {' or '.join(MIXTURES)}")
    with reading(f"probe-{mixture}") as study:
        return figure_style.save(draw_probe(study), f"probe-{mixture}.png", show)


@house_style
def draw_probe(study):
    """The figure of :func:`plot_probe`."""
    figure, (top, bottom) = figure_style.open_figure(
        f"How far back a model remembers, and how much of the gradient gets there{TRAINED[study['mixture']]}",
        9.4,
        nrows=2,
        sharex=True,
        height_ratios=[2.6, 3.2],
    )
    for model in study["models"]:
        draw_accuracy(top, study, model)
        draw_cue_gradient(bottom, study, model)
    top.axhline(100 * study["failing"], color=figure_style.GREY, linestyle="--", linewidth=1, zorder=1)
    top.axhline(50, color=figure_style.GREY, linestyle=":", linewidth=1, zorder=1)
    top.set(title="Does the model know the label? Below the dashed line it is said to fail; dotted: chance")
    top.set(ylabel="correct (% of test sentences)", ylim=(38, 103))
    handles, labels = top.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda k: "decider first" in labels[k])
    figure_style.add_legend(top, ([handles[k] for k in order], [labels[k] for k in order]), 1)
    finish_gradients(bottom, study)
    figure.align_ylabels([top, bottom])
    figure_style.add_footer(figure, *read_probe(study), provenance_of_probe(study))
    return figure


def draw_accuracy(axes, study, model):
    """Accuracy against distance: the middle seed, and from the smallest to the largest as a bar.

    Pale and thin, the middle seed on the sentences whose decider stands first.
    """
    colour, marker = STATES[model["model"], "h"]
    right = 100 * np.array(model["accuracy"])
    middle = np.median(right, axis=0)
    spread = [middle - right.min(0), right.max(0) - middle]
    axes.errorbar(
        *(study["distances"], middle, spread),
        **{"color": colour, "marker": marker, "capsize": 3, "elinewidth": 1.2},
        **(
            {"markersize": 9} if model["model"] == "rnn" else {"linestyle": "--"}
        ),  # both show where they meet
        label=f"{NAMES[model['model']]}, decider last: {describe_failure(study, model)}",
    )
    axes.plot(
        *(study["distances"], 100 * np.median(model["accuracy_decides_first"], axis=0)),
        **{"color": colour, "marker": marker, "markersize": 4, "linewidth": 1, "alpha": 0.5},
        **{"linestyle": ":", "zorder": 1.9},
        label=f"{NAMES[model['model']]}, decider first: the other cue is nearer the end",
    )


def draw_cue_gradient(axes, study, model):
    """‖∂z/∂state‖ at the deciding cue against distance, before training and at the best epoch."""
    for state, moments in model["gradient"].items():
        colour, marker = STATES[model["model"], state]
        for moment, line in (("after", "-"), ("before", "--")):
            median, q25, q75 = (
                10.0 ** np.array([-np.inf if v is None else v for v in moments[moment][name]])
                for name in ("median", "q25", "q75")
            )
            faint = 0.2 if line == "-" else 0.1
            axes.fill_between(study["distances"], q25, q75, color=colour, alpha=faint, linewidth=0)
            axes.plot(
                *(study["distances"], median),
                **{"color": colour, "linestyle": line, "marker": marker},
                markerfacecolor=colour if line == "-" else "white",
                label=f"{NAMES[model['model']]} {state}, "
                + ("best epoch" if line == "-" else "epoch 0 (before training)"),
            )


def finish_gradients(axes, study):
    """Scales, limits, titles and legend of the lower panel."""
    axes.set_xscale("log")
    axes.set_yscale("log", nonpositive="clip")
    axes.set_ylim(max(FLOOR, axes.get_ylim()[0]), max(CEILING, 10 * axes.dataLim.y1))
    axes.axhline(1, color=figure_style.GREY, linewidth=1, zorder=1)
    axes.axhline(DEAD, color=figure_style.GREY, linestyle=":", linewidth=1, zorder=1)
    axes.set_xticks(study["distances"], [str(d) for d in study["distances"]])
    axes.minorticks_off()
    axes.set_title(f"How much of the gradient reaches the deciding cue? (dotted: {DEAD:g} of it)")
    axes.set_ylabel("norm of ∂z at the cue, relative to\nthe last step (no unit)")
    axes.set_xlabel("d, words between the deciding cue and the end of the sentence")
    axes.legend(loc="lower left", frameon=True, framealpha=0.9, edgecolor="none")


def read_probe(study):
    """How to read the probe's figure, and what it says: two paragraphs."""
    lowest = [
        (value, NAMES[model["model"]], state)
        for model in study["models"]
        for state, moments in model["gradient"].items()
        for curve in moments.values()
        for value in curve["median"]
        if value is not None
    ]
    below, name, state = min(lowest)
    leaving = f" Lines that leave at the bottom go on, to 1e{below:.0f} for the {name}'s {state}."
    trained = {
        "even": "in training each d is as frequent",
        "log": "in training a distance d is as frequent as 1/d, so that short ones are common",
    }[study["mixture"]]
    failures = " ".join(
        f"The {NAMES[model['model']]} {describe_failure(study, model)}: "
        f"{describe_gradient_there(study, model)}."
        for model in study["models"]
    )
    seeds = len(study["seeds"])
    spread = f"symbol: the middle one of {seeds} seeds, bar: their range" if seeds > 1 else "one seed"
    return (
        f"How to read: a marked cue (the decider), d words before the end of a sentence, tells its label; "
        f"{trained}. Decider last: the other cue stands before it, so nothing nearer the end helps. Decider "
        f"first (pale): the other cue, up to {NEAR} words nearer the end, gives the label away by its "
        "opposite. "
        f"Accuracy: {spread}. Gradient (decider last): median over the sentences"
        f"{' of all seeds' * (seeds > 1)}, band: quartiles.{leaving if below < np.log10(FLOOR) else ''}",
        f"{failures} Side by side, not cause and effect: the gradient at a distance that was not learned is "
        "an outcome of training too, and a state that has latched is remembered with hardly any gradient.",
    )


def provenance_of_probe(study):
    """Data, runs and sentences of the probe study."""
    models = ", ".join(
        f"{NAMES[model['model']]} ({model['parameters']:,} parameters, best epoch "
        f"{', '.join(map(str, model['best_epoch']))})"
        for model in study["models"]
    )
    runs = describe_runs(study, [model["model"] for model in study["models"]])
    rows = study["dataset"]["splits"]["train"]["rows"]
    count = study["sentences"]
    return (
        f"{name_data(study['dataset'])} {models}; {runs} {rows:,} training sentences, d "
        f"from 2 to {study['longest']}; test sentences at each d: {count['decides_last']} with the decider "
        f"last, {count['decides_first']} with the decider first."
    )
