"""Measures of a trained model, for main.py and studies: metrics on a split, one sentence word by word."""

import re

import numpy as np
from threadpoolctl import threadpool_limits

from scripts.dynamics.fixed_points import logits_of, states_along
from scripts.dynamics.occlusion import effects_of_leaving_out
from scripts.files.data import UNKNOWN, describe_data, load_data, name_dataset
from scripts.files.errors import UserError
from scripts.files.numbers import round_to_digits, table
from scripts.files.runs import best_epoch, load_run
from scripts.text.batches import sorted_batches
from scripts.training.experiment import EVALUATION_BATCH, build_model, check_weights
from scripts.training.settings import saved_settings

LONE_SURROGATE = "[\ud800-\udfff]"  # half of a character, which no file can hold
LENGTH_EDGES = (1, 6, 11, 16, 21, 26, 31, 41, 51, 101, 201, 401)  # tokens: first length of each group


def load_model(run_id):
    """Return a model with the weights of its selected epoch, its data and its run.

    A UserError says that there is no such run, that its weights don't fit, or that its dataset has changed.
    """
    run = load_run(run_id)
    trained = run.settings["dataset"]
    data = load_data(trained.get("data"))
    here = describe_data(data.manifest, data.name)
    if trained["checksum"] != here["checksum"]:
        now = (
            f"which is another preprocessing now ({name_dataset(here)}): preprocess as before, or train again"
        )
        raise UserError(f"run {run_id!r} was trained on {name_dataset(trained)}, {now}")
    model = build_model(run.settings["model"], saved_settings(run_id, run.settings), data.embeddings)
    check_weights(run, model)
    for name, view in model.parameters.items():
        view[:] = run.weights[name]
    return model, data, run


def model_at(run_id, trained):
    """Return a run's model in float64, at its selected epoch or before training."""
    found, data, run = load_model(run_id)
    kind, settings = run.settings["model"], saved_settings(run_id, run.settings)
    model = build_model(kind, settings, data.embeddings, np.float64)
    model.theta[:] = (found if trained else build_model(kind, settings, data.embeddings)).theta
    return model


def logits(model, split):
    """Return the logits (N,) of the sentences of a split."""
    z = np.empty(len(split.s), model.dtype)
    for batch in sorted_batches(split, EVALUATION_BATCH):
        z[batch.rows] = model.forward(batch.ids, batch.batch_sizes)
    return z


def metrics(z, y, lengths):
    """Compare logits with labels, also by length, (N,) each; z > 0 predicts positive.

    Returns
    -------
    dict
        ``sentences``, ``accuracy``, ``f1`` (of the positive class), ``loss`` (mean cross-entropy),
        ``confusion_matrix`` (rows: actual negative, positive; columns: predicted), and ``by_length``, a
        list of dicts with ``from``, ``to`` (tokens, inclusive), ``sentences``, ``accuracy``.
    """
    from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

    predicted, ends = (z > 0).astype(int), [*(edge - 1 for edge in LENGTH_EDGES[1:]), int(lengths.max())]
    groups = np.digitize(lengths, LENGTH_EDGES) - 1
    return {
        "sentences": len(y),
        "accuracy": float(accuracy_score(y, predicted)),
        "f1": float(f1_score(y, predicted, zero_division=0)),
        "loss": _mean_cross_entropy(z, y),
        "confusion_matrix": confusion_matrix(y, predicted, labels=[0, 1]).tolist(),
        "by_length": [
            {
                "from": LENGTH_EDGES[group],
                "to": ends[group],
                "sentences": int(np.sum(groups == group)),
                "accuracy": float(accuracy_score(y[groups == group], predicted[groups == group])),
            }
            for group in np.unique(groups)
        ],
    }


def _mean_cross_entropy(z, y):
    z = z.astype(np.float64)
    return float(np.mean(np.logaddexp(0, z) - y * z))


def evaluate_run(run_id):
    """Return the :func:`metrics` of a run on the test split, with ``run_id``, ``epoch`` and ``dataset``."""
    model, data, run = load_model(run_id)
    split = data.splits["test"]
    found = {"run_id": run_id, "epoch": best_epoch(run.history)["epoch"]}
    return found | {"dataset": run.settings["dataset"]} | metrics(logits(model, split), split.y, split.s)


def loss_on_whole_sentences(run_id):
    """Return a run's mean cross-entropy on whole validation sentences: the longest row of each source."""
    model, data, _ = load_model(run_id)
    split = data.splits["validation"]
    order = np.lexsort((-split.s.astype(int), split.g))  # by source, the longest row first
    rows = order[np.unique(split.g[order], return_index=True)[1]]
    return round_to_digits(_mean_cross_entropy(logits(model, split)[rows], split.y[rows]))


def describe_test(metrics):
    """Write the metrics of a run as text."""
    negative, positive = (map(str, row) for row in metrics["confusion_matrix"])
    confused = [["actual negative", *negative], ["actual positive", *positive]]
    by_length = [
        [f"{group['from']} – {group['to']}", str(group["sentences"]), f"{group['accuracy']:.1%}"]
        for group in metrics["by_length"]
    ]
    return (
        f"\n{metrics['run_id']}, epoch {metrics['epoch']} (selected by validation), "
        f"{metrics['sentences']} test sentences\n"
        f"accuracy {metrics['accuracy']:.2%}   F1 {metrics['f1']:.4f}   loss {metrics['loss']:.4f}\n\n"
        f"{table(confused, ['', 'predicted negative', 'predicted positive'])}\n\n"
        f"{table(by_length, ['tokens', 'sentences', 'accuracy'])}"
    )


def describe_reading(reading):
    """Write what :func:`read_sentence` returns as text."""
    names, rows = ("words", "known", "reach", "share", "gradient_input", "left_out"), []
    for word, known, *values in zip(*(reading[name] for name in names), strict=True):
        name = word if known else f"{word} (unknown)"
        rows.append([name, *map(format, values, (".2e", ".1%", "+.3f", "+.3f"))])
    heads = ["word", "‖∂z/∂x_t‖", "share", "∂z/∂x_t · x_t", "z − z without it"]
    return f"\n{reading['run_id']}: P(positive) = {reading['probability']:.3f}\n{table(rows, heads)}"


def read_sentence(run_id, sentence, progress=True):
    """Classify a sentence as a person types it, and measure the effect of each word on the logit z.

    Returns
    -------
    dict
        ``run_id``, ``model``, ``epoch``, ``dataset``, ``sentence``; ``z`` and ``probability`` (that it is
        positive); and for each of the T tokens: ``words``, ``known`` (whether it has a vector), ``reach``
        (‖∂z/∂x_t‖), ``share`` (reach, divided by its sum), ``gradient_input`` (x_t · ∂z/∂x_t, the effect of
        x_t on z to first order), ``left_out`` (z minus the z of the sentence without the word) and
        ``running`` (the logit after that word, as if the sentence ended there).
    """
    from scripts.text.tokens import tokens_of

    model, data, run = load_model(run_id)
    words = tokens_of(sentence, data.manifest) if isinstance(sentence, str) else []
    if not words or re.search(LONE_SURROGATE, sentence):
        raise UserError(f"{sentence!r} holds no word: give a sentence, such as 'a quiet , moving film'")
    ids = token_ids(words, data.vocabulary)
    with threadpool_limits(1):  # in many small products, threads would wait for each other
        left_out = effects_of_leaving_out(model, ids, progress)
        running = logits_of(model, states_along(model, ids, np.ones(len(ids), int)))
        z = float(model.forward(ids, np.ones(len(ids), int))[0])
        model.backward(np.ones(1, model.dtype))
    gradient = model.input_gradients().astype(np.float64)
    reach = np.linalg.norm(gradient, axis=1)
    return {
        "run_id": run_id,
        "model": run.settings["model"],
        "epoch": best_epoch(run.history)["epoch"],
        "dataset": run.settings["dataset"],
        "sentence": sentence,
        "z": z,
        "probability": float(0.5 + 0.5 * np.tanh(0.5 * z)),
        "words": words,
        "known": (ids != UNKNOWN).tolist(),
        "reach": reach.tolist(),
        "share": (reach / (reach.sum() or 1)).tolist(),
        "gradient_input": np.einsum("td,td->t", gradient, model.embeddings[ids]).tolist(),
        "left_out": left_out.tolist(),
        "running": running.tolist(),
    }


def token_ids(words, vocabulary):
    """Return the row of each word in the vocabulary, (T,) integers."""
    row = {word: k for k, word in enumerate(vocabulary) if k > UNKNOWN}
    return np.array([row.get(word, UNKNOWN) for word in words])


def correct_on_test(run_id):
    """Return for each test sentence whether a run classifies it correctly, (N,) booleans."""
    model, data, _ = load_model(run_id)
    return correct(model, data.splits["test"])


def correct(model, split):
    """Return for each sentence of a split whether a model classifies it correctly, (N,) booleans."""
    with threadpool_limits(1):
        return (logits(model, split) > 0) == split.y
