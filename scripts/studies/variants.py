"""Train, measure and compare variants over seeds, for the studies that are lists of variants.

These are backward.py, comparison.py, initialisations.py and settings_search.py. Each run has an id of its
own, ``<kind>-<name of the study>-<model>-<variant>-s<seed>``. So an interrupted study continues, one that is
called again only measures, and no study uses the runs of another. Besides what every study holds
(scripts/files/studies.py), ``assets/studies/<kind>/<name>.json`` has

    title
    seeds, shared   seeds and settings of all runs, without those that have their default value
    of_model        {model: settings of its runs alone}
    axes            {setting: the values that a comparison tries}
    sentences       {count, shortest, longest}: validation sentences on which the logs measured gradients
    distance        from the end, k, at which ``remaining`` is read: the largest that they all reach
    standard_error  of the mean test accuracy, over the sentences of that split; null in a search
    variants        a list of
        name, model, label, settings (its own), parameters, runs (run ids), seeds (of runs that didn't fail)
        best_epoch, validation_loss, validation_accuracy, test_accuracy     one per seed, at the selected
                    epoch; test_accuracy is null in a search: nothing may be chosen by the test split
        whole_loss  validation loss of whole sentences alone (the longest row of each source), one per seed
        decay       {h, c, x: {before, after: {distance, count, median, low, high}}}: ‖∂z/∂h_t‖ over that at
                    k = 0, but for the input ‖∂z/∂x_t‖ itself, at epoch 0 and at the selected epoch: median
                    (of logarithms), smallest and largest of the seeds' medians over sentences; null if every
                    sentence was saturated
        remaining   {h, c, x: {before, after}}: log₁₀ of that median at ``distance``, one per seed
        intervals   of ``test_accuracy``, and of ``remaining`` by state and moment: {mean, low, high, count}
    differences     between variants, a list of
        of, minus       their labels
        test_accuracy   see :func:`scripts.studies.statistics.difference`
        sentences_error     standard error of that difference over the test sentences, which both read
        remaining       {h, c, x}: the difference of ``remaining`` after training, of c from the RNN's h
    failed          {run id: what went wrong}

An interval is the 95% confidence interval of a mean over seeds (Student's t); differences have Welch's test,
as two runs of one seed share nothing that would make them a pair. Both measure chance in training, while
``standard_error`` and ``sentences_error`` come from the size of the test split.
"""

import math
from dataclasses import asdict
from itertools import chain, product
from typing import NamedTuple

import numpy as np

from scripts.files.data import describe_data, load_data
from scripts.files.errors import UserError
from scripts.files.numbers import counted, log_median, plus_minus, power_of_ten, round_to_digits, table
from scripts.files.paths import check_run_id
from scripts.files.runs import NAMES, best_epoch, load_run
from scripts.files.studies import save_study
from scripts.studies.arguments import plain, refuse_varied, seed_list, settings_of_models
from scripts.studies.parallel import Planned, train
from scripts.studies.statistics import difference, error_over_sentences, interval, standard_error
from scripts.training.evaluation import correct_on_test, loss_on_whole_sentences
from scripts.training.settings import Settings, as_given, foreign_settings

QUANTITIES = {"h": "decay", "c": "decay", "x": "logit"}  # of the log; only ∂z/∂x compares models as it is
MOMENTS = ("before", "after")  # training: epoch 0 and the selected epoch
OF_TRAINING = ("overwrite", "progress", "jobs", "scheduler")  # options that are no settings


class Variant(NamedTuple):
    """A model with settings, under a name for its run ids and a label for tables and legends."""

    name: str
    model: str
    label: str
    settings: dict


def plan_variants(kind, name, variants, seeds, shared):
    """Return the runs of each variant of a study, one per seed, as lists of Planned.

    A setting in `shared` that only one of the models has applies to that one alone.
    """
    models, planned = {variant.model for variant in variants}, []
    for variant in variants:
        foreign = foreign_settings(variant.model, models)
        settings = {key: value for key, value in shared.items() if key not in foreign} | variant.settings
        refuse_varied(settings)
        run_id = "-".join(filter(None, (kind, name, variant.model, variant.name, "s")))
        planned.append([Planned(variant.model, f"{run_id}{s}", settings | {"seed": s}) for s in seeds])
    return planned


def run_variants(
    kind,
    name,
    title,
    variants,
    seeds,
    epochs=None,
    *,
    usual_epochs=Settings.epochs,
    varied=(),
    of_model=None,
    axes=None,
    pairs=lambda variants: [],
    show=None,
    data=None,
    **options,
):
    """Train variants over seeds, measure them, write the study, print its table and return it.

    A run that fails is named and left out; if all fail, that is a UserError.

    Parameters
    ----------
    kind, name, title, seeds, axes
        See this module's docstring.
    variants : list of Variant
        Their settings take precedence over those in `of_model`, and these over those of all runs.
    epochs : int, optional
        For all runs; by default each model's own from `of_model`, or `usual_epochs`.
    varied : sequence of str
        Settings that the variants choose: they are refused for all runs, and ignored in `of_model`.
    of_model : dict of str to dict, optional
        Settings of one model alone.
    pairs : callable, optional
        Returns the pairs (variant, reference) to compare, of a list of variants as the study describes them.
    show : callable, optional
        Writes the study as text; by default :func:`variants_table`.
    data : str, optional
        Name of the dataset, in data/<data>/.
    **options
        Settings of all runs, and options of :func:`scripts.studies.parallel.train`.
    """
    check_run_id(name, "name")
    training = {key: options.pop(key) for key in OF_TRAINING if key in options}
    shared = {key: plain(value) for key, value in options.items()}
    shared |= {} if epochs is None else {"epochs": plain(epochs)}
    axes, seeds = axes or {}, seed_list(seeds)
    refuse_varied(shared, *varied)
    models = list(dict.fromkeys(variant.model for variant in variants))
    of_model = settings_of_models(of_model, models, shared | axes)
    if not all("epochs" in shared | axes | of_model.get(model, {}) for model in models):
        shared["epochs"] = usual_epochs
    for own, setting in product(of_model.values(), varied):
        own.pop(setting, None)
    variants = [one._replace(settings=of_model.get(one.model, {}) | one.settings) for one in variants]
    for settings in (shared, *(variant.settings for variant in variants)):
        if settings.get("gradients", True) is not True:
            fault = f"gradients={settings['gradients']!r}: the study {name!r} compares gradients"
            raise UserError(f"{fault}: leave that out")
    data = load_data(data)
    dataset = describe_data(data.manifest, data.name)
    planned = plan_variants(kind, name, variants, seeds, shared)
    failed = train(list(chain.from_iterable(planned)), dataset, **training)
    runs = [[load_run(run.run_id) for run in of_one if run.run_id not in failed] for of_one in planned]
    if not any(runs):
        raise UserError(f"all {len(failed)} runs of the study {name!r} failed: see above why")
    defaults = asdict(Settings())
    shared = {key: value for key, value in shared.items() if value != defaults[key]}
    found = {"title": title, "seeds": seeds, "shared": shared, "of_model": of_model, "axes": axes}
    found |= _measure(variants, runs, pairs, kind != "search") | {"failed": failed}
    return save_study(kind, name, dataset, chain.from_iterable(runs), show or variants_table, **found)


def _measure(variants, runs, pairs, test):
    """Measure each variant's runs, on the `test` split too if that is true, and the differences of pairs."""
    recorded = next(best_epoch(run.history)["gradients"] for run in chain.from_iterable(runs))
    distance, error, tested = recorded["shortest"] - 1, None, {}
    if test:
        run_ids = [run.settings["run_id"] for run in chain.from_iterable(runs)]
        tested = {run_id: correct_on_test(run_id) for run_id in run_ids}
        accuracy = np.mean([np.mean(correct) for correct in tested.values()])
        error = round_to_digits(standard_error(accuracy, len(tested[run_ids[0]])))
    described = [
        _describe_variant(variant, of_variant, tested, distance)
        for variant, of_variant in zip(variants, runs, strict=True)
        if of_variant
    ]
    return {
        "distance": distance,
        "sentences": {"count": recorded["sentences"]}
        | {"shortest": recorded["shortest"], "longest": recorded["longest"]},
        "standard_error": error,
        "variants": described,
        "differences": [_describe_difference(*pair, tested) for pair in pairs(described)],
    }


def _describe_variant(variant, runs, tested, distance):
    """Return what the study says of one variant."""
    run_ids = [run.settings["run_id"] for run in runs]
    best = [best_epoch(run.history) for run in runs]
    records = {"before": [run.history[0] for run in runs], "after": best}
    accuracy = [float(np.mean(tested[run_id])) for run_id in run_ids] if tested else None
    decay, remaining, intervals = {}, {}, {"test_accuracy": interval(accuracy or [])}
    for state, quantity in QUANTITIES.items():
        if state in best[0]["gradients"]:
            decay[state], remaining[state], intervals[state] = {}, {}, {}
            for moment in MOMENTS:
                curves = [record["gradients"][state][quantity] for record in records[moment]]
                decay[state][moment] = over_seeds(curves)
                remaining[state][moment] = [remaining_at(curve, distance) for curve in curves]
                intervals[state][moment] = interval(remaining[state][moment])
    return {
        **variant._asdict(),
        "parameters": runs[0].settings["parameters"],
        "runs": run_ids,
        "seeds": [run.settings["hyperparameters"]["seed"] for run in runs],
        "best_epoch": [record["epoch"] for record in best],
        **{name: [record[name] for record in best] for name in ("validation_loss", "validation_accuracy")},
        "whole_loss": [loss_on_whole_sentences(run_id) for run_id in run_ids],
        "test_accuracy": accuracy,
        "decay": decay,
        "remaining": remaining,
        "intervals": intervals,
    }


def over_seeds(decays):
    """Return median, smallest and largest of the seeds' medians by distance; None where no seed has one."""
    medians = zip(*(decay["median"] for decay in decays), strict=True)
    by_distance = [[value for value in values if value is not None] for values in medians]
    picked = {
        name: [round_to_digits(pick(values)) if values else None for values in by_distance]
        for name, pick in (("median", log_median), ("low", min), ("high", max))
    }
    return {"distance": decays[0]["distance"], "count": decays[0]["count"], **picked}


def remaining_at(decay, distance):
    """Return log₁₀ of the median at a distance, None where that is 0 or no sentence has one."""
    median = decay["median"][distance]
    return round_to_digits(math.log10(median)) if median else None


def _describe_difference(one, other, tested):
    """Return the differences of two variants; the LSTM's c is compared with the RNN's h."""
    remaining = other["remaining"]
    correct = ([tested[run_id] for run_id in variant["runs"]] for variant in (one, other))
    return {
        "of": one["label"],
        "minus": other["label"],
        "test_accuracy": difference(one["test_accuracy"], other["test_accuracy"]),
        "sentences_error": error_over_sentences(*correct),
        "remaining": {
            state: difference(found["after"], remaining.get(state, remaining["h"])["after"])
            for state, found in one["remaining"].items()
        },
    }


# The table ------------------------------------------------------------------------------------------------

COLUMNS = {  # by kind of study; all others have those of "comparison"
    "search": ["validation loss", "validation accuracy, %", "selected epochs"],
    "backward": ["validation loss", "of whole sentences", "test accuracy, %", "h after", "c after"],
    "comparison": [
        *("parameters", "selected epochs", "test accuracy, %"),
        *("h before", "h after", "c before", "c after", "x before", "x after"),
    ],
}
DIFFERENCE_HEADS = ["test accuracy, points", "p (Welch)", "detectable, points"]
DIFFERENCE_HEADS += ["error over sentences, points"]


def variants_table(study):
    """Write a study as text: its variants with intervals, then differences between them."""
    given = {"settings": study["shared"]} | {NAMES[model]: own for model, own in study["of_model"].items()}
    lines = [f"{study['title']}: {counted(len(study['seeds']), 'seed')}"]
    lines += [*(f"{of}: {as_given(own)}" for of, own in given.items() if own), ""]
    columns = COLUMNS.get(study["kind"], COLUMNS["comparison"])
    lines += [table([_row(variant, columns) for variant in study["variants"]], ["", *columns]), ""]
    if study["differences"]:
        lines += [_differences_table(study), ""]
    if study["standard_error"]:
        sentences = study["dataset"]["splits"]["test"]["rows"]
        lines.append(
            f"Mean ± half of its 95% interval over seeds (Student's t); h, c: share of ∂z that remains at "
            f"k = {study['distance']}, before and after training, with that interval; x: ‖∂z/∂x‖ there. The "
            f"size of the test split ({sentences:,} sentences) is another source of error: standard error "
            f"{100 * study['standard_error']:.1f} points."
        )
    if study["kind"] == "comparison":
        lines.append(_from_the_first_step(study))
    lines += [f"failed, left out: {run_id}: {fault}" for run_id, fault in study["failed"].items()]
    return "\n".join(lines).rstrip()


def _from_the_first_step(study):
    """Write how much of h remains from k = 1 on: only h_T is read by the output layer directly."""
    k, found = study["distance"], []
    for variant in study["variants"]:
        median = variant["decay"]["h"]["after"]["median"]
        if k > 1 and median[1] and median[k]:
            shares = (power_of_ten(math.log10(share)) for share in (median[1], median[k] / median[1]))
            found.append("{} × {} in the {}".format(*shares, variant["label"]))
    shares = f"share at k = 1 × share of that at k = {k}"
    return f"What remains of h after training, {shares}: {', '.join(found)}." if found else ""


def _row(variant, columns):
    """Return a variant's row: its label and the cells of some columns."""
    model, label, found = NAMES[variant["model"]], variant["label"], variant["intervals"]
    cells = {
        "parameters": f"{variant['parameters']:,}",
        "selected epochs": ", ".join(map(str, variant["best_epoch"])),
        "validation loss": f"{np.mean(variant['validation_loss']):.4f}",
        "of whole sentences": f"{np.mean(variant['whole_loss']):.4f}",
        "validation accuracy, %": f"{100 * np.mean(variant['validation_accuracy']):.1f}",
        "test accuracy, %": plus_minus(found["test_accuracy"], 100, 1),
    }
    for state in QUANTITIES:
        write = power_of_ten if state != "x" else lambda power: f"{10**power:.2g}"  # a share, or a norm
        for moment in MOMENTS:
            cells[f"{state} {moment}"] = _with_bounds(found.get(state, {}).get(moment), write)
    return [label if label.startswith(model) else f"{model}, {label}", *(cells[name] for name in columns)]


def _with_bounds(found, write):
    """Write the mean of an interval and its bounds, if it has any, each as `write` does; "–" without one."""
    if not found:
        return "–"
    mean, *bounds = (write(found[end]) for end in ("mean", "low", "high") if found[end] is not None)
    return f"{mean} ({' to '.join(bounds)})" if bounds else mean


def _points(share):
    return f"{100 * share:+.1f}"


def difference_cells(found):
    """Return the cells of a difference in test accuracy, one for each of ``DIFFERENCE_HEADS``."""
    accuracy = found["test_accuracy"]
    p, seen = accuracy.get("p"), accuracy.get("detectable")
    return [
        _with_bounds(accuracy, _points),
        "–" if p is None else f"{p:.2g}",
        "–" if seen is None else f"{100 * seen:.1f}",
        f"{100 * found['sentences_error']:.1f}",
    ]


def _differences_table(study):
    """Write the differences between variants as a table."""
    rows, by_label = [], {variant["label"]: variant for variant in study["variants"]}
    for found in study["differences"]:
        of, minus = by_label[found["of"]], by_label[found["minus"]]
        accuracy, loss = (
            difference(of[name], minus[name]) for name in ("validation_accuracy", "validation_loss")
        )
        ratios = [found["remaining"].get(state) for state in QUANTITIES]
        cells = ["–" if one is None else f"{10 ** one['mean']:.2g}" for one in ratios]
        cells = [_with_bounds(loss, "{:+.4f}".format), *cells]
        cells = [*difference_cells(found), _with_bounds(accuracy, _points), *cells]
        rows.append([f"{found['of']} − {found['minus']}", *cells])
    heads = ["difference", *DIFFERENCE_HEADS, "validation accuracy, points", "validation loss"]
    heads += [f"{state} after, ratio" for state in QUANTITIES]
    return (
        f"{table(rows, heads)}\nDetectable: the true difference that the test would find in 80% of studies."
    )
