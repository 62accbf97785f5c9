"""The fixtures of all tests."""

import os
import sys

import numpy as np
import pytest
from PIL import Image

from scripts.files import paths
from scripts.training.experiment import CLASSIFIERS
from scripts.training.workers import usable_cores
from tests.helpers import WORDS, make_split, same_run, write_data  # noqa: F401 (some tests import them here)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config):
    """Run the whole suite on all cores, if pytest-xdist is there; files that are named, as ever, on one."""
    whole = config.args_source is config.ArgsSource.TESTPATHS and not config.option.usepdb
    started_by_another = hasattr(config, "workerinput")  # its processes must not start more
    if whole and not started_by_another and getattr(config.option, "numprocesses", 0) is None:
        config.option.numprocesses = len(usable_cores())
        for library in ("OPENBLAS", "MKL", "OMP"):  # one thread each, or they would wait for one another
            os.environ.setdefault(f"{library}_NUM_THREADS", "1")


@pytest.fixture(params=list(CLASSIFIERS))
def kind(request):
    """Both models, one after the other."""
    return request.param


@pytest.fixture
def study_root(tmp_path):
    """An empty folder that stands for the project's root: data/ and assets/ are written there."""
    with paths.rooted(tmp_path):
        yield tmp_path


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
    return sys.modules[CLASSIFIERS[kind].__module__].binary_cross_entropy


@pytest.fixture
def data(study_root):
    """The small dataset of :func:`write_data`, preprocessed in an empty project."""
    return write_data()


@pytest.fixture(autouse=True)
def _few_processes(request):
    """Train the runs of a study in this process, unless a test is marked: new ones take long to start."""
    with pytest.MonkeyPatch.context() as patch:  # a test's own is undone before its folders are gone
        if not request.node.get_closest_marker("several_processes"):
            patch.setenv("LOKY_MAX_CPU_COUNT", "1")
        yield


@pytest.fixture
def full_size():
    """For tests that look at the pixels of a picture."""


@pytest.fixture(autouse=True)
def _small_pictures(request):
    """Save a drawn figure as a single pixel where no test looks at it: that takes a second."""
    from scripts.figures import style

    with pytest.MonkeyPatch.context() as patch:
        if "full_size" not in request.fixturenames and request.path.parent.name != "figures":
            patch.setattr(style, "to_png", lambda drawn: Image.new("P", (1, 1)))
        yield
