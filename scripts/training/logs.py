"""The logs that figures and studies read, by run id, and the default runs of the figures."""

from typing import NamedTuple

from scripts.files.errors import UserError
from scripts.files.paths import log_path
from scripts.files.runs import NAMES, best_epoch, read_log, runs_like

DEFAULT_RNN, DEFAULT_LSTM = "rnn-run-1", "lstm-run-3"
WIDTHS = {"rnn-16": 16, "rnn-32": 32}  # runs of main.py that are not of the default width


class Log(NamedTuple):
    """The log of one run, as :func:`scripts.files.runs.read_log` gives it, and its name."""

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
        """The record of the selected checkpoint."""
        return best_epoch(self.epochs)


def read(run_id, model=None):
    """Read a log; UserError where the run is missing or not of `model`, if one is named."""
    if not log_path(run_id).is_file() and (block := _block_of(run_id, model)):
        remedy = f"uncomment the block {block} in main.py and run `python main.py`"
        raise UserError(f"there is no run {run_id!r} (runs here: {runs_like(run_id)}): {remedy}")
    log = Log(run_id, *read_log(run_id))
    if model and log.model != model:
        raise UserError(
            f"run {run_id!r} is of an {NAMES.get(log.model, log.model)}, expected one of an {NAMES[model]}: "
            f"name another, or train one with train_{model}()"
        )
    return log


def _block_of(run_id, model=None):
    """Return the block of main.py that makes a run, or None where its name doesn't tell."""
    model = model or run_id.split("-")[0]
    if model not in NAMES:
        return None
    width = f", hidden_size={WIDTHS[run_id]}" if run_id in WIDTHS else ""
    return f'train_{model}(run_id="{run_id}"{width})'


def check_gradients_recorded(log):
    """Raise UserError where the selected checkpoint of a run has no gradients."""
    if not log.best.get("gradients"):
        fault = f"the log of run {log.run_id!r} holds no gradients at its best epoch, {log.best['epoch']}"
        remedy = "train it with recording switched on (another run id, or overwrite=True)"
        raise UserError(f"{fault}: {remedy}")
