"""How far back does each model remember a word, and how much of the gradient reaches it there?"""

import numpy as np
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from scripts.dynamics.gradients import walk_back
from scripts.files.data import load_data
from scripts.files.numbers import round_to_digits
from scripts.files.runs import best_epoch, load_run
from scripts.studies.arguments import seed_list
from scripts.studies.last_words import BATCH
from scripts.studies.study import save_study, train_seeds
from scripts.studies.variants import SEEDS, refuse_varied, split_settings
from scripts.studies.words import OWN, describe_failure, describe_gradient_there
from scripts.text import cue_distance as probe
from scripts.text.batches import sorted_batches
from scripts.training.evaluation import load_model, logits
from scripts.training.experiment import build_model

PROBE_EPOCHS = 12
PROBE_SETTINGS = {"input_dropout": 0.0, "state_dropout": 0.0, "gradients": False}
FAILING = 0.75  # halfway between chance and always right


def probe_study(seeds=SEEDS, epochs=None, *, of_model=None, overwrite=False, progress=True, **settings):
    """How far back both models remember, and how much of the gradient reaches what they have to remember.

    data/ has to hold the probe (``python scripts/preprocessing.py --dataset probe``). For each seed one model
    of each kind is trained on a mixture of all distances, and tested at several of them. Sentences whose
    decider stands last are the measure; the others, where the other cue's opposite can be read up to 5 words
    nearer the end, stand beside them.

    Parameters
    ----------
    seeds, overwrite, progress, **settings
        As for :func:`initialisation_study`. By default without dropout.
    epochs : int, optional
        By default 12, or each model's own from `of_model`.
    of_model : dict of str to dict, optional
        Settings of one model alone, such as the best ones found for each. The runs are then called
        ``study-<model>-own-…``.

    Returns
    -------
    dict
        As this module's docstring describes it; also written to ``assets/benchmarks/``.

    Raises
    ------
    UserError
        data/ is missing or holds another dataset, or settings are out of range or not to be chosen.
    """
    refuse_varied(settings)
    shared, of_model = split_settings(settings, epochs, PROBE_EPOCHS, of_model)
    data = load_data()
    distances = probe.cue_distances(data.splits["test"], data.vocabulary)
    last = probe.decides_last(data.splits["test"], data.vocabulary)
    described = data.manifest[probe.NAME]
    settings = PROBE_SETTINGS | shared
    name = f"probe-{described['mixture']}"
    plan = [(model, OWN * bool(of_model) + name, of_model.get(model, {})) for model in ("rnn", "lstm")]
    seeds = seed_list(seeds)
    run_ids = train_seeds(plan, seeds, overwrite=overwrite, progress=progress, **settings)
    runs = [load_run(run_id) for ids in run_ids for run_id in ids]
    tested = np.unique(distances)
    with threadpool_limits(1), tqdm(total=len(runs), desc="at the cues", disable=not progress) as bar:
        models = [
            {"model": model, "runs": ids, **measure_probe(ids, distances, last, tested, bar)}
            for (model, _, _), ids in zip(plan, run_ids, strict=True)
        ]
    return save_study(
        name,
        data.manifest,
        runs,
        seeds=seeds,
        epochs=settings.get("epochs"),
        settings=settings,
        of_model=of_model,
        mixture=described["mixture"],
        longest=described["longest"],
        distances=tested.tolist(),
        sentences={
            name: int(np.sum(order & (distances == tested[0])))
            for name, order in (("decides_last", last), ("decides_first", ~last))
        },
        failing=FAILING,
        models=models,
    )


def measure_probe(run_ids, distances, last, tested, bar):
    """Accuracy and the gradient at the deciding cue, by distance, of the runs of one model.

    Parameters
    ----------
    run_ids : list of str
    distances : (N,) integers
        Words after the deciding cue, of each test sentence.
    last : (N,) booleans
        Whether that cue stands after the other.
    tested : sequence of int
    bar : tqdm
    """
    right, right_first, best = [], [], []
    gradients = {"before": [], "after": []}
    for run_id in run_ids:
        model, data, run = load_model(run_id)
        split = data.splits["test"]
        fresh = build_model(run.settings["model"], run.settings["hyperparameters"], data.embeddings)
        correct = (logits(model, split) > 0) == split.y
        for scores, order in ((right, last), (right_first, ~last)):
            scores.append([float(np.mean(correct[order & (distances == d)])) for d in tested])
        best.append(best_epoch(run.history)["epoch"])
        for moment, weights in (("before", fresh), ("after", model)):
            of_all = gradient_at_cue(weights, split, distances)
            gradients[moment].append({state: values[last] for state, values in of_all.items()})
        bar.update()
    return {
        "parameters": run.settings["parameters"],
        "best_epoch": best,
        "accuracy": right,
        "accuracy_decides_first": right_first,
        "fails_at": [fails_at(tested, scores) for scores in right],
        "gradient": {
            state: {
                moment: quartiles_at([seed[state] for seed in seeds], distances[last], tested)
                for moment, seeds in gradients.items()
            }
            for state in model.states
        },
    }


def fails_at(tested, scores):
    """The smallest tested distance at which the accuracy is below 75 %, or None."""
    return next((int(d) for d, score in zip(tested, scores, strict=True) if score < FAILING), None)


def gradient_at_cue(model, split, distances):
    """log₁₀ of ‖∂z/∂state‖ at the deciding cue, relative to the last step, of each sentence.

    Parameters
    ----------
    model : RNNClassifier or LSTMClassifier
    split : scripts.files.data.Split
    distances : (N,) integers
        Words after the cue.

    Returns
    -------
    dict of str to (N,) numpy.ndarray
        For each state.
    """
    batches = sorted_batches(split, BATCH)
    rows = np.concatenate(batches.rows)  # longest first, as the walk has them
    walk = walk_back(model, batches)
    starts = np.cumsum(walk.counts) - walk.counts  # where each depth begins; depth 1 is the last step
    place = np.arange(len(rows))
    gradient = {}
    for state, norms in walk.norms.items():
        gradient[state] = np.empty(len(rows))
        gradient[state][rows] = norms[starts[distances[rows]] + place] - norms[place]
    return gradient


def quartiles_at(seeds, distances, tested):
    """Median and quartiles at each tested distance over the sentences of all seeds; None for log₁₀ 0."""
    by_distance = [np.concatenate([seed[distances == d] for seed in seeds]) for d in tested]
    quantiles = [np.quantile(values, (0.25, 0.5, 0.75), method="nearest") for values in by_distance]
    return {
        name: [round_to_digits(float(q[k])) if np.isfinite(q[k]) else None for q in quantiles]
        for k, name in enumerate(("q25", "median", "q75"))
    }


def probe_table(study):
    """Where each model of a probe study fails, as text.

    Parameters
    ----------
    study : dict
        Of :func:`probe_study`.

    Returns
    -------
    str
    """
    lines = [f"{'d, words after the cue':30}" + "".join(f"{d:6}" for d in study["distances"])]
    for model in study["models"]:
        name = model["model"].upper()
        for order, right in (("last", model["accuracy"]), ("first", model["accuracy_decides_first"])):
            scores = "".join(f"{100 * v:6.0f}" for v in np.median(right, axis=0))
            lines.append(f"{f'{name} right, %, decider {order}':30}{scores}")
        for state, moments in model["gradient"].items():
            for moment, curve in moments.items():
                left = "".join(f"{v:6.1f}" if v is not None else "    -∞" for v in curve["median"])
                lines.append(f"{'  log₁₀ of ∂z/∂' + state + ', ' + moment:30}" + left)
    lines.append(
        f"Failing (below {study['failing']:.0%}) and gradients: sentences whose decider stands last; in the "
        "others the other cue is nearer the end, and tells the label by its opposite."
    )
    for model in study["models"]:
        where, left = describe_failure(study, model), describe_gradient_there(study, model)
        lines.append(f"{model['model'].upper()} {where}: {left}")
    return "\n".join(lines)
