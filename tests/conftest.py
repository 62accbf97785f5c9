import numpy as np
import pytest

import lstm.model
import rnn.model
from scripts import artefacts

CLASSIFIERS = {"rnn": rnn.model.RNNClassifier, "lstm": lstm.model.LSTMClassifier}


@pytest.fixture(params=["rnn", "lstm"])
def kind(request):
    """Both models, one after the other."""
    return request.param


@pytest.fixture
def study_root(tmp_path, monkeypatch):
    """An empty folder that stands for the project's root: data/ and assets/ are written there."""
    monkeypatch.setattr(artefacts, "ROOT", tmp_path)
    return tmp_path


@pytest.fixture
def make_model(kind):
    """Build a small float64 model of that kind with random parameters: no bias is zero."""

    def make(D=3, H=4, V=11, seed=0, **options):
        rng = np.random.default_rng(seed)
        model = CLASSIFIERS[kind](rng.standard_normal((V, D)), H, rng=rng, dtype=np.float64, **options)
        model.theta[:] = 0.7 * rng.standard_normal(model.theta.size)
        return model

    return make


@pytest.fixture
def loss(kind):
    """The loss function of that kind's package."""
    return {"rnn": rnn.model, "lstm": lstm.model}[kind].binary_cross_entropy
