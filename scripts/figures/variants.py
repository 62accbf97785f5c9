"""The figure of any study of variants over seeds (scripts/studies/variants.py): gradients and accuracies."""

import textwrap

import numpy as np

from scripts.figures.panels import add_legend, draw_over_seeds, mark_depths, share_y, span_last_row
from scripts.figures.sources import name_data, name_sentences, reading_study
from scripts.figures.style import (
    AMBER,
    BLACK,
    LSTM_H,
    PURPLE,
    RNN_H,
    SKY,
    STATES,
    add_provenance,
    figure,
    open_figure,
)
from scripts.files.errors import UserError
from scripts.files.numbers import counted
from scripts.files.paths import assets_path, check_run_id
from scripts.files.runs import NAMES
from scripts.files.storage import read_json

LOOKS = [(AMBER, "o"), (SKY, "s"), (PURPLE, "^"), (BLACK, "D")]  # of variants, one after the other
MOMENTS = {"before": "Before training", "after": "At the best epoch"}
STATE_NAMES = {"c": "cell state c", "h": "hidden state h"}


def comparisons():
    """Names of the comparisons in assets/benchmarks/, in alphabetical order."""
    names = []
    for path in sorted(assets_path("benchmarks", "").glob("[!.]*.json")):
        try:
            study = read_json(path)
        except UserError:
            continue  # whoever draws that file complains
        if isinstance(study, dict) and study.get("kind") == "comparison":
            names.append(path.stem)
    return names


@figure()
def plot_comparison(name="compare"):
    """Draw how far back the gradient reaches, before and after training, and the accuracies of a comparison.

    1 is as large as at the last step of the sentence; at 0.01 a hundredth remains. Of each seed the median
    over the sentences is taken; a line is the median seed, a band goes from the smallest to the largest.
    Right of the dotted line only longer sentences remain; the axis ends where fewer than 20 do. Accuracy: one
    symbol per seed, a bar at their mean, and a thin line of one standard error to either side, from the size
    of the test split.

    Parameters
    ----------
    name : str
        Of the comparison. Where settings were varied, each combination is a figure.
    """
    check_run_id(name, "name")
    with reading_study(name) as study:
        if study["kind"] == "search":
            raise UserError(f"the study {name!r} is a search, which has no figure: report() writes its table")
        figures = {}
        for settings, variants in by_settings(study):
            varied = "".join(f"-{key}-{value}" for key, value in settings.items())
            models = " and ".join(dict.fromkeys(NAMES[variant["model"]] for variant in variants))
            title = f"How far back the gradient reaches, {models}, {_count_seeds(variants)}"
            if settings:
                title += "\n" + ", ".join(f"{key}={value}" for key, value in settings.items())
            curves = [
                (variant, state, f"{NAMES[variant['model']]} {state}", STATES[variant["model"], state])
                for variant in variants
                for state in variant["decay"]
            ]
            scored = [(v, NAMES[v["model"]], STATES[v["model"], "h"]) for v in variants]
            drawn = _draw(study, title, {"norm of ∂z/∂h or ∂z/∂c": curves}, scored)
            figures[f"{name}{varied}.png".replace("+", "")] = drawn
        return figures


def by_settings(study):
    """The variants that belong together, of the same settings; one alone where the others are missing.

    Returns
    -------
    list of (dict, list of dict)
        The settings that are varied, and the variants.
    """
    of_name = {(variant["model"], variant["name"]): variant for variant in study["variants"]}
    groups = [
        (pair["settings"], [of_name["rnn", pair["rnn"]], of_name["lstm", pair["lstm"]]])
        for pair in study["paired"]
    ]
    paired = [variant for _, variants in groups for variant in variants]
    for variant in study["variants"]:
        if variant not in paired:
            own = {key: variant["settings"][key] for key in study["axes"] if key in variant["settings"]}
            same = next((variants for settings, variants in groups if settings == own), None)
            if same is None:
                groups.append((own, [variant]))
            else:
                same.append(variant)  # a third model
    return groups


@figure()
def plot_initialisations():
    """Draw the decay of the gradient and the accuracy of each initialisation, a figure per model.

    See :func:`plot_comparison` for how to read them.
    """
    with reading_study("initialisations") as study:
        figures = {}
        for model in ("rnn", "lstm"):
            variants = [variant for variant in study["variants"] if variant["model"] == model]
            title = f"Initialising an {NAMES[model]}: the gradient before and after training"
            figures[f"initialisations-{model}.png"] = _draw_variants(study, title, variants, LOOKS)
        return figures


@figure("equal-parameters.png")
def plot_equal_parameters():
    """Draw the LSTM next to RNNs of as many units and of as many parameters; see :func:`plot_comparison`."""
    title = "An LSTM and RNNs of as many units, or as many parameters"
    with reading_study("equal-parameters") as study:
        return _draw_variants(study, title, study["variants"], [(RNN_H, "o"), (BLACK, "D"), (LSTM_H, "s")])


def _draw_variants(study, title, variants, looks):
    """Draw variants by label, a row for each state."""
    scored = [(variant, variant["label"], look) for variant, look in zip(variants, looks, strict=False)]
    rows = {}
    for state in STATE_NAMES:
        curves = [(variant, state, *drawn) for variant, *drawn in scored if state in variant["decay"]]
        if curves:
            rows[f"norm of ∂z/∂{state}"] = curves
    return _draw(study, title, rows, scored)


def _draw(study, title, rows, scored):
    """Draw decay by depth before (left) and after training (right), row by row; accuracies below.

    `rows` are lists of (variant, state, label, look) by the label of the y-axis; `scored`, of (variant,
    label, look).
    """
    variants = [variant for variant, *_ in scored]
    heights = [2.9] * len(rows) + [0.34 * len(scored) + 0.5]
    legend = 0.22 * max(1, len(next(iter(rows.values()))) // 2)
    shape = {"nrows": len(heights), "ncols": 2, "height_ratios": heights}
    drawn, axes = open_figure(title, sum(heights) + legend + 1.2, **shape)
    for row, (label, curves) in zip(axes, rows.items(), strict=False):
        states = {state for _, state, *_ in curves}
        for panel, moment in zip(row, MOMENTS, strict=True):
            decays = [(variant["decay"][state][moment], *looks) for variant, state, *looks in curves]
            draw_over_seeds(panel, decays, dashed=moment == "before")
            mark_depths([panel], decays[0][0]["depth"], decays[0][0]["count"], study["sentences"]["shortest"])
            of_state = f": {STATE_NAMES[states.copy().pop()]}" if len(states) == 1 else ""
            panel.set_title(MOMENTS[moment] + of_state)
        share_y(row)
        row[0].set_ylabel(f"{label},\nrelative to the last step")
    for panel in row:
        panel.set_xlabel("steps back (1 = the last step)")
    add_legend(axes[0, 0], axes[len(rows) - 1, 1].get_legend_handles_labels(), 2 if len(rows) > 1 else 3)
    _draw_scores(span_last_row(drawn, axes), study, scored)
    failed = f"failed and left out: {', '.join(study['failed'])}" if study["failed"] else ""
    sentences = name_sentences(study["sentences"])
    add_provenance(drawn, name_data(study["dataset"]), _count_seeds(variants), sentences, failed)
    return drawn


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
        mean = scores.mean()
        axes.plot(scores, number + beside_each_other(scores), marker, color=colour, linestyle="none", ms=5)
        axes.plot([mean, mean], [number - 0.35, number + 0.35], color=colour)
        axes.plot([mean - error, mean + error], [number, number], color=colour, linewidth=1)
    labels = [textwrap.fill(label, 14) for _, label, _ in scored]
    axes.set_yticks(range(len(scored)), labels, fontsize=9)
    axes.set_ylim(len(scored) - 0.4, -0.6)
    axes.set_title("Test accuracy at the best epoch")
    axes.set_xlabel(f"correct (% of {study['dataset']['splits']['test']['rows']:,} test sentences)")


def beside_each_other(scores, step=0.34, height=0.8):
    """Places of symbols across a row of that height, (N,), so that equal scores show as so many.

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
