"""Every setting of a run: name, default and allowed values."""

from dataclasses import asdict, dataclass, fields

import numpy as np

import lstm.model
import lstm.train
from scripts.files.errors import UserError
from scripts.files.runs import NAMES
from scripts.training.optimizer import SCHEDULES


@dataclass(frozen=True)
class Settings:
    """Every hyperparameter of a run; all of them stand in its log."""

    epochs: int = 20
    lr: float = 0.002  # learning rate of Adam
    schedule: str = "constant"  # how it falls over the epochs: not at all, "linear" or "cosine" to 0
    hidden_size: int = 64  # H
    batch_size: int = 64  # sentences
    clip_norm: float = 1.0  # largest global norm that a gradient keeps; disable with 0
    weight_decay: float = 0.0  # decoupled: each update takes the share lr · weight_decay from every weight
    averaging: float = 0.0  # validate and keep averaged weights: falling by that factor an update, off at 0
    length_weight: float = 0.0  # p: in training a sentence counts in proportion to (its length)**p
    input_dropout: float = 0.3  # share of the inputs' entries set to 0 while training
    state_dropout: float = 0.3  # share of the last state's
    recurrent_init: str = "orthogonal"  # W_hh, gate by gate: "orthogonal", "uniform" (±1/√H), "identity"
    input_init: str = "glorot"  # W_ih: "glorot" or "uniform" (±1/√H)
    forget_bias: float | str = 1.0  # LSTM alone: the forget gate's bias at the start, or "chrono"
    chrono_steps: int = 50  # LSTM alone: longest memory, in steps, that "chrono" begins with
    seed: int = 0  # initialisation, shuffling and dropout draw from generators of their own
    gradients: bool = True  # record gradients through time, activations and spectra, each epoch
    workers: int = 1  # processes that share each batch
    threads: int = 1  # BLAS threads that share each matrix product, in a run without workers


def check_settings(model, given):
    """Complete and check the hyperparameters of a run.

    Parameters
    ----------
    model : {"rnn", "lstm"}
    given : dict
        Some of the fields of :class:`Settings`.

    Returns
    -------
    dict
        All of them.

    Raises
    ------
    UserError
        The model or one of them is unknown, or one is out of range.
    """
    if model not in NAMES:
        raise UserError(f"unknown model {model!r}: choose among {', '.join(NAMES)}")
    known = [field.name for field in fields(Settings) if model == "lstm" or field.name not in LSTM_ALONE]
    for name in given:
        if name not in known:
            raise UserError(
                f"unknown setting {name!r} of the {model.upper()}: choose among {', '.join(known)}"
            )
    settings = asdict(Settings(**given))
    for name, (kind, holds, expected) in RANGES.items():
        value = settings[name]
        if isinstance(value, np.generic):
            value = settings[name] = value.item()
        if isinstance(value, bool) != (kind is bool) or not isinstance(value, kind) or not holds(value):
            raise UserError(f"{name}={value!r}: expected {expected}")
    if min(settings["workers"], settings["threads"]) > 1:
        raise UserError(
            f"workers={settings['workers']} with threads={settings['threads']}: a worker has one BLAS "
            "thread, leave one of the two at 1"
        )
    return {name: settings[name] for name in known}


def _finite(value):
    """Whether a value is a finite number, and fits a float."""
    return not isinstance(value, str) and abs(value) < 1e300


_NUMBER = (int, float)
LSTM_ALONE = ("forget_bias", "chrono_steps")
RANGES = {  # type, test, and the same in words
    "epochs": (int, lambda v: v >= 1, "a whole number of epochs, 1 or more"),
    "lr": (_NUMBER, lambda v: 0 < v < 1e300, "a positive learning rate, such as 0.002"),
    "schedule": (str, lambda v: v in SCHEDULES, f"one of {', '.join(SCHEDULES)}"),
    "hidden_size": (int, lambda v: 1 <= v <= 100_000, "a whole number of units, 1 to 100,000"),
    "batch_size": (int, lambda v: v >= 1, "a whole number of sentences, 1 or more"),
    "clip_norm": (_NUMBER, lambda v: 0 <= v < 1e300, "a norm above 0, or 0 to disable clipping"),
    "weight_decay": (_NUMBER, lambda v: 0 <= v < 1e300, "0, or a small positive number, such as 0.01"),
    "averaging": (_NUMBER, lambda v: 0 <= v < 1, "a factor below 1, such as 0.999, or 0 for none"),
    "length_weight": (_NUMBER, lambda v: 0 <= v <= 10, "a power from 0 to 10, such as 0.5"),
    "input_dropout": (_NUMBER, lambda v: 0 <= v < 1, "a share from 0 to below 1"),
    "state_dropout": (_NUMBER, lambda v: 0 <= v < 1, "a share from 0 to below 1"),
    "recurrent_init": (str, lambda v: v in lstm.model.RECURRENT_INITS, "orthogonal, uniform or identity"),
    "input_init": (str, lambda v: v in lstm.model.INPUT_INITS, "glorot or uniform"),
    "forget_bias": (
        (int, float, str),
        lambda v: v == "chrono" or _finite(v),
        "a number, such as 1.0, or 'chrono'",
    ),
    "chrono_steps": (int, lambda v: v >= 2, "a whole number of steps, 2 or more"),
    "seed": (int, lambda v: v >= 0, "a whole number, 0 or more"),
    "gradients": (bool, lambda v: True, "True or False"),
    "workers": (
        int,
        lambda v: 1 <= v <= 64,
        "a number of processes, 1 to 64, and no more than there are cores",
    ),
    "threads": (
        int,
        lambda v: 1 <= v <= 64,
        "a number of BLAS threads, 1 to 64",
    ),
}
