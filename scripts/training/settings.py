"""Every setting of a run, declared once: name, default, meaning, allowed values.

This file imports no model, so figures and tables can use it.
"""

import difflib
from dataclasses import asdict, dataclass, field, fields

import numpy as np

from scripts.dynamics import interventions
from scripts.files.errors import UserError
from scripts.files.paths import weights_path
from scripts.files.runs import NAMES, RETRAIN
from scripts.training.optimizer import SCHEDULES

RECURRENT_INITS = ("orthogonal", "uniform", "identity")  # names in rnn/model.py and lstm/model.py
INPUT_INITS = ("glorot", "uniform")
HUGE, LARGE, MOST = 1e300, 1e30, 10**9  # limits of numbers, of those in float32, and of counts


def _one_of(names):
    return f"one of {', '.join(names)}", lambda name: name in names


# The allowed values of a setting: in words, and a test for a value of its type
COUNT = "a whole number, 1 or more", lambda n: 1 <= n <= MOST
UNITS = "a whole number, 1 to 100,000", lambda n: 1 <= n <= 100_000
STEPS = "a whole number, 2 or more", lambda n: 2 <= n <= MOST
SEED = "a whole number, 0 or more", lambda n: 0 <= n < 2**63
PROCESSES = "1 to 64, and no more than there are cores", lambda n: 1 <= n <= 64
RATE = "a positive number, such as 0.002", lambda lr: 0 < lr < HUGE
STRENGTH = "0, or a positive number, such as 1.0", lambda strength: 0 <= strength < LARGE
NORM = "a norm above 0, or 0 to disable clipping", lambda norm: 0 <= norm < HUGE
DECAY = "0, or a small positive number, such as 0.01", lambda decay: 0 <= decay < HUGE
FACTOR = "a factor d below 1, such as 0.999, or 0 for none", lambda d: 0 <= d < 1
POWER = "a power p from 0 to 10, such as 0.5", lambda p: 0 <= p <= 10
SHARE = "a share from 0 to below 1", lambda share: 0 <= share < 1
BIAS = "a number, such as 1.0, or 'chrono'", lambda b: b == "chrono" if isinstance(b, str) else abs(b) < LARGE
SWITCH = "True or False", lambda on: True
INTERVENTION = f"one of {interventions.VALUES}", interventions.parse


def _setting(default, meaning, allowed):
    return field(default=default, metadata={"meaning": meaning, "allowed": allowed})


@dataclass(frozen=True)
class Settings:
    """The hyperparameters of a run, all of which are in its log; a float may be given as a whole number."""

    epochs: int = _setting(20, "Passes over the training split.", COUNT)
    lr: float = _setting(0.002, "Learning rate of Adam.", RATE)
    schedule: str = _setting("constant", "Constant, or decaying to 0 over training.", _one_of(SCHEDULES))
    hidden_size: int = _setting(64, "H, the units of the hidden state.", UNITS)
    batch_size: int = _setting(64, "Sentences per update.", COUNT)
    clip_norm: float = _setting(1.0, "Gradients with a larger global norm are scaled down to it.", NORM)
    weight_decay: float = _setting(
        0.0, "λ of AdamW: each update takes the share lr · λ from every weight.", DECAY
    )
    averaging: float = _setting(
        0.0, "Validate and keep averaged weights: each update counts d times as much as the next.", FACTOR
    )
    length_weight: float = _setting(
        0.0, "In training a sentence counts in proportion to (its length)^p.", POWER
    )
    word_order: str = _setting(
        "kept",
        "Order of each training sentence's words; shuffled: a new one every epoch.",
        _one_of(("kept", "shuffled")),
    )
    input_dropout: float = _setting(0.3, "Share of the inputs' entries set to 0 while training.", SHARE)
    state_dropout: float = _setting(0.3, "Share of the last state's entries set to 0 while training.", SHARE)
    recurrent_init: str = _setting(
        "orthogonal", "W_hh at the start, gate by gate; uniform: ±1/√H.", _one_of(RECURRENT_INITS)
    )
    input_init: str = _setting(
        "glorot", "W_ih at the start, gate by gate; uniform: ±1/√H.", _one_of(INPUT_INITS)
    )
    # Every setting is passed to the model, so no run uses the defaults of lstm/model.py
    forget_bias: float | str = _setting(
        1.0, "The forget gate's bias at the start; chrono: spread over 2 to chrono_steps steps.", BIAS
    )
    chrono_steps: int = _setting(50, "Longest memory, in steps, that chrono begins with.", STEPS)
    gate_inputs: str = _setting(
        "x, h",
        "What the gates i, f, o see; x: their blocks of W_hh are 0 and stay 0.",
        _one_of(("x, h", "x")),
    )
    backward: str = _setting(
        "full", "The backward pass while training: scripts/dynamics/interventions.py.", INTERVENTION
    )
    norm_penalty: float = _setting(
        0.0, "λ of Pascanu's Ω, which holds ‖∂ℓ/∂a_t‖ from step to step: loss + λ Ω.", STRENGTH
    )
    seed: int = _setting(0, "Seeds initialisation, shuffling and dropout, each with its own generator.", SEED)
    gradients: bool = _setting(
        True, "Record gradients through time, activations and spectra of W_hh, each epoch.", SWITCH
    )
    workers: int = _setting(
        1, "Processes that share each batch, each with its own dropout (Linux, macOS).", PROCESSES
    )


ALONE = {"rnn": ("norm_penalty",), "lstm": ("forget_bias", "chrono_steps", "gate_inputs")}  # of one model
# Arguments of the models' classes
OF_MODEL = ("input_dropout", "state_dropout", "recurrent_init", "input_init", "forget_bias", "chrono_steps")


def with_defaults(hyperparameters):
    """Complete the hyperparameters in a log: settings that are newer than it have their defaults."""
    return asdict(Settings()) | hyperparameters


def foreign_settings(model, models=NAMES):
    """Return the names of settings that a model lacks and another of the `models` has."""
    return [name for other in models if other != model for name in ALONE.get(other, ())]


def saved_settings(run_id, settings):
    """Complete and check the hyperparameters in a weights file, which may come from elsewhere."""
    try:
        return check_settings(settings["model"], settings["hyperparameters"])
    except UserError as error:
        raise UserError(f"{weights_path(run_id)} is damaged ({error}): {RETRAIN}") from error


def _settings_of(model):
    return [setting for setting in fields(Settings) if setting.name not in foreign_settings(model)]


def check_settings(model, chosen):
    """Check the chosen settings of a model, "rnn" or "lstm"; return them with the defaults of the others."""
    if model not in NAMES:
        raise UserError(f"unknown model {model!r}: choose among {', '.join(NAMES)}")
    known = [setting.name for setting in _settings_of(model)]
    for name in chosen:
        if name not in known:
            guess = "".join(f"did you mean {one}? " for one in difflib.get_close_matches(str(name), known, 1))
            choice = f"{guess}choose among {', '.join(known)}"
            raise UserError(f"unknown setting {name!r} of the {model.upper()}: {choice}")
    settings = asdict(Settings(**chosen))
    for setting in _settings_of(model):
        value = settings[setting.name]
        if isinstance(value, np.generic):
            value = settings[setting.name] = value.item()
        of_type = isinstance(value, setting.type) and (setting.type is bool) == isinstance(value, bool)
        of_type |= type(value) is int and isinstance(0.0, setting.type)  # 2 in place of 2.0
        words, is_allowed = setting.metadata["allowed"]
        if not of_type or not is_allowed(value):
            raise UserError(f"{setting.name}={value!r}: expected {words}")
    if interventions.parse(settings["backward"], model) is None:
        raise UserError(f"backward={settings['backward']!r} of the RNN: expected {INTERVENTION[0]}")
    if settings["norm_penalty"] and settings["workers"] > 1:
        raise UserError("norm_penalty is a mean over a whole batch, which workers share: leave workers=1")
    return {name: settings[name] for name in known}


def model_options(model, settings):
    """Select the arguments of a model's class, except its size, from complete settings."""
    return {s.name: settings[s.name] for s in _settings_of(model) if s.name in OF_MODEL}


def settings_table():
    """Write the table of all settings for scripts/README.md, in Markdown."""
    lines = ["| setting | default | allowed | meaning |", "|---|---|---|---|"]
    for setting in fields(Settings):
        name, about = setting.name, setting.metadata
        only = [f"{NAMES[model]} only." for model, names in ALONE.items() if name in names]
        meaning = " ".join([*only, about["meaning"]])
        lines.append(f"| `{name}` | `{setting.default!r}` | {about['allowed'][0]} | {meaning} |")
    return "\n".join(lines) + "\n"


def as_given(settings):
    """Write settings as a call gives them: "lr=0.001, forget_bias='chrono'"."""
    return ", ".join(f"{name}={value!r}" for name, value in settings.items())
