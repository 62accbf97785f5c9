"""What stands beside the recurrent models: classifiers that know no order, and a split that flatters.

``baselines.json``, by :func:`baselines`, holds what every study holds (scripts/studies/variants.py), and

    sentences       of the test split
    majority        accuracy of the training split's commoner label
    mean_vectors    logistic regression on the mean of a sentence's word vectors: {C, validation, test}
    counts          logistic regression on word counts: {C, validation, test}
    of_model        {model: its best settings}
    random_rows     of each model with these, trained where training and validation rows are cut at random,
                    pieces of one sentence on both sides: {epoch, validation, test}

All are accuracies. C is scikit-learn's inverse strength of regularisation, the best of ``STRENGTHS`` on the
validation split; epoch the one of the smallest validation loss.
"""

import numpy as np
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from scripts.files.data import Split, load_data
from scripts.files.errors import UserError
from scripts.studies.last_words import word_counts
from scripts.studies.study import save_study
from scripts.text.batches import find_starts
from scripts.training import experiment
from scripts.training.evaluation import accuracy
from scripts.training.recipes import BEST
from scripts.training.settings import check_settings

STRENGTHS = (0.01, 0.1, 1.0, 10.0)
SEED = 0  # of the random division, and of the models trained on it


def baselines(progress=True):
    """Measure what the accuracies of both models are to be compared with.

    Parameters
    ----------
    progress : bool
        Show progress bars.

    Returns
    -------
    dict
        As this module's docstring describes it; also written to ``assets/benchmarks/``.

    Raises
    ------
    UserError
        data/ is missing or damaged, or a training's numbers are no longer finite.
    """
    data = load_data()
    test = data.splits["test"]
    commoner = data.splits["train"].y.mean() > 0.5
    return save_study(
        "baselines",
        data.manifest,
        [],
        sentences=len(test.s),
        of_model=BEST,
        majority=float(np.mean(test.y == commoner)),
        mean_vectors=logistic_regression(data, mean_vectors, "mean vectors", progress),
        counts=logistic_regression(data, word_counts_of, "word counts", progress),
        random_rows={model: train_on_random_rows(model, data, progress) for model in BEST},
    )


def logistic_regression(data, features, name, progress):
    """Logistic regression on ``features(split, data)``, its C chosen on the validation split."""
    from sklearn.linear_model import LogisticRegression

    X = {split: features(rows, data) for split, rows in data.splits.items()}
    y = {split: rows.y for split, rows in data.splits.items()}
    fitted = []
    with threadpool_limits(1):
        for C in tqdm(STRENGTHS, name, disable=not progress, leave=False):
            classifier = LogisticRegression(C=C, max_iter=1000).fit(X["train"], y["train"])
            fitted.append((float(classifier.score(X["validation"], y["validation"])), C, classifier))
    validation, C, classifier = max(fitted, key=lambda one: one[0])
    return {"C": C, "validation": validation, "test": float(classifier.score(X["test"], y["test"]))}


def word_counts_of(split, data):
    """How often each sentence holds each word: a sparse (N, V) matrix."""
    return word_counts(split, len(data.vocabulary))


def mean_vectors(split, data):
    """The mean of each sentence's word vectors, (N, D)."""
    return word_counts_of(split, data) @ data.embeddings / split.s[:, None]


def train_on_random_rows(model, data, progress):
    """What a model reaches where rows are divided at random: part of its validation accuracy is an illusion.

    The training and the validation rows are thrown together and cut anew into as many of each. Nothing is
    written but what this returns: no study goes on from such a run, and one that was interrupted begins anew.

    Parameters
    ----------
    model : {"rnn", "lstm"}
    data : scripts.files.data.Data
    progress : bool

    Returns
    -------
    dict
        ``epoch`` of the smallest validation loss, and the accuracies there: ``validation``, ``test``.
    """
    train, validation = divide_at_random(data.splits["train"], data.splits["validation"])
    divided = data._replace(splits={**data.splits, "train": train, "validation": validation})
    settings, test = check_settings(model, BEST[model]), data.splits["test"]
    classifier, optimizer = experiment.start(model, settings, divided)
    header, best_loss = {"model": model, "hyperparameters": settings}, np.inf
    try:
        with threadpool_limits(1), np.errstate(over="ignore", invalid="ignore"):  # as experiment.run has it
            for record in experiment.epochs_of(header, divided, classifier, optimizer, progress=progress):
                if record["validation_loss"] < best_loss:
                    best_loss = record["validation_loss"]
                    found = {"epoch": record["epoch"], "validation": record["validation_accuracy"]}
                    with optimizer.averaged(classifier.theta):
                        found["test"] = accuracy(classifier, test)
    except FloatingPointError as error:
        raise UserError(
            f"the {model} on rows divided at random stopped, its numbers are no longer finite ({error}): "
            "change its settings in scripts/training/recipes.py"
        ) from error
    return found


def divide_at_random(train, validation, seed=SEED):
    """Two splits of the same sizes as these two, from the rows of both, drawn without regard to sources.

    Parameters
    ----------
    train, validation : Split
    seed : int

    Returns
    -------
    train, validation : Split
    """
    both = Split(*(np.concatenate(columns) for columns in zip(train, validation, strict=True)))
    rows = np.random.default_rng(seed).permutation(len(both.s))
    return tuple(take(both, some) for some in np.split(rows, [len(train.s)]))


def take(split, rows):
    """Some rows of a split, in that order.

    Examples
    --------
    >>> split = Split(np.array([7, 8, 9, 4]), np.array([2, 1, 1]), np.array([0, 1, 1]), np.arange(3))
    >>> take(split, [2, 0]).x.tolist()
    [4, 7, 8]
    """
    s = split.s[rows]
    ends = np.cumsum(s, dtype=np.int64)
    shift = find_starts(split)[rows] - (ends - s)  # from a token's place in the new x to the one in the old
    return Split(split.x[np.arange(ends[-1]) + np.repeat(shift, s)], s, split.y[rows], split.g[rows])


def baselines_table(study):
    """The baselines as text.

    Parameters
    ----------
    study : dict
        Of :func:`baselines`.

    Returns
    -------
    str
    """
    lines = [f"{'accuracy, %':44}{'validation':>11}{'test':>7}"]
    lines.append(f"{'majority class':44}{'':>11}{100 * study['majority']:7.1f}")
    for key, name in (("mean_vectors", "mean vectors"), ("counts", "word counts")):
        lines.append(line(f"logistic regression on {name}", study[key]))
    for model, found in study["random_rows"].items():
        lines.append(line(f"{model.upper()}, rows divided at random", found))
    return "\n".join(lines)


def line(name, found):
    """One row of the table."""
    return f"{name:44}{100 * found['validation']:11.1f}{100 * found['test']:7.1f}"
