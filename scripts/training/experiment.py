"""One run, from its settings to its log and weights; interrupted, it continues."""

import platform
import sys
import time
from contextlib import nullcontext
from math import inf
from typing import NamedTuple

import numpy as np
from joblib import cpu_count
from threadpoolctl import threadpool_info, threadpool_limits
from tqdm import tqdm

import lstm.model
import lstm.train
import rnn.model
import rnn.train
from scripts.dynamics.gradients import gradient_rows, measure
from scripts.files.data import describe_data, load_data
from scripts.files.errors import UserError
from scripts.files.paths import check_run_id, log_path, weights_path
from scripts.files.runs import (
    RETRAIN,
    RUN_VERSION,
    TIMINGS,
    Run,
    best_epoch,
    load_run,
    save_run,
    write_log,
    writing_run,
)
from scripts.text.batches import length_weights, shuffled_batches, sorted_batches
from scripts.training.optimizer import Adam
from scripts.training.settings import LSTM_ALONE, check_settings
from scripts.training.workers import Workers

CLASSIFIERS = {"rnn": rnn.model.RNNClassifier, "lstm": lstm.model.LSTMClassifier}
LOOPS = {"rnn": rnn.train.train, "lstm": lstm.train.train}
EVALUATION_BATCH = 256
STREAMS = {"initialisation": 0, "shuffling": 1, "dropout": 2}
BEGIN_ANEW = "try a smaller lr or clip_norm with overwrite=True"


class RunEnded(UserError):
    """A run can't go on, as its numbers were no longer finite."""


class Past(NamedTuple):
    """What a training keeps of the epochs that are written: how many, and the smallest validation loss."""

    epochs: int = 0
    best_loss: float = inf


def generator(seed, stream, epoch=0):
    """The random generator of one purpose in one epoch.

    It depends on nothing else, so an interrupted run continues with the same draws, and another shuffling or
    dropout changes no initial weight.

    Parameters
    ----------
    seed : int
    stream : {"initialisation", "shuffling", "dropout"}
    epoch : int

    Returns
    -------
    numpy.random.Generator
    """
    return np.random.default_rng([seed, STREAMS[stream], epoch])


def build_model(model, settings, embeddings, dtype=np.float32, threads=1):
    """A freshly initialised classifier.

    Parameters
    ----------
    model : {"rnn", "lstm"}
    settings : dict
        As :func:`check_settings` gives them.
    embeddings : (V, D) numpy.ndarray
    dtype : numpy.dtype
    threads : int
        BLAS threads that it is going to run on, for an LSTM to know; nothing is set here.

    Returns
    -------
    RNNClassifier or LSTMClassifier
    """
    names = ["recurrent_init", "input_init", "input_dropout", "state_dropout"]
    names += LSTM_ALONE if model == "lstm" else ()
    options = {name: settings[name] for name in names}
    if model == "lstm":
        options["threads"] = threads
    return CLASSIFIERS[model](
        embeddings,
        settings["hidden_size"],
        rng=generator(settings["seed"], "initialisation"),
        dtype=dtype,
        **options,
    )


def blas():
    """Name, version and kernels of NumPy's BLAS, such as "openblas 0.3.31 SkylakeX": sums round by them."""
    found = [library for library in threadpool_info() if library["user_api"] == "blas"]
    for library in sorted(found, key=lambda library: "numpy" not in library["filepath"]):  # SciPy has another
        return " ".join(str(library.get(name)) for name in ("internal_api", "version", "architecture"))
    return "unknown"


def check_threads(threads):
    """UserError where so many BLAS threads can't be had: more than cores are many times slower than one."""
    if threads > (cores := cpu_count()):
        raise UserError(
            f"threads={threads}, more than the cores that this process may use ({cores}): give {cores} or "
            "less"
        )
    if threads > 1 and blas() == "unknown":
        raise UserError(
            f"threads={threads}, but the BLAS of this NumPy can't be told how many to use: leave threads=1"
        )


def run(model, run_id, /, *, overwrite=False, progress=True, **given):
    """Train a model under a run id, or continue where an interrupted run stopped.

    After each epoch the weights file and the log are written anew. A finished run with the same settings and
    data is left as it is; with more epochs it continues.

    Parameters
    ----------
    model : {"rnn", "lstm"}
    run_id : str
        Name of the run's files under assets/.
    overwrite : bool
        Begin anew where the run id is taken by a run with other settings or data.
    progress : bool
        Show a progress bar and print a line an epoch.
    **given
        Fields of :class:`Settings` that differ from their defaults.

    Returns
    -------
    Run
        The run as it stands in its weights file.

    Raises
    ------
    UserError
        Settings out of range, more threads than can be had, data/ missing or damaged, a run id that is taken
        or being trained by another process, or a loss that is no longer finite. Files already written stay.
    """
    check_run_id(run_id)
    settings = check_settings(model, given)
    data = load_data()
    header = {
        "format_version": RUN_VERSION,
        "run_id": run_id,
        "model": model,
        "hyperparameters": settings,
        "dataset": describe_data(data.manifest),
        "versions": {"python": platform.python_version(), "numpy": np.__version__, "blas": blas()},
        "threads": settings["threads"],
    }
    with writing_run(run_id):
        previous, past = (None, Past()) if overwrite else find_previous(run_id, header)
        if past.epochs > settings["epochs"]:
            epochs = f"{settings['epochs']} epochs"
            print(f"{run_id} is finished ({epochs}, same settings and data): nothing to do.")
            write_log(run_id)
        else:
            _train(run_id, header, data, previous, past, progress)
        return load_run(run_id)


def _train(run_id, header, data, previous, past, progress):
    """Train in as many threads as are asked for; what ends it is a UserError."""
    check_threads(header["threads"])
    # BLAS would take all cores, and collide with other processes. Overflow is no news to warn of: a saturated
    # gate is right, and a loss that is not finite ends the run with a message of its own.
    with threadpool_limits(header["threads"]), np.errstate(over="ignore", invalid="ignore"):
        try:
            _run_epochs(run_id, header, data, previous, past, progress)
        except MemoryError as error:
            raise UserError(
                f"run {run_id!r} needs more memory than there is ({error}): try a smaller hidden_size or "
                "batch_size"
            ) from error


def saved_settings(run_id, settings):
    """The hyperparameters in a weights file, which may be a stranger's: completed and checked as if given."""
    try:
        return check_settings(settings["model"], settings["hyperparameters"])
    except UserError as error:
        path = weights_path(run_id)
        raise UserError(f"{path} is damaged ({error}): {RETRAIN}") from error


def find_previous(run_id, header, remedy=None):
    """The run to be continued under a run id, or None.

    Parameters
    ----------
    run_id : str
    header : dict
        Settings of the run that is asked for.
    remedy : str, optional
        What to do where the run id is taken, for the message.

    Returns
    -------
    previous : Run or None
        With the number of epochs that is asked for now, and without its history, which stays in its file.
    past : Past

    Raises
    ------
    RunEnded
        It is the run that is asked for, but can't go on.
    UserError
        The run id is taken by a run with other settings or data.
    """
    remedy = remedy or "choose another run id, or begin anew with overwrite=True"
    if not weights_path(run_id).exists():
        if log_path(run_id).exists():
            raise UserError(
                f"run {run_id!r} has a log but no weights to continue from: put the weights back, {remedy}"
            )
        return None, Past()
    previous = load_run(run_id)
    old, new = previous.settings, header
    if old["model"] != new["model"]:
        raise UserError(
            f"run {run_id!r} is an {old['model'].upper()}'s, not an {new['model'].upper()}'s: {remedy}"
        )
    if old["dataset"]["checksum"] != new["dataset"]["checksum"]:
        raise UserError(
            f"run {run_id!r} was trained on other data ({old['dataset']['name']} with "
            f"{old['dataset']['embeddings']}) than data/ holds ({new['dataset']['name']} with "
            f"{new['dataset']['embeddings']}): {remedy}"
        )
    old, new = saved_settings(run_id, old), new["hyperparameters"]  # a setting younger than the file was off
    changed = [name for name in new if name != "epochs" and old.get(name) != new[name]]
    if changed:
        was = ", ".join(f"{name}={old.get(name)!r} (now {new[name]!r})" for name in changed)
        raise UserError(f"run {run_id!r} was trained with {was}: {remedy}")
    if old["epochs"] > new["epochs"]:
        raise UserError(f"run {run_id!r} has epochs={old['epochs']}, more than {new['epochs']}: {remedy}")
    if old["epochs"] < new["epochs"] and new["schedule"] != "constant":
        raise UserError(
            f"run {run_id!r} lets its learning rate fall to 0 over {old['epochs']} epochs, so it can't go on "
            f"to {new['epochs']}: {remedy}"
        )
    if previous.ended:
        raise RunEnded(
            f"run {run_id!r} stopped when its numbers were no longer finite ({previous.ended}), and would "
            f"again: {BEGIN_ANEW}, or use it as it is, with its best weights"
        )
    past = Past(len(previous.history), best_epoch(previous.history)["validation_loss"])
    settings = previous.settings | {"hyperparameters": new}
    return previous._replace(settings=settings, history=[], timings=[]), past


def _run_epochs(run_id, header, data, previous, past, progress):
    """Train from epoch 0 or from where `previous` stopped; write the run after each epoch."""
    settings, validation_split = header["hyperparameters"], data.splits["validation"]
    model, optimizer = start(header["model"], settings, data)
    run = previous or Run(header | {"parameters": model.theta.size}, [], [], {}, {})
    if previous:
        if run.resume["theta"].shape != model.theta.shape:
            raise UserError(
                f"run {run_id!r} has {run.resume['theta'].size} parameters in its weights file, expected "
                f"{model.theta.size}: restore the file from a copy, or begin anew with overwrite=True"
            )
        model.theta[:] = run.resume["theta"]
        optimizer.restore(run.resume)
        print(f"{run_id}: continuing after epoch {past.epochs - 1}.")

    rows = gradient_rows(validation_split.s)
    try:
        for record in epochs_of(header, data, model, optimizer, past.epochs, progress):
            started = time.perf_counter()
            record["gradients"] = None
            with optimizer.averaged(model.theta):
                if settings["gradients"]:
                    record |= measure(model, validation_split, rows)
                if record["validation_loss"] < past.best_loss:
                    best = {name: view.copy() for name, view in model.parameters.items()}
                    run = run._replace(weights=best)
            record["gradients_seconds"] = time.perf_counter() - started
            run = _with_epoch(run, record, model, optimizer)
            save_run(run_id, run, append=past.epochs > 0)
            past = Past(past.epochs + 1, min(past.best_loss, record["validation_loss"]))
            if progress:
                tqdm.write(epoch_line(record, settings["epochs"]), file=sys.stdout)
    except FloatingPointError as error:
        kept = ""
        if past.epochs:  # else nothing of this run is written yet
            save_run(run_id, load_run(run_id)._replace(ended=str(error)))
            kept = "; the best weights so far stay"
        raise UserError(
            f"run {run_id!r} stopped, its numbers are no longer finite ({error}): {BEGIN_ANEW}{kept}"
        ) from error


def _with_epoch(run, record, model, optimizer):
    """`run` with this epoch in place of those already written."""
    resume = {"theta": model.theta, **optimizer.state()}
    for name, array in resume.items():
        if not np.isfinite(array).all():
            raise FloatingPointError(
                f"epoch {record['epoch']}, after its last batch: {name}, largest gradient norm before "
                f"clipping {record['gradient_norm']['largest']:g}, learning rate {optimizer.learning_rate:g}"
            )
    return run._replace(
        history=[{name: value for name, value in record.items() if name not in TIMINGS}],
        timings=[{name: record[name] for name in TIMINGS}],
        resume=resume,
    )


def start(kind, settings, data):
    """A fresh model and its optimizer, as a run with these complete settings begins.

    Parameters
    ----------
    kind : {"rnn", "lstm"}
    settings : dict
        As :func:`check_settings` gives them.
    data : scripts.files.data.Data

    Returns
    -------
    model : RNNClassifier or LSTMClassifier
    optimizer : Adam
    """
    model = build_model(kind, settings, data.embeddings, threads=settings["threads"])
    updates = -(-len(data.splits["train"].s) // settings["batch_size"])
    return model, Adam(
        model.theta,
        settings["lr"],
        schedule=settings["schedule"],
        steps=settings["epochs"] * updates,
        clip_norm=settings["clip_norm"] or np.inf,
        weight_decay=settings["weight_decay"],
        averaging=settings["averaging"],
    )


def epochs_of(header, data, model, optimizer, first_epoch=0, progress=True):
    """Yield the records of the model's own training loop, its batches shared out where there are workers.

    Parameters
    ----------
    header : dict
        ``model`` and ``hyperparameters`` of the run.
    data : scripts.files.data.Data
    model, optimizer
        Of :func:`start`, or as they continue.
    first_epoch : int
    progress : bool
    """
    settings, train_split = header["hyperparameters"], data.splits["train"]
    weights = length_weights(train_split, settings["length_weight"])
    seed, workers = settings["seed"], settings["workers"]
    with Workers(model, workers) if workers > 1 else nullcontext(model) as trained:
        yield from LOOPS[header["model"]](
            trained,
            lambda epoch: shuffled_batches(
                train_split, settings["batch_size"], generator(seed, "shuffling", epoch), weights
            ),
            sorted_batches(data.splits["validation"], EVALUATION_BATCH),
            optimizer,
            epochs=settings["epochs"],
            first_epoch=first_epoch,
            dropout_rng=lambda epoch: generator(seed, "dropout", epoch),
            progress=progress,
        )


def epoch_line(record, epochs):
    """The health of a training in one line: loss, accuracy, gradient norm, and ∂z further back."""
    line = (
        f"epoch {record['epoch']:>2}/{epochs}  "
        f"loss {record['train_loss']:.3f} (validation {record['validation_loss']:.3f})  "
        f"accuracy {record['train_accuracy']:.1%} ({record['validation_accuracy']:.1%})  "
    )
    if record["gradient_norm"]:
        line += f"‖g‖ {record['gradient_norm']['mean']:.2f} (clipped {record['clipped']:.0%})  "
    if record["gradients"]:
        depth = min(20, record["gradients"]["shortest"])
        medians = {
            state: record["gradients"][state]["decay"]["median"][depth - 1]
            for state in ("h", "c")
            if state in record["gradients"]
        }
        left = [f"{state} {'–' if median is None else f'{median:.0e}'}" for state, median in medians.items()]
        line += f"∂z {depth} steps back: {', '.join(left)}  "
    return line + f"{record['seconds'] + record['gradients_seconds']:.1f} s"
