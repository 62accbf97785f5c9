"""Both models over seeds and over a grid of settings: what is chance, and what isn't.

:func:`compare_models` trains every run that is missing, side by side (scripts/studies/parallel.py), and writes
``assets/benchmarks/<name>.json``; scripts/figures/comparison.py draws it. The file holds what every study holds
(scripts/studies/variants.py), and

    comparison          true
    seeds, settings     of all runs
    of_model            {model: settings of its runs alone}
    axes                the settings that were varied, each with its values
    standard_error      of one accuracy near theirs on that test split
    sentences           {count, shortest, longest}: those on which the logs measured their gradients
    depth               steps back at which ``left`` is read: the deepest that all these sentences have
    variants            a list, as in ``initialisations.json``, and of each
        seeds           those whose runs didn't fail
        left            {h, c: {before, after}}: log₁₀ of the median of ‖∂z/∂h_t‖ at ``depth`` relative to the
                        last step, of each run, at epoch 0 and at the best epoch; null where it is 0
        intervals       of ``test_accuracy``, and of ``left`` by state and moment: {mean, low, high, count}
    paired              a list, one for each LSTM whose varied settings an RNN shares
        rnn, lstm       names of the variants
        settings        the varied ones
        seeds           that both have
        test            "paired t-test"
        sentences_error     of the difference in test accuracy, mean over these seeds: its standard error as
                        that of a mean over the test sentences, each read by both models
        differences     LSTM less RNN: of ``test_accuracy``, ``left_h``, and ``left_c`` (the LSTM's c less the
                        RNN's h), at the best epoch: {mean, low, high, count, p}
    failed              {run id: what went wrong}

An interval is the 95 % confidence interval of a mean over seeds (Student's t), null of less than two. It says
how much chance in training moves that mean; that the test split is small stands apart, in ``standard_error``.
"""

import itertools
import math
import re
from dataclasses import asdict

import numpy as np

from scripts.files.errors import UserError
from scripts.files.numbers import counted, plus_minus, round_to_digits
from scripts.files.paths import check_run_id
from scripts.files.runs import NAMES, best_epoch
from scripts.files.storage import read_json, undamaged
from scripts.files.studies import study_path
from scripts.studies.arguments import AXIS, plain, refuse_given_twice, seed_list, settings_of_models
from scripts.studies.parallel import train_variants
from scripts.studies.study import save_study
from scripts.studies.variants import measure_variants, refuse_unrecorded, refuse_varied
from scripts.studies.words import CONFIDENCE, INTERVAL, as_given
from scripts.training.evaluation import right_on_test
from scripts.training.settings import LSTM_ALONE, Settings, check_settings

SEEDS = 5
TEST = "paired t-test"
# what scripts/studies/variants.py, baselines.py, search.py, analysis.py and benchmark.py call their JSON and figures
RESERVED = (
    r"((initialisations|equal-parameters|baselines|search|memory|probe|jacobians)(-.*)?"
    r"|\d{4}-\d\d-\d\d(-.*)?)"
)


# The runs -------------------------------------------------------------------------------------------------


def compare_models(
    models=("rnn", "lstm"),
    seeds=SEEDS,
    name="compare",
    *,
    of_model=None,
    scheduler=None,
    jobs=None,
    overwrite=False,
    progress=True,
    **settings,
):
    """Train each model with each combination of settings once a seed, and put intervals to what comes out.

    Called again it trains only what is missing, and measures anew. A run that fails is named and left out.

    Parameters
    ----------
    models : str or sequence of str
        Among ``"rnn"`` and ``"lstm"``.
    seeds : int or sequence of int
        How many (0, 1, …), or which.
    name : str
        Of the comparison: its JSON is ``assets/benchmarks/<name>.json``, its runs are called
        ``study-<model>-<name>-…-s<seed>``.
    of_model : dict of str to dict, optional
        Settings of one model alone, such as the best ones found for it: ``{"rnn": BEST_RNN}``. None of them
        is varied.
    scheduler, jobs, overwrite, progress
        See :func:`scripts.studies.parallel.train`.
    **settings
        Fields of scripts.training.settings.Settings, each with one value, or with several: then it is varied, every
        value of one with every value of the others. Those of the LSTM alone leave the RNN as it is.

    Returns
    -------
    dict
        As this module's docstring describes it; also written to ``assets/benchmarks/``.

    Raises
    ------
    UserError
        What was asked for makes no sense, the name is taken by other settings or another study, data/ is
        missing or has changed since the comparison began, the scheduler doesn't answer, or all runs failed.
    """
    models = model_list(models)
    seeds = seed_list(seeds)
    settings = {key: plain(value) for key, value in settings.items()}
    of_model = settings_of_models(of_model, models)
    for given in (settings, *of_model.values()):
        refuse_varied(given)
        refuse_unrecorded(name, given)
    axes = {
        key: value_list(key, settings.pop(key)) for key in list(settings) if isinstance(settings[key], AXIS)
    }
    check_name(name)
    refuse_given_twice(of_model, settings | axes)
    variants = plan_variants(models, name, settings, axes, of_model)
    if not overwrite:
        check_grid(name, models, settings, axes, of_model)
    run_ids, failed = train_variants(
        variants,
        seeds,
        settings={},
        remedy="give another name=, or begin anew with overwrite=True",
        **{"scheduler": scheduler, "jobs": jobs, "overwrite": overwrite, "progress": progress},
    )
    trained = [(variant, ids) for variant, ids in zip(variants, run_ids, strict=True) if ids]
    if not trained:
        raise UserError(f"all {len(failed)} runs of the comparison {name!r} failed: see above why")
    data, runs, content = measure_variants(*zip(*trained, strict=True))
    depth = content["sentences"]["shortest"]
    of_id = {run.settings["run_id"]: run for run in runs}
    for variant in content["variants"]:
        add_intervals(variant, [of_id[run_id] for run_id in variant["runs"]], depth)
    return save_study(
        name,
        data.manifest,
        runs,
        comparison=True,
        seeds=seeds,
        settings=settings,
        of_model=of_model,
        axes=axes,
        depth=depth,
        **content,
        paired=pair_variants(content["variants"], axes),
        failed=failed,
    )


def model_list(models):
    """The models that are meant, each a str; UserError where they aren't."""
    listed = [models] if isinstance(models, str) else list(models) if np.iterable(models) else []
    if not listed or not all(isinstance(model, str) for model in listed) or len(set(listed)) < len(listed):
        raise UserError(f"models={models!r}: expected each model once, such as ('rnn', 'lstm')")
    return listed


def value_list(setting, values):
    """The values of a setting that is varied, each once."""
    values = [plain(value) for value in values]
    repeated = [value for value in values if values.count(value) > 1]
    if not values or repeated:
        found = f"holds {repeated[0]!r} more than once" if repeated else "holds no value"
        raise UserError(f"{setting}={values!r} {found}: give each value that is to be compared once")
    return values


def check_name(name):
    """Raise UserError where `name` is no file name, or that of what is no comparison."""
    check_run_id(name, "name")
    if re.fullmatch(RESERVED, name, re.IGNORECASE):  # some file systems don't tell them apart
        raise UserError(f"name={name!r} is kept for another study or a benchmark: give another name=")
    path = study_path(name)
    if path.exists():
        there = read_json(path)
        if not (isinstance(there, dict) and there.get("comparison")):
            raise UserError(f"{path} holds what is no comparison: give another name=")


def check_grid(name, models, settings, axes, of_model):
    """Raise UserError where that name is of a comparison whose settings, or what is varied, are others.

    Seeds, models and epochs may be: to them runs are added, or runs go on.
    """
    path = study_path(name)
    if not path.exists():
        return
    there = read_json(path)
    with undamaged(path, "damaged", "delete it, and call again"):
        before = there["settings"], there["axes"], there.get("of_model", {})
        trained = {variant["model"] for variant in there["variants"]}
        shared = [model for model in models if model in trained] or models
        same = complete(shared, *before) == complete(shared, settings, axes, of_model)
    if not same:
        raise UserError(
            f"{path} compares {in_words(*before)}, asked for now: "
            f"{in_words(settings, axes, of_model)}: give another "
            "name=, or begin anew with overwrite=True"
        )


def complete(models, settings, axes, of_model):
    """Every setting of some models but the epochs, and the axes in order, as both name runs and figures."""
    defaults, free = asdict(Settings()), {"epochs": None}
    return [defaults | settings | of_model.get(model, {}) | free for model in models], list(axes.items())


def in_words(settings, axes, of_model):
    """Settings and axes as they are asked for."""
    given = {**settings, **axes} | ({"of_model": of_model} if of_model else {})
    return as_given(given) or "default settings"


def plan_variants(models, name, settings, axes, of_model):
    """Every model with every combination of settings; all are checked.

    Parameters
    ----------
    models : list of str
    name : str
        Of the comparison; those of the variants begin with it.
    settings : dict
        Of all runs.
    axes : dict of str to list
        Settings that are varied, with their values.
    of_model : dict of str to dict
        Settings of one model alone.

    Returns
    -------
    list of (str, str, dict)
        Model, name of the variant and its settings, as :func:`scripts.studies.parallel.train_variants` takes them.
    """
    variants = []
    for model in models:
        # What only the LSTM has is no mistake where the LSTM is there too.
        foreign = LSTM_ALONE if model != "lstm" and "lstm" in models else ()
        varied = {key: values for key, values in axes.items() if key not in foreign}
        fixed = {key: value for key, value in settings.items() if key not in foreign}
        fixed |= of_model.get(model, {})
        for values in itertools.product(*varied.values()):
            own = dict(zip(varied, values, strict=True))
            given = fixed | own
            checked = check_settings(model, given)
            parts = [name, *(f"{key}-{value}" for key, value in own.items())]
            in_file_name = "-".join(parts).replace("+", "")  # 1e+16 is 1e16
            variants.append((model, in_file_name, {key: checked[key] for key in given}))
    return variants


# What came out --------------------------------------------------------------------------------------------


def add_intervals(variant, runs, depth):
    """Add to a variant its seeds, what is left of its gradients, and the intervals of both."""
    variant["seeds"] = [run.settings["hyperparameters"]["seed"] for run in runs]
    moments = {"before": [run.history[0] for run in runs], "after": [best_epoch(run.history) for run in runs]}
    variant["left"] = {
        state: {
            moment: [left_at(record["gradients"][state], depth) for record in records]
            for moment, records in moments.items()
        }
        for state in variant["decay"]
    }
    variant["intervals"] = {
        "test_accuracy": interval(variant["test_accuracy"]),
        **{
            state: {moment: interval(values) for moment, values in by_moment.items()}
            for state, by_moment in variant["left"].items()
        },
    }


def left_at(quantities, depth):
    """log₁₀ of the median decay of one state at a depth, None where it is 0 or no sentence has one."""
    median = quantities["decay"]["median"][depth - 1]
    return round_to_digits(math.log10(median)) if median else None


def interval(values):
    """Mean of some values and its 95 % confidence interval, by Student's t; those that are None are left out.

    Returns
    -------
    dict or None
        ``mean``, ``low``, ``high`` (None of one value), ``count``; None of no value.

    Examples
    --------
    >>> interval([1.0, 2.0, 3.0])
    {'mean': 2.0, 'low': -0.4841377, 'high': 4.484138, 'count': 3}
    """
    from scipy import stats  # SciPy comes with scikit-learn, and takes a second to import

    values = np.array([value for value in values if value is not None], float)
    n = len(values)
    if n == 0:
        return None
    mean, low, high = values.mean(), None, None
    if n > 1:
        half = stats.t.ppf((1 + CONFIDENCE) / 2, n - 1) * values.std(ddof=1) / math.sqrt(n)
        low, high = round_to_digits(mean - half), round_to_digits(mean + half)
    return {"mean": round_to_digits(mean), "low": low, "high": high, "count": n}


def pair_variants(variants, axes):
    """Each LSTM beside the RNN of the same settings, over the seeds that both have."""
    shared = [key for key in axes if key not in LSTM_ALONE]
    rnns = {
        tuple(variant["settings"][key] for key in shared): variant
        for variant in variants
        if variant["model"] == "rnn"
    }
    lstms = [variant for variant in variants if variant["model"] == "lstm"]
    pairs = [(rnns.get(tuple(lstm["settings"][key] for key in shared)), lstm) for lstm in lstms]
    return [describe_pair(rnn, lstm, axes) for rnn, lstm in pairs if rnn]


def describe_pair(rnn, lstm, axes):
    """Differences of an LSTM and an RNN over equal seeds."""
    seeds = [seed for seed in lstm["seeds"] if seed in rnn["seeds"]]

    def difference(of_lstm, of_rnn):
        a, b = (
            [values[variant["seeds"].index(seed)] for seed in seeds]
            for values, variant in ((of_lstm, lstm), (of_rnn, rnn))
        )
        return paired(a, b)

    rnn_h = rnn["left"]["h"]["after"]
    return {
        "rnn": rnn["name"],
        "lstm": lstm["name"],
        "settings": {key: lstm["settings"][key] for key in axes},
        "seeds": seeds,
        "test": TEST,
        "sentences_error": error_over_sentences(*(runs_of(variant, seeds) for variant in (lstm, rnn))),
        "differences": {
            "test_accuracy": difference(lstm["test_accuracy"], rnn["test_accuracy"]),
            "left_h": difference(lstm["left"]["h"]["after"], rnn_h),
            "left_c": difference(lstm["left"]["c"]["after"], rnn_h),
        },
    }


def runs_of(variant, seeds):
    """Run ids of a variant, of these seeds."""
    return [variant["runs"][variant["seeds"].index(seed)] for seed in seeds]


def error_over_sentences(a, b):
    """Standard error, over the test sentences, of the difference in mean accuracy of two lists of runs.

    Both read the same sentences, so it is that of the mean of what each sentence adds to the difference.
    """
    shares = [np.mean([right_on_test(run_id) for run_id in runs], axis=0) for runs in (a, b)]
    differences = shares[0] - shares[1]
    return round_to_digits(differences.std(ddof=1) / math.sqrt(len(differences)))


def paired(a, b):
    """Mean of a - b, its interval, and p of the paired t-test that it is 0; pairs with a None are left out.

    Parameters
    ----------
    a, b : list of float or None
        Of the same seeds.

    Returns
    -------
    dict or None
        As :func:`interval`, and ``p``, None where there is one pair or all differences are equal.
    """
    from scipy import stats

    pairs = [pair for pair in zip(a, b, strict=True) if None not in pair]
    differences = [x - y for x, y in pairs]
    found = interval(differences)
    if found:
        varies = np.ptp(differences) > 1e-9  # less is rounding
        found["p"] = round_to_digits(stats.ttest_rel(*zip(*pairs, strict=True)).pvalue) if varies else None
    return found


def comparison_table(study):
    """A comparison as text: each variant with its intervals, then LSTM less RNN over equal seeds.

    Parameters
    ----------
    study : dict
        Of :func:`compare_models`.

    Returns
    -------
    str
    """
    width = max(12, *(len(label(study, variant)) + 2 for variant in study["variants"]))
    seeds = len(study["seeds"])
    lines = [
        f"{study['study']}, {counted(seeds, 'seed')}: mean ± half of its {INTERVAL} over seeds "
        f"(Student's t); h, c: log₁₀ of what is left of ∂z {study['depth']} steps back",
        *(f"{NAMES[model]}: {as_given(own)}" for model, own in study["of_model"].items()),
        f"{'':{width}}{'parameters':>10}{'test accuracy, %':>18}"
        + "".join(f"{state:>16}" for state in ("h before", "h after", "c before", "c after")),
    ]
    for variant in study["variants"]:
        found = variant["intervals"]
        left = [found[state][moment] for state in variant["left"] for moment in ("before", "after")]
        lines.append(
            f"{label(study, variant):{width}}{variant['parameters']:10,}"
            f"{plus_minus(found['test_accuracy'], 100, 1):>18}"
            + "".join(f"{plus_minus(one, 1, 2):>16}" for one in left)
        )
    if study["paired"]:
        lines.append(f"LSTM less RNN, equal seeds: mean and its {INTERVAL} ({TEST})")
    for pair in study["paired"]:
        lines += pair_lines(study, pair)
    sentences = study["dataset"]["splits"]["test"]["rows"]
    lines.append(
        f"Intervals are about chance in training. That there are {sentences:,} test sentences is another: "
        f"standard error {100 * study['standard_error']:.1f} points."
    )
    lines += [f"failed, left out: {run_id}: {fault}" for run_id, fault in study["failed"].items()]
    return "\n".join(lines)


def label(study, variant):
    """A variant in few words: its model, and the settings that are varied."""
    varied = [f"{key}={variant['settings'][key]}" for key in study["axes"] if key in variant["settings"]]
    return " ".join([NAMES[variant["model"]], *varied])


def pair_lines(study, pair):
    """The differences of one pair, a line each."""
    what = {
        "test_accuracy": ("test accuracy, points", 100, 1),
        "left_h": ("log₁₀ left of ∂z/∂h, best epoch", 1, 2),
        "left_c": ("log₁₀ left, ∂z/∂c less the RNN's ∂z/∂h", 1, 2),
    }
    varied = ", ".join(f"{key}={value}" for key, value in pair["settings"].items())
    lines = [f"  {varied}"] if varied else []
    for key, (words, scale, digits) in what.items():
        found = pair["differences"][key]
        if not found:
            continue
        lines.append(f"  {words:40}{scale * found['mean']:+.{digits}f}")
        if found["low"] is not None:
            low, high = (f"{scale * found[end]:+.{digits}f}" for end in ("low", "high"))
            p = "" if found["p"] is None else f", p = {found['p']:.2g}"
            lines[-1] += f"  ({low} to {high}, {found['count']} pairs{p})"
        if key == "test_accuracy":
            error = 100 * pair["sentences_error"]
            lines.append(f"  {'the same over sentences, standard error':40} {error:.1f}")
    return lines
