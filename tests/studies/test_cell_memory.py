"""The memory of an LSTM's cell: exact cases, and the study measured a second way."""

import numpy as np
import pytest
from scipy.stats import spearmanr

import lstm.model
import main
from scripts.dynamics.gradients import gradient_rows
from scripts.dynamics.jacobians import diagonal_shares, stream
from scripts.files import paths
from scripts.files.data import load_data
from scripts.files.errors import UserError
from scripts.studies.cell_memory import cell_memory_table
from scripts.training import evaluation, experiment
from tests.helpers import write_data
from tests.reference import textbook
from tests.studies.helpers import assert_provenance, written


def read(model, ids):
    return diagonal_shares(list(stream(model, ids))[:0:-1])


def random_lstm(H=4, seed=0):
    rng = np.random.default_rng(seed)
    model = lstm.model.LSTMClassifier(rng.standard_normal((9, 3)), H, rng=rng, dtype=np.float64)
    model.theta[:] = 0.7 * rng.standard_normal(model.theta.size)
    return model


def test_without_recurrent_weights_every_unit_remembers_alone():
    model = random_lstm()
    model.parameters["weight_hh_l0"][:] = 0
    np.testing.assert_allclose(read(model, np.arange(9)), np.ones(8), rtol=1e-15)


def test_shares_are_those_of_states_that_are_moved():
    model, ids, step = random_lstm(), np.array([1, 5, 2, 8, 3, 4]), 1e-6
    found = read(model, ids)
    states = [(np.zeros(4), np.zeros(4))]
    for word in ids:
        states.append(textbook.step(model, word, *states[-1]))

    def cell_at_the_end(c, k):
        h = states[len(ids) - k][0]
        for word in ids[len(ids) - k :]:
            h, c = textbook.step(model, word, h, c)
        return c

    for k in range(1, 6):
        c = states[len(ids) - k][1]
        columns = [cell_at_the_end(c + e, k) - cell_at_the_end(c - e, k) for e in step * np.eye(4)]
        squares = np.square(columns)
        assert found[k - 1] == pytest.approx(np.trace(squares) / squares.sum(), rel=1e-6)
    assert found[0] == pytest.approx(1, abs=1e-15), "a single step takes no way through h"
    assert found[-1] < 0.9


def test_hundreds_of_factors_neither_underflow_nor_overflow():
    rng = np.random.default_rng(0)
    for scale in (1e-3, 1e3):
        shares = diagonal_shares(scale * rng.standard_normal((6, 6)) for _ in range(400))
        assert ((shares > 0) & (shares < 1)).all()
    assert np.isnan(diagonal_shares([np.eye(4), np.zeros((4, 4))])[1])


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    small = {"epochs": 2, "hidden_size": 5, "progress": False}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "ROOT", tmp_path_factory.mktemp("trained"))
        write_data()
        for seed in (0, 1):
            experiment.run("lstm", f"lstm-{seed}", seed=seed, **small)
        experiment.run("lstm", "uniform", recurrent_init="uniform", **small)
        experiment.run("rnn", "rnn-0", **small)
        yield main.cell_memory_study(["lstm-0", "lstm-1"], sentences=7, progress=False)


def test_the_study_measures_every_sentence_alone(study):
    assert written("cell-memory") == study
    assert_provenance(study)
    data = load_data()
    split = data.splits["validation"]
    logged = gradient_rows(split.s)
    rows = logged[np.linspace(0, len(logged) - 1, 7).round().astype(int)]
    starts = np.cumsum(split.s, dtype=int) - split.s
    sentences = [split.x[starts[row] : starts[row] + split.s[row]] for row in rows]
    lengths = [len(ids) for ids in sentences]
    assert study["sentences"] == {
        "count": 7,
        "of": len(logged),
        "shortest": min(lengths),
        "longest": max(lengths),
    }
    assert study["k"] == list(range(1, max(lengths)))
    assert study["count"] == [sum(length > k for length in lengths) for k in study["k"]]
    (described,) = study["models"]
    assert described["runs"] == ["lstm-0", "lstm-1"]
    for moment in ("initialisation", "best"):
        model = evaluation.model_at("lstm-1", moment == "best")
        shares, gradients, gates = [], [], []
        for ids in sentences:
            shares.append(read(model, ids))
            gates += [model.activations(t)["f"][:, 0].copy() for t in range(len(ids))]
            gradients.append(gradient_of_forget_bias(model, ids))
        found = described[moment][1]
        medians = [np.median([each[k - 1] for each in shares if len(each) >= k]) for k in study["k"]]
        np.testing.assert_allclose(found["diagonal"], medians, rtol=1e-6)
        np.testing.assert_allclose(found["time_scale"], 1 / (1 - np.mean(gates, axis=0)), rtol=1e-6)
        np.testing.assert_allclose(found["sensitivity"], np.mean(np.square(gradients), axis=0), rtol=1e-4)
        ranked = spearmanr(found["time_scale"], found["sensitivity"]).statistic
        assert found["spearman"] == pytest.approx(ranked)
    assert described["best"][1] != described["initialisation"][1]


def gradient_of_forget_bias(model, ids, step=1e-5):
    """∂z/∂b_f (H,), by moving each entry."""
    b_f, slopes = model.parameters["bias_ih_l0"][model.H : 2 * model.H], []
    for unit in range(model.H):
        before, z = b_f[unit], []
        for sign in (1, -1):
            b_f[unit] = before + sign * step
            z.append(model.forward(ids, np.ones(len(ids), int))[0])
        b_f[unit] = before
        slopes.append((z[0] - z[1]) / (2 * step))
    return slopes


def test_it_says_first_how_long_it_takes(study, capsys):
    main.cell_memory_study("lstm-0", "one", 2, progress=False)
    first, *table = capsys.readouterr().out.splitlines()
    assert first.startswith("1 run: about ")
    assert table[0].startswith("| 1 run, 2 sentences ")


def test_the_table_holds_means_over_runs(study):
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in cell_memory_table(study).splitlines()
    ]
    by_label = {row[0]: row[1:] for row in rows}
    (described,) = study["models"]
    for place, moment in enumerate(("initialisation", "best")):
        at_5 = 100 * np.mean([run["diagonal"][4] for run in described[moment]])
        assert by_label["on the diagonal of ∂c_T/∂c_{T-k}, k = 5, %"][place].split()[0] == f"{at_5:.1f}"
        slowest = np.mean([max(run["time_scale"]) for run in described[moment]])
        assert by_label["time scale of the slowest unit, words"][place].split()[0] == f"{slowest:.1f}"
    assert rows[0][1:] == ["before training", "selected epoch"]


def test_of_one_unit_and_of_one_word_there_is_little_to_say(study_root):
    write_data((9, 9, 9), longest=1)
    experiment.run("lstm", "a-run", epochs=1, hidden_size=1, progress=False)
    study = main.cell_memory_study("a-run", progress=False)
    (run,) = study["models"][0]["best"]
    assert (study["k"], run["diagonal"], run["spearman"]) == ([], [], None)
    assert run["sensitivity"] == [0], "before the first word the cell is empty"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("rnn-0",), "an RNN has no cell, expected the LSTM's"),
        ((["rnn-0", "lstm-0"],), "an RNN has no cell, expected the LSTM's"),
        ((["lstm-0", "uniform"],), "give runs of one recipe"),
        (("nowhere",), "no run 'nowhere'"),
        (("lstm-0", "default", 0), "sentences=0: expected a whole number"),
        (("lstm-0", "../x"), "can't be a file name"),
    ],
)
def test_what_is_wrong_is_one_line(study, arguments, message):
    with pytest.raises(UserError, match=message) as error:
        main.cell_memory_study(*arguments, progress=False)
    assert "\n" not in str(error.value)
