"""Baselines: classifiers that ignore word order, and training on a leaky random split.

main.py calls :func:`baselines`. Besides what every study holds (scripts/files/studies.py),
``assets/studies/baselines/<name>.json`` has

    sentences       of the test split
    majority        accuracy of the majority class of the training split
    mean_vectors    logistic regression on the mean of a sentence's word vectors: {C, validation, test}
    counts          logistic regression on word counts: {C, validation, test}
    of_model        {model: its best settings}
    random_rows     {model: {epoch, validation, test}} with these settings, after training and validation rows
                    were mixed and divided again, so that phrases of one sentence are on both sides

All are accuracies. C is scikit-learn's inverse strength of regularisation, the best of ``STRENGTHS`` on the
validation split; epoch is the one with the lowest validation loss.
"""

import warnings

import numpy as np
from threadpoolctl import threadpool_limits

from scripts.files.blocks import DEFAULT
from scripts.files.data import Split, describe_data, load_data
from scripts.files.errors import UserError
from scripts.files.numbers import table
from scripts.files.paths import check_run_id
from scripts.files.progress import progress_bar
from scripts.files.runs import NAMES
from scripts.files.studies import save_study
from scripts.text.batches import find_starts
from scripts.training import experiment
from scripts.training.evaluation import correct
from scripts.training.recipes import BEST
from scripts.training.settings import check_settings

STRENGTHS = (0.01, 0.1, 1.0, 10.0)
ITERATIONS = 1000  # of logistic regression, at most
SEED = 0  # of the random division, and of the models trained on it


def baselines(progress=True, name=DEFAULT, data=None):
    """Measure accuracies to compare both models with; return the dict that is written, and print a table.

    `data` is the name of a dataset in data/<data>/; by default the one in data/ itself.
    """
    data = load_data(data)
    train, test = data.splits["train"], data.splits["test"]
    check_run_id(name, "name")
    found = {
        "sentences": len(test.s),
        "of_model": BEST,
        "majority": float(np.mean(test.y == (train.y.mean() > 0.5))),
        "mean_vectors": logistic_regression(data, mean_vectors, "mean vectors", progress),
        "counts": logistic_regression(data, word_counts, "word counts", progress),
        "random_rows": {model: train_on_random_rows(model, data, progress) for model in BEST},
    }
    dataset = describe_data(data.manifest, data.name)
    return save_study("baselines", name, dataset, [], baselines_table, **found)


def logistic_regression(data, features, name, progress):
    """Fit logistic regression on ``features(split, data)``, its C chosen on the validation split."""
    X = {split: features(rows, data) for split, rows in data.splits.items()}
    y = {split: rows.y for split, rows in data.splits.items()}
    fitted = []
    for C in progress_bar(STRENGTHS, name, progress=progress, leave=False):
        classifier = fit_logistic_regression(X["train"], y["train"], C)
        fitted.append((float(classifier.score(X["validation"], y["validation"])), C, classifier))
    validation, C, classifier = max(fitted, key=lambda one: one[0])
    return {"C": C, "validation": validation, "test": float(classifier.score(X["test"], y["test"]))}


def fit_logistic_regression(X, y, C=1.0):
    """Fit scikit-learn's logistic regression; print one line if it does not converge."""
    from sklearn.exceptions import ConvergenceWarning  # takes a second to import
    from sklearn.linear_model import LogisticRegression

    with threadpool_limits(1), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fitted = LogisticRegression(C=C, max_iter=ITERATIONS).fit(X, y)
    if any(issubclass(warning.category, ConvergenceWarning) for warning in caught):
        print(f"Logistic regression with C={C:g} stopped before it converged; its accuracy may be low.")
    return fitted


def word_counts(split, data):
    """Count each word of the vocabulary in each sentence of a split: a sparse (N, V) matrix."""
    from scipy.sparse import csr_array

    starts = np.concatenate([[0], np.cumsum(split.s, dtype=np.int64)])
    ids = np.asarray(split.x, np.int64)
    return csr_array((np.ones(len(ids)), ids, starts), shape=(len(split.s), len(data.vocabulary)))


def mean_vectors(split, data):
    """Return the mean of each sentence's word vectors, (N, D)."""
    return word_counts(split, data) @ data.embeddings / split.s[:, None]


def train_on_random_rows(model, data, progress):
    """Train a model after mixing training and validation rows: its validation accuracy is too high.

    No file is written, so such a run can't be continued. Returns the epoch with the lowest validation loss,
    and the accuracies there.
    """
    train, validation = divide_at_random(data.splits["train"], data.splits["validation"])
    divided = data._replace(splits={**data.splits, "train": train, "validation": validation})
    settings, best_loss = check_settings(model, BEST[model]), np.inf
    classifier, optimizer = experiment.start(model, settings, divided)
    header = {"model": model, "hyperparameters": settings}
    try:
        with threadpool_limits(1), np.errstate(over="ignore", invalid="ignore"):  # as experiment.run has it
            for record in experiment.epochs_of(header, divided, classifier, optimizer, progress=progress):
                if record["validation_loss"] < best_loss:
                    best_loss = record["validation_loss"]
                    found = {"epoch": record["epoch"], "validation": record["validation_accuracy"]}
                    with optimizer.averaged(classifier.theta):
                        found["test"] = float(np.mean(correct(classifier, data.splits["test"])))
    except FloatingPointError as error:
        fault = f"the {model} on rows divided at random stopped, its numbers are no longer finite ({error})"
        raise UserError(f"{fault}: change its settings in scripts/training/recipes.py") from error
    return found


def divide_at_random(train, validation):
    """Return two splits of the same sizes, of rows drawn from both regardless of their sources."""
    both = Split(*(np.concatenate(columns) for columns in zip(train, validation, strict=True)))
    rows = np.random.default_rng(SEED).permutation(len(both.s))
    return tuple(_take(both, some) for some in np.split(rows, [len(train.s)]))


def _take(split, rows):
    """Return some rows of a split, in the order in which they are listed."""
    sentences = np.split(split.x, find_starts(split)[1:])
    x = np.concatenate([sentences[row] for row in rows])
    return Split(x, split.s[rows], split.y[rows], split.g[rows])


def baselines_table(study):
    """Write the baselines as a table."""
    measured = [
        ("logistic regression on mean vectors", study["mean_vectors"]),
        ("logistic regression on word counts", study["counts"]),
    ]
    measured += [(f"{NAMES[m]}, rows divided at random", found) for m, found in study["random_rows"].items()]
    rows = [["majority class", "", f"{100 * study['majority']:.1f}"]]
    rows += [[name, *(f"{100 * found[s]:.1f}" for s in ("validation", "test"))] for name, found in measured]
    return table(rows, ["accuracy, %", "validation", "test"])
