"""The study of truncated gradients, measured a second way: each sentence and word alone."""

import numpy as np
import pytest

import main
from scripts.dynamics.interventions import Intervened
from scripts.files import paths
from scripts.files.data import load_data
from scripts.files.errors import UserError
from scripts.studies.truncation import DELTAS, truncation_table
from scripts.text.batches import sorted_batches
from scripts.training import evaluation, experiment
from tests.conftest import write_data
from tests.studies.helpers import assert_provenance, written

RUNS = "rnn-0", "lstm-0"
PARAMETERS = {"W_hh": ["weight_hh_l0"], "all": ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0"]}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Runs of both models over two seeds, and one of another recipe."""
    small = {"epochs": 2, "hidden_size": 5, "progress": False}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "ROOT", tmp_path_factory.mktemp("trained"))
        write_data(sizes=(200, 150, 60))
        for seed in (0, 1):
            experiment.run("rnn", f"rnn-{seed}", seed=seed, **small)
            experiment.run("lstm", f"lstm-{seed}", seed=seed, **small)
        experiment.run("lstm", "uniform", seed=2, recurrent_init="uniform", **small)
        yield


@pytest.fixture(scope="module")
def study(trained):
    return main.truncation_study(RUNS, progress=False)


def gradient(model, kind, split, backward):
    """The truncated gradient of the mean loss over a split, by parameter."""
    intervened = Intervened(model, backward)
    (batch,) = sorted_batches(split, len(split.s))
    z = intervened.forward(batch.ids, batch.batch_sizes)
    _, dz = experiment.LOSSES[kind](z, batch.y)
    intervened.backward(dz / len(batch.y))
    return {key: value.copy() for key, value in model.gradients.items()}


def joined(gradients, names):
    return np.concatenate([gradients[name].ravel() for name in names])


def model_at(run_id, moment):
    """A run's model in float64, before training or at its selected epoch."""
    found, data, run = evaluation.load_model(run_id)
    kind, settings = run.settings["model"], run.settings["hyperparameters"]
    if moment == "initialisation":
        found = experiment.build_model(kind, settings, data.embeddings)
    model = experiment.build_model(kind, settings, data.embeddings, np.float64)
    model.theta[:] = found.theta
    return model


@pytest.mark.parametrize("moment", ["initialisation", "best"])
@pytest.mark.parametrize("place", [0, 1])
def test_errors_are_those_of_truncated_training(study, place, moment):
    described = study["models"][place]
    model, kind = model_at(RUNS[place], moment), described["model"]
    split = load_data().splits["validation"]
    plain = gradient(model, kind, split, "full")
    for K in (0, 3, 24, 25):
        truncated = gradient(model, kind, split, f"truncate-{K}")
        for parameters, names in PARAMETERS.items():
            found = described[moment][0]["whole"][parameters]
            near, whole = joined(truncated, names), joined(plain, names)
            error = np.linalg.norm(near - whole) / np.linalg.norm(whole)
            cosine = near @ whole / np.linalg.norm(near) / np.linalg.norm(whole)
            assert found["error"][K] == pytest.approx(error, rel=1e-6, abs=1e-12)
            assert found["cosine"][K] == pytest.approx(cosine, rel=1e-6)


def test_kappa_is_read_from_the_errors(study):
    for described in study["models"]:
        for moment in ("initialisation", "best"):
            (one,) = described[moment]
            for found in one["whole"].values():
                assert found["error"][-1] == found["bound"][-1] == 0
                for place, delta in enumerate(DELTAS):
                    K = found["kappa"][place]
                    assert found["error"][K] < delta <= min([*found["error"][:K], np.inf])
                    assert found["bound_kappa"][place] >= K
                for error, bound in zip(found["error"], found["bound"], strict=True):
                    assert bound is None or error <= bound * (1 + 1e-6)
            for found in one["batches"].values():
                assert len(found["error"]) == len(found["cosine"]) == 26
                assert found["error"][-1] == 0
                assert found["cosine"][-1] == 1


def test_what_is_written(study):
    assert written("truncation") == study
    assert_provenance(study)
    assert study["K"] == list(range(26))
    assert study["sentences"] == {"count": 150, "shortest": 1, "longest": 26}
    assert study["batches"] == {"count": 2, "size": 64, "seed": 0}
    assert [model["model"] for model in study["models"]] == ["rnn", "lstm"]
    assert [model["runs"] for model in study["models"]] == [["rnn-0"], ["lstm-0"]]


def test_the_table_has_a_row_for_each_run_and_moment(study):
    head, _, heads, _, *rows = truncation_table(study).splitlines()
    assert "150 sentences" in head
    assert f"{study['seconds']} s" in head
    assert [cell.strip() for cell in heads.split("|")[2:5]] == [f"W_hh, κ({delta})" for delta in DELTAS]
    names = [row.split("|")[1].strip() for row in rows]
    epochs = [model["best_epoch"][0] for model in study["models"]]
    assert names == [
        "rnn-0, before training",
        f"rnn-0, epoch {epochs[0]}",
        "lstm-0, before training",
        f"lstm-0, epoch {epochs[1]}",
    ]
    best = study["models"][1]["best"][0]
    kinds = (
        best["whole"]["all"]["kappa"],
        best["batches"]["all"]["kappa"],
        best["whole"]["all"]["bound_kappa"],
    )
    assert rows[3].split("|")[-2].strip() == " / ".join(str(kind[2]) for kind in kinds)


def test_several_seeds_have_an_entry_each(study):
    seeds = main.truncation_study(["lstm-1", "rnn-0", "lstm-0"], "seeds", 1, progress=False)
    assert written("truncation", "seeds") == seeds
    rnn, lstm = seeds["models"]
    assert (rnn["runs"], lstm["runs"]) == (["rnn-0"], ["lstm-1", "lstm-0"])
    assert len(lstm["best_epoch"]) == len(lstm["best"]) == 2
    assert lstm["best"][1]["whole"] == study["models"][1]["best"][0]["whole"]
    assert lstm["best"][0] != lstm["best"][1]
    assert seeds["batches"]["count"] == 1
    assert len(truncation_table(seeds).splitlines()) == 4 + 6


def test_sentences_of_one_word_have_no_gradient_of_W_hh(study_root):
    write_data((9, 9, 9), longest=1)
    experiment.run("rnn", "a-run", epochs=1, hidden_size=3, progress=False)
    study = main.truncation_study("a-run", progress=False)
    assert study["batches"] == {"count": 1, "size": 9, "seed": 0}
    for one in (*study["models"][0]["best"], *study["models"][0]["initialisation"]):
        for found in one.values():
            assert found["W_hh"]["error"] == found["W_hh"]["cosine"] == [None]
            assert found["W_hh"]["kappa"] == [None] * 3
            assert (found["all"]["error"], found["all"]["cosine"]) == ([0], [1])
            assert found["all"]["kappa"] == [0] * 3
    assert "– / – / –" in truncation_table(study)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["lstm-0", "uniform"],), "give runs of one recipe"),
        (("nowhere",), "no run 'nowhere'"),
        (("rnn-0", "default", 0), "batches=0: expected a whole number"),
        (("rnn-0", "../x"), "can't be a file name"),
        (([],), "names no run"),
    ],
)
def test_what_is_wrong_is_one_line(trained, arguments, message):
    with pytest.raises(UserError, match=message) as error:
        main.truncation_study(*arguments, progress=False)
    assert "\n" not in str(error.value)
