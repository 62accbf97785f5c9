"""The figure of fixed points: what is drawn is what the JSON holds."""

import numpy as np
import pytest
from matplotlib.colors import to_rgba

from scripts import plots
from scripts.figures.style import AMBER
from scripts.files.studies import STUDY_VERSION
from tests.figures.helpers import DATASET, fails, save, words

RNG = np.random.default_rng(0)
POINTS = {"zero": [[0, 1, 40], [1, -1, 0]], "mean": [[2], [0.5]]}  # one of three far beyond the others
LARGEST = {"zero": [0.9, 1.2, 0.7], "mean": [0.99]}


def make_study(models=("rnn", "lstm"), points=POINTS):
    """A study of two seeds per model, of which the first has a plane."""
    described = [
        {
            "model": model,
            "runs": [f"{model}-run-{seed}" for seed in range(2)],
            "best_epoch": [7, 8],
            "best": [
                {
                    name: [{"largest": largest} for largest in LARGEST[name][: len(points[name][0])]]
                    for name in points
                }
            ]
            * 2,
            "plane": {
                "visited": RNG.uniform(-5, 5, (2, 80)).tolist(),
                "logit": np.linspace(-4, 3, 80).tolist(),
                "path": [[0, 1, 2], [0, -1, 1]],
                **points,
            },
        }
        for model in models
    ]
    study = {
        "format_version": STUDY_VERSION,
        "dataset": DATASET,
        "sentences": {"count": 300, "shortest": 20, "longest": 40},
        "starts": 9,
        "models": described,
    }
    return save("fixed-points", "default", study)


def test_states_points_and_the_path_are_drawn(full_size):
    study = make_study()
    figure = plots.plot_fixed_points.draw()
    for axes, model in zip(figure.axes, study["models"], strict=False):
        visited, ring, *drawn = axes.collections
        np.testing.assert_allclose(visited.get_offsets().T, model["plane"]["visited"])
        np.testing.assert_allclose(visited.get_array(), model["plane"]["logit"])
        assert visited.get_clim() == (-4, 4)
        for name, scatter in zip(POINTS, drawn, strict=True):
            np.testing.assert_allclose(scatter.get_offsets().T, POINTS[name])
            stable = [largest < 1 for largest in LARGEST[name]]
            filled = [tuple(colour) == to_rgba(AMBER) for colour in scatter.get_facecolors()]
            assert filled == (stable if len(stable) > 1 else [True])
        (path,) = axes.lines
        np.testing.assert_allclose(path.get_xydata().T, model["plane"]["path"])
        np.testing.assert_allclose(ring.get_offsets(), [[2, 1]])
        assert axes.get_xlim()[1] < 7  # the point at 40 is beyond the edge
        assert axes.get_title(loc="left").endswith("4 points, 1 beyond the edge")
    assert [text.get_text() for text in figure.axes[1].get_legend().get_texts()] == [
        "a sentence",
        "fixed points, input 0",
        "fixed points, mean word",
    ]
    runs = "rnn-run-0 (epoch 7)", "lstm-run-0 (epoch 7)"
    for said in (*runs, "300 validation rows", "stanfordnlp/sst2", "logit z"):
        assert said in words(figure)
    assert plots.plot_fixed_points().stat().st_size < 200_000


def test_the_title_counts_points():
    make_study()
    assert "end at few fixed points: 1 to 3 per input" in words(plots.plot_fixed_points.draw())


@pytest.mark.parametrize("points", [POINTS, {"zero": [[], []], "mean": [[], []]}])
def test_one_model_alone_and_no_point_at_all(points):
    make_study(models=("lstm",), points=points)
    assert len(plots.plot_fixed_points.draw().axes) == 2  # one panel and its colours


def test_a_study_that_is_missing_or_damaged_is_one_line():
    fails(r"uncomment the block fixed_points\(\) in main.py", plots.plot_fixed_points)
    save("fixed-points", "default", make_study() | {"models": [{"best": [{}], "plane": {}}]})
    fails(r"default.json is unfinished or damaged.*fixed_points\(\)", plots.plot_fixed_points)
