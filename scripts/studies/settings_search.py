"""The search behind scripts/training/recipes.py: each recipe and its changes, on the validation split alone.

``search.json``, by :func:`search`, holds what every study holds (scripts/studies/variants.py), and

    seeds
    of_model        {model: its best settings}
    sentences       of the validation split
    candidates      a list, for each model first its best settings, then the changes
        model, change           {setting: value}, of the best settings themselves {}
        runs                    run ids, one a seed
        best_epoch, validation_loss, validation_accuracy    of each run, at its best epoch

No test sentence is read. The runs of the best settings are the first of ``compare(…, name="best", …)``.
"""

import numpy as np

from scripts.files.data import load_data
from scripts.files.runs import best_epoch, load_run
from scripts.studies.arguments import seed_list
from scripts.studies.study import save_study, train_seeds
from scripts.studies.words import as_given
from scripts.training.recipes import BEST

SEEDS = 2
CHANGES = {
    "rnn": [
        {"hidden_size": 64},
        {"hidden_size": 192},
        {"lr": 0.001},
        {"schedule": "constant"},
        {"batch_size": 32},
        {"batch_size": 128},
        {"clip_norm": 1.0},
        {"weight_decay": 0.0},
        {"averaging": 0.0},
        {"input_dropout": 0.2},
        {"state_dropout": 0.5},
        {"recurrent_init": "identity"},
        {"length_weight": 0.5},
    ],
    "lstm": [
        {"hidden_size": 128},
        {"hidden_size": 256},
        {"lr": 0.002, "schedule": "linear"},
        {"batch_size": 128},
        {"clip_norm": 1.0},
        {"weight_decay": 0.0},
        {"forget_bias": 1.0},
        {"averaging": 0.0},
        {"input_dropout": 0.2},
        {"state_dropout": 0.5},
        {"length_weight": 0.5},
    ],
}


def search(seeds=SEEDS, *, overwrite=False, progress=True):
    """Train both models with their best settings and with each change of them; compare validation losses.

    Parameters
    ----------
    seeds : int or sequence of int
        How many (0, 1, …), or which.
    overwrite : bool
        Train anew where other settings or data were used before.
    progress : bool
        Show a progress bar.

    Returns
    -------
    dict
        As this module's docstring describes it; also written to ``assets/benchmarks/``.

    Raises
    ------
    UserError
        data/ is missing, or a run failed; see :func:`scripts.studies.study.train_seeds`.
    """
    seeds = seed_list(seeds)
    plan = [(model, variant_name(change), BEST[model] | change) for model, change in planned()]
    run_ids = train_seeds(plan, seeds, overwrite=overwrite, progress=progress)
    data, all_runs, candidates = load_data(), [], []
    for (model, change), ids in zip(planned(), run_ids, strict=True):
        runs = [load_run(run_id) for run_id in ids]
        best = [best_epoch(run.history) for run in runs]
        candidates.append({"model": model, "change": change, "runs": ids})
        candidates[-1] |= {
            "best_epoch": [record["epoch"] for record in best],
            "validation_loss": [record["validation_loss"] for record in best],
            "validation_accuracy": [record["validation_accuracy"] for record in best],
        }
        all_runs += runs
    return save_study(
        "search",
        data.manifest,
        all_runs,
        seeds=seeds,
        of_model=BEST,
        sentences=len(data.splits["validation"].s),
        candidates=candidates,
    )


def planned():
    """All candidates, as pairs of a model and a change: for each model first its best settings."""
    return [(model, change) for model in BEST for change in ({}, *CHANGES[model])]


def variant_name(change):
    """What the runs of a candidate are called after: those of the best settings as ``compare()`` has them.

    Examples
    --------
    >>> variant_name({}), variant_name({"lr": 0.002, "schedule": "linear"})
    ('best', 'search-lr-0.002-schedule-linear')
    """
    return "-".join(["search", *(f"{key}-{value}" for key, value in change.items())]) if change else "best"


def name_change(change):
    """A candidate as the tables name it: "its best settings", or what was changed."""
    return as_given(change) or "its best settings"


def search_table(study):
    """The candidates as text, means over seeds.

    Parameters
    ----------
    study : dict
        Of :func:`search`.

    Returns
    -------
    str
    """
    lines = [f"{'validation':48}{'loss':>7}{'accuracy, %':>13}   best epochs"]
    for one in study["candidates"]:
        name = f"{one['model'].upper()}: {name_change(one['change'])}"
        loss, accuracy = np.mean(one["validation_loss"]), 100 * np.mean(one["validation_accuracy"])
        epochs = ", ".join(map(str, one["best_epoch"]))
        lines.append(f"{name:48}{loss:7.4f}{accuracy:13.1f}   {epochs}")
    return "\n".join(lines)
