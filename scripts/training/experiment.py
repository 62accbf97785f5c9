"""One run, from its settings to its log and weights, for studies and main.py; interrupted, it continues."""

import os
import platform
import sys
import time
from contextlib import nullcontext, suppress
from itertools import islice

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits
from tqdm import tqdm

import lstm.model
import lstm.train
import rnn.model
import rnn.train
from scripts.dynamics.gradients import gradient_rows, measure
from scripts.dynamics.interventions import Intervened
from scripts.files.data import check_unchanged, describe_data, load_data, name_dataset
from scripts.files.errors import UserError, memory_in_one_line
from scripts.files.numbers import counted
from scripts.files.paths import check_run_id, log_path, weights_path
from scripts.files.progress import bars_shown
from scripts.files.runs import RUN_VERSION, TIMINGS, Run, best_epoch, load_run, save_run, writing_run
from scripts.text.batches import length_weights, shuffle_words, shuffled_batches, sorted_batches
from scripts.training.optimizer import Adam
from scripts.training.settings import check_settings, model_options, saved_settings
from scripts.training.workers import Workers, usable_cores

CLASSIFIERS = {"rnn": rnn.model.RNNClassifier, "lstm": lstm.model.LSTMClassifier}
LOOPS = {"rnn": rnn.train.train, "lstm": lstm.train.train}
LOSSES = {"rnn": rnn.model.binary_cross_entropy, "lstm": lstm.model.binary_cross_entropy}
EVALUATION_BATCH = 256
STREAMS = {"initialisation": 0, "shuffling": 1, "dropout": 2, "word order": 4}  # 3: interventions.py
TAKEN = "start again with overwrite=True, or give another run id (compare(): another name=)"
START_AGAIN = "try a smaller lr or clip_norm with overwrite=True"


class RunEnded(UserError):
    """A run can't go on because its numbers were no longer finite."""


# A run ----------------------------------------------------------------------------------------------------


def run(model, run_id, /, *, data=None, dataset=None, overwrite=False, progress=True, **settings):
    """Train a model under a run id, or continue where an interrupted run stopped; return its :class:`Run`.

    After each epoch the weights file and the log are rewritten. A finished run with the same settings and
    data is kept; with more epochs it continues. After an error, files that were written stay.

    Parameters
    ----------
    model : {"rnn", "lstm"}
    run_id : str
        Name of the run's files under assets/.
    data : str, optional
        Name of the dataset, in data/<data>/; by default the one in data/ itself.
    overwrite : bool
        Replace a run of that name that is damaged or has other settings or data; without it, continue.
    progress : bool
        Show a progress bar on a terminal; one line per epoch is always printed.
    dataset : dict, optional
        A dataset as a log describes it: the run stops as soon as `data` is another one.
    **settings
        Fields of Settings that differ from their defaults.
    """
    check_run_id(run_id)
    settings = check_settings(model, settings)
    try:
        data = load_data(data)
    finally:  # data that is being replaced may have any fault: say that it changed
        if dataset:
            check_unchanged(dataset)
    header = {
        "format_version": RUN_VERSION,
        "run_id": run_id,
        "model": model,
        "hyperparameters": settings,
        "dataset": describe_data(data.manifest, data.name),
        "versions": {"python": platform.python_version(), "numpy": np.__version__, "blas": numpy_blas()},
    }
    with writing_run(run_id):
        previous = find_previous(run_id, header, overwrite)
        if previous and len(previous.history) > settings["epochs"]:
            epochs = counted(settings["epochs"], "epoch")
            print(f"{run_id} is finished ({epochs}, same settings and data): nothing to do.")
            save_run(run_id, _with_settings(previous, settings))  # it may have been killed before the log
        else:
            check_cores(settings["workers"])
            # BLAS would use all cores, and slow other processes down. Overflow needs no warning: a saturated
            # gate is correct, and a loss that is not finite ends the run with its own message.
            enough = memory_in_one_line(f"run {run_id!r}", "try a smaller hidden_size or batch_size")
            with enough, threadpool_limits(1), np.errstate(over="ignore", invalid="ignore"):
                _train(run_id, header, data, previous, progress, dataset)
        return load_run(run_id)


def check_cores(workers):
    """Raise UserError if this process has fewer cores than a run has workers."""
    cores = len(usable_cores()) or os.cpu_count() or 1
    if workers > cores:
        raise UserError(f"workers={workers}, but there are {cores} cores: give workers={cores} or fewer")


def numpy_blas():
    """Describe NumPy's BLAS, whose kernels decide how sums round: "openblas 0.3.31 SkylakeX"."""
    found = [library for library in threadpool_info() if library["user_api"] == "blas"]
    if not found:
        return "unknown"
    own = min(found, key=lambda library: "numpy" not in library["filepath"])  # SciPy has another
    return " ".join(str(own.get(name)) for name in ("internal_api", "version", "architecture"))


def find_previous(run_id, header, overwrite=False):
    """Return the run to continue under a run id, or None if there is none; UserError if it can't continue.

    `header` holds ``model``, ``hyperparameters`` and ``dataset`` of the run that is asked for. With
    `overwrite`, a run that can't continue is ignored.
    """
    if not weights_path(run_id).exists():
        if log_path(run_id).exists() and not overwrite:
            fault = f"run {run_id!r} has a log but no weights to continue from"
            raise UserError(f"{fault}: put the weights back, or {TAKEN}")
        return None
    with suppress(UserError if overwrite else ()):
        previous = load_run(run_id)
        saved, trained = saved_settings(run_id, previous.settings), len(previous.history) - 1
        if difference := _difference(previous.settings, header, saved, trained):
            raise UserError(f"run {run_id!r} {difference}: {TAKEN}")
        if previous.ended:
            fault = f"stopped when its numbers were no longer finite ({previous.ended}), and would again"
            raise RunEnded(f"run {run_id!r} {fault}: {START_AGAIN}, or use its best weights as they are")
        return previous


def _difference(old, new, old_settings, trained):
    """Return in words why a run can't continue as the one that is asked for, or None."""
    if old["model"] != new["model"]:
        return f"is of an {old['model'].upper()}, not of an {new['model'].upper()}"
    if old["dataset"]["checksum"] != new["dataset"]["checksum"]:
        trained, here = (name_dataset(of["dataset"]) for of in (old, new))
        return f"was trained on other data ({trained}) than asked for ({here})"
    new_settings = new["hyperparameters"]
    epochs, asked = old_settings["epochs"], new_settings["epochs"]
    changed = [name for name in new_settings if name != "epochs" and old_settings[name] != new_settings[name]]
    if changed:
        was = [f"{name}={old_settings[name]!r} (now {new_settings[name]!r})" for name in changed]
        return f"was trained with {', '.join(was)}"
    if epochs != asked and new_settings["schedule"] != "constant":
        return f"lets its learning rate fall to 0 over {epochs} epochs, so it can't go on to {asked}"
    if trained > asked:
        return f"was trained for {counted(trained, 'epoch')} (epochs={epochs}), more than {asked}"
    return None


# Training -------------------------------------------------------------------------------------------------


def generator(seed, stream, epoch=0):
    """Return the random generator for one purpose, of :data:`STREAMS`, in one epoch, after a resume too."""
    return np.random.default_rng([seed, STREAMS[stream], epoch])


def build_model(model, settings, embeddings, dtype=np.float32):
    """Build an untrained classifier with settings as :func:`check_settings` returns them."""
    rng, options = generator(settings["seed"], "initialisation"), model_options(model, settings)
    built = CLASSIFIERS[model](embeddings, settings["hidden_size"], rng=rng, dtype=dtype, **options)
    if settings.get("gate_inputs") == "x":
        W_hh, H = built.parameters["weight_hh_l0"], built.H
        W_hh[: 2 * H], W_hh[3 * H :] = 0, 0  # of the gates i, f and o
    return built


def start(kind, settings, data):
    """Return the untrained model and the optimizer with which a run of these complete settings begins."""
    model = build_model(kind, settings, data.embeddings)
    steps = settings["epochs"] * -(-len(data.splits["train"].s) // settings["batch_size"])
    options = {name: settings[name] for name in ("lr", "schedule", "weight_decay", "averaging")}
    return model, Adam(model.theta, steps=steps, clip_norm=settings["clip_norm"] or np.inf, **options)


RECORD = 80_000  # bytes of an epoch with gradients, in the log and in the weights file


def estimate(model, settings, data):
    """Estimate from a few updates how many seconds a run takes here, and how many bytes it writes."""
    built, optimizer = start(model, settings, data)
    batches = shuffled_batches(data.splits["train"], settings["batch_size"], generator(0, "shuffling"))
    seconds = []
    with threadpool_limits(1), np.errstate(all="ignore"):
        for batch in islice(batches, 12):
            started = time.perf_counter()
            built.forward(batch.ids, batch.batch_sizes, generator(0, "dropout"))
            optimizer.update(built.theta, built.backward(np.ones(len(batch.y), built.dtype)))
            seconds.append(time.perf_counter() - started)
    written = 5 * built.theta.nbytes + settings["gradients"] * RECORD * settings["epochs"]
    return float(np.mean(seconds[1:] or seconds)) * len(batches) * settings["epochs"], written


def epochs_of(header, data, model, optimizer, first_epoch=0, progress=True):
    """Train a model and an optimizer from :func:`start`; yield the training loop's record of each epoch."""
    settings, train_split = header["hyperparameters"], data.splits["train"]
    weights = length_weights(train_split, settings["length_weight"])
    seed, workers = settings["seed"], settings["workers"]
    gates_see_h, penalty = settings.get("gate_inputs") != "x", settings.get("norm_penalty", 0)
    intervened = None
    if settings["backward"] != "full" or not gates_see_h or penalty:
        model = intervened = Intervened(model, settings["backward"], gates_see_h, seed, penalty)

    def training(epoch):
        split, rng = train_split, generator(seed, "shuffling", epoch)
        if settings["word_order"] == "shuffled":
            split = shuffle_words(split, generator(seed, "word order", epoch))
        batches = shuffled_batches(split, settings["batch_size"], rng, weights)
        return intervened.numbered(epoch, batches) if intervened else batches

    with Workers(model, workers) if workers > 1 else nullcontext(model) as trained:
        yield from LOOPS[header["model"]](
            trained,
            training,
            sorted_batches(data.splits["validation"], EVALUATION_BATCH),
            optimizer,
            epochs=settings["epochs"],
            first_epoch=first_epoch,
            dropout_rng=lambda epoch: generator(seed, "dropout", epoch),
            progress=bars_shown(progress),
        )


def _train(run_id, header, data, previous, progress, dataset):
    """Train from epoch 0, or from where `previous` stopped; write the run after each epoch."""
    settings, validation_split = header["hyperparameters"], data.splits["validation"]
    rows = gradient_rows(validation_split.s)
    try:
        model, optimizer = start(header["model"], settings, data)
        run = Run(header | {"parameters": model.theta.size}, [], [], {}, {})
        if previous:
            run = _with_settings(previous, settings)
            check_weights(run, model)
            model.theta[:] = run.resume["theta"]
            optimizer.restore(run.resume)
            print(f"{run_id}: continuing after epoch {len(run.history) - 1}.")
        for record in epochs_of(header, data, model, optimizer, len(run.history), progress):
            started = time.perf_counter()
            record["gradients"] = None
            with optimizer.averaged(model.theta):
                if settings["gradients"]:
                    record |= measure(model, validation_split, rows)
                if best_epoch([*run.history, record]) is record:
                    run = run._replace(weights={name: view.copy() for name, view in model.parameters.items()})
            record["gradients_seconds"] = time.perf_counter() - started
            new = _with_epoch(run, record, model, optimizer)
            save_run(run_id, new)
            run = new
            if dataset:
                check_unchanged(dataset)
            tqdm.write(epoch_line(record, settings["epochs"]), file=sys.stdout)
    except FloatingPointError as error:
        kept = ""
        if run.history:  # else nothing of this run is written yet
            save_run(run_id, load_run(run_id)._replace(ended=str(error)))
            kept = "; the best weights so far stay"
        fault = f"stopped, its numbers are no longer finite ({error})"
        raise UserError(f"run {run_id!r} {fault}: {START_AGAIN}{kept}") from error


def check_weights(run, model):
    """Raise UserError if the weights of a run don't have the shapes of a model's parameters."""
    shapes = {name: view.shape for name, view in model.parameters.items()}
    found = {name: array.shape for name, array in run.weights.items()}
    if shapes != found:
        fault = f"the weights of run {run.settings['run_id']!r} have shapes {found}, not {shapes}"
        raise UserError(f"{fault}: restore the file from a copy, or delete it and its log, and train again")


def _with_settings(run, settings):
    return run._replace(settings=run.settings | {"hyperparameters": settings})


def _with_epoch(run, record, model, optimizer):
    """Add an epoch to a run; FloatingPointError if the state to continue from is not finite."""
    resume = {"theta": model.theta, **optimizer.state()}
    for name, array in resume.items():
        if not np.isfinite(array).all():
            where = f"epoch {record['epoch']}, after its last batch"
            norm = f"largest gradient norm before clipping {record['gradient_norm']['largest']:g}"
            raise FloatingPointError(f"{where}: {name}, {norm}, learning rate {optimizer.learning_rate:g}")
    timing = {name: record[name] for name in TIMINGS}
    record = {name: value for name, value in record.items() if name not in TIMINGS}
    return run._replace(history=[*run.history, record], timings=[*run.timings, timing], resume=resume)


def epoch_line(record, epochs):
    """Write an epoch in one line: loss, accuracy, gradient norm, and how much of ∂z remains further back."""
    line = (
        f"epoch {record['epoch']:>2}/{epochs}  "
        f"loss {record['train_loss']:.3f} (validation {record['validation_loss']:.3f})  "
        f"accuracy {record['train_accuracy']:.1%} ({record['validation_accuracy']:.1%})  "
    )
    if record["gradient_norm"]:
        line += f"‖g‖ {record['gradient_norm']['mean']:.2f} (clipped {record['clipped']:.0%})  "
    if gradients := record["gradients"]:
        k = min(20, gradients["shortest"]) - 1  # distance from the end: 0 is the last word
        medians = {s: gradients[s]["decay"]["median"][k] for s in ("h", "c") if s in gradients}
        shown = [f"{s} {'–' if median is None else f'{median:.0e}'}" for s, median in medians.items()]
        line += f"∂z at k = {k}: {', '.join(shown)}  "
    return line + f"{record['seconds'] + record['gradients_seconds']:.1f} s"
