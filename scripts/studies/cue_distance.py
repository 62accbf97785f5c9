"""How far back does each model remember a word, and how much of the gradient reaches it there?

main.py calls :func:`probe_study`: it trains and tests both models on the cue-distance task, in short the
probe (scripts/text/cue_distance.py), which data/ has to hold, and writes its runs and
``assets/studies/cue-distance/<name>.json``. That holds what every study does (scripts/files/studies.py), and

    seeds, epochs, settings     of all runs; epochs is null where of_model gives all
    of_model                    {model: settings of its runs alone}
    mixture, longest
    distances           the d of the test split
    sentences           {decides_last, decides_first}: how many at each
    failing             the accuracy below which a model fails at a distance
    models              a list of
        model, parameters, runs, best_epoch
        accuracy        for each seed, a list over d, of the sentences whose last cue decides: the other cue
                        is before it, so nothing nearer the end helps
        accuracy_decides_first      the same where the first cue decides: the other cue follows, up to 5 words
                        nearer the end, and its opposite is the label
        fails_at        for each seed the smallest tested d at which its accuracy is below `failing`, or null
        gradient        {h, c: {before, after: {median, q25, q75}}}: log₁₀ of ‖∂z/∂h_t‖ at the deciding cue
                        relative to the last step, over the sentences of all seeds whose last cue
                        decides, lists over d; null where it is exactly 0

A gradient at a distance after training doesn't show why the model fails there, or not: training made both.
Before training it shows what learning began with, which doesn't settle the outcome either.
"""

import numpy as np
from threadpoolctl import threadpool_limits

from scripts.dynamics.gradients import walk_back
from scripts.files.data import describe_data, load_data
from scripts.files.errors import UserError
from scripts.files.numbers import round_to_digits, table
from scripts.files.progress import progress_bar
from scripts.files.runs import NAMES, best_epoch, load_run
from scripts.files.studies import save_study
from scripts.studies.arguments import refuse_varied, seed_list, with_epochs
from scripts.studies.statistics import describe_failure
from scripts.studies.variants import Variant, train_variants
from scripts.text import cue_distance as task
from scripts.text.batches import sorted_batches
from scripts.training.evaluation import load_model, logits
from scripts.training.experiment import build_model

PROBE_EPOCHS = 12
PROBE_SETTINGS = {"input_dropout": 0.0, "state_dropout": 0.0, "gradients": False}
FAILING = 0.75  # halfway between chance and always correct
BATCH = 256  # sentences


def probe_study(
    seeds=3, epochs=None, *, name=None, of_model=None, data=None, overwrite=False, progress=True, **settings
):
    """Measure how far back both models remember, and how much of the gradient reaches that far.

    The dataset has to be the probe: ``preprocess(dataset="probe", name="probe-even")``. For each seed both
    models are trained on a mixture of all distances, by default for 12 epochs and without dropout, and tested
    at several of them. Returns the dict that is written, and prints a table. Parameters are those of
    :func:`scripts.studies.initialisations.initialisation_study`; the name is by default the mixture's.
    """
    refuse_varied(settings)
    shared, of_model = with_epochs(settings, epochs, PROBE_EPOCHS, of_model, list(NAMES))
    data = load_data(data)
    test = data.splits["test"]
    distances = task.cue_distances(test, data.vocabulary)
    last = task.decides_last(test, data.vocabulary)
    described, dataset = data.manifest[task.NAME], describe_data(data.manifest, data.name)
    study, shared = ("cue-distance", name or described["mixture"]), PROBE_SETTINGS | shared
    variants = [Variant("", model, NAMES[model], of_model.get(model, {})) for model in NAMES]
    seeds, options = seed_list(seeds), {"overwrite": overwrite, "progress": progress}
    run_ids, failed = train_variants(*study, variants, seeds, shared, dataset, **options)
    if failed:
        raise UserError(
            f"runs failed that this study needs ({', '.join(failed)}): see above why, then call it again; "
            "what is trained is kept"
        )
    runs = [load_run(run_id) for ids in run_ids for run_id in ids]
    tested = np.unique(distances)
    with threadpool_limits(1):
        models = [
            {"model": model, "runs": ids, **measure_probe(ids, distances, last, tested, progress)}
            for model, ids in zip(NAMES, run_ids, strict=True)
        ]
    nearest = distances == tested[0]  # at each distance there are as many
    return save_study(
        *study,
        dataset,
        runs,
        probe_table,
        seeds=seeds,
        epochs=shared.get("epochs"),
        settings=shared,
        of_model=of_model,
        mixture=described["mixture"],
        longest=described["longest"],
        distances=tested.tolist(),
        sentences={
            "decides_last": int((last & nearest).sum()),
            "decides_first": int((~last & nearest).sum()),
        },
        failing=FAILING,
        models=models,
    )


def measure_probe(run_ids, distances, last, tested, progress):
    """Return accuracy and the gradient at the deciding cue, by tested distance, of the runs of one model.

    `distances` holds the words after the deciding cue of each sentence, `last` whether it is the last cue.
    """
    accuracies, accuracies_first, best = [], [], []
    gradients = {"before": [], "after": []}  # training: of each run {state: (N,)}
    for run_id in progress_bar(run_ids, "at the cues", progress=progress):
        model, data, run = load_model(run_id)
        test = data.splits["test"]
        correct = (logits(model, test) > 0) == test.y
        accuracies.append([float(np.mean(correct[last & (distances == d)])) for d in tested])
        accuracies_first.append([float(np.mean(correct[~last & (distances == d)])) for d in tested])
        best.append(best_epoch(run.history)["epoch"])
        untrained = build_model(run.settings["model"], run.settings["hyperparameters"], data.embeddings)
        gradients["before"].append(gradient_at_cue(untrained, test, distances))
        gradients["after"].append(gradient_at_cue(model, test, distances))
    at_last = {state: {} for state in model.states}
    for moment, of_runs in gradients.items():
        for state, curves in at_last.items():
            logs = [gradient[state][last] for gradient in of_runs]
            curves[moment] = quartiles_at(logs, distances[last], tested)
    return {
        "parameters": run.settings["parameters"],
        "best_epoch": best,
        "accuracy": accuracies,
        "accuracy_decides_first": accuracies_first,
        "fails_at": [fails_at(tested, scores) for scores in accuracies],
        "gradient": at_last,
    }


def fails_at(tested, scores):
    """Return the smallest tested distance at which the accuracy is below 75%, or None."""
    return next((int(d) for d, score in zip(tested, scores, strict=True) if score < FAILING), None)


def gradient_at_cue(model, split, distances):
    """log₁₀ of ‖∂z/∂state‖ at the cue of each sentence, relative to the last step: {state: (N,)}."""
    batches = sorted_batches(split, BATCH)
    rows = np.concatenate(batches.rows)  # longest first, as the walk has them
    walk = walk_back(model, batches)
    starts = np.cumsum(walk.counts) - walk.counts  # where each distance k begins; k = 0 is the last word
    place = np.arange(len(rows))
    gradient = {}
    for state in model.states:
        norms = walk.norms[state]
        gradient[state] = np.empty(len(rows))
        gradient[state][rows] = norms[starts[distances[rows]] + place] - norms[place]
    return gradient


def quartiles_at(seeds, distances, tested):
    """Median and quartiles at each tested distance over the sentences of all seeds; None for log₁₀ 0."""
    found = {"q25": [], "median": [], "q75": []}
    for d in tested:
        values = np.concatenate([seed[distances == d] for seed in seeds])
        quantiles = np.quantile(values, (0.25, 0.5, 0.75), method="nearest")
        for curve, value in zip(found.values(), quantiles, strict=True):
            curve.append(round_to_digits(value) if np.isfinite(value) else None)
    return found


def probe_table(study):
    """Write accuracies and gradients by distance as a table, and where each model fails."""
    rows, failures = [], []
    for model in study["models"]:
        name = NAMES[model["model"]]
        for order, key in (("last", "accuracy"), ("first", "accuracy_decides_first")):
            scores = np.median(model[key], axis=0)
            rows.append([f"{name} correct, %, {order} cue decides", *(f"{100 * v:.0f}" for v in scores)])
        for state, moments in model["gradient"].items():
            for moment, curve in moments.items():
                logs = ["-∞" if value is None else f"{value:.1f}" for value in curve["median"]]
                rows.append([f"{name} log₁₀ of ∂z/∂{state}, {moment}", *logs])
        failures.append(f"{name} {describe_failure(study, model)}.")
    note = (
        f"Failing (below {study['failing']:.0%}) and gradients: sentences whose last cue decides; in the "
        "others the other cue is nearer the end, and shows the label by its opposite."
    )
    return "\n".join([table(rows, ["d, words after the cue", *study["distances"]]), note, *failures])
