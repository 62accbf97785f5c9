"""The passes: against finite differences, against PyTorch's numbers, and against each other."""

import numpy as np
import pytest

from scripts.checks import gradient_errors, numeric_gradient, random_batch, relative_error


@pytest.mark.parametrize("seed", range(6))
def test_backward_pass_equals_finite_differences(make_model, loss, seed):
    rng = np.random.default_rng(seed)
    D, H, B = rng.integers(1, 6, 3)
    lengths = rng.integers(1, 8, B)
    model = make_model(D=D, H=H, seed=seed)
    assert all(np.abs(model.parameters[name]).min() > 0 for name in ("bias_ih_l0", "bias_out"))
    errors = gradient_errors(model, loss, *random_batch(rng, 11, lengths))
    assert max(errors.values()) <= 1e-7, errors
