"""The checks of main.py: refused arguments, and the accuracy of the numeric gradient."""

import numpy as np
import pytest

import main
from scripts.files.errors import UserError
from scripts.training import checks


@pytest.mark.parametrize("arguments", [{"sentences": 0}, {"sentences": -1}, {"sentences": "x"}, {"steps": 0}])
def test_overfit_refuses_what_is_no_positive_number(data, arguments):
    with pytest.raises(UserError, match=next(iter(arguments))):
        main.test_overfit(**arguments)


@pytest.mark.parametrize("settings", [{"model": "lstm"}, {"lr": 10**400}, {"clip_norm": 10**400}])
def test_odd_settings_are_refused_by_name(data, settings):
    with pytest.raises(UserError, match=next(iter(settings))):
        main.train_rnn("a-run", **settings)


@pytest.mark.parametrize("run_id", [["a"], 3, "../a"])
def test_plot_refuses_what_is_no_run_id(data, run_id):
    with pytest.raises(UserError, match="run id"):
        main.plot(run_id)


def test_too_little_memory_is_one_line(data, monkeypatch):
    def hungry(*arguments, **options):
        raise MemoryError("Unable to allocate 149 GiB")

    monkeypatch.setattr("scripts.training.experiment.build_model", hungry)
    with pytest.raises(UserError, match=r"149 GiB.*smaller hidden_size"):
        main.train_rnn("a-run")


def test_numeric_gradient_is_of_fourth_order():
    theta = np.array([0.3, -1.2])
    exact = np.array([np.cos(0.3), 3 * 1.2**2])

    def function():
        return np.sin(theta[0]) + theta[1] ** 3

    errors = [np.abs(checks.numeric_gradient(function, theta, step) - exact)[0] for step in (0.2, 0.1)]
    assert errors[0] / errors[1] == pytest.approx(16, rel=0.05)
    assert theta.tolist() == [0.3, -1.2]


def test_relative_error_tells_a_wrong_gradient():
    assert checks.relative_error(np.zeros(3), np.zeros(3)) == 0
    assert checks.relative_error(np.ones(3), np.ones(3)) == 0
    assert checks.relative_error(np.ones(3), 1.02 * np.ones(3)) == pytest.approx(0.01, rel=0.02)
