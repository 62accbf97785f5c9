"""How far back does each model learn to use a word, and does it need the gradient that reaches it there?

main.py calls :func:`probe_study`. It trains both models on the cue-distance task, the probe for short
(scripts/text/cue_distance.py), with the backward pass as it is and changed. A run is trained until it
converges: in rounds of 5 epochs, 15 at least, until its training loss is below 0.01 or falls by less than 1%
in 5 epochs. Besides what every study holds (scripts/files/studies.py),
``assets/studies/cue-distance/<name>.json`` has

    seeds, epochs, settings     of all runs; epochs is the most that a run may have
    mixture, longest    as in dataset.json
    distances           the d of the test split
    sentences           {decides_last, decides_first}: how many at each distance
    failing             the accuracy below which a model fails at a distance
    variants            a list of
        name, model, label, settings (its own), parameters
        runs, epochs, converged, best_epoch     of each seed: id, epochs trained, whether they ended by the
                        rule above, and the selected epoch
        accuracy        for each seed, by d, on sentences whose last cue decides: the other cue comes before
                        it, so nothing nearer the end helps
        accuracy_decides_first      the same if the first cue decides: the other cue follows, up to 5 words
                        nearer the end, and its opposite is the label
        fails_at        for each seed the smallest tested d at which its accuracy is below `failing`, or null
        gradient        {h, c: {before, after: {median, q25, q75}}}: by d, log₁₀ of ‖∂z/∂h_t‖ at the deciding
                        cue relative to the last step, over the sentences of all seeds whose last cue
                        decides; null where it is exactly 0

The gradient after training doesn't show why a model fails at a distance: training made both. If a variant
learns as far as full training, this shows: for ``truncate-K``, that the model applies to far cues what it
learns from near ones; for ``preserve-norm``, that the RNN doesn't lack the size of its gradient, and for
``norm-penalty``, that it lacks Jacobians which keep norms; for ``h-detach``, that the gradient along the cell
is enough, and for ``c-detach``, that it isn't needed. assets/README.md has what was expected.
"""

from contextlib import suppress
from itertools import chain

import numpy as np
from threadpoolctl import threadpool_limits

from scripts.dynamics.gradients import walk_back
from scripts.files.data import describe_data, load_data
from scripts.files.errors import UserError
from scripts.files.numbers import counted, table
from scripts.files.progress import progress_bar
from scripts.files.runs import NAMES, best_epoch, load_run
from scripts.files.studies import save_study
from scripts.studies.arguments import refuse_varied, seed_list
from scripts.studies.jacobians import finite
from scripts.studies.parallel import train
from scripts.studies.variants import Variant, plan_variants
from scripts.text import cue_distance as task
from scripts.text.batches import sorted_batches
from scripts.training.evaluation import load_model, logits
from scripts.training.experiment import build_model

ROUND, LEAST, MOST = 5, 15, 40  # epochs
STALLED = 0.99  # of the training loss five epochs before
LEARNED = 0.01  # a training loss below which nothing remains to be learned
PROBE_SETTINGS = {"input_dropout": 0.0, "state_dropout": 0.0, "gradients": False}
FAILING = 0.75  # halfway between chance and always correct
BATCH = 256  # sentences
VARIANTS = [
    Variant(name, model, f"{NAMES[model]}, {name}", settings)
    for model, name, settings in [
        ("rnn", "full", {}),
        ("rnn", "truncate-10", {"backward": "truncate-10"}),
        ("rnn", "preserve-norm", {"backward": "preserve-norm"}),
        ("rnn", "norm-penalty", {"norm_penalty": 1.0}),
        ("lstm", "full", {}),
        ("lstm", "truncate-10", {"backward": "truncate-10"}),
        ("lstm", "truncate-25", {"backward": "truncate-25"}),
        ("lstm", "h-detach", {"backward": "h-detach"}),
        ("lstm", "c-detach", {"backward": "c-detach"}),
        ("lstm", "chrono", {"forget_bias": "chrono"}),
        ("lstm", "chrono-h-detach", {"forget_bias": "chrono", "backward": "h-detach"}),
    ]
]
VARIED = ("backward", "norm_penalty", "forget_bias")


def probe_study(
    seeds=3, epochs=MOST, *, variants=None, name=None, data=None, overwrite=False, progress=True, **settings
):
    """Measure up to which distance both models learn, and how much of the gradient reaches that far.

    The dataset must be the probe: ``preprocess(dataset="probe", name="probe-even")``. For each seed, both
    models are trained on a mixture of all distances, without dropout, and tested at several of them. Returns
    the dict that is written, and prints a table.

    Parameters
    ----------
    seeds : int or sequence of int
        How many (0, 1, …), or which.
    epochs : int
        The most that a run may have; it ends earlier if its loss stalls.
    variants : sequence of str, optional
        Names of some of :data:`VARIANTS`, such as ``("full",)``; all by default.
    name : str, optional
        Of the study; by default the mixture's: ``"even"``, ``"log"`` or ``"far"``.
    data : str, optional
        Name of the dataset, in data/<data>/; by default the one in data/ itself.
    overwrite, progress : bool
        See :func:`scripts.studies.parallel.train`.
    **settings
        Fields of scripts.training.settings.Settings for all runs.
    """
    refuse_varied(settings, *VARIED)
    chosen = _choose(variants)
    if settings.get("schedule", "constant") != "constant":
        fault = "no schedule knows in advance when the loss of these runs stalls"
        raise UserError(f"schedule={settings['schedule']!r}: {fault}: leave it out")
    data = load_data(data)
    test = data.splits["test"]
    distances = task.cue_distances(test, data.vocabulary)
    last = task.decides_last(test, data.vocabulary)
    described, dataset = data.manifest[task.NAME], describe_data(data.manifest, data.name)
    study, shared = ("cue-distance", name or described["mixture"]), PROBE_SETTINGS | settings
    seeds = seed_list(seeds)
    planned = plan_variants(*study, chosen, seeds, shared)
    every_run = list(chain.from_iterable(planned))
    failed = _train_until_stalled(every_run, dataset, epochs, overwrite=overwrite, progress=progress)
    if failed:
        fault = f"runs that this study needs failed ({', '.join(failed)}), see above why"
        raise UserError(f"{fault}: call it again then; finished runs are kept")
    tested = np.unique(distances)
    with threadpool_limits(1):
        measured = [
            variant._asdict() | measure_probe([run.run_id for run in runs], distances, last, tested, progress)
            for variant, runs in zip(chosen, planned, strict=True)
        ]
    nearest = distances == tested[0]  # at each distance there are as many
    at_each = {"decides_last": int(sum(last & nearest)), "decides_first": int(sum(~last & nearest))}
    found = {"seeds": seeds, "epochs": epochs, "settings": shared}
    found |= {"mixture": described["mixture"], "longest": described["longest"]}
    found |= {"distances": tested.tolist(), "sentences": at_each, "failing": FAILING, "variants": measured}
    runs = [load_run(run.run_id) for run in every_run]
    return save_study(*study, dataset, runs, probe_table, **found)


def _choose(names):
    """Return the variants with these names, of both models; UserError for a name that no variant has."""
    known = [one.name for one in VARIANTS]
    names = known if names is None else [names] if isinstance(names, str) else list(names)
    for name in names or [None]:
        if name not in known:
            raise UserError(f"variants={names!r}: expected some of {', '.join(dict.fromkeys(known))}")
    return [one for one in VARIANTS if one.name in names]


# Training -------------------------------------------------------------------------------------------------


def _train_until_stalled(planned, dataset, most, **options):
    """Train runs in rounds of a few epochs, each until its training loss stalls; return the failed ones."""
    failed, epochs = {}, 0
    while planned and epochs < most:
        epochs = min(epochs + ROUND, most)
        rounds = []
        for run in planned:
            least = max(epochs, min(_trained(run.run_id), most))
            rounds.append(run._replace(settings=run.settings | {"epochs": least}))
        failed |= train(rounds, dataset, **options)
        planned = [
            run
            for run in planned
            if run.run_id not in failed and not stalled(load_run(run.run_id).history[: epochs + 1])
        ]
    return failed


def _trained(run_id):
    """Return how many epochs a run has, 0 if it can't be read."""
    with suppress(UserError):
        return len(load_run(run_id).history) - 1
    return 0


def stalled(history):
    """Return whether a run has converged: its loss is almost 0, or falls by less than 1% in 5 epochs."""
    losses = [record["train_loss"] for record in history]
    return len(losses) > LEAST and (losses[-1] < LEARNED or losses[-1] > STALLED * losses[-1 - ROUND])


# Measurements ---------------------------------------------------------------------------------------------


def measure_probe(run_ids, distances, last, tested, progress):
    """Return accuracy and the gradient at the deciding cue, by tested distance, of the runs of one variant.

    Of each sentence, `distances` is the number of words after the deciding cue, and `last` whether it is the
    last cue.
    """
    accuracies, accuracies_first, histories = [], [], []
    gradients = {"before": [], "after": []}  # training: of each run {state: (N,)}
    for run_id in progress_bar(run_ids, "at the cues", progress=progress):
        model, data, run = load_model(run_id)
        test = data.splits["test"]
        correct = (logits(model, test) > 0) == test.y
        for found, sentences in ((accuracies, last), (accuracies_first, ~last)):
            found.append([float(np.mean(correct[sentences & (distances == d)])) for d in tested])
        histories.append(run.history)
        untrained = build_model(run.settings["model"], run.settings["hyperparameters"], data.embeddings)
        gradients["before"].append(gradient_at_cue(untrained, test, distances))
        gradients["after"].append(gradient_at_cue(model, test, distances))
    at_last = {
        state: {
            moment: quartiles_at([log[state][last] for log in logs], distances[last], tested)
            for moment, logs in gradients.items()
        }
        for state in model.states
    }
    return {
        "parameters": run.settings["parameters"],
        "runs": list(run_ids),
        "epochs": [len(history) - 1 for history in histories],
        "converged": [stalled(history) for history in histories],
        "best_epoch": [best_epoch(history)["epoch"] for history in histories],
        "accuracy": accuracies,
        "accuracy_decides_first": accuracies_first,
        "fails_at": [fails_at(tested, scores) for scores in accuracies],
        "gradient": at_last,
    }


def fails_at(tested, scores):
    """Return the smallest tested distance at which the accuracy is below 75%, or None."""
    return next((int(d) for d, score in zip(tested, scores, strict=True) if score < FAILING), None)


def gradient_at_cue(model, split, distances):
    """Return log₁₀ of ‖∂z/∂state‖ at the cue of each sentence, relative to the last step: {state: (N,)}."""
    batches = sorted_batches(split, BATCH)
    rows = np.concatenate(batches.rows)  # longest first, as the walk has them
    walk = walk_back(model, batches)
    return {state: walk.decay(state, distances, np.argsort(rows)) for state in model.states}


def quartiles_at(seeds, distances, tested):
    """Return median and quartiles at each distance over the sentences of all seeds; None for log₁₀ 0."""
    by_distance = (np.concatenate([seed[distances == d] for seed in seeds]) for d in tested)
    quantiles = [np.quantile(values, (0.25, 0.5, 0.75), method="nearest") for values in by_distance]
    return dict(zip(("q25", "median", "q75"), finite(np.transpose(quantiles)), strict=True))


def probe_table(study):
    """Write accuracies by distance and where each variant fails, and the gradients of full training."""
    rows, further = [], []
    for variant in study["variants"]:
        ends = zip(variant["epochs"], variant["converged"], strict=True)
        epochs = ", ".join(f"{epochs}{'' if converged else '*'}" for epochs, converged in ends)
        fails = ", ".join("–" if d is None else str(d) for d in variant["fails_at"])
        rows.append([variant["label"], fails, epochs, *_percent(variant["accuracy"])])
        if variant["name"] == "full":
            name = NAMES[variant["model"]]
            first = _percent(variant["accuracy_decides_first"])
            further.append([f"{name} correct, %, first cue decides", *first])
            for state, moments in variant["gradient"].items():
                for moment, curve in moments.items():
                    logs = ["-∞" if value is None else f"{value:.1f}" for value in curve["median"]]
                    further.append([f"{name} log₁₀ of ∂z/∂{state} at the cue, {moment}", *logs])
    seeds, count = counted(len(study["seeds"]), "seed"), study["sentences"]["decides_last"]
    note = (
        f"d: words after the deciding cue. Correct, %, of the {count} test sentences at each d whose last "
        f"cue decides, median of {seeds}. A model fails at the first d with less than {study['failing']:.0%} "
        "(–: at none), seed by seed. Epochs until the training loss was below 0.01 or stalled; *: not yet."
    )
    distances = study["distances"]
    tables = [table(rows, ["trained with", "fails at d", "epochs", *distances]), note]
    tables += [table(further, ["full training, d", *distances])] if further else []
    return "\n\n".join(tables)


def _percent(accuracies):
    """Write the median over seeds of accuracies by distance."""
    return [f"{100 * value:.0f}" for value in np.median(accuracies, axis=0)]
