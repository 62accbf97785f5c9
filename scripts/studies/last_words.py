"""Does the dataset need memory? Test accuracy from the last k words only."""

import math

import numpy as np
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from scripts.files.data import Split
from scripts.files.errors import UserError
from scripts.files.numbers import counted, round_to_digits
from scripts.files.runs import best_epoch, load_run
from scripts.studies.study import save_study
from scripts.training.evaluation import accuracy, load_model

BATCH = 256  # sentences


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
