"""The figure of any study of variants over seeds (scripts/studies/variants.py): gradients and accuracies."""

import textwrap

import numpy as np

from scripts.figures import panels
from scripts.figures.sources import name_data, name_sentences, reading_study
from scripts.figures.style import AMBER, BLACK, PURPLE, SKY, STATES, add_provenance, figure, open_figure
from scripts.files.blocks import DEFAULT
from scripts.files.numbers import counted, power_of_ten
from scripts.files.runs import COMPARED, NAMES
from scripts.training.settings import as_given

LOOKS = list(zip((AMBER, SKY, PURPLE, BLACK), "os^D", strict=True))  # of variants, in order
RELATIVE = ",\nrelative to the last step"


@figure()
def plot_comparison(name="compare"):
    """Draw how far back the gradient reaches, before and after training, and the accuracies of a comparison.

    Of each seed the median over the sentences is taken; a line is the seeds' median, a band goes from the
    smallest to the largest. Right of the dotted line only longer sentences remain; the axis ends where fewer
    than 20 do. Accuracy: one symbol per seed, a bar at their mean, and a thin line of one standard error to
    either side, from the size of the test split. A figure of its own has the norm of ∂z/∂x_t, the only
    gradient that means the same in both models, and so not relative to anything. Where settings were varied,
    there are figures of each combination.
    """
    with reading_study("comparison", name) as study:
        figures = {}
        for settings, variants in by_settings(study):
            varied = "".join(f"-{key}={value}" for key, value in settings.items())  # no name holds a "="
            setting = (
                "\n" + ", ".join(f"{key}={value}" for key, value in settings.items()) if settings else ""
            )
            k, states = study["distance"], [_lasting(v) for v in variants]
            logs = [_log_mean(v, state) for v, state in zip(variants, states, strict=True)]
            shares = [f"{_share(log)} of ∂z/∂{state}" for log, state in zip(logs, states, strict=True)]
            remain = "remain" if len(variants) > 1 else "remains"
            title = f"Trained: {_listed(shares, variants)} {remain} {k} words back{setting}"
            curves = [
                panels.Curve(f"{NAMES[v['model']]} {state}", v["decay"][state], *STATES[v["model"], state])
                for v in variants
                for state in "hc"
                if state in v["decay"]
            ]
            scored = [(v, NAMES[v["model"]], STATES[v["model"], "h"]) for v in variants]
            file = f"comparison-{name}{varied}".replace("+", "")
            label = f"norm of ∂z/∂h or ∂z/∂c{RELATIVE}"
            figures[f"{file}.png"] = _draw(study, title, label, curves, scored)
            if "x" in variants[0]["decay"]:  # of which some committed studies say nothing
                inputs = [panels.Curve(label, v["decay"]["x"], *look) for v, label, look in scored]
                norms = [f"{10 ** _log_mean(v, 'x'):.2g}" for v in variants]
                title = f"Trained: ‖∂z/∂x‖ is {_listed(norms, variants)} {k} words back{setting}"
                drawn = _draw(study, title, "norm of ∂z/∂x", inputs, scored, scores=False)
                figures[f"{file}-inputs.png"] = drawn
        return figures


def by_settings(study):
    """Group the variants of a study by the settings that are varied: a list of (settings, variants).

    A model that lacks a setting, as an RNN lacks the LSTM's forget_bias, is in every group of its others.
    """

    def own(variant):
        return {key: variant["settings"][key] for key in study["axes"] if key in variant["settings"]}

    every, groups = [own(variant) for variant in study["variants"]], []
    for settings in every:
        if settings not in groups and not any(settings.items() < others.items() for others in every):
            groups.append(settings)
    return [(group, [v for v in study["variants"] if own(v).items() <= group.items()]) for group in groups]


@figure()
def plot_initialisations(name=DEFAULT):
    """Draw the decay of the gradient and the accuracy of each initialisation, a figure per model.

    Of the LSTM that of the cell state c. See :func:`plot_comparison` for how to read them.
    """
    with reading_study("initialisations", name) as study:
        figures = {}
        for model in COMPARED:
            variants = [variant for variant in study["variants"] if variant["model"] == model]
            scored = [(each, each["label"], look) for each, look in zip(variants, LOOKS, strict=False)]
            state, k = _lasting(variants[0]), study["distance"]
            curves = [panels.Curve(label, each["decay"][state], *look) for each, label, look in scored]
            ranges = (_range_of(variants, state, moment) for moment in ("before", "after"))
            title = "{} words back, {} of ∂z/∂{} remains untrained, {} trained"
            title = title.format(k, next(ranges), state, next(ranges))
            drawn = _draw(study, title, f"norm of ∂z/∂{state}{RELATIVE}", curves, scored)
            figures[f"initialisations-{name}-{model}.png"] = drawn
        return figures


def _draw(study, title, label, curves, scored, scores=True):
    """Draw curves before and after training, and below them, if `scores`, (variant, label, look)."""
    heights = [2.9 if len(scored) < 4 else 2.5, 0.34 * len(scored) + 0.5] if scores else [2.9]
    height = sum(heights) + 0.22 * max(1, len(curves) // 2) + 1.2  # legend, title, provenance
    layout = {"nrows": len(heights), "ncols": 2, "height_ratios": heights, "squeeze": False}
    drawn, axes = open_figure(title, height, **layout)
    titles = ("Before training", "At the selected epoch")
    panels.draw_before_and_after(axes[0], curves, study["sentences"]["shortest"], titles, RELATIVE in label)
    axes[0, 0].set_ylabel(label)
    panels.add_legend(axes[0, 0], axes[0, 1].get_legend_handles_labels(), 2 if len(curves) > 3 else 3)
    if scores:
        for panel in axes[-1]:
            panel.remove()  # for one as wide as both
        _draw_scores(drawn.add_subplot(axes[-1, 0].get_gridspec()[-1, :]), study, scored)
    failed = f"failed and left out: {', '.join(study['failed'])}" if study["failed"] else ""
    seeds, sentences = _count_seeds([variant for variant, *_ in scored]), name_sentences(study["sentences"])
    own = ", ".join(map(NAMES.get, study["of_model"]))
    own, settings = f"own settings: {own}" if own else "", as_given(study["shared"])
    add_provenance(drawn, name_data(study["dataset"]), seeds, sentences, settings, own, failed)
    return drawn


def _lasting(variant):
    """Return the state of a model whose gradient lasts longer."""
    return "c" if "c" in variant["decay"] else "h"


def _log_mean(variant, state, moment="after"):
    """Return log₁₀ of what remains of a gradient, the mean over seeds; -∞ where nothing does."""
    found = variant["intervals"][state][moment]
    return found["mean"] if found else -np.inf


def _share(log10):
    return power_of_ten(None if log10 == -np.inf else log10)


def _range_of(variants, state, moment):
    """Write the smallest and the largest share that remains in some variants."""
    logs = [_log_mean(variant, state, moment) for variant in variants]
    return " to ".join(dict.fromkeys(map(_share, (min(logs), max(logs)))))


def _listed(values, variants):
    """Write a value of each model: "0.067 (RNN), 0.45 (LSTM)"."""
    return ", ".join(f"{value} ({NAMES[v['model']]})" for value, v in zip(values, variants, strict=True))


def _count_seeds(variants):
    """Seeds of the variants, in words: "3 seeds", or "2 to 3 seeds" where some runs failed."""
    counts = {len(variant["seeds"]) for variant in variants}
    fewest = f"{min(counts)} to " if len(counts) > 1 else ""
    return fewest + counted(max(counts), "seed")


def _draw_scores(axes, study, scored):
    """Draw the test accuracy of every run, a row per variant; their mean, and the test split's error."""
    error = 100 * study["standard_error"]
    for number, (variant, _, (colour, marker)) in enumerate(scored):
        scores = 100 * np.array(variant["test_accuracy"])
        mean, n = scores.mean(), len(scores)
        # One seed below the other, so that equal scores do not cover each other.
        places = number + min(0.1, 0.7 / n) * (np.arange(n) - (n - 1) / 2)
        axes.plot(scores, places, marker, color=colour, linestyle="none", ms=5)
        axes.plot([mean, mean], [number - 0.35, number + 0.35], color=colour)
        axes.plot([mean - error, mean + error], [number, number], color=colour, linewidth=1)
    labels = [textwrap.fill(label, 14) for _, label, _ in scored]
    axes.set_yticks(range(len(scored)), labels, fontsize=9)
    axes.set_ylim(len(scored) - 0.4, -0.6)
    axes.set_title("Test accuracy at the selected epoch")
    axes.set_xlabel(f"correct (% of {study['dataset']['splits']['test']['rows']:,} test sentences)")
