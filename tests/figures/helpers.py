"""Made-up logs and studies to draw, and what can be asked of a figure."""

import json

import matplotlib
import numpy as np
import pytest

from scripts.files import paths
from scripts.files.errors import UserError
from scripts.files.paths import GLOVE_2024, log_path
from scripts.files.runs import RUN_VERSION, Run, save_run
from scripts.files.storage import write_json, write_text
from scripts.files.studies import STUDY_VERSION, read_study, study_path
from scripts.training.logs import read

matplotlib.use("Agg")
BEST = 2  # the epoch of the smallest validation loss in every made-up run
RATES = {("rnn", "h"): 0.06, ("lstm", "h"): 0.04, ("lstm", "c"): 0.008}  # powers of ten lost per step
DATASET = {
    "name": "stanfordnlp/sst2",
    "embeddings": GLOVE_2024,
    "dimensions": 100,
    "max_length": None,
    "splits": {"train": {"rows": 60_000}, "test": {"rows": 872}},
    "checksum": "0123456789abcdef",
}


# Figures --------------------------------------------------------------------------------------------------


def lines(axes):
    """The lines of an axes by their labels."""
    return {line.get_label(): line for line in axes.lines if not line.get_label().startswith("_")}


def words(figure):
    """Everything that is written in a figure."""
    return " ".join(text.get_text() for text in figure.findobj(matplotlib.text.Text)).replace("\n", " ")


def assert_complete(figure, *expected):
    """Title, a title or label for every axes, a provenance with the data; the expected words are there."""
    assert figure.get_suptitle()
    assert all(axes.get_title(loc="left") or axes.get_ylabel() for axes in figure.axes)
    assert figure.axes[-1].get_xlabel()
    for word in ("GloVe 2024", "stanfordnlp/sst2", *expected):
        assert word in words(figure), word
    assert figure.get_supxlabel().count("\n") <= 1


def assert_band(band, x, *edges):
    """The band between two lines goes through these points."""
    (path,) = band.get_paths()
    for edge in edges:
        assert set(zip(x, edge, strict=True)) <= set(map(tuple, path.vertices.tolist()))


def fails(match, function, *arguments):
    """The call ends with a UserError of one line that says `match`, and leaves no figure, open or saved."""
    before = list(paths.ROOT.glob("assets/figures/*"))
    with pytest.raises(UserError, match=match) as caught:
        function(*arguments)
    assert "\n" not in str(caught.value)
    assert list(paths.ROOT.glob("assets/figures/*")) == before
    assert not matplotlib.pyplot.get_fignums()


# Runs -----------------------------------------------------------------------------------------------------


def quartiles(distance, count, median, spread=2.0):
    """One quantity of a log by distance, as recorded: median and quartiles, shares, counts."""
    return {
        "distance": distance.tolist(),
        "count": count.tolist(),
        "median": median.tolist(),
        "q25": (median / spread).tolist(),
        "q75": (median * spread).tolist(),
        "vanished": (0.5 * (median < 1e-10)).tolist(),
        "exploded": (0.25 * (median > 1e6)).tolist(),
    }


def gradients(rates, epoch, *, sentences=587, longest=49, scale=1.0):
    """The gradients of one epoch: an exponential decay by distance, steeper before training."""
    distance = np.arange(longest)
    count = np.where(distance < 20, sentences, sentences * np.exp(-(distance - 19) / 7)).astype(int) + 1
    states = {}
    for state, rate in rates.items():
        ripple = 0.03 * np.sin(distance + epoch) * (distance > 0)
        decay = 10 ** (-rate * (1 + 4 * (epoch == 0)) * distance + ripple)
        norms = {"logit": 0.8 * scale * decay, "loss": 0.1 * decay, "decay": decay}
        states[state] = {name: quartiles(distance, count, norm) for name, norm in norms.items()}
    states["x"] = states["h"]
    share = {"distance": distance.tolist(), "mean": (1 / (distance + 1) / longest).tolist()}
    return {
        "sentences": sentences,
        "shortest": 20,
        "longest": longest,
        **states,
        "recurrent_share": share,
    }


def other_dynamics(model, longest=49):
    """Activations and spectra of one epoch, the same for each gate and at each distance."""
    columns = {name: [0.5] * longest for name in ("mean", "q25", "q75", "saturated")}
    values = {"distance": list(range(longest)), "count": [500] * longest, **columns}
    spectrum = {"spectral_radius": 0.9, "largest_singular_value": 1.2}
    gates, blocks = ("h", "h") if model == "rnn" else ("ifo", "ifgo")
    activations, spectra = {name: values for name in gates}, {name: spectrum for name in blocks}
    return {"activations": activations, "recurrent_weights": spectra}


def make_run(run_id, model="rnn", *, hidden_size=64, epochs=6, recorded=True, **shape):
    """Save a made-up run whose validation loss is smallest at epoch BEST; return its log."""
    rates = {state: rate for (of, state), rate in RATES.items() if of == model}
    settings = {
        "format_version": RUN_VERSION,
        "run_id": run_id,
        "model": model,
        "hyperparameters": {"epochs": epochs, "lr": 0.002, "hidden_size": hidden_size, "seed": 0},
        "dataset": DATASET,
    }
    history = [
        {
            "epoch": epoch,
            "train_loss": 0.7 * 0.8**epoch,
            "train_accuracy": 1 - 0.5 * 0.8**epoch,
            "validation_loss": 0.45 + 0.03 * (epoch - BEST) ** 2,
            "validation_accuracy": 0.8 - 0.01 * abs(epoch - BEST - 1),
            "gradients": gradients(rates, epoch, **shape) if recorded else None,
            **(other_dynamics(model) if recorded else {}),
        }
        for epoch in range(epochs + 1)
    ]
    save_run(run_id, Run(settings, history, [{"seconds": 1.0}] * len(history), {}, {}))
    return read(run_id)


def rewrite(*logs):
    """Write logs that a test has changed."""
    for log in logs:
        text = "".join(json.dumps(line) + "\n" for line in (log.settings, *log.epochs))
        write_text(log_path(log.run_id), text)


# Studies --------------------------------------------------------------------------------------------------


def save(kind, name, study):
    """Write a study of that kind under that name and return it as read."""
    write_json(study_path(kind, name), study | {"study": name, "kind": kind})
    return read_study(kind, name)


def decay_over_seeds(rate, reached=49):
    """A decay over seeds, by distance; fewer than 20 sentences remain from distance 40 on."""
    distance = np.arange(reached)
    median = 10.0 ** (-rate * distance)
    return {
        "distance": distance.tolist(),
        "count": np.where(distance < 20, 500, np.where(distance < 40, 100, 19)).tolist(),
        "median": median.tolist(),
        "low": (median / 2).tolist(),
        "high": (median * 3).tolist(),
    }


def make_variant(model, name, rate=0.02, label=None, settings=None, seeds=(0, 1, 2)):
    """A variant of a study, with all that the format has of it."""
    states = ("h", "c", "x") if model == "lstm" else ("h", "x")
    accuracy = [0.8 + rate, 0.82 + rate, 0.83 + rate][: len(seeds)]
    interval = {"mean": 0.8, "low": 0.7, "high": 0.9, "count": len(seeds)}
    moments = ("before", "after")
    return {
        "name": name,
        "model": model,
        "label": label or f"{model.upper()}, {name}",
        "settings": settings or {},
        "parameters": 10_000 + len(name),
        "runs": [f"comparison-{name}-{model}-s{seed}" for seed in seeds],
        "seeds": list(seeds),
        "best_epoch": [5, 6, 7][: len(seeds)],
        "validation_loss": [0.4] * len(seeds),
        "validation_accuracy": accuracy,
        "whole_loss": [0.4] * len(seeds),
        "test_accuracy": accuracy,
        "decay": {
            s: {"before": decay_over_seeds(3 * rate * k), "after": decay_over_seeds(rate * k)}
            for s, k in zip(states, (1, 1, 2) if model == "lstm" else (1, 2), strict=True)
        },
        "remaining": {s: {moment: [-1.0] * len(seeds) for moment in moments} for s in states},
        "intervals": {"test_accuracy": interval} | {s: dict.fromkeys(moments, interval) for s in states},
    }


def make_variants(name, kind, variants, **changed):
    """Write a study of variants and return it."""
    study = {
        "format_version": STUDY_VERSION,
        "kind": kind,
        "title": name,
        "dataset": DATASET,
        "versions": {},
        "seconds": 300.0,
        "seeds": [0, 1, 2],
        "shared": {"epochs": 8},
        "of_model": {},
        "axes": {},
        "distance": 19,
        "sentences": {"count": 587, "shortest": 20, "longest": 49},
        "standard_error": 0.013,
        "variants": variants,
        "differences": [],
        "failed": {},
    }
    return save(kind, name, study | changed)


def differences_of_cuts():
    """Differences in which truncate-0 is measurably worse than full training, and truncate-10 isn't."""
    return [
        {
            "of": f"{model}, truncate-{K}",
            "minus": f"{model}, full",
            "test_accuracy": {"mean": -0.01, "p": p},
            "sentences_error": 0.02,
        }
        for model in ("RNN", "LSTM")
        for K, p in ((0, 0.01), (10, 0.5))
    ]
