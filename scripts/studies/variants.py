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

import numpy as np

from scripts.files.data import load_data, load_manifest
from scripts.files.errors import UserError
from scripts.files.numbers import counted, round_to_digits
from scripts.files.runs import best_epoch, load_run
from scripts.studies.arguments import refuse_given_twice, seed_list, settings_of_models
from scripts.studies.study import save_study, train_seeds
from scripts.studies.words import OWN, as_given, describe_epochs
from scripts.training.evaluation import accuracy_on_test
from scripts.training.settings import check_settings

EPOCHS, SEEDS = 8, 3  # on SST-2 the validation loss hardly falls after 8 epochs

RNN = {name: {"recurrent_init": name} for name in ("uniform", "orthogonal", "identity")}
LSTM = {f"forget-{bias}": {"forget_bias": bias} for bias in (0.0, 1.0, 2.0)}
LSTM = {name.removesuffix(".0"): settings for name, settings in LSTM.items()}
LSTM["chrono"] = {"forget_bias": "chrono"}
VARIED = ("recurrent_init", "forget_bias")  # by the study of initialisations


# Training -------------------------------------------------------------------------------------------------


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
        Fields of scripts.training.settings.Settings that differ from their defaults, for all runs. Not those that
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


# The cue-distance probe -------------------------------------------------------------------------------------
