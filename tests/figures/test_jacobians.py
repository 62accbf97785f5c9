"""Figures of theory and measurement from made-up studies: what is drawn is what the JSON holds."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from scripts import plots
from scripts.figures import jacobians, style
from scripts.figures.jacobians import DIRECT, THEORY
from scripts.files import paths
from scripts.files.paths import log_path
from scripts.files.storage import write_json, write_text
from scripts.files.studies import STUDY_VERSION, study_path
from scripts.studies.jacobians import jacobian_study
from scripts.training import experiment
from tests.figures.helpers import (
    DATASET,
    assert_band,
    assert_complete,
    fails,
    lines,
    words,
)

RATES = {  # powers of ten a step, before training and at the selected epoch
    "rnn": {"h": (-0.14, -0.05), "product": (-0.12, -0.04), "norms": (0.01, 0.45), "pascanu": (0.02, 0.8)},
    "lstm": {
        "h": (-0.06, -0.02),
        "c": (-0.05, -0.01),
        "product": (-0.02, 0.01),
        "direct_mean": (-0.1, -0.05),
        "direct_max": (-0.04, -0.002),
        "direct_gradient": (-0.09, -0.045),
    },
}


def make_study(run_id="rnn-run-1", model="rnn", *, longest=49, scale=1.0):
    """Write a made-up study: every quantity an exponential with a ripple of its own."""
    distance = np.arange(longest)
    count = np.where(distance < 20, 500, 500 * np.exp(-(distance - 19) / 7)).astype(int) + 1
    at = {}
    for place, (name, epoch) in enumerate((("initialisation", 0), ("best", 7))):
        logs = {
            quantity: scale * rates[place] * distance + 0.02 * np.sin(distance + k) * (distance > 0)
            for k, (quantity, rates) in enumerate(RATES[model].items())
        }
        weights = {"spectral_radius": 1.5 + place, "largest_singular_value": 2.25 + place}
        at[name] = {
            "epoch": epoch,
            "recurrent_weights": dict.fromkeys("h" if model == "rnn" else "ifgo", weights),
            "distance": distance.tolist(),
            "count": count.tolist(),
            "quantities": {
                quantity: {"median": log.tolist(), "q25": (log - 0.2).tolist(), "q75": (log + 0.3).tolist()}
                for quantity, log in logs.items()
            },
            "excess": {"product": 0.5 + place, "norms": 3.25 + place, "pascanu": 9.5 + place},
            "rates": {
                "exponent_drive": -0.1,
                "exponent_drive_error": 0.001,
                "exponent_sentences": -0.14,
                **{f"slope_{quantity}": rates[place] for quantity, rates in RATES[model].items()},
            },
        }
    study = {
        "format_version": STUDY_VERSION,
        "run_id": run_id,
        "model": model,
        "hidden_size": 48,
        "epochs": 20,
        "dataset": DATASET,
        "sentences": {
            "split": "validation",
            "count": 501,
            "of": 700,
            "shortest": 20,
            "longest": longest,
            "burn_in": 7,
        },
        "drive": {"steps": 1234, "burn_in": 56, "seed": 0, "words": 99},
        "distances": [9, 19],
        "at": at,
        "seconds": 1.0,
    }
    write_json(study_path("jacobians", run_id), study)
    return study


def rewrite(study):
    """Write a study that a test has changed."""
    write_json(study_path("jacobians", study["run_id"]), study)


DRAWINGS = [(plots.plot_theory, "rnn", THEORY), (plots.plot_direct_path, "lstm", DIRECT)]
PROVENANCE = ("501 validation rows of 20 to 49 tokens",)


# By distance ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("plot", "model", "looks"), DRAWINGS)
def test_lines_and_bands_are_those_of_the_study(plot, model, looks):
    study = make_study("a-run", model)
    figure = plot.draw("a-run")
    for axes, moment, linestyle in zip(figure.axes, ("initialisation", "best"), ("--", "-"), strict=False):
        drawn, part = lines(axes), study["at"][moment]
        assert list(drawn) == [label for label, *_ in looks.values()]
        for (name, (label, *_)), band in zip(looks.items(), axes.collections, strict=True):
            quantity = part["quantities"][name]
            np.testing.assert_array_equal(drawn[label].get_xdata(), part["distance"])
            np.testing.assert_array_equal(drawn[label].get_ydata(), quantity["median"])
            assert drawn[label].get_linestyle() == linestyle
            assert_band(band, part["distance"], quantity["q25"], quantity["q75"])
    assert_complete(figure, "a-run", "Before training", "Epoch 7 (selected)", "epoch 7 of 20", *PROVENANCE)
    drawn = lines(figure.axes[0]).values()
    assert (
        len({line.get_color() for line in drawn}) == len({line.get_marker() for line in drawn}) == len(looks)
    )
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert legend == [line.get_label() for line in drawn]


def test_theory_says_how_loose_the_bounds_are():
    make_study()
    written = words(plots.plot_theory.draw())
    bounds = "Pascanu's bound is $10^{10.5}$ times", "bound $10^{4.2}$ times", "product 32 times"
    for expected in ("σ₁ = 2.25", "σ₁ = 3.25", "19 words back", *bounds):
        assert expected in written


@pytest.mark.parametrize(
    ("log", "text"),
    [
        (None, "0"),
        (-2.1, "$10^{-2.1}$"),
        (-2, "0.01"),
        (-1, "0.1"),
        (0, "1"),
        (0.5, "3.2"),
        (1.36, "23"),
        (np.log10(99.6), "100"),
        (2.6, "398"),
        (2.99, "977"),
        (3, "$10^{3.0}$"),
    ],
)
def test_powers_from_a_hundredth_to_a_thousand_are_plain_digits(log, text):
    assert jacobians.power(log) == text


def test_direct_path_says_what_remains():
    study = make_study("lstm-run-3", "lstm")
    written = words(plots.plot_direct_path.draw())
    quantities = study["at"]["best"]["quantities"]
    whole, direct = (100 * 10 ** quantities[name]["median"][19] for name in ("c", "direct_gradient"))
    assert f"{direct:.0f}% of ∂z/∂c remains along the direct path, {whole:.0f}% along all" in written


def test_a_panel_shows_measurements_and_cuts_bounds():
    study = make_study()
    figure = plots.plot_theory.draw()
    before, after = (axes.get_ylim() for axes in figure.axes)
    assert min(before[0], after[0]) < -0.14 * 48
    assert after[1] == jacobians.HIGHEST  # the bound goes on to 0.8 × 48
    for name in ("h", "product"):  # an exploding measurement is not cut
        study["at"]["best"]["quantities"][name]["q75"] = [15.0] * 49
    rewrite(study)
    axes = plots.plot_theory.draw().axes[1]
    assert axes.get_ylim()[1] >= 16
    assert axes.yaxis.get_major_formatter()(-3.0, 0) == "$10^{-3}$"
    assert all(tick == int(tick) for tick in axes.get_yticks())


@pytest.mark.filterwarnings("error", "ignore::DeprecationWarning")
def test_400_steps_and_products_of_exactly_0_are_drawn():
    """10^-800 is no float, but its logarithm is; a product that is exactly 0 is null in the study."""
    study = make_study(longest=400, scale=20)
    quantity = study["at"]["best"]["quantities"]["product"]
    for name in quantity:
        quantity[name][300:] = [None] * 100
    rewrite(study)
    figure = plots.plot_theory.draw()
    style.to_png(figure)
    line = lines(figure.axes[1])[THEORY["product"][0]]
    assert np.isnan(line.get_ydata()[300:]).all()
    assert figure.axes[0].get_ylim()[0] < -1000
    quantity["median"][19], study["at"]["best"]["excess"]["product"] = None, None
    rewrite(study)
    plots.plot_theory.draw()


# Files and bad input --------------------------------------------------------------------------------------


def test_figures_are_files_of_the_common_width_and_the_same_again(full_size):
    make_study()
    make_study("lstm-run-3", "lstm")
    drawn = [plots.plot_theory(), plots.plot_direct_path()]
    names = ["theory-rnn-run-1.png", "direct-path-lstm-run-3.png"]
    assert drawn == [paths.ROOT / "assets" / "figures" / name for name in names]
    for path in drawn:
        assert plt.imread(path).shape[1] == style.WIDTH * style.PIXELS_PER_INCH
        assert path.stat().st_size < 200_000
    first = drawn[0].read_bytes()
    assert plots.plot_theory().read_bytes() == first


def test_studies_that_are_missing_or_of_the_other_model_are_refused():
    fails(
        r'no study .rnn-run-1. of kind jacobians.*call jacobians\("rnn-run-1"\) of main.py', plots.plot_theory
    )
    fails("can't be a file name", plots.plot_theory, "../rnn")
    make_study()
    make_study("lstm-run-3", "lstm")
    fails("'lstm-run-3' is of an LSTM, expected one of an RNN", plots.plot_theory, "lstm-run-3")
    fails("'rnn-run-1' is of an RNN, expected", plots.plot_direct_path, "rnn-run-1")


@pytest.mark.parametrize(
    ("text", "match"),
    [("{", "is no JSON"), ('{"format_version": 0}', "format version 0"), ("[]", "version None")],
)
def test_damaged_studies_are_refused(text, match):
    write_text(study_path("jacobians", "a-run"), text)
    fails(match, plots.plot_theory, "a-run")


@pytest.mark.parametrize(
    ("plot", "keys"),
    [
        (plots.plot_theory, ("model",)),
        (plots.plot_theory, ("distances",)),
        (plots.plot_theory, ("dataset", "embeddings")),
        (plots.plot_theory, ("at", "best")),
        (plots.plot_theory, ("at", "initialisation", "quantities", "h", "q25")),
        (plots.plot_theory, ("at", "best", "excess", "norms")),
    ],
)
def test_studies_that_lack_a_key_are_refused(plot, keys):
    study, lstm = make_study(), make_study("lstm-run-3", "lstm")
    inner = study
    for key in keys[:-1]:
        inner[key] = dict(inner[key])
        inner = inner[key]
    del inner[keys[-1]]
    rewrite(study)
    assert keys[-1] in str(lstm)
    fails(rf'rnn-run-1.json.* lacks \'{keys[-1]}\': call jacobians\("rnn-run-1"\)', plot)


def read(run_id, model):
    with jacobians.reading_jacobians(run_id, model) as study:
        return study


def test_a_study_of_an_earlier_training_is_refused(kind, data):
    experiment.run(kind, "a-run", epochs=2, hidden_size=4, progress=False)
    study = jacobian_study("a-run", 5, steps=20, burn_in=2, progress=False)
    assert read("a-run", kind) == study
    match = r'trained again: call jacobians\("a-run"\) of main.py'
    for stale in (
        study | {"hidden_size": 5},
        study | {"epochs": 3},
        study | {"dataset": study["dataset"] | {"checksum": "0"}},
        study | {"at": study["at"] | {"best": study["at"]["best"] | {"epoch": 9}}},
    ):
        rewrite(stale)
        fails(match, read, "a-run", kind)
    other = "lstm" if kind == "rnn" else "rnn"  # which that run was before it was trained again
    rewrite(study | {"model": other})
    fails(match, read, "a-run", other)
    rewrite(stale)
    log_path("a-run").unlink()
    assert read("a-run", kind) == stale  # nothing to compare it with
