"""The study of fixed points, against states that are followed for thousands of steps."""

import numpy as np
import pytest

import main
from scripts.dynamics.gradients import gradient_rows
from scripts.files import paths
from scripts.files.data import load_data
from scripts.files.errors import UserError
from scripts.studies import fixed_points
from scripts.studies.fixed_points import INPUTS, MOMENTS, fixed_points_table
from scripts.training import evaluation, experiment
from tests.conftest import write_data
from tests.studies.helpers import assert_provenance, written

RUNS = "rnn-0", "lstm-0", "rnn-1", "lstm-1"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Runs of both models over two seeds, one with a study of its Jacobians, and one of another recipe."""
    small = {"epochs": 2, "hidden_size": 5, "progress": False}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "ROOT", tmp_path_factory.mktemp("trained"))
        write_data(sizes=(200, 150, 60))
        for seed in (0, 1):
            experiment.run("rnn", f"rnn-{seed}", seed=seed, **small)
            experiment.run("lstm", f"lstm-{seed}", seed=seed, **small)
        experiment.run("lstm", "uniform", seed=2, recurrent_init="uniform", **small)
        main.jacobians("lstm-1", 5, steps=50, burn_in=5, progress=False)
        yield


@pytest.fixture(scope="module")
def study(trained):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fixed_points, "STARTS", 12)
        return main.fixed_points(RUNS)


def each_measured(study):
    """Each run, moment, and what was measured then."""
    for model in study["models"]:
        for moment in MOMENTS:
            for run_id, measured in zip(model["runs"], model[moment], strict=True):
                yield run_id, moment, measured


def at_rest(model, x):
    """The state after 3,000 steps with the same input, and whether it rests there."""
    states = [np.zeros((1, model.H))] * len(model.states)
    for _ in range(3000):
        before, states = states, model.step(x[None], *states)
    return states, np.allclose(np.concatenate(before), np.concatenate(states), atol=1e-12)


def test_states_come_to_rest_at_a_point_of_the_study(study):
    split, rested = load_data().splits["validation"], 0
    for run_id, moment, measured in each_measured(study):
        model = evaluation.model_at(run_id, moment == "best")
        for name, x in (("zero", np.zeros(model.D)), ("mean", model.embeddings[split.x].mean(0))):
            points, (states, rests) = measured[name], at_rest(model, x)
            assert sum(point["found"] for point in points) <= 12
            if not rests:
                continue
            rested += 1
            slopes = []  # rows of the transposed Jacobian, by central differences
            for nudge in 1e-5 * np.eye(len(states) * model.H):
                nudged = [s + part for s, part in zip(states, np.split(nudge, len(states)), strict=True)]
                other = [2 * s - part for s, part in zip(states, nudged, strict=True)]
                ends = (np.concatenate(model.step(x[None], *each), axis=1)[0] for each in (nudged, other))
                slopes.append(np.subtract(*ends) / 2e-5)
            sizes = np.sort(np.abs(np.linalg.eigvals(slopes)))[::-1]
            (point,) = (p for p in points if p["largest"] == pytest.approx(sizes[0], rel=1e-4))
            if abs(sizes[0] - 1) > 1e-3:
                half_life = np.log(2) / np.abs(np.log(sizes)).min()
                assert point["half_life"][0] == pytest.approx(half_life, rel=0.05)
    assert rested >= 8


def test_visited_states_are_those_of_the_sentences(study):
    split = load_data().splits["validation"]
    rows = gradient_rows(split.s)
    assert study["sentences"] == {"count": len(rows), "shortest": 19, "longest": 26}
    ends = np.cumsum(split.s, dtype=int)
    for run_id, moment, measured in each_measured(study):
        model, visited = evaluation.model_at(run_id, moment == "best"), []
        for row in rows:
            states = [np.zeros((1, model.H))] * len(model.states)
            for word in split.x[ends[row] - split.s[row] : ends[row]]:
                states = model.step(model.embeddings[[word]], *states)
                visited.append(np.concatenate(states, axis=1)[0])
        v = np.linalg.eigvalsh(np.cov(np.transpose(visited)))[::-1]
        assert measured["dimensions"] == pytest.approx(v.sum() ** 2 / (v**2).sum())
        assert measured["three"] == pytest.approx(v[:3].sum() / v.sum())
        for name, x in (("zero", np.zeros(model.D)), ("mean", model.embeddings[split.x].mean(0))):
            states, rests = at_rest(model, x)
            distance = np.linalg.norm(visited - np.concatenate(states, axis=1), axis=1).min()
            distances = [point["distance"] for point in measured[name]]
            assert not rests or min(abs(np.array(distances) - distance / np.sqrt(v.sum()))) < 1e-4


def test_rates_of_the_jacobians_are_read_where_they_are(study):
    rates = written("jacobians", "lstm-1")["at"]["best"]["rates"]
    lstm = study["models"][1]["best"]
    for name, rate in (("driven", "exponent_drive"), ("measured", "slope_c")):
        assert name not in lstm[0]
        assert lstm[1][name] == rates[rate]
    assert rates["exponent_drive"] < 0
    cells = [cell.strip() for cell in fixed_points_table(study).split("\n\n")[0].splitlines()[-1].split("|")]
    assert cells[8] == f"{np.log(2) / -rates['exponent_drive']:.1f}"


def test_what_is_written(study):
    assert written("fixed-points") == study
    assert_provenance(study | {"seconds": 1})  # trains no run
    assert [model["runs"] for model in study["models"]] == [["rnn-0", "rnn-1"], ["lstm-0", "lstm-1"]]
    for model in study["models"]:
        plane = model["plane"]
        assert np.shape(plane["visited"]) == (2, len(plane["logit"]))
        assert np.shape(plane["path"]) == (2, 16)  # the words of the sentence
        for name in INPUTS:
            assert np.shape(plane[name]) == (2, len(model["best"][0][name]))


def test_the_table_has_a_row_for_each_model_moment_and_input(study):
    points, _ = fixed_points_table(study).split("\n\n")
    assert len(points.splitlines()) == 2 + 2 * 2 * 2
    cells = [cell.strip() for cell in points.splitlines()[-1].split("|")[1:-1]]
    runs = [run["mean"] for run in study["models"][1]["best"]]
    count = sum(point["found"] for points in runs for point in points)
    assert cells[:2] == ["LSTM, selected epoch, mean word", f"{count} of 24"]
    for column, mode in ((5, 0), (6, 1)):
        lives = sorted(point["half_life"][mode] for points in runs for point in points)
        assert f"{lives[0]:.1f}" in cells[column]
        assert f"{lives[-1]:.1f}" in cells[column]


def test_a_mode_that_lasts_for_ever_is_infinite():
    assert fixed_points._span([None, 2.0, 1e5], 1) == "∞ (2.0 to ∞)"
    assert fixed_points._span([], 1) == "–"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["lstm-0", "uniform"],), "give runs of one recipe"),
        (("nowhere",), "no run 'nowhere'"),
        (("rnn-0", "../x"), "can't be a file name"),
        (([],), "names no run"),
    ],
)
def test_what_is_wrong_is_one_line(trained, arguments, message):
    with pytest.raises(UserError, match=message) as error:
        main.fixed_points(*arguments)
    assert "\n" not in str(error.value)
