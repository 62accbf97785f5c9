"""Draw comparisons of many runs (scripts/studies/comparison.py): gradients by steps back and accuracies, over seeds.

Everything drawn stands in the JSON of the comparison; nothing is trained or measured here.
"""

from scripts.figures import style as figure_style
from scripts.figures.captions import name_data
from scripts.figures.runs import STATES
from scripts.figures.studies import (
    MOMENTS,
    describe_measured,
    describe_own,
    draw_over_seeds,
    draw_scores,
    mark_depths,
    read_variants,
    reading,
    share_y,
    span_last_row,
)
from scripts.figures.style import house_style
from scripts.files.errors import UserError
from scripts.files.numbers import counted, plus_minus
from scripts.files.paths import assets_path, check_run_id
from scripts.files.runs import NAMES
from scripts.files.storage import read_json
from scripts.studies.words import INTERVAL

DASHED = [("lstm", "h")]  # beside its c


def comparisons():
    """Names of the comparisons that stand in assets/benchmarks/, in alphabetical order."""
    names = []
    for path in sorted(assets_path("benchmarks", "").glob("[!.]*.json")):
        try:
            study = read_json(path)
        except UserError:
            continue  # of a file that is no JSON, whoever draws it complains
        if isinstance(study, dict) and study.get("kind") == "comparison":
            names.append(path.stem)
    return names


def plot_comparison(name="compare", show=False):
    """Draw how far back the gradient reaches in both models, with a band over the seeds, and the accuracies.

    Parameters
    ----------
    name : str
        Of the comparison.
    show : bool
        Show it as well, where there is a screen.

    Returns
    -------
    list of pathlib.Path
        ``assets/figures/<name>.png``; where settings were varied, a figure for each combination.

    Raises
    ------
    UserError
        There is no such comparison, or its file is damaged.
    """
    check_run_id(name, "name")
    with reading(name) as study:
        figures = {}
        for settings, variants in by_settings(study):
            varied = "".join(f"-{key}-{value}" for key, value in settings.items())
            figures[f"{name}{varied}.png".replace("+", "")] = draw_comparison(study, settings, variants)
        return [figure_style.save(figure, file, show) for file, figure in figures.items()]


def by_settings(study):
    """The variants that belong beside each other, of equal settings; one alone where the others are missing.

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
            beside = next((variants for settings, variants in groups if settings == own), None)
            if beside is None:
                groups.append((own, [variant]))
            else:
                beside.append(variant)  # a third model
    return groups


@house_style
def draw_comparison(study, settings, variants):
    """The figure of :func:`plot_comparison` for one combination of settings."""
    models = " and ".join(NAMES[variant["model"]] for variant in variants)
    seeds = max(len(variant["seeds"]) for variant in variants)
    varied = ", ".join(f"{key}={value}" for key, value in settings.items())
    figure, axes = figure_style.open_figure(
        f"How far back the gradient reaches, {models}, {counted(seeds, 'seed')}"
        + f"\n{varied}" * bool(varied),
        6.5,
        nrows=2,
        ncols=2,
        height_ratios=[3.6, 0.5 + 0.4 * len(variants)],
    )
    for panel, moment in zip(axes[0], MOMENTS, strict=True):
        curves = [
            (decay[moment], f"{NAMES[variant['model']]} {state}", look(variant["model"], state))
            for variant in variants
            for state, decay in variant["decay"].items()
        ]
        draw_over_seeds(panel, curves)
        mark_depths(panel, study, variants)
        panel.set_title(MOMENTS[moment])
        panel.set_xlabel("steps back (1 = the last step)")
    share_y(axes[0])
    axes[0, 0].set_ylabel("norm of ∂z/∂h or ∂z/∂c, relative\nto the last step (no unit)")
    figure_style.add_legend(axes[0, 0], axes[0, 0].get_legend_handles_labels(), 3)
    drawn = [(variant, NAMES[variant["model"]], look(variant["model"], "h")) for variant in variants]
    draw_scores(span_last_row(figure, axes), study, drawn)
    figure_style.add_footer(figure, read_variants(seeds), *provenance(study, settings, variants))
    return figure


def look(model, state):
    """Colour, marker and line of a state."""
    return *STATES[model, state], "--" if (model, state) in DASHED else "-"


def provenance(study, settings, variants):
    """Accuracies in numbers; data, runs and sentences: two paragraphs."""
    accuracies = "; ".join(
        f"{NAMES[variant['model']]} {plus_minus(variant['intervals']['test_accuracy'], 100, 1)} %"
        for variant in variants
    )
    runs = "; ".join(
        f"{variant['label']}: {variant['runs'][0]}{further(variant['seeds'])} "
        f"({counted(len(variant['seeds']), 'seed')}, "
        f"{variant['parameters']:,} parameters)"
        for variant in variants
    )
    own = describe_own(study, [variant["model"] for variant in variants])
    failed = f" Failed and left out: {', '.join(study['failed'])}." if study["failed"] else ""
    return (
        f"Test accuracy, mean ± half of its {INTERVAL} over seeds (Student's t): {accuracies}."
        + difference(study, settings),
        f"{name_data(study['dataset'])} Runs: {runs}.{own}{failed} {describe_measured(study, variants)}",
    )


def further(seeds):
    """The runs after the first one, as their run ids end: ", -s1, -s2", or " to -s9" where none is left out.

    Examples
    --------
    >>> further([0, 1, 7]), further([0, 1, 2, 3])
    (', -s1, -s7', ' to -s3')
    """
    if len(seeds) > 3 and seeds == list(range(seeds[0], seeds[-1] + 1)):
        return f" to -s{seeds[-1]}"
    return "".join(f", -s{seed}" for seed in seeds[1:])


def difference(study, settings):
    """LSTM less RNN at some settings, in a sentence; nothing where there is no such pair."""
    for pair in study["paired"]:
        found = pair["differences"]["test_accuracy"]
        if pair["settings"] == settings and found and found["low"] is not None:
            return (
                f" LSTM less RNN over {found['count']} equal seeds: {100 * found['mean']:+.1f} points "
                f"({100 * found['low']:+.1f} to {100 * found['high']:+.1f}; {pair['test']})."
            )
    return ""
