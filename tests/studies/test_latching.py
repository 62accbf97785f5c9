"""The study of latching, followed a second way, and its verdicts on orbits made by hand."""

import numpy as np
import pytest

import main
from scripts import preprocessing
from scripts.files import paths
from scripts.files.data import load_data
from scripts.files.errors import UserError
from scripts.studies import latching
from scripts.studies.latching import latching_table
from scripts.text import cue_distance as task
from scripts.training import evaluation, experiment
from tests.conftest import write_data
from tests.studies.helpers import assert_provenance, written

SMALL = {"epochs": 1, "hidden_size": 5, "progress": False}
RUNS = "rnn-0", "rnn-1", "lstm-0"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Runs on a small cue-distance task, and one on other sentences."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "ROOT", tmp_path_factory.mktemp("latching"))
        patch.setattr(task, "SIZES", {"train": 400, "validation": 60})
        patch.setattr(task, "TEST_SENTENCES", 20)
        preprocessing.preprocess(dataset="probe", embeddings="custom", dimensions=20, probe_longest=6)
        for run_id in RUNS:
            experiment.run(run_id.split("-")[0], run_id, seed=int(run_id[-1]), **SMALL)
        write_data(name="others")
        experiment.run("rnn", "other", data="others", **SMALL)
        yield


@pytest.fixture(scope="module")
def study(trained):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(latching, "SHOWN", (2, 10, 150))
        yield main.latching_study(RUNS)


def texts_of(pairs):
    """The token ids of each sentence."""
    return np.split(pairs.x, np.cumsum(pairs.s)[:-1])


def test_pairs_differ_in_their_cues_and_share_what_follows(trained):
    words, after, tails = np.array(load_data().vocabulary), latching.SHOWN[-1], set()
    pairs = latching.make_pairs(load_data().vocabulary, latching.SHOWN[-1])
    assert pairs.y.tolist() == [1, 0] * latching.PAIRS
    texts = [words[ids] for ids in texts_of(pairs)]
    for positive, negative in zip(texts[::2], texts[1::2], strict=True):
        cue = len(positive) - after - 1
        assert positive[cue - 1] == negative[cue - 1] == task.MARKER
        assert {positive[cue], negative[cue]} & set(task.CUES[1]) == {positive[cue]}
        assert {positive[cue], negative[cue]} & set(task.CUES[0]) == {negative[cue]}
        assert (positive[cue + 1 :] == negative[cue + 1 :]).all()
        assert not set(positive[cue + 1 :]) & {*task.CUES[0], *task.CUES[1]}
        tails.add(" ".join(positive[cue + 1 :]))
    assert len(tails) == latching.PAIRS


def test_curves_are_medians_over_pairs(study):
    assert study["steps"][:3] == [0, 1, 2]
    assert study["steps"][-1] == 150
    texts = texts_of(latching.make_pairs(load_data().vocabulary, latching.SHOWN[-1]))
    for model in study["models"]:
        for run_id, found in zip(model["runs"], model["orbits"], strict=True):
            trained, z, apart = evaluation.model_at(run_id, True), [], []
            for pair in zip(texts[::2], texts[1::2], strict=True):
                ids = np.transpose(pair)
                states = [np.zeros((2, trained.H))] * len(trained.states)
                along = []
                for words in ids:
                    states = trained.step(trained.embeddings[words], *states)
                    along.append(np.linalg.norm(np.subtract(*np.concatenate(states, axis=1))))
                apart.append([along[len(ids) - 151 + step] for step in study["steps"]])
                stops = [len(ids) - 150 + step for step in study["steps"]]
                z.append([trained.forward(ids[:stop].ravel(), np.full(stop, 2)) for stop in stops])
            for name, logits in zip(("positive", "negative"), np.median(z, axis=0).T, strict=True):
                np.testing.assert_allclose(found[name], logits, rtol=1e-5, atol=1e-7)
            np.testing.assert_allclose(found["apart"], np.median(apart, axis=0), rtol=1e-5, atol=1e-7)
            ends = np.array(z)[:, -1]
            assert found["told_apart"] == ((ends[:, 0] > 0) & (ends[:, 1] < 0)).sum()
            assert set(found) & set("hc") == set(trained.states)
            assert all(found[state][0] == 0 for state in trained.states)


def test_states_of_runs_that_hardly_learned_meet(study):
    """One epoch of a small model: the cue is soon forgotten."""
    for model in study["models"]:
        for found in model["orbits"]:
            assert found["told_apart"] == 0
            assert found["apart"][-1] < 0.05 * found["apart"][0]


def test_a_unit_made_to_latch_does_and_one_made_to_forget_does_not(trained, monkeypatch):
    """h ← tanh(w h + x), x ± 2 at positive and negative cues and 0 else: w = 1.25, then 0.9."""
    vocabulary = load_data().vocabulary
    for w, end, slope in ((1.25, 0.7104, 1.25 * (1 - 0.7104**2)), (0.9, 0, 0.9)):
        model = experiment.build_model(
            "rnn",
            {"hidden_size": 1, "seed": 0, "recurrent_init": "identity", "input_init": "glorot"}
            | {"input_dropout": 0.0, "state_dropout": 0.0},
            np.array([[2.0 * ((v in task.CUES[1]) - (v in task.CUES[0]))] for v in vocabulary]),
            np.float64,
        )
        values = {"weight_ih_l0": 1, "weight_hh_l0": w, "bias_ih_l0": 0, "weight_out": 1, "bias_out": 0}
        for name, value in values.items():
            model.parameters[name][:] = value
        monkeypatch.setattr(latching, "model_at", lambda run_id, trained, model=model: model)
        monkeypatch.setattr(latching, "SHOWN", (2, 10, 500))
        study = main.latching_study("rnn-0", "made")
        (orbit,) = study["models"][0]["orbits"]
        assert (orbit["positive"][-1], orbit["negative"][-1]) == pytest.approx((end, -end), abs=5e-5)
        assert orbit["apart"][-1] == pytest.approx(2 * end, abs=1e-4)
        first = study["steps"].index(10)
        rate = (orbit["h"][-8] - orbit["h"][first]) / (study["steps"][-8] - 10)
        assert rate == pytest.approx(np.log10(slope), abs=1e-3)


def test_what_is_written_and_the_table(study):
    assert written("latching") == study
    assert_provenance(study | {"seconds": 1})  # trains no run
    assert [model["runs"] for model in study["models"]] == [["rnn-0", "rnn-1"], ["lstm-0"]]
    heads, _, *rows = latching_table(study).split("\n\n")[0].splitlines()
    assert [row.split("|")[1].strip() for row in rows] == list(RUNS)
    assert [head.strip() for head in heads.split("|")[-7:-1]] == [
        f"∂z/∂{state}, k = {step}" for state in "hc" for step in (2, 10, 150)
    ]
    assert "0 of 10" in rows[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("other",), r"the dataset is not the cue-distance probe"),
        ((["rnn-0", "other"],), "several datasets"),
        (("nowhere",), "no run 'nowhere'"),
        (("rnn-0", "../x"), "can't be a file name"),
        (([],), "names no run"),
    ],
)
def test_what_is_wrong_is_one_line(trained, arguments, message):
    with pytest.raises(UserError, match=message) as error:
        main.latching_study(*arguments)
    assert "\n" not in str(error.value)
