"""Studies over several runs; each trains what it needs, measures, and leaves one JSON in assets/benchmarks/.

Every training goes through :func:`scripts.training.experiment.run` under a run id of its own that begins with
``study-``, so an interrupted study continues where it stopped, and one that is called again only measures.
scripts/figures/studies.py draws the JSON. All of them hold

    format_version, study (its name), dataset (as a log names it), versions
    seconds             that its runs took to train, in all, whenever that was

``initialisations.json`` and ``equal-parameters.json``, by :func:`initialisation_study` and
:func:`equal_parameters`:

    seeds, settings     of all runs
    epochs              of the runs that of_model gives none, null where it gives all
    of_model            {model: settings of its runs alone}
    standard_error      of one accuracy near theirs on that test split
    sentences           {count, shortest, longest}: those on which the logs measured their gradients
    variants            a list of
        model, name, settings, parameters, runs (run ids, one a seed)
        best_epoch, validation_accuracy, test_accuracy      of each run, at its best epoch
        decay           {h, c: {before, after: {depth, count, median, low, high}}}: ‖∂z/∂h_t‖ relative to the
                        last step, at epoch 0 and at the best epoch; of the seeds' medians over sentences the
                        middle one, the smallest and the largest; null where no seed has one (every sentence
                        was saturated at its last step)

``memory.json``, by :func:`memory_study`:

    sentences, k        test sentences; 1, 2, … up to the longest
    longer              how many of them have more than k words
    models              a list of
        model, hidden_size, runs (run ids, one a seed), best_epoch (of each)
        accuracy        for each seed, a list over k
        standard_error  of the mean accuracy on whole sentences, on that test split
        enough          from this k on, no mean accuracy is more than one standard error below that
    baselines           {majority: accuracy, counts: [accuracy of each k]}

``probe-<mixture>.json``, by :func:`probe_study`:

    seeds, epochs, settings, of_model       as above
    mixture, longest
    distances           the d of the test split
    sentences           {decides_last, decides_first}: how many at each
    failing             the accuracy below which a model fails at a distance
    models              a list of
        model, parameters, runs, best_epoch
        accuracy        for each seed, a list over d, of the sentences whose decider stands last: the other
                        cue stands before it, so nothing nearer the end helps
        accuracy_decides_first      the same of those whose decider stands first: the other cue follows, up
                        to 5 words nearer the end, and its opposite is the label
        fails_at        for each seed the smallest tested d at which its accuracy is below `failing`, or null
        gradient        {h, c: {before, after: {median, q25, q75}}}: log₁₀ of ‖∂z/∂h_t‖ at the deciding cue
                        relative to the last step, over the sentences of all seeds whose decider stands last,
                        lists over d; null where it is exactly 0

What a gradient is at a distance after training says nothing of why the model fails there, or not: training
made both. Before training it says what learning began with, which has not settled the outcome either.
"""

import math
import platform

import numpy as np
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from scripts.dynamics.gradients import round_to_digits, tiny, walk_back
from scripts.files.data import Split, describe_data, load_data, load_manifest
from scripts.files.errors import UserError
from scripts.files.paths import FORMAT_VERSION
from scripts.files.runs import best_epoch, load_run
from scripts.files.storage import write_json
from scripts.files.studies import study_path
from scripts.studies.arguments import as_given, counted, refuse_given_twice, seed_list, settings_of_models
from scripts.studies.parallel import train_variants
from scripts.text import cue_distance as probe
from scripts.text.batches import sorted_batches
from scripts.training.evaluation import load_model, logits
from scripts.training.experiment import build_model, check_settings

EPOCHS, SEEDS = 8, 3  # on SST-2 the validation loss hardly falls after 8 epochs
PROBE_EPOCHS = 12
PROBE_SETTINGS = {"input_dropout": 0.0, "state_dropout": 0.0, "gradients": False}
FAILING = 0.75  # halfway between chance and always right
BATCH = 256  # sentences

RNN = {name: {"recurrent_init": name} for name in ("uniform", "orthogonal", "identity")}
LSTM = {f"forget-{bias}": {"forget_bias": bias} for bias in (0.0, 1.0, 2.0)}
LSTM = {name.removesuffix(".0"): settings for name, settings in LSTM.items()}
LSTM["chrono"] = {"forget_bias": "chrono"}
OWN = "own-"  # with it names of runs go on whose models have settings of their own
VARIED = ("recurrent_init", "forget_bias")  # by the study of initialisations


# Training -------------------------------------------------------------------------------------------------


def train_seeds(plan, seeds, *, overwrite=False, progress=True, **settings):
    """Train each variant once a seed, side by side; what is trained already is left as it is.

    Parameters
    ----------
    plan : list of (str, str, dict)
        Model, name of the variant and its settings; a run is called ``study-<model>-<name>-s<seed>``.
    seeds : list of int
    overwrite : bool
        Begin anew where a run with other settings or data has that name.
    progress : bool
        Show a progress bar.
    **settings
        Of all runs.

    Returns
    -------
    list of list of str
        The run ids of each variant.

    Raises
    ------
    UserError
        See :func:`scripts.studies.parallel.train`; or a run failed, which is said when all the others are trained.
    """
    run_ids, failed = train_variants(
        plan,
        seeds,
        settings=settings,
        overwrite=overwrite,
        progress=progress,
        remedy="begin the study anew with overwrite=True",
    )
    if failed:
        raise UserError(
            f"runs failed that this study needs ({', '.join(failed)}): see above why, then call it again; "
            "what is trained is kept"
        )
    return run_ids


def save_study(name, manifest, runs, **content):
    """Write a study with its provenance and return it.

    Parameters
    ----------
    name : str
    manifest : dict
        Of the dataset.
    runs : list of scripts.files.runs.Run
        What was trained for it.
    **content
        What was measured.
    """
    seconds = sum(t["seconds"] + t["gradients_seconds"] for run in runs for t in run.timings)
    study = {
        "format_version": FORMAT_VERSION,
        "study": name,
        "dataset": describe_data(manifest),
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
        "seconds": round(seconds, 1),
        **content,
    }
    write_json(study_path(name), study)
    return study


# Initialisations, and equal parameters ----------------------------------------------------------------------


def initialisation_study(
    seeds=SEEDS, epochs=None, *, of_model=None, overwrite=False, progress=True, **settings
):
    """How the recurrent weights (RNN) and the forget bias (LSTM) begin: gradients and accuracy.

    Parameters
    ----------
    seeds : int or sequence of int
        How many (0, 1, …), or which.
    epochs : int, optional
        By default 8, or each model's own from `of_model`.
    of_model : dict of str to dict, optional
        Settings of one model alone, such as the best ones found for each, less those that the study varies
        itself. The runs are then called ``study-<model>-own-…``.
    overwrite : bool
        Train anew where other settings or data were used before.
    progress : bool
        Show a progress bar.
    **settings
        Fields of scripts.training.experiment.Settings that differ from their defaults, for all runs. Not those that
        the study varies itself, and not ``gradients=False``.

    Returns
    -------
    dict
        As this module's docstring describes it; also written to ``assets/benchmarks/``.

    Raises
    ------
    UserError
        data/ is missing, or settings are out of range or not to be chosen.
    """
    refuse_varied(settings, *VARIED)
    shared, of_model = split_settings(settings, epochs, EPOCHS, of_model)
    of_model = without_varied(of_model)
    plan = [
        (model, OWN * bool(of_model) + name, of_model.get(model, {}) | own)
        for model, variants in (("rnn", RNN), ("lstm", LSTM))
        for name, own in variants.items()
    ]
    return compare_variants("initialisations", plan, seeds, overwrite, progress, of_model, **shared)


def without_varied(of_model):
    """Settings of one model alone, less those that the study of initialisations varies."""
    return {
        model: {key: value for key, value in own.items() if key not in VARIED}
        for model, own in of_model.items()
    }


def split_settings(settings, epochs, usual, of_model):
    """Settings of all runs, and those of one model alone; the epochs stand where they hold.

    Parameters
    ----------
    settings : dict
        Of all runs.
    epochs : int or None
        Of all runs, if given.
    usual : int
        Epochs of a model that has none.
    of_model : dict of str to dict, or None

    Returns
    -------
    shared, of_model : dict

    Raises
    ------
    UserError
        One setting is given for all runs and for one model; or a model's are not to be chosen.
    """
    of_model = settings_of_models(of_model, ["rnn", "lstm"])
    refuse_given_twice(of_model, settings if epochs is None else {"epochs": epochs, **settings})
    for own in of_model.values():
        refuse_varied(own)
    if epochs is None and all("epochs" in of_model.get(model, {}) for model in ("rnn", "lstm")):
        return settings, of_model
    return {"epochs": usual if epochs is None else epochs, **settings}, of_model


def epochs_of(study, model):
    """How many epochs the runs of one model of a study were to have."""
    own = study.get("of_model", {}).get(model, {})
    return own.get("epochs", study["epochs"])


def describe_epochs(study, models):
    """The epochs of a study in words: "8 epochs", or "20 epochs (RNN), 12 (LSTM)" where models differ."""
    epochs = {model: epochs_of(study, model) for model in models}
    (first, count), *others = epochs.items()
    if len(set(epochs.values())) == 1:
        return counted(count, "epoch")
    return ", ".join(
        [f"{counted(count, 'epoch')} ({first.upper()})", *(f"{n} ({m.upper()})" for m, n in others)]
    )


def equal_parameters(seeds=SEEDS, epochs=EPOCHS, *, overwrite=False, progress=True, **settings):
    """The LSTM beside an RNN of equal width, and beside one with as many parameters.

    The LSTM and the narrower RNN are runs of :func:`initialisation_study` without `of_model`.

    Parameters
    ----------
    seeds, overwrite, progress, **settings
        As there; ``hidden_size`` is that of the LSTM and of the narrower RNN.
    epochs : int

    Returns
    -------
    dict
        As this module's docstring describes it; also written to ``assets/benchmarks/``.

    Raises
    ------
    UserError
        data/ is missing, or settings are out of range.
    """
    refuse_varied(settings, *VARIED)
    H = check_settings("lstm", settings)["hidden_size"]
    wide = equal_width(H, load_manifest()["embeddings"]["dimensions"])
    plan = [
        ("rnn", "orthogonal", RNN["orthogonal"]),
        ("rnn", f"{wide}-units", RNN["orthogonal"] | {"hidden_size": wide}),
        ("lstm", "forget-1", LSTM["forget-1"]),
    ]
    settings["epochs"] = epochs
    return compare_variants("equal-parameters", plan, seeds, overwrite, progress, {}, **settings)


def equal_width(hidden_size, dimensions):
    """Units of the RNN that has as many parameters as an LSTM, as nearly as can be.

    An LSTM has P = 4H (D + H + 1) + H + 1 parameters, an RNN H (D + H + 1) + H + 1: quadratic in H.

    Examples
    --------
    >>> equal_width(64, 100)
    161
    """
    parameters = 4 * hidden_size * (dimensions + hidden_size + 1) + hidden_size + 1
    half = (dimensions + 2) / 2
    return round(math.sqrt(half * half + parameters - 1) - half)


def compare_variants(name, plan, seeds, overwrite, progress, of_model, **settings):
    """Train variants over seeds, and put their gradients and accuracies side by side in one JSON."""
    for given in (settings, *of_model.values()):
        refuse_unrecorded(name, given)
    seeds = seed_list(seeds)
    run_ids = train_seeds(plan, seeds, overwrite=overwrite, progress=progress, **settings)
    data, runs, content = measure_variants(plan, run_ids)
    return save_study(
        name,
        data.manifest,
        runs,
        seeds=seeds,
        epochs=settings.get("epochs"),
        settings=settings,
        of_model=of_model,
        **content,
    )


def measure_variants(plan, run_ids):
    """What studies of variants say of what they trained; the runs of a variant are as in :func:`train_seeds`.

    Returns
    -------
    data : scripts.files.data.Data
    runs : list of scripts.files.runs.Run
    content : dict
        ``standard_error``, ``sentences`` and ``variants`` of this module's docstring.
    """
    data, variants, runs = load_data(), [], []
    for (model, variant, own), ids in zip(plan, run_ids, strict=True):
        of_seeds = [load_run(run_id) for run_id in ids]
        runs += of_seeds
        variants.append({"model": model, "name": variant, "settings": own, "runs": ids})
        variants[-1] |= measure_variant(ids, of_seeds)
    p = np.mean(np.concatenate([variant["test_accuracy"] for variant in variants]))
    recorded = best_epoch(runs[0].history)["gradients"]
    content = {
        "standard_error": round_to_digits(np.sqrt(p * (1 - p) / len(data.splits["test"].s))),
        "sentences": {
            "count": recorded["sentences"],
            "shortest": recorded["shortest"],
            "longest": recorded["longest"],
        },
        "variants": variants,
    }
    return data, runs, content


def refuse_unrecorded(name, settings):
    """Raise a UserError where a study that compares gradients is asked not to record them."""
    if settings.get("gradients", True) is not True:
        raise UserError(
            f"gradients={settings['gradients']!r}: the study {name!r} compares gradients: leave that out"
        )


def refuse_varied(settings, *varied):
    """Raise a UserError where a setting is given that the study itself chooses, run by run."""
    for name in (*varied, "seed"):
        if name in settings:
            instead = "give seeds=, how many or which" if name == "seed" else "leave it out"
            raise UserError(f"{name}={settings[name]!r}: this study varies {name} itself: {instead}")


def measure_variant(run_ids, runs):
    """Best epochs, accuracies and decay of the runs of one variant."""
    best = [best_epoch(run.history) for run in runs]
    for run_id, record in zip(run_ids, best, strict=True):
        if not record["gradients"]:
            raise UserError(f"run {run_id!r} recorded no gradients: leave gradients=True, or overwrite it")
    states = [state for state in ("h", "c") if state in best[0]["gradients"]]
    first = [run.history[0] for run in runs]
    return {
        "parameters": runs[0].settings["parameters"],
        "best_epoch": [record["epoch"] for record in best],
        "validation_accuracy": [record["validation_accuracy"] for record in best],
        "test_accuracy": [accuracy_on_test(run_id) for run_id in run_ids],
        "decay": {
            state: {
                "before": over_seeds([record["gradients"][state]["decay"] for record in first]),
                "after": over_seeds([record["gradients"][state]["decay"] for record in best]),
            }
            for state in states
        },
    }


def over_seeds(decays):
    """Middle, smallest and largest of the seeds' medians at each depth; None where no seed has one."""
    by_depth = [
        [value for value in values if value is not None]
        for values in zip(*(decay["median"] for decay in decays), strict=True)
    ]
    return {
        "depth": decays[0]["depth"],
        "count": decays[0]["count"],
        **{
            name: [round_to_digits(pick(values)) if values else None for values in by_depth]
            for name, pick in (("median", np.median), ("low", min), ("high", max))
        },
    }


def accuracy_on_test(run_id):
    """Share of the test sentences that a run gets right, with the weights of its best epoch."""
    return float(np.mean(right_on_test(run_id)))


def right_on_test(run_id):
    """Which test sentences a run gets right, (N,) booleans."""
    model, data, _ = load_model(run_id)
    return right(model, data.splits["test"])


def accuracy(model, split):
    """Share of the sentences of a split that a model gets right."""
    return float(np.mean(right(model, split)))


def right(model, split):
    """Which sentences of a split a model gets right, (N,) booleans."""
    with threadpool_limits(1):
        return (logits(model, split) > 0) == split.y


def variants_table(study):
    """The variants of a study as text: accuracies, and what is left of ∂z at the last depth that all share.

    Parameters
    ----------
    study : dict
        Of :func:`initialisation_study` or :func:`equal_parameters`.

    Returns
    -------
    str
    """
    depth = study["sentences"]["shortest"]
    models = dict.fromkeys(variant["model"] for variant in study["variants"])
    columns = f"{'parameters':>11}  {'test accuracy, %':22}{'best epoch':12}"
    lines = [
        f"{counted(len(study['seeds']), 'seed')}, {describe_epochs(study, models)}; accuracy: mean "
        f"(smallest–largest); of ∂z, left {depth} steps back",
        *(f"{model.upper()}: {as_given(own)}" for model, own in study["of_model"].items()),
        f"{'':19}{columns}{'h before':>9}{'after':>9}{'c before':>11}{'after':>9}",
    ]
    for variant in study["variants"]:
        score = 100 * np.array(variant["test_accuracy"])
        name, epochs = variant["name"].removeprefix(OWN), ", ".join(map(str, variant["best_epoch"]))
        left = [
            curve[moment]["median"][depth - 1]
            for curve in variant["decay"].values()
            for moment in ("before", "after")
        ]
        left = [f"{'–':>9}" if value is None else f"{value:9.1e}" for value in left]
        lines.append(
            f"{variant['model'].upper():5}{name:14}{variant['parameters']:11,}  "
            f"{f'{score.mean():.1f} ({score.min():.1f}–{score.max():.1f})':22}{epochs:12}{''.join(left[:2])}"
            + ("  " + "".join(left[2:]) if left[2:] else "")
        )
    return "\n".join(lines)


# Does the dataset need memory? ------------------------------------------------------------------------------


def memory_study(rnn="rnn-run-1", lstm="lstm-run-3", *, progress=True):
    """Test accuracy from only the last k words of each sentence, k = 1 … all, of trained runs.

    The models are not trained again: they read the end of a sentence as if it were all. Beside them stand
    the commoner label of the training split, and logistic regression on word counts, trained on whole
    training rows and shown the same last k words.

    Parameters
    ----------
    rnn, lstm : str or sequence of str
        A run id, or those of several seeds.
    progress : bool
        Show a progress bar.

    Returns
    -------
    dict
        As this module's docstring describes it; also written to ``assets/benchmarks/``.

    Raises
    ------
    UserError
        A run is missing, of the other model or of other settings than the first of its model, or data/ is not
        what it was trained on.
    """
    loaded = {"rnn": load_seeds("rnn", rnn), "lstm": load_seeds("lstm", lstm)}
    data = loaded["rnn"][0][1]
    test = data.splits["test"]
    ks = range(1, int(test.s.max()) + 1)
    right = {model: [[] for _ in of_model] for model, of_model in loaded.items()}
    counts = []
    classifier = fit_word_counts(data.splits["train"], len(data.vocabulary))
    for k in tqdm(ks, "last k words", disable=not progress):
        ending = last_words(test, k)
        for model, of_model in loaded.items():
            for (classifier_of_seed, _, _), by_k in zip(of_model, right[model], strict=True):
                by_k.append(accuracy(classifier_of_seed, ending))
        counts.append(float(classifier.score(word_counts(ending, len(data.vocabulary)), ending.y)))
    commoner = data.splits["train"].y.mean() > 0.5
    runs = {model: [run for _, _, run in of_model] for model, of_model in loaded.items()}
    return save_study(
        "memory",
        data.manifest,
        [run for of_model in runs.values() for run in of_model],
        sentences=len(test.s),
        k=list(ks),
        longer=[int(np.sum(test.s > k)) for k in ks],
        models=[describe_memory(of_model, right[model], len(test.s)) for model, of_model in runs.items()],
        baselines={"majority": float(np.mean(test.y == commoner)), "counts": counts},
    )


def memory_table(study):
    """The study of the last k words as text: mean accuracies at some k.

    Parameters
    ----------
    study : dict
        Of :func:`memory_study`.

    Returns
    -------
    str
    """
    shown = [k for k in (1, 2, 5, 10, 15, 20, 30, 40) if k < study["k"][-1]] + [study["k"][-1]]
    rows = [
        (f"{one['model'].upper()}, {counted(len(one['runs']), 'seed')}", one["accuracy"])
        for one in study["models"]
    ]
    rows.append(("logistic regression on word counts", [study["baselines"]["counts"]]))
    lines = [f"{'test accuracy, %, from the last k words':40}" + "".join(f"{k:>7}" for k in shown)]
    for name, accuracies in rows:
        mean = 100 * np.mean(accuracies, axis=0)
        lines.append(f"{name:40}" + "".join(f"{mean[k - 1]:7.1f}" for k in shown))
    return "\n".join(lines)


def load_seeds(model, run_ids):
    """Classifier, data and run of each seed of one model; UserError where they don't belong together."""
    run_ids = [run_ids] if isinstance(run_ids, str) else list(run_ids)
    if not run_ids:
        raise UserError(f"no run of the {model.upper()} is named: give a run id, or those of several seeds")
    loaded = []
    for run_id in run_ids:
        settings = load_run(run_id).settings
        if settings["model"] != model:
            raise UserError(
                f"run {run_id!r} is one of the {settings['model'].upper()}, expected the {model.upper()}: "
                "give memory_study an RNN's run and an LSTM's, in this order"
            )
        loaded.append(load_model(run_id))
        first, given = (
            run.settings["hyperparameters"] | {"seed": 0} for _, _, run in (loaded[0], loaded[-1])
        )
        if given != first:
            raise UserError(
                f"runs {run_ids[0]!r} and {run_id!r} have other settings, expected the same but for the "
                "seed: give memory_study seeds of one recipe"
            )
    return loaded


def describe_memory(runs, right, sentences):
    """What ``memory.json`` says of the runs of one model; `right` is the accuracy of each for each k."""
    mean = np.mean(right, axis=0)
    error = math.sqrt(mean[-1] * (1 - mean[-1]) / sentences)
    below = np.flatnonzero(mean < mean[-1] - error)
    return {
        "model": runs[0].settings["model"],
        "hidden_size": runs[0].settings["hyperparameters"]["hidden_size"],
        "runs": [run.settings["run_id"] for run in runs],
        "best_epoch": [best_epoch(run.history)["epoch"] for run in runs],
        "accuracy": right,
        "standard_error": round_to_digits(error),
        "enough": int(below[-1]) + 2 if len(below) else 1,
    }


def last_words(split, k):
    """A split of which each sentence keeps its last k words.

    Parameters
    ----------
    split : scripts.files.data.Split
    k : int

    Returns
    -------
    scripts.files.data.Split
    """
    from_end = np.repeat(np.cumsum(split.s, dtype=np.int64), split.s) - np.arange(len(split.x))
    return Split(split.x[from_end <= k], np.minimum(split.s, k), split.y, split.g)


def word_counts(split, words):
    """How often each sentence holds each word: a sparse (N, words) matrix."""
    from scipy.sparse import csr_array

    starts = np.concatenate([[0], np.cumsum(split.s, dtype=np.int64)])
    ones = np.ones(len(split.x))
    return csr_array((ones, np.asarray(split.x, np.int64), starts), shape=(len(split.s), words))


def fit_word_counts(split, words):
    """Logistic regression on word counts, which knows nothing of their order."""
    from sklearn.linear_model import LogisticRegression

    with threadpool_limits(1):
        return LogisticRegression(max_iter=300).fit(word_counts(split, words), split.y)


# The cue-distance probe -------------------------------------------------------------------------------------


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


def describe_failure(study, model):
    """At which distance a model of a probe study fails, in words, seed by seed where seeds differ."""
    failures = ["none" if d is None else f"{d}" for d in model["fails_at"]]
    if set(failures) == {"none"}:
        return f"does not fail up to d = {study['longest']}"
    if len(set(failures)) > 1:
        return f"first fails at d = {', '.join(failures)} (seed by seed)"
    first = study["distances"].index(model["fails_at"][0])
    if all(score < study["failing"] for scores in model["accuracy"] for score in scores[first:]):
        return f"fails from d = {failures[0]} on"
    return f"first fails at d = {failures[0]}"


def describe_gradient_there(study, model):
    """What is left of ∂z/∂h, before and after training, where a model fails or else at the longest d."""
    places = [study["distances"].index(d) for d in sorted({d for d in model["fails_at"] if d is not None})]

    def left(moment, place):
        power = model["gradient"]["h"][moment]["median"][place]
        return "0" if power is None else f"{10**power:.2g}" if power > -3 else tiny(power)

    return "; ".join(
        f"at d = {study['distances'][place]}, of ∂z/∂h {left('before', place)} was left before training and "
        f"{left('after', place)} after"
        for place in places or [-1]
    )


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
