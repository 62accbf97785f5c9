"""The figure of left-out and shuffled words: what is drawn is what the JSON holds."""

import numpy as np
import pytest

from scripts import plots
from scripts.files.storage import write_json, write_text
from scripts.files.studies import STUDY_VERSION, study_path
from scripts.studies.memory import LEAD, TRAINED
from scripts.studies.memory import condition as name_of
from tests.figures.helpers import DATASET, assert_band, assert_complete, fails, lines, save, words

K = [0, 5, 10, 30]


def make_study(shifts=(0.0,), change=(-0.3, 0.4)):
    """A study in which each seed is more often correct than the first by a shift; `change` of the lead."""
    several = len(shifts) > 1
    models = [
        {
            "model": model,
            "word_order": order,
            "runs": [f"{model}-{order}-{seed}" for seed in range(len(shifts))],
            "whole": [best + shift for shift in shifts],
            "left_out": [[None, *(best + shift - 0.1 / k for k in K[1:])] for shift in shifts],
            "shuffled": [[best + shift - 0.05 + 0.001 * k for k in K] for shift in shifts],
        }
        for order, loss in (("kept", 0), ("shuffled", 0.02))
        for model, best in (("rnn", 0.82 - loss), ("lstm", 0.84 - loss))
    ]

    def entry(of, condition, minus, mean, low, high):
        ends = {"low": low, "high": high} if several else {"low": None, "high": None}
        label = f"{of}, {condition}{f' − {minus}' if minus else ''}"
        return {"label": label, "condition": condition, "test_accuracy": {"mean": mean} | ends}

    shuffled = ["shuffled", *(f"shuffled beyond {k}" for k in K[1:])]
    differences = [entry(name, "shuffled", "in order", -0.048, -0.05, -0.04) for name in ("RNN", "LSTM")]
    for place, condition in enumerate(["in order", *shuffled]):
        differences.append(entry(LEAD, condition, None, 0.02 + place / 1000, 0.01, 0.03))
    differences.append(entry(LEAD, "shuffled", "in order", 0.001, *change))
    study = {"format_version": STUDY_VERSION, "dataset": DATASET, "models": models, "k": K}
    study["conditions"] = [name_of(k) for k in K]
    study |= {"sentences": {"count": 872, "longest": 47}, "shuffles": {"count": 10, "seed": 0}}
    study |= {"baselines": {"whole": 0.814, "counts": [None, 0.6, 0.7, 0.8]}}
    return save("memory", "default", study | {"differences": differences})


@pytest.mark.parametrize("shifts", [(0.0,), (0.0, 0.03, -0.01)])
def test_accuracies_and_the_lead_are_drawn(shifts, full_size):
    study = make_study(shifts)
    figure = plots.plot_memory.draw()
    left, right = figure.axes
    bands = iter(left.collections)
    for model, name in zip(study["models"][:2], ("RNN", "LSTM"), strict=True):
        thick = lines(left)[name]
        thin = left.lines[left.lines.index(thick) + 1]
        for line, key in ((thick, "shuffled"), (thin, "left_out")):
            seeds = 100 * np.array(model[key], float)
            np.testing.assert_array_equal(line.get_xdata(), K)
            np.testing.assert_allclose(line.get_ydata(), seeds.mean(0))
            start = 1 if key == "left_out" else 0
            assert_band(next(bands), K[start:], seeds.min(0)[start:], seeds.max(0)[start:])
        assert thin.get_linewidth() < thick.get_linewidth()
    for model, name in zip(study["models"][2:], ("RNN", "LSTM"), strict=True):
        (level,) = set(lines(left)[f"{name} {TRAINED}"].get_ydata())
        assert level == pytest.approx(100 * np.mean(model["whole"]))
    np.testing.assert_allclose(lines(left)["word counts"].get_ydata(), 81.4)
    (bars,) = right.containers
    np.testing.assert_allclose(bars.lines[0].get_ydata(), [2.1, 2.2, 2.3, 2.4])
    low, high = (1, 3) if len(shifts) > 1 else (2.1, 2.1)
    assert [bars.lines[1][end].get_ydata()[0] for end in (0, 1)] == pytest.approx([low, high])
    np.testing.assert_allclose(lines(right)["in order"].get_ydata(), 2)
    assert "costs the RNN 4.8, the LSTM 4.8 points" in words(figure)
    runs = "4 runs" if len(shifts) == 1 else "12 runs"
    assert_complete(figure, runs, "872 test sentences", "10 shuffles")
    assert plots.plot_memory().stat().st_size < 200_000


@pytest.mark.parametrize(
    ("change", "said"),
    [((-0.3, 0.4), ": no clear change"), ((-0.3, -0.1), ", smaller"), ((0.1, 0.4), ", larger")],
)
def test_the_title_says_whether_the_lead_changes(change, said):
    make_study((0.0, 0.01), change)
    assert plots.plot_memory.draw().axes[1].get_title(loc="left") == f"The LSTM's lead{said}"


def test_one_seed_or_one_model_says_nothing_of_the_lead():
    study = make_study()
    assert plots.plot_memory.draw().axes[1].get_title(loc="left") == "The LSTM's lead"
    alone = [one for one in study["differences"] if one["label"].startswith("LSTM, ")]
    save("memory", "default", study | {"models": study["models"][1:2], "differences": alone})
    figure = plots.plot_memory.draw()
    assert "Shuffling all words costs the LSTM 4.8 points" in words(figure)
    assert not figure.axes[1].containers


def test_a_study_that_is_missing_or_damaged_is_one_line():
    fails(r"uncomment the block memory_study\(.* in main.py", plots.plot_memory)
    study = make_study()
    for broken in (
        {key: value for key, value in study.items() if key != "models"},
        {key: value for key, value in study.items() if key != "dataset"},
        study | {"models": [{}]},
        study | {"models": 5},
    ):
        save("memory", "default", broken)
        fails(r"default.json is unfinished or damaged.*memory_study\(", plots.plot_memory)
    write_text(study_path("memory", "default"), "{")
    fails("is no JSON", plots.plot_memory)
    write_json(study_path("memory", "default"), {"format_version": 99})
    fails("has format version 99, expected 5", plots.plot_memory)
