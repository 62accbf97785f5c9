"""Products of Jacobians, exponents and the study: against brute force, exact cases, and the run's own log."""

import json
import weakref
from itertools import islice

import numpy as np
import pytest

import lstm.model
from scripts.dynamics import jacobians
from scripts.dynamics.gradients import gradient_rows
from scripts.files import paths
from scripts.files.errors import UserError
from scripts.files.runs import best_epoch, load_run, save_run
from scripts.studies.jacobians import finite, jacobian_study, rate, rates_table, sentence_burn_in
from scripts.text.batches import sorted_batches
from scripts.training import experiment
from scripts.training.evaluation import load_model
from tests.helpers import write_data

# Any matrices ---------------------------------------------------------------------------------------------


def test_product_norms_are_those_of_the_products():
    rng = np.random.default_rng(0)
    matrices = [rng.standard_normal((5, 5)) for _ in range(12)]
    expected, product = [], np.eye(5)
    for M in matrices:
        product = product @ M
        expected.append(np.log10(np.linalg.norm(product, 2)))
    np.testing.assert_allclose(jacobians.product_norms(iter(matrices)), expected, atol=1e-12)
    sums = np.cumsum([np.log10(np.linalg.norm(M, 2)) for M in matrices])
    np.testing.assert_allclose(jacobians.norm_sums(iter(matrices)), sums, atol=1e-12)


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_products_of_400_factors_neither_underflow_nor_overflow(scale):
    rng = np.random.default_rng(0)
    Q = lstm.model.orthogonal(rng, 8)
    found = jacobians.product_norms(scale * Q for _ in range(400))
    np.testing.assert_allclose(found, np.arange(1, 401) * np.log10(scale), rtol=1e-12)
    exponents, _ = jacobians.lyapunov_exponents(scale * Q for _ in range(400))
    np.testing.assert_allclose(exponents, np.log(scale), rtol=1e-12)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("scale", [1e-300, 1e-170, 1e170, 1e300])
def test_entries_whose_squares_are_no_floats(scale):
    A = scale * np.eye(3)
    log10 = np.log10(scale)
    assert jacobians.product_norms([A, A]) == pytest.approx([log10, 2 * log10])
    assert jacobians.norm_sums([A, A]) == pytest.approx([log10, 2 * log10])
    assert jacobians.lyapunov_exponents([A] * 10)[0] == pytest.approx(np.log(scale))


@pytest.mark.filterwarnings("error")
def test_a_product_that_is_exactly_0_is_minus_infinity():
    matrices = [np.eye(3), np.zeros((3, 3)), np.eye(3)]
    assert jacobians.product_norms(matrices) == pytest.approx([0, -np.inf, -np.inf], abs=1e-15)
    assert jacobians.norm_sums(matrices).tolist() == [0, -np.inf, -np.inf]
    exponents, _ = jacobians.lyapunov_exponents([*matrices] * 10)
    assert exponents.max() == -np.inf


def test_stretches_multiply_to_the_volume():
    rng = np.random.default_rng(0)
    matrices = [rng.standard_normal((4, 4)) for _ in range(9)]
    volume = 0
    for steps, M in enumerate(matrices, 1):
        exponents, _ = jacobians.lyapunov_exponents(matrices[:steps])
        volume += np.linalg.slogdet(M)[1]
        assert exponents.shape == (4,)
        assert steps * exponents.sum() == pytest.approx(volume)


def test_the_first_exponents_are_those_of_all():
    W = np.random.default_rng(1).standard_normal((9, 9))
    every, _ = jacobians.lyapunov_exponents((W for _ in range(3000)), burn_in=300)
    three, _ = jacobians.lyapunov_exponents((W for _ in range(3000)), exponents=3, burn_in=300)
    assert three.shape == (3,)
    np.testing.assert_allclose(three, every[:3], atol=3e-3)
    assert len(jacobians.lyapunov_exponents([W], exponents=99)[0]) == 9


def test_exponents_of_scalars_are_means_and_have_the_standard_error():
    logs = np.random.default_rng(0).normal(-0.3, 0.5, 5000)
    (exponent,), (error,) = jacobians.lyapunov_exponents(np.exp(logs)[:, None, None], burn_in=1000)
    assert exponent == pytest.approx(logs[1000:].mean(), abs=1e-12)
    assert error == pytest.approx(0.5 / np.sqrt(4000), rel=0.6)
    assert np.isnan(jacobians.lyapunov_exponents(np.ones((9, 1, 1)))[1]).all()


def test_a_long_drive_is_never_held_in_memory():
    kept = []

    def drive():
        for _ in range(300):
            M = 2 * np.eye(3)
            kept.append(weakref.ref(M))
            yield M
            del M
            assert sum(reference() is not None for reference in kept) <= 1

    jacobians.lyapunov_exponents(drive())
    assert len(kept) == 300


def test_slope_is_that_of_the_mean_of_logs_between_two_distances():
    rng = np.random.default_rng(0)
    rates = np.array([-0.1, -0.3, -0.25])
    sentences = [rate * np.arange(length) for rate, length in zip(rates, (20, 25, 40), strict=True)]
    for values in sentences:
        values[:9] = rng.standard_normal(9)  # before distance 9
    expected = np.log(10) * rates.mean()
    error = np.log(10) * rates.std(ddof=1) / np.sqrt(3)
    assert jacobians.slope(sentences, 9, 19) == pytest.approx((expected, error))
    assert jacobians.slope([*sentences, 99 * np.arange(19.0)], 9, 19) == pytest.approx((expected, error))
    assert np.isnan(jacobians.slope(sentences[:1], 9, 19)[1])


# A sentence -----------------------------------------------------------------------------------------------


def test_along_a_sentence_equals_brute_force(make_model):
    model = make_model(H=5)
    ids = np.random.default_rng(0).integers(0, 11, 8)
    model.forward(ids, np.ones(8, int))
    J = [model.step_jacobians(t)[0] for t in range(8)]
    found, exponents = jacobians.along_sentence(model, ids)
    product = np.eye(len(J[0]))
    norm, forget = 0.0, np.ones(5)
    sigma_1 = np.linalg.norm(model.parameters["weight_hh_l0"], 2)
    for k in range(8):
        expected = {
            "product": np.linalg.norm(product, 2),
            "norms": np.exp(norm),
            "pascanu": sigma_1**k,
        }
        expected |= {"direct_mean": forget.mean(), "direct_max": forget.max()}
        for name in set(expected) & set(found):
            assert found[name][k] == pytest.approx(np.log10(expected[name]), abs=1e-12), name
        step = J[7 - k]
        product, norm = product @ step, norm + np.log(np.linalg.norm(step, 2))
        if len(model.states) == 2:
            forget = forget * model._gates[7 - k][5:10, 0]
    names = (
        {"norms", "pascanu"} if len(model.states) == 1 else {"direct_mean", "direct_max", "direct_gradient"}
    )
    assert set(found) == names | {"product"}
    volume = sum(np.linalg.slogdet(step)[1] for step in J)
    assert 8 * exponents.sum() == pytest.approx(volume)


def test_exponents_of_a_sentence_leave_out_the_burn_in(make_model):
    model, ids = make_model(H=5), np.random.default_rng(0).integers(0, 11, 25)
    first, _ = jacobians.lyapunov_exponents(islice(jacobians.stream(model, ids), 10), 3, seed=4)
    _, every = jacobians.along_sentence(model, ids, 3, 4)
    _, later = jacobians.along_sentence(model, ids, 3, 4, burn_in=10)
    np.testing.assert_allclose(25 * every, 10 * first + 15 * later)


def test_a_sentence_of_one_word_has_distance_0_alone(make_model):
    found, _ = jacobians.along_sentence(make_model(), np.array([3]))
    assert {name: values.tolist() for name, values in found.items()} == {name: [0.0] for name in found}


def test_what_is_measured_is_the_direct_path_where_no_gate_reads_h():
    """With W_hh = 0 the cell is the only way back, so both must agree at every distance."""
    rng = np.random.default_rng(0)
    model = lstm.model.LSTMClassifier(rng.standard_normal((11, 3)), 6, rng=rng, dtype=np.float64)
    model.theta[:] = rng.standard_normal(model.theta.size)
    ids = rng.integers(0, 11, 30)
    for recurrent, agrees in ((0.5, False), (0.0, True)):
        model.parameters["weight_hh_l0"][:] *= recurrent
        found, _ = jacobians.along_sentence(model, ids)
        norms = [np.linalg.norm(dc) for _, _, dc in model.through_time(np.ones(1))]
        assert np.allclose(found["direct_gradient"], np.log10(norms / norms[0]), atol=1e-12) == agrees


def test_400_steps_have_finite_norms(make_model):
    model = make_model(H=6)
    model.parameters["weight_hh_l0"][:] *= 1e-3
    model.parameters["bias_ih_l0"][:] = -30 if len(model.states) == 2 else 1  # closed gates: f near 1e-13
    found, exponents = jacobians.along_sentence(model, np.ones(400, int))
    assert found["product"][-1] < -400
    for name, values in found.items():
        assert np.isfinite(values).all(), name
    assert np.isfinite(exponents).all()


# The study ------------------------------------------------------------------------------------------------


SMALL = {"steps": 50, "burn_in": 5, "progress": False}


@pytest.fixture
def trained(kind, data):
    """A small run of that kind, whose selected epoch is not epoch 0."""
    options = {"input_dropout": 0, "state_dropout": 0, "seed": 3, "progress": False}
    run = experiment.run(kind, "a-run", epochs=2, hidden_size=6, lr=0.02, **options)
    assert best_epoch(run.history)["epoch"] > 0
    return run


def test_study_measures_what_the_log_measured(trained, data, capsys):
    study = jacobian_study("a-run", **SMALL)
    for moment, record in (
        ("initialisation", trained.history[0]),
        ("best", best_epoch(trained.history)),
    ):
        part, logged = study["at"][moment], record["gradients"]
        assert part["epoch"] == record["epoch"]
        assert part["recurrent_weights"] == record["recurrent_weights"]
        for state in ("h", "c"):
            assert (state in part["quantities"]) == (state in logged)
            if state in logged:
                decay = logged[state]["decay"]
                assert part["distance"] == decay["distance"]
                assert part["count"] == decay["count"]
                exact = np.array(decay["count"]) % 4 == 1  # quantiles that are not interpolated
                assert exact.sum() > 2
                for name in ("median", "q25", "q75"):
                    ours, theirs = part["quantities"][state][name], np.log10(decay[name])
                    np.testing.assert_allclose(np.array(ours)[exact], theirs[exact], atol=1e-3)


def test_study_takes_its_rates_and_its_looseness_from_the_sentences(trained, data):
    study = jacobian_study("a-run", **SMALL)
    lengths = data.splits["validation"].s[gradient_rows(data.splits["validation"].s)]
    assert study["sentences"]["count"] == study["sentences"]["of"] == len(lengths)
    assert (study["sentences"]["shortest"], study["sentences"]["longest"]) == (lengths.min(), lengths.max())
    first, last = study["distances"]
    assert last == min(19, lengths.min() - 1), "every sentence reaches it"
    assert first == last // 2
    for part in study["at"].values():
        measured = "c" if "c" in part["quantities"] else "h"
        for name, excess in part["excess"].items():
            quantities = part["quantities"]
            difference = quantities[name]["median"][last] - quantities[measured]["median"][last]
            assert excess == pytest.approx(difference, abs=0.3)
        if measured == "h":
            assert 0 <= part["excess"]["product"] <= part["excess"]["norms"] <= part["excess"]["pascanu"]
        for name, quantity in part["quantities"].items():
            rough = np.log(10) * (quantity["median"][last] - quantity["median"][first]) / (last - first)
            assert part["rates"][f"slope_{name}"] == pytest.approx(rough, abs=0.1)


def test_exponents_are_those_of_evenly_spaced_sentences_and_of_the_drive_without_their_burn_ins(
    trained, data
):
    study = jacobian_study("a-run", 7, **SMALL)
    burn_in = study["sentences"]["burn_in"]
    assert burn_in == study["sentences"]["shortest"] // 2 == 9
    split = data.splits["validation"]
    logged = gradient_rows(split.s)
    rows = logged[[round(k * (len(logged) - 1) / 6) for k in range(7)]]
    sentences = [batch.ids for batch in sorted_batches(split, 1, rows)]
    model = load_model("a-run")[0]
    exact = experiment.build_model(
        trained.settings["model"], trained.settings["hyperparameters"], data.embeddings, np.float64
    )
    exact.theta[:] = model.theta
    of_sentences = [  # each in a direction of its own
        jacobians.lyapunov_exponents(jacobians.stream(exact, ids), 1, burn_in, seed)[0]
        for seed, ids in enumerate(sentences)
    ]
    rates = study["at"]["best"]["rates"]
    assert rates["exponent_sentences"] == pytest.approx(np.mean(of_sentences), rel=1e-6)

    drive = np.random.default_rng(study["drive"]["seed"]).choice(np.concatenate(sentences), 55)
    exponent, _ = jacobians.lyapunov_exponents(jacobians.stream(exact, drive), 1, 5)
    assert rates["exponent_drive"] == pytest.approx(exponent[0], rel=1e-6)


@pytest.mark.parametrize(("lengths", "burn_in"), [((20, 52), 10), ((21, 400), 10), ((9, 30), 4), ((1, 5), 0)])
def test_burn_in_of_sentences_is_ten_steps_or_half_of_the_shortest(lengths, burn_in):
    assert sentence_burn_in(np.array(lengths, np.uint16)) == burn_in


def test_a_rate_has_its_standard_error():
    rates = {"exponent_drive": -0.1245, "exponent_drive_error": 0.00478, "slope_h": 0.1, "slope_c": None}
    assert rate(rates, "exponent_drive") == "-0.124 ± 0.0048 (5.6)"
    assert rate(rates | {"exponent_drive_error": None}, "exponent_drive") == "-0.124 (5.6)"
    assert rate(rates, "slope_h") == "+0.100"
    assert rate(rates, "slope_c") == "-∞"


def test_study_is_written_as_it_is_returned_and_is_the_same_again(trained):
    study = jacobian_study("a-run", **SMALL)
    path = paths.ROOT / "assets" / "studies" / "jacobians" / "a-run.json"
    assert json.loads(path.read_text(encoding="utf-8")) == study
    again = jacobian_study("a-run", **SMALL)
    assert again | {"seconds": 0} == study | {"seconds": 0}


def test_study_takes_at_most_so_many_sentences(trained):
    study = jacobian_study("a-run", 7, **SMALL)
    assert study["sentences"]["count"] == study["at"]["best"]["count"][0] == 7
    table = rates_table(study)
    assert f"{study['at']['best']['rates']['slope_h']:+.3f}" in table
    first, last = study["distances"]
    assert f"k = {first} to {last}" in table
    assert "sentences from step 10 " in table
    assert f" ± {study['at']['best']['rates']['exponent_drive_error']:.4f}" in table
    assert f"{study['at']['best']['excess']['product']:+.1f} |" in table
    slope = study["at"]["initialisation"]["rates"]["slope_h"]
    error = study["at"]["initialisation"]["rates"]["slope_h_error"]
    assert f"{slope:+.3f} ± {error:.4f} ({np.log(2) / -slope:.1f})" in table


def test_numbers_that_are_not_finite_are_null():
    assert finite([1.23456789, -np.inf, np.nan]) == [1.234568, None, None]
    assert finite(np.float64("-inf")) is None


# Bad input ------------------------------------------------------------------------------------------------


def refused(words, *arguments, **options):
    """The study ends with a UserError of one line that says `words`, and writes nothing."""
    with pytest.raises(UserError, match=words) as caught:
        jacobian_study(*arguments, **{**SMALL, **options})
    assert "\n" not in str(caught.value)
    assert not list((paths.ROOT / "assets").glob("studies/*"))


def test_a_log_without_gradients_is_refused(data):
    experiment.run("rnn", "a-run", epochs=1, hidden_size=4, gradients=False, progress=False)
    refused("'a-run' holds no gradients.*train it with gradients=True", "a-run")


def test_sentences_of_one_word_are_refused(study_root):
    write_data((6, 6, 6), longest=1)
    experiment.run("rnn", "a-run", epochs=1, hidden_size=4, progress=False)
    refused("some sentences hold one word, expected 2 or more", "a-run")


def test_weights_of_the_other_model_are_refused(data):
    for kind in ("rnn", "lstm"):
        experiment.run(kind, f"a-{kind}", epochs=1, hidden_size=4, progress=False)
    run, other = load_run("a-rnn"), load_run("a-lstm")
    save_run("a-rnn", run._replace(weights=other.weights, resume=other.resume))
    refused("weights of run 'a-rnn' have shapes", "a-rnn")


def test_numbers_out_of_range_and_missing_runs_are_refused(trained):
    refused("no run 'b-run'", "b-run")
    refused("sentences=0: expected a whole number, 1 or more", "a-run", 0)
    refused("steps=2.5", "a-run", steps=2.5)
    refused("burn_in=-1: expected a whole number, 0 or more", "a-run", burn_in=-1)
