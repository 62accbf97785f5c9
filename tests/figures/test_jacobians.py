"""Figures of theory over measurement from synthetic studies: what is drawn is what the JSON holds."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from scripts.figures import jacobians as plots_dynamics
from scripts.figures import style as figure_style
from scripts.files import paths
from scripts.files.errors import UserError
from scripts.files.paths import FORMAT_VERSION, GLOVE_2024, log_path
from scripts.files.storage import write_json
from scripts.studies import jacobians as analysis
from scripts.studies import words as study_words
from scripts.training import experiment

matplotlib.use("Agg")
RATES = {  # powers of ten a step, before training and at the best epoch
    "rnn": {"h": (-0.14, -0.05), "product": (-0.12, -0.04), "norms": (0.01, 0.45), "pascanu": (0.02, 0.8)},
    "lstm": {
        **{"h": (-0.06, -0.02), "c": (-0.05, -0.01), "product": (-0.02, 0.01)},
        **{"direct_mean": (-0.1, -0.05), "direct_max": (-0.04, -0.002), "direct_gradient": (-0.09, -0.045)},
    },
}


def make_study(run_id="rnn-run-1", model="rnn", *, longest=49, scale=1.0, exponents=32):
    """Write a synthetic study: every quantity an exponential with a ripple of its own."""
    depth = np.arange(1, longest + 1)
    count = np.where(depth <= 20, 500, 500 * np.exp(-(depth - 20) / 7)).astype(int) + 1
    at = {}
    for place, (name, epoch) in enumerate((("initialisation", 0), ("best", 7))):
        logs = {
            quantity: scale * rates[place] * (depth - 1) + 0.02 * np.sin(depth + k) * (depth > 1)
            for k, (quantity, rates) in enumerate(RATES[model].items())
        }
        spectrum = -0.1 - 0.03 * np.arange(exponents) - 0.02 * place
        weights = {"spectral_radius": 1.5 + place, "largest_singular_value": 2.25 + place}
        at[name] = {
            "epoch": epoch,
            "recurrent_weights": dict.fromkeys("h" if model == "rnn" else "ifgo", weights),
            "depth": depth.tolist(),
            "count": count.tolist(),
            "quantities": {
                quantity: {"median": log.tolist(), "q25": (log - 0.2).tolist(), "q75": (log + 0.3).tolist()}
                for quantity, log in logs.items()
            },
            "excess": {"product": 0.5 + place, "norms": 3.25 + place, "pascanu": 9.5 + place},
            "exponents": {
                "drive": spectrum.tolist(),
                "drive_error": [0.001] * exponents,
                "sentences": {
                    "mean": (spectrum - 0.04).tolist(),
                    "q25": (spectrum - 0.06).tolist(),
                    "q75": (spectrum - 0.03).tolist(),
                },
            },
            "rates": {
                "exponent_drive": -0.1,
                "exponent_drive_error": 0.001,
                "exponent_sentences": -0.14,
                **{f"slope_{quantity}": rates[place] for quantity, rates in RATES[model].items()},
            },
        }
    dataset = {
        "name": "stanfordnlp/sst2",
        "embeddings": GLOVE_2024,
        "dimensions": 100,
        "max_length": None,
        "checksum": "0123456789abcdef",
    }
    study = {
        "format_version": FORMAT_VERSION,
        "run_id": run_id,
        "model": model,
        "hidden_size": 48,
        "epochs": 20,
        "dataset": dataset,
        "sentences": {
            "split": "validation",
            "count": 501,
            "of": 700,
            "shortest": 20,
            "longest": longest,
            "burn_in": 7,
        },
        "drive": {"steps": 1234, "burn_in": 56, "seed": 0, "words": 99},
        "depths": [10, 20],
        "at": at,
        "seconds": 1.0,
    }
    write_json(analysis.study_path(run_id), study)
    return study


@pytest.fixture(autouse=True)
def root(study_root):
    """A project root of its own for each test, and no figure left open."""
    yield study_root
    plt.close("all")


def lines(axes):
    """The lines of an axes by their labels."""
    return {line.get_label(): line for line in axes.lines if not line.get_label().startswith("_")}


def words(figure):
    """All that is written in a figure."""
    return " ".join(text.get_text() for text in figure.findobj(matplotlib.text.Text)).replace("\n", " ")


def assert_complete(figure, *expected):
    """Title, units, footer with data, run, sentences; the expected words are there."""
    assert figure.get_suptitle()
    for axes in figure.axes:
        if axes.axison:
            assert axes.get_ylabel()
            assert axes.get_title(loc="left")
    written = words(figure)
    provenance = (
        GLOVE_2024,
        "stanfordnlp/sst2",
        "48 units",
        "501 validation sentences of 20 to 49 tokens",
    )
    for word in (*provenance, *expected):
        assert word in written, word


DRAWINGS = [
    (plots_dynamics.draw_theory, "rnn", plots_dynamics.THEORY),
    (plots_dynamics.draw_direct_path, "lstm", plots_dynamics.DIRECT),
]


# By depth -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("draw", "model", "looks"), DRAWINGS)
def test_lines_and_bands_are_those_of_the_study(draw, model, looks):
    study = make_study("a-run", model)
    figure = draw(study)
    for axes, moment in zip(figure.axes, ("initialisation", "best"), strict=False):
        drawn, part = lines(axes), study["at"][moment]
        assert list(drawn) == [label for label, *_ in looks.values()]
        bands = [path.vertices for band in axes.collections for path in band.get_paths()]
        for (name, (label, *_)), vertices in zip(looks.items(), bands, strict=True):
            quantity = part["quantities"][name]
            np.testing.assert_array_equal(drawn[label].get_xdata(), part["depth"])
            np.testing.assert_array_equal(drawn[label].get_ydata(), quantity["median"])
            for quartile in ("q25", "q75"):
                assert set(zip(part["depth"], quantity[quartile], strict=True)) <= set(map(tuple, vertices))
    (counts,) = lines(figure.axes[2]).values()
    np.testing.assert_array_equal(counts.get_ydata(), study["at"]["best"]["count"])
    assert_complete(figure, "a-run", "Before training", "Epoch 7 (best)", "best epoch 7 of 20")


@pytest.mark.parametrize(("draw", "model", "looks"), DRAWINGS)
def test_lines_differ_without_colour_too(draw, model, looks):
    figure = draw(make_study("a-run", model))
    drawn = lines(figure.axes[0]).values()
    assert len({line.get_color() for line in drawn}) == len(looks)
    assert len({line.get_marker() for line in drawn}) == len(looks)
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert legend == [line.get_label() for line in drawn]


def test_theory_says_how_loose_the_bounds_are():
    written = words(plots_dynamics.draw_theory(make_study()))
    assert "σ₁ = 2.25" in written
    assert "σ₁ = 3.25" in written
    for power in (
        "$10^{9.5}$ times the measurement",
        "$10^{3.2}$ times",
        "3.2 times",
        "$10^{10.5}$ times the",
    ):
        assert power in written
    assert "At depth 20" in written or "at depth 20" in written


@pytest.mark.parametrize(
    ("log", "text"),
    [
        *[(None, "0"), (-2.1, "$10^{-2.1}$"), (-2, "0.01"), (-1, "0.1"), (0, "1"), (0.5, "3.2")],
        *[(1.36, "23"), (np.log10(99.6), "100"), (2.6, "398"), (2.99, "977"), (3, "$10^{3.0}$")],
    ],
)
def test_powers_from_a_hundredth_to_a_thousand_are_plain_digits(log, text):
    assert plots_dynamics.power(log) == text


def test_direct_path_says_what_is_left_norm_and_inputs():
    study = make_study("lstm-run-3", "lstm")
    written = words(plots_dynamics.draw_direct_path(study))
    left = 10 ** study["at"]["best"]["quantities"]["c"]["median"][19]
    assert f"measured ‖∂z/∂c‖ {left:.2g}" in written
    for word in ("spectral", "Euclidean", "inputs: the words of the sentences", "At depth 20"):
        assert word in written


def test_panels_share_an_axis_that_shows_measurements_and_cuts_bounds():
    figure = plots_dynamics.draw_theory(make_study())
    (low, high), other = (axes.get_ylim() for axes in figure.axes[:2])
    assert other == (low, high)
    assert low < -0.14 * 48
    assert high == plots_dynamics.HIGHEST  # the bound goes on to 0.8 × 48
    study = make_study()
    for name in ("h", "product"):  # an exploding measurement is not cut
        study["at"]["best"]["quantities"][name]["q75"] = [15.0] * 49
    figure = plots_dynamics.draw_theory(study)
    assert figure.axes[0].get_ylim()[1] >= 16


def test_ticks_are_powers_of_ten():
    axes = plots_dynamics.draw_theory(make_study()).axes[0]
    assert axes.yaxis.get_major_formatter()(-3.0, 0) == "$10^{-3}$"
    assert all(tick == int(tick) for tick in axes.get_yticks())


@pytest.mark.filterwarnings("error", "ignore::DeprecationWarning")
def test_400_steps_and_products_of_exactly_0_are_drawn():
    """10^-800 is no float, but its logarithm is; a product that is exactly 0 is null in the study."""
    study = make_study(longest=400, scale=20)
    quantity = study["at"]["best"]["quantities"]["product"]
    for name in quantity:
        quantity[name][300:] = [None] * 100
    figure = plots_dynamics.draw_theory(study)
    figure_style.to_png(figure)
    line = lines(figure.axes[1])[plots_dynamics.THEORY["product"][0]]
    assert np.isnan(line.get_ydata()[300:]).all()
    assert figure.axes[0].get_ylim()[0] < -1000
    quantity["median"][19], study["at"]["best"]["excess"]["product"] = None, None
    plots_dynamics.draw_theory(study)


# Lyapunov exponents ---------------------------------------------------------------------------------------


def test_spectra_are_those_of_the_studies():
    studies = make_study(), make_study("lstm-run-3", "lstm")
    figure = plots_dynamics.draw_lyapunov(*studies)
    for axes, study in zip(figure.axes, studies, strict=False):
        drawn = lines(axes)
        for moment, when in (("initialisation", "before training"), ("best", "epoch 7")):
            exponents = study["at"][moment]["exponents"]
            for label, values in (("long drive", "drive"), ("sentences", "sentences")):
                line = drawn[f"{when}, {label}"]
                expected = exponents[values] if values == "drive" else exponents[values]["mean"]
                np.testing.assert_array_equal(line.get_ydata(), expected)
                np.testing.assert_array_equal(line.get_xdata(), range(1, 33))
        assert len({(line.get_marker(), line.get_linestyle()) for line in drawn.values()}) == 4
        assert "nats per step" in axes.get_ylabel()
    assert_complete(
        figure,
        *("rnn-run-1", "lstm-run-3", "1,234 words", "after 56", "depths 10 to 20"),
        "the first 7 steps, while these turn into place, are not counted",
    )
    titles = [axes.get_title() or axes.get_title(loc="left") for axes in figure.axes[:2]]
    assert titles == [
        "RNN, state h: the 32 largest of 48 λᵢ",
        "LSTM, state (h, c): the 32 largest of 96 λᵢ",
    ]
    every = plots_dynamics.describe_spectrum(make_study(exponents=48))
    assert every == "RNN, state h: all 48 λᵢ"


@pytest.mark.parametrize(
    ("part", "change", "words_of_it"),
    [
        ("depths", [5, 15], "other depths"),
        ("drive", {"steps": 99}, "other long drives"),
        ("drive", {"burn_in": 0}, "other long drives"),
        ("sentences", {"burn_in": 3}, "other burn-ins"),
        ("dataset", {"checksum": "fedcba9876543210"}, "other data"),
        ("dataset", {"name": "imdb"}, "other data"),
    ],
)
def test_studies_that_were_not_measured_alike_are_not_drawn_together(part, change, words_of_it):
    make_study()
    lstm = make_study("lstm-run-3", "lstm")
    lstm[part] = {**lstm[part], **change} if isinstance(change, dict) else change
    write_json(analysis.study_path("lstm-run-3"), lstm)
    fails(words_of_it + r".*jacobians\(\"rnn-run-1\"\) and jacobians", plots_dynamics.plot_lyapunov)


def test_rates_stand_in_a_table():
    studies = make_study(), make_study("lstm-run-3", "lstm")
    studies[0]["at"]["best"]["rates"]["slope_product"] = None
    table = plots_dynamics.draw_lyapunov(*studies).axes[-1].tables[0]
    cells = {place: cell.get_text().get_text() for place, cell in table.get_celld().items()}
    rows = {
        cells[row, -1]: [cells[row, column] for column in range(4)]
        for row in range(1, len(study_words.RATES) + 1)
    }
    assert [cells[0, column] for column in (0, 3)] == ["RNN\nbefore training", "LSTM\nepoch 7 (best)"]
    assert rows["largest Lyapunov exponent, long drive"] == ["−0.100 (0.90)\n± 0.0010"] * 4
    assert rows["largest Lyapunov exponent, sentences from step 8"] == ["−0.140 (0.87)"] * 4
    assert rows["measured ∂z/∂h, depths 10–20"][:2] == ["−0.140 (0.87)", "−0.050 (0.95)"]
    assert rows["measured ∂z/∂c, depths 10–20"] == ["", "", "−0.050 (0.95)", "−0.010 (0.99)"]
    assert rows["norm of the product of Jacobians, 10–20"][1] == "−∞ (0)"
    assert rows["norm of the product of Jacobians, 10–20"][3] == "+0.010 (1.01)"


def test_texts_of_the_table_and_the_titles_have_room():
    figure = plots_dynamics.draw_lyapunov(make_study(), make_study("lstm-run-3", "lstm"))
    figure.canvas.draw()
    cells = figure.axes[-1].tables[0].get_celld()
    boxes = {place: cell.get_text().get_window_extent() for place, cell in cells.items()}
    for (row, column), box in boxes.items():
        beside = boxes.get((row, column + 1))
        if beside and box.width and beside.width:
            assert box.x1 < beside.x0, cells[row, column].get_text().get_text()
        assert box.height < cells[row, column].get_window_extent().height
    assert boxes[0, 0].y1 < figure.axes[-1]._left_title.get_window_extent().y0
    for axes in figure.axes[:2]:
        for title in (axes.title, axes._left_title):
            assert title.get_window_extent().x1 < figure.bbox.x1


# Files and bad input --------------------------------------------------------------------------------------


def test_figures_are_files_of_the_houses_width_and_the_same_again():
    make_study()
    make_study("lstm-run-3", "lstm")
    paths = plots_dynamics.plot_jacobians()
    names = ["theory-rnn-run-1.png", "direct-path-lstm-run-3.png", "lyapunov-rnn-run-1-vs-lstm-run-3.png"]
    assert paths == [paths.ROOT / "assets" / "figures" / name for name in names]
    for path in paths:
        assert plt.imread(path).shape[1] == figure_style.WIDTH * figure_style.PIXELS_PER_INCH
        assert path.stat().st_size < 200_000
    first = paths[0].read_bytes()
    assert plots_dynamics.plot_theory().read_bytes() == first


def fails(match, function, *arguments):
    """The call ends with a UserError of one line that says `match`, and draws nothing."""
    with pytest.raises(UserError, match=match) as caught:
        function(*arguments)
    assert "\n" not in str(caught.value)
    assert not list(paths.ROOT.glob("assets/figures/*"))


def test_studies_that_are_missing_or_of_the_other_model_are_refused():
    fails(r'not measured yet.*jacobians\("rnn-run-1"\) of main.py', plots_dynamics.plot_theory)
    fails("can't be a file name", plots_dynamics.plot_theory, "../rnn")
    make_study()
    make_study("lstm-run-3", "lstm")
    fails("'lstm-run-3' is of an LSTM, expected one of an RNN", plots_dynamics.plot_theory, "lstm-run-3")
    fails("'rnn-run-1' is of an RNN, expected", plots_dynamics.plot_direct_path, "rnn-run-1")
    fails("'lstm-run-3' is of an LSTM", plots_dynamics.plot_lyapunov, "lstm-run-3", "lstm-run-3")


def test_damaged_studies_are_refused():
    analysis.study_path("a-run").parent.mkdir(parents=True)
    for text, match in (
        ("{", "is no JSON"),
        ('{"format_version": 0}', "format version 0"),
        ("[]", "version None"),
    ):
        analysis.study_path("a-run").write_text(text, encoding="utf-8")
        fails(match, plots_dynamics.plot_theory, "a-run")


@pytest.mark.parametrize(
    "keys",
    [
        *[("model",), ("depths",), ("sentences", "burn_in"), ("dataset", "embeddings"), ("at", "best")],
        *[("at", "initialisation", "quantities", "h", "q25"), ("at", "best", "excess", "norms")],
        ("at", "best", "exponents", "sentences"),
    ],
)
def test_studies_that_lack_a_key_are_refused(keys):
    study = make_study()
    inner = study
    for key in keys[:-1]:
        inner[key] = dict(inner[key])
        inner = inner[key]
    del inner[keys[-1]]
    write_json(analysis.study_path("rnn-run-1"), study)
    expected = rf'jacobians-rnn-run-1.json lacks {".".join(keys)}: call jacobians\("rnn-run-1"\) of main.py'
    fails(expected, plots_dynamics.plot_theory)


def test_all_that_is_drawn_is_looked_for():
    """A study of no other keys than those that read asks for is drawn."""

    def only(value, needed):
        return {name: only(value[name], inner) for name, inner in needed.items()} if needed else value

    rnn, lstm = (only(make_study(model=model), plots_dynamics.NEEDED[model]) for model in ("rnn", "lstm"))
    plots_dynamics.draw_theory(rnn)
    plots_dynamics.draw_direct_path(lstm)
    plots_dynamics.draw_lyapunov(rnn, lstm)


def test_a_study_of_an_earlier_training_is_refused(kind, data):
    options = {"hidden_size": 4, "progress": False}
    experiment.run(kind, "a-run", epochs=2, **options)
    study = analysis.jacobian_study("a-run", 5, steps=20, burn_in=2, progress=False)
    assert plots_dynamics.read("a-run", kind) == study
    match = r'trained again: call jacobians\("a-run"\) of main.py'
    for stale in (
        study | {"hidden_size": 5},
        study | {"epochs": 3},
        study | {"dataset": study["dataset"] | {"checksum": "0"}},
        study | {"at": study["at"] | {"best": study["at"]["best"] | {"epoch": 9}}},
    ):
        write_json(analysis.study_path("a-run"), stale)
        fails(match, plots_dynamics.read, "a-run", kind)
    log_path("a-run").unlink()
    assert plots_dynamics.read("a-run", kind) == stale  # nothing to compare it with
