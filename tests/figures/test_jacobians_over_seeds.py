"""Jacobians over seeds: what is drawn is the middle, smallest and largest of the studies."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from scripts import plots
from scripts.figures import jacobians_over_seeds as plots_seeds
from scripts.files.errors import UserError
from scripts.files.paths import FORMAT_VERSION, GLOVE_2024
from scripts.files.storage import read_json, write_json
from scripts.files.studies import study_path
from scripts.studies import jacobians as analysis
from tests.figures.test_jacobians import RATES, make_study, words

matplotlib.use("Agg")
SCALES = (1.0, 1.5, 0.5)  # of the gradients of seeds 0, 1, 2: seed 0 is the middle one


@pytest.fixture
def pair(study_root):
    """A comparison of which three seeds of each model are studied, a fourth is not."""
    variants = []
    for model in ("rnn", "lstm"):
        runs = [f"study-{model}-pair-s{seed}" for seed in range(4)]
        variants.append({"model": model, "name": "pair", "runs": runs})
        for run_id, scale in zip(runs, SCALES, strict=False):
            make_study(run_id, model, scale=scale)
    content = {"format_version": FORMAT_VERSION, "comparison": True, "variants": variants}
    write_json(study_path("pair"), content)
    yield content
    plt.close("all")


def figure_of(name="pair"):
    """The figure itself: saved, it is closed."""
    plots_seeds.plot_jacobians_over_seeds(name)
    studies = plots_seeds.read_measured(name)
    return plots_seeds.draw_jacobians(studies)


def median_of(model, quantity, moment, seed):
    study = read_json(analysis.study_path(f"study-{model}-pair-s{seed}"))
    return 10 ** np.array(study["at"][moment]["quantities"][quantity]["median"])


def test_lines_are_the_middle_seed_and_bands_the_outer_ones(pair):
    figure = figure_of()
    panels = iter(figure.axes)
    for model in ("rnn", "lstm"):
        for moment in ("initialisation", "best"):
            panel = next(panels)
            drawn = {line.get_label(): line.get_ydata() for line in panel.lines}
            for quantity, (label, _) in plots_seeds.SHOWN[model].items():
                np.testing.assert_allclose(drawn[label], median_of(model, quantity, moment, 0))
            bands = [band.get_paths()[0].vertices[:, 1] for band in panel.collections]
            for band, quantity in zip(bands, plots_seeds.SHOWN[model], strict=True):
                outer = [median_of(model, quantity, moment, seed) for seed in (1, 2)]
                assert band.min() == pytest.approx(np.min(outer))
                assert band.max() == pytest.approx(np.max(outer))


def test_every_seed_has_its_rates(pair):
    axes = figure_of().axes[-1]
    drawn = {}
    for line in axes.lines:
        if not line.get_label().startswith("_"):
            drawn.setdefault(line.get_label(), []).append(line.get_xdata())
    assert [len(x) for x in drawn["predicted: the same of sentences"]] == [3] * 4  # models × moments
    for model, label in (("rnn", "RNN"), ("lstm", "LSTM")):
        measured = drawn[f"measured: slope of ln ‖∂z/∂h‖, {label}"]
        for values, expected in zip(measured, RATES[model]["h"], strict=True):
            assert list(values) == [expected] * 3
    assert "measured: slope of ln ‖∂z/∂c‖, RNN" not in drawn
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert sorted(legend) == sorted(drawn)


def test_the_figure_says_what_it_was_drawn_from(pair):
    written = words(figure_of())
    assert "3 seeds" in written
    assert "study-lstm-pair-s2" in written
    assert "study-lstm-pair-s3" not in written
    assert GLOVE_2024 in written
    assert "501 validation sentences of 20 to 49 tokens" in written


def test_plot_draws_it_where_it_is_measured(pair, capsys):
    assert plots_seeds.has_jacobians("pair")
    paths = plots.plot_all(show=False)  # the comparison itself lacks what its own figure needs
    assert [path.name for path in paths] == ["jacobians-pair.png"]
    for seed in range(3):
        analysis.study_path(f"study-rnn-pair-s{seed}").unlink()
    assert not plots_seeds.has_jacobians("pair")
    with pytest.raises(UserError, match="'pair' has no one RNN and one LSTM whose Jacobians"):
        plots_seeds.plot_jacobians_over_seeds("pair")


def test_seeds_of_two_variants_or_of_unequal_number_are_not_drawn_as_one(pair):
    analysis.study_path("study-rnn-pair-s2").unlink()
    assert not plots_seeds.has_jacobians("pair")
    make_study("study-rnn-pair-s2", "rnn")
    assert plots_seeds.has_jacobians("pair")
    make_study("study-rnn-wide-s0", "rnn")
    pair["variants"].append({"model": "rnn", "name": "wide", "runs": ["study-rnn-wide-s0"]})
    write_json(study_path("pair"), pair)
    assert not plots_seeds.has_jacobians("pair")


def test_studies_that_differ_are_not_drawn_together(pair):
    make_study("study-lstm-pair-s1", "lstm", longest=30)
    path = analysis.study_path("study-lstm-pair-s1")
    write_json(path, read_json(path) | {"depths": [5, 10]})
    with pytest.raises(UserError, match="measured with other depths"):
        plots_seeds.plot_jacobians_over_seeds("pair")


def test_seeds_of_other_sentences_are_one_line(pair):
    make_study("study-rnn-pair-s1", "rnn", longest=30)
    with pytest.raises(UserError, match="on other sentences") as error:
        plots_seeds.plot_jacobians_over_seeds("pair")
    assert "\n" not in str(error.value)
