"""The logs that figures and studies read, by run id, and the default runs of the figures."""

from typing import NamedTuple

from scripts.files.errors import UserError
from scripts.files.runs import NAMES, best_epoch, read_log
from scripts.training.settings import with_defaults

DEFAULT_RNN, DEFAULT_LSTM = "rnn-run-1", "lstm-run-3"
WIDTHS = {"rnn-16": 16, "rnn-32": 32}  # runs of main.py that are not of the default width


class Log(NamedTuple):
    """The name of a run and its log, as :func:`scripts.files.runs.read_log` returns it."""

    run_id: str
    settings: dict
    epochs: list

    @property
    def model(self):
        """``"rnn"`` or ``"lstm"``."""
        return self.settings["model"]

    @property
    def hidden_size(self):
        """Units of the hidden state."""
        return self.settings["hyperparameters"]["hidden_size"]

    @property
    def best(self):
        """The record of the selected epoch."""
        return best_epoch(self.epochs)


def read(run_id, model=None):
    """Read a log; UserError if the run is missing, or not of `model` where one is given."""
    log = Log(run_id, *read_log(run_id))
    if model and log.model != model:
        fault = (
            f"run {run_id!r} is of an {NAMES.get(log.model, log.model)}, expected one of an {NAMES[model]}"
        )
        raise UserError(f"{fault}: name another, or train one with train_{model}()")
    return log


def differences(logs):
    """List the settings in which runs differ, and their dataset, apart from width, seed and workers."""
    datasets = [{"dataset": log.settings["dataset"]["checksum"]} for log in logs]
    settings = [with_defaults(log.settings["hyperparameters"]) for log in logs]
    first, *others = [own | data for own, data in zip(settings, datasets, strict=True)]
    differ = [name for name, value in first.items() if any(other.get(name) != value for other in others)]
    return [name for name in differ if name not in ("hidden_size", "seed", "workers")]


def check_gradients_recorded(log):
    """Raise UserError if the log of a run has no gradients at its selected epoch."""
    if not log.best.get("gradients"):
        fault = f"the log of run {log.run_id!r} holds no gradients at its selected epoch, {log.best['epoch']}"
        raise UserError(f"{fault}: train it with gradients=True (another run id, or overwrite=True)")
