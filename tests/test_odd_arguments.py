"""Whatever is given to a function of main.py, the answer is a result or one line."""

import numpy as np
import pytest

import main
from scripts.files import paths
from scripts.files.errors import UserError
from tests.helpers import write_data

TINY = {"epochs": 1, "hidden_size": 3, "progress": False}
QUICK = {"sentences": 2, "steps": 9, "burn_in": 1, "progress": False}
ODD = [None, True, -1, 1.5, float("nan"), 10**400, 1e299, "", "\ud800", "a\nb", b"x", [None], ["a", "a"]]
ODD += [[], {}, {5: 1}, object(), np.array([1, 2]), np.int64(2), [[1]], 1j, range(0), "../x"]
SETTINGS = ("epochs", "lr", "schedule", "hidden_size", "batch_size", "clip_norm", "weight_decay", "averaging")
SETTINGS += ("forget_bias", "chrono_steps", "seed", "gradients", "workers", "length_weight", "recurrent_init")
CALLS = {
    "predict": lambda odd: main.predict(odd, "rnn-run-1", draw=False),
    "predict, run": lambda odd: main.predict("good", odd, draw=False),
    "test": main.test,
    "test_overfit": lambda odd: main.test_overfit(odd, 2),
    "test_overfit, steps": lambda odd: main.test_overfit(2, odd),
    "memory_study": lambda odd: main.memory_study(odd, progress=False),
    "memory_study, name": lambda odd: main.memory_study(name=odd, progress=False),
    "cell_memory_study": lambda odd: main.cell_memory_study(odd, progress=False),
    "cell_memory_study, sentences": lambda odd: main.cell_memory_study(sentences=odd, progress=False),
    "fixed_points": lambda odd: main.fixed_points(odd),
    "fixed_points, name": lambda odd: main.fixed_points("rnn-run-1", odd),
    "latching_study": lambda odd: main.latching_study(odd),
    "latching_study, name": lambda odd: main.latching_study("rnn-run-1", odd),
    "truncation_study": lambda odd: main.truncation_study(odd, progress=False),
    "truncation_study, name": lambda odd: main.truncation_study("rnn-run-1", odd, progress=False),
    "truncation_study, batches": lambda odd: main.truncation_study("rnn-run-1", batches=odd, progress=False),
    "initialisation_study, other": lambda odd: main.initialisation_study(1, 1, units=odd),
    "compare, models": lambda odd: main.compare(odd, 1, jobs=1, **TINY),
    "compare, seeds": lambda odd: main.compare("rnn", odd, jobs=1, **TINY),
    "compare, name": lambda odd: main.compare("rnn", 1, odd, jobs=1, **TINY),
    "compare, jobs": lambda odd: main.compare("rnn", 1, jobs=odd, **TINY),
    "compare, of_model": lambda odd: main.compare("rnn", 1, of_model=odd, jobs=1, **TINY),
    "compare, of one model": lambda odd: main.compare("rnn", 1, of_model={"rnn": odd}, jobs=1, **TINY),
    "jacobians": lambda odd: main.jacobians(odd, **QUICK),
    "plot": main.plot,
    "train_rnn": lambda odd: main.train_rnn(odd, **TINY),
}
for name in ("sentences", "steps", "burn_in"):
    CALLS[f"jacobians, {name}"] = lambda odd, name=name: main.jacobians("rnn-run-1", **QUICK | {name: odd})
for name in SETTINGS:
    CALLS[name] = lambda odd, name=name: main.train_lstm("a", overwrite=True, **TINY | {name: odd})


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A project with both default runs."""
    with paths.rooted(tmp_path_factory.mktemp("odd")) as folder:
        write_data((60, 30, 20))
        main.train_rnn(**TINY)
        main.train_lstm(**TINY)
        yield folder


@pytest.mark.parametrize("call", CALLS)
def test_an_odd_argument_is_one_line(root, call):
    said = {}
    for odd in ODD:
        try:
            CALLS[call](odd)
        except Exception as error:
            said[f"{odd!r:.50}"] = error
    faults = {odd: error for odd, error in said.items() if not isinstance(error, UserError)}
    assert not faults
    assert not [error for error in said.values() if "\n" in str(error)]


ALIKE = {  # whole numbers that a call takes, and one that is right
    "epochs": 1,
    "hidden_size": 2,
    "batch_size": 9,
    "chrono_steps": 5,
    "seed": 2,
    "workers": 1,
    "compare, seeds": 1,
    "compare, jobs": 1,
    "test_overfit": 2,
    "test_overfit, steps": 2,
    "jacobians, sentences": 3,
    "jacobians, steps": 5,
    "jacobians, burn_in": 1,
    "truncation_study, batches": 1,
    "cell_memory_study, sentences": 1,
}


@pytest.mark.parametrize("call", ALIKE)
def test_whole_numbers_of_numpy_are_taken_and_true_is_none(root, call):
    for kind in (int, np.int64, np.uint8):
        CALLS[call](kind(ALIKE[call]))
    for odd in (True, np.True_, 1.0, np.float64(1), "1"):
        with pytest.raises(UserError, match="expected "):
            CALLS[call](odd)


@pytest.mark.parametrize(
    ("call", "numbers"),
    [("compare, seeds", (2, 5)), ("compare, seeds", (0,))],
)
def test_lists_of_whole_numbers_are_taken_as_numpys_and_without_true(root, call, numbers):
    for given in (numbers, list(numbers), np.array(numbers), tuple(map(np.uint8, numbers))):
        CALLS[call](given)
    for odd in (True, 1.0, np.True_):
        with pytest.raises(UserError, match="expected "):
            CALLS[call]((*numbers[:-1], odd))


def test_a_study_may_be_named(root):
    assert main.initialisation_study(1, 1, name="x", hidden_size=3, progress=False)["study"] == "x"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: main.predict("\ud800 good", "rnn-run-1"), "holds no word: give a sentence"),
        (lambda: main.predict("good", None), "None names no run: give a run id"),
        (lambda: main.memory_study(None), "None names no run: give a run id"),
        (
            lambda: main.train_lstm("b", forget_bias=1e299),
            "forget_bias=1e.299: expected a number, such as 1.0",
        ),
        (lambda: main.train_lstm("b", forget_bias="chrono", chrono_steps=10**400), "chrono_steps=1000"),
        (lambda: main.compare(seeds=10**400), "are more than 10,000"),
        (lambda: main.compare(seeds=range(10**9)), "are more than 10,000"),
        (lambda: main.initialisation_study(units=3), "unknown setting 'units'"),
    ],
)
def test_what_is_wrong_is_said(root, call, message):
    with pytest.raises(UserError, match=message):
        call()
