"""Variants over seeds: train them, measure them and compare them, for the studies that are lists of variants.

Those are comparison.py, initialisations.py and settings_search.py. Each run trains under
an id of its own, ``<kind>-<name of the study>-<model>-<variant>-s<seed>``, so an interrupted study continues,
one that is called again only measures, and no study takes the runs of another. The result is
``assets/studies/<kind>/<name>.json``, which scripts/figures and scripts/report read:

    format_version, kind, study (its name), title, dataset (as a log names it), versions
    seconds         that its runs took to train, in all
    seeds, shared   seeds and settings of all runs; settings with their default value are left out
    of_model        {model: settings of its runs alone}
    axes            {setting: the values that a comparison tries}
    sentences       {count, shortest, longest}: validation sentences on which the logs measured gradients
    distance        from the end, k, at which ``left`` is read: the largest that all these sentences reach
    standard_error  of one accuracy near these on that test split, null where none is measured
    variants        a list of
        name, model, label, settings (its own), parameters, runs (run ids), seeds (of runs that didn't fail)
        best_epoch, validation_loss, validation_accuracy, test_accuracy     one per seed, at its best epoch;
                    test_accuracy is null in a search: nothing may be chosen by the test split
        decay       {h, c: {before, after: {distance, count, median, low, high}}}: ‖∂z/∂h_t‖ over that at
                    k = 0, at epoch 0 and at the best epoch; median (of logarithms), smallest, largest of the
                    seeds' medians over sentences, null where every sentence was saturated at its last step
        left        {h, c: {before, after}}: log₁₀ of the median that remains at ``distance``, one per seed
        intervals   of ``test_accuracy``, and of ``left`` by state and moment: {mean, low, high, count}
    paired          of a comparison, one for each LSTM whose varied settings an RNN shares
        rnn, lstm, settings, seeds      names of the variants, the varied settings, the seeds that both have
        test            "paired t-test"
        sentences_error     standard error, over the test sentences, of the difference in mean test accuracy
        differences     LSTM − RNN of ``test_accuracy``, ``left_h`` and ``left_c`` (the LSTM's c − the RNN's
                        h): {mean, low, high, count, p}
    failed          {run id: what went wrong}

An interval is the 95% confidence interval of a mean over seeds (Student's t), null of one. It
measures chance in training; ``standard_error`` measures that the test split is small.
"""

import math
from dataclasses import asdict
from typing import NamedTuple

import numpy as np

from scripts.files.data import describe_data, load_data
from scripts.files.errors import UserError
from scripts.files.numbers import counted, log_median, plus_minus, round_to_digits, table
from scripts.files.paths import check_run_id
from scripts.files.runs import NAMES, best_epoch, load_run
from scripts.files.studies import save_study
from scripts.studies.arguments import plain, refuse_varied, seed_list
from scripts.studies.parallel import Planned, train
from scripts.studies.statistics import (
    CONFIDENCE,
    TEST,
    error_over_sentences,
    interval,
    paired,
    standard_error,
)
from scripts.training.evaluation import correct_on_test
from scripts.training.settings import LSTM_ALONE, Settings, as_given

INTERVAL = f"{CONFIDENCE:.0%} interval"
MOMENTS = ("before", "after")  # training: epoch 0 and the best epoch


class Variant(NamedTuple):
    """A model with settings, under a name for its run ids and a label for tables and legends."""

    name: str
    model: str
    label: str
    settings: dict


def train_variants(kind, name, variants, seeds, shared, dataset, **options):
    """Train each variant of a study once per seed, on a dataset that may not change meanwhile.

    Settings of the LSTM alone leave an RNN next to it as it is. Returns the run ids of each variant, without
    those that failed, and what went wrong by run id.
    """
    with_lstm = any(variant.model == "lstm" for variant in variants)
    planned = []
    for variant in variants:
        foreign = LSTM_ALONE if with_lstm and variant.model != "lstm" else ()
        settings = {key: value for key, value in shared.items() if key not in foreign} | variant.settings
        refuse_varied(settings)
        run_id = "-".join(filter(None, (kind, name, variant.model, variant.name, "s")))
        planned.append(
            [Planned(variant.model, f"{run_id}{seed}", settings | {"seed": seed}) for seed in seeds]
        )
    failed = train([run for runs in planned for run in runs], dataset, **options)
    return [[run.run_id for run in runs if run.run_id not in failed] for runs in planned], failed


def run_variants(
    kind, name, title, variants, seeds, *, shared, of_model=None, axes=None, data=None, **options
):
    """Train variants over seeds, measure them, write the study, print its table and return it.

    A run that fails is named and left out; a UserError says where all do.

    Parameters
    ----------
    kind, name, title, seeds, shared, of_model, axes
        As this module's docstring describes them.
    variants : list of Variant
        Their settings come on top of `shared`, and of those of their model in `of_model`.
    data : str, optional
        Name of the dataset, in data/<data>/.
    **options
        See :func:`scripts.studies.parallel.train`.
    """
    check_run_id(name, "name")
    of_model, axes = of_model or {}, axes or {}
    seeds, shared = seed_list(seeds), {key: plain(value) for key, value in shared.items()}
    variants = [
        variant._replace(settings=of_model.get(variant.model, {}) | variant.settings) for variant in variants
    ]
    for given in (shared, *(variant.settings for variant in variants)):
        if given.get("gradients", True) is not True:
            raise UserError(
                f"gradients={given['gradients']!r}: the study {name!r} compares gradients: leave that out"
            )
    data = load_data(data)
    dataset = describe_data(data.manifest, data.name)
    run_ids, failed = train_variants(kind, name, variants, seeds, shared, dataset, **options)
    if not any(run_ids):
        raise UserError(f"all {len(failed)} runs of the study {name!r} failed: see above why")
    runs = {run_id: load_run(run_id) for ids in run_ids for run_id in ids}
    tested = {} if kind == "search" else {run_id: correct_on_test(run_id) for run_id in runs}
    recorded = best_epoch(next(iter(runs.values())).history)["gradients"]
    distance = recorded["shortest"] - 1
    described = [
        _describe_variant(variant, [runs[run_id] for run_id in ids], tested, distance)
        for variant, ids in zip(variants, run_ids, strict=True)
        if ids
    ]
    error = None
    if tested:
        accuracy = np.mean([accuracy for variant in described for accuracy in variant["test_accuracy"]])
        error = round_to_digits(standard_error(accuracy, len(data.splits["test"].s)))
    defaults = asdict(Settings())
    return save_study(
        kind,
        name,
        dataset,
        runs.values(),
        variants_table,
        title=title,
        seeds=seeds,
        shared={key: value for key, value in shared.items() if value != defaults[key]},
        of_model=of_model,
        axes=axes,
        distance=distance,
        sentences={"count": recorded["sentences"]} | {key: recorded[key] for key in ("shortest", "longest")},
        standard_error=error,
        variants=described,
        paired=pair_variants(described, axes, tested) if kind == "comparison" else [],
        failed=failed,
    )


def _describe_variant(variant, runs, tested, distance):
    """Return what the study says of one variant."""
    run_ids = [run.settings["run_id"] for run in runs]
    best = [best_epoch(run.history) for run in runs]
    records = {"before": [run.history[0] for run in runs], "after": best}
    accuracy = [float(np.mean(tested[run_id])) for run_id in run_ids] if tested else None
    decay, remaining, intervals = {}, {}, {"test_accuracy": interval(accuracy or [])}
    for state in ("h", "c"):
        if state in best[0]["gradients"]:
            decay[state], remaining[state], intervals[state] = {}, {}, {}
            for moment in MOMENTS:
                curves = [record["gradients"][state]["decay"] for record in records[moment]]
                decay[state][moment] = over_seeds(curves)
                remaining[state][moment] = [remaining_at(curve, distance) for curve in curves]
                intervals[state][moment] = interval(remaining[state][moment])
    return {
        **variant._asdict(),
        "parameters": runs[0].settings["parameters"],
        "runs": run_ids,
        "seeds": [run.settings["hyperparameters"]["seed"] for run in runs],
        "best_epoch": [record["epoch"] for record in best],
        "validation_loss": [record["validation_loss"] for record in best],
        "validation_accuracy": [record["validation_accuracy"] for record in best],
        "test_accuracy": accuracy,
        "decay": decay,
        "left": remaining,
        "intervals": intervals,
    }


def over_seeds(decays):
    """Median, smallest and largest of the seeds' medians at each distance; None where no seed has one."""
    medians = zip(*(decay["median"] for decay in decays), strict=True)
    by_distance = [[value for value in values if value is not None] for values in medians]
    picked = {
        name: [round_to_digits(pick(values)) if values else None for values in by_distance]
        for name, pick in (("median", log_median), ("low", min), ("high", max))
    }
    return {"distance": decays[0]["distance"], "count": decays[0]["count"], **picked}


def remaining_at(decay, distance):
    """log₁₀ of the median decay at a distance, None where it is 0 or no sentence has one."""
    median = decay["median"][distance]
    return round_to_digits(math.log10(median)) if median else None


def pair_variants(variants, axes, tested):
    """Compare each LSTM with the RNN of the same settings, over the seeds that both have."""
    shared = [key for key in axes if key not in LSTM_ALONE]
    lstms, rnns = ([v for v in variants if v["model"] == model] for model in ("lstm", "rnn"))
    return [
        _describe_pair(rnn, lstm, axes, tested)
        for lstm in lstms
        for rnn in rnns
        if all(rnn["settings"][key] == lstm["settings"][key] for key in shared)
    ]


def _describe_pair(rnn, lstm, axes, tested):
    """Return the differences of an LSTM and an RNN over the same seeds."""
    seeds = [seed for seed in lstm["seeds"] if seed in rnn["seeds"]]

    def of(variant, values):
        return [values[variant["seeds"].index(seed)] for seed in seeds]

    lstm_correct, rnn_correct = ([tested[run_id] for run_id in of(v, v["runs"])] for v in (lstm, rnn))
    rnn_h = of(rnn, rnn["left"]["h"]["after"])
    return {
        "rnn": rnn["name"],
        "lstm": lstm["name"],
        "settings": {key: lstm["settings"][key] for key in axes},
        "seeds": seeds,
        "test": TEST,
        "sentences_error": error_over_sentences(lstm_correct, rnn_correct),
        "differences": {
            "test_accuracy": paired(of(lstm, lstm["test_accuracy"]), of(rnn, rnn["test_accuracy"])),
            "left_h": paired(of(lstm, lstm["left"]["h"]["after"]), rnn_h),
            "left_c": paired(of(lstm, lstm["left"]["c"]["after"]), rnn_h),
        },
    }


# The table ------------------------------------------------------------------------------------------------


def variants_table(study):
    """Write a study as text: its variants with intervals, then the paired differences."""
    given = {"settings": study["shared"]} | {NAMES[model]: own for model, own in study["of_model"].items()}
    lines = [f"{study['title']}: {counted(len(study['seeds']), 'seed')}"]
    lines += [*(f"{of}: {as_given(own)}" for of, own in given.items() if own), ""]
    rows = [_row(variant, study["kind"]) for variant in study["variants"]]
    if study["kind"] == "search":
        lines.append(table(rows, ["", "validation loss", "validation accuracy, %", "best epochs"]))
    else:
        states = ["h before", "h after", "c before", "c after"]
        lines += [table(rows, ["", "parameters", "best epochs", "test accuracy, %", *states]), ""]
        for pair in study["paired"]:
            lines += [_pair_table(pair), ""]
        sentences = study["dataset"]["splits"]["test"]["rows"]
        lines.append(
            f"Mean ± half of its {INTERVAL} over seeds (Student's t); h, c: log₁₀ of what remains of ∂z at "
            f"k = {study['distance']}. The size of the test split ({sentences:,} sentences) is another "
            f"source of error: standard error {100 * study['standard_error']:.1f} points."
        )
    lines += [f"failed, left out: {run_id}: {fault}" for run_id, fault in study["failed"].items()]
    return "\n".join(lines)


def _row(variant, kind):
    """Return a variant's row: its validation results in a search, else its test accuracy and gradients."""
    model, label = NAMES[variant["model"]], variant["label"]
    label = label if label.startswith(model) else f"{model}, {label}"
    epochs = ", ".join(map(str, variant["best_epoch"]))
    if kind == "search":
        loss, accuracy = np.mean(variant["validation_loss"]), np.mean(variant["validation_accuracy"])
        return [label, f"{loss:.4f}", f"{100 * accuracy:.1f}", epochs]
    found = variant["intervals"]
    remaining = [plus_minus(found.get(s, {}).get(moment), 1, 2) for s in ("h", "c") for moment in MOMENTS]
    accuracy = plus_minus(found["test_accuracy"], 100, 1)
    return [label, f"{variant['parameters']:,}", epochs, accuracy, *remaining]


def _pair_table(pair):
    """Write the differences of one pair as a table."""
    rows = []
    for key, name, scale, digits in (
        ("test_accuracy", "test accuracy, points", 100, 1),
        ("left_h", "log₁₀ of what remains: ∂z/∂h", 1, 2),
        ("left_c", "log₁₀ of what remains: ∂z/∂c − the RNN's ∂z/∂h", 1, 2),
    ):
        found = pair["differences"][key]
        if found:
            ends = (found["mean"], found["low"], found["high"])
            mean, low, high = ("–" if end is None else f"{scale * end:+.{digits}f}" for end in ends)
            p = "–" if found["p"] is None else f"{found['p']:.2g}"
            rows.append([name, mean, "–" if low == "–" else f"{low} to {high}", found["count"], p])
    settings = f", {as_given(pair['settings'])}" if pair["settings"] else ""
    heads = [f"LSTM − RNN, the same seeds{settings}", "mean", INTERVAL, "pairs", f"p ({pair['test']})"]
    error = f"{100 * pair['sentences_error']:.1f} points"
    return f"{table(rows, heads)}\nStandard error of the difference in accuracy over the sentences: {error}."
