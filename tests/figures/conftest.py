import matplotlib.pyplot as plt
import pytest


@pytest.fixture(autouse=True)
def root(study_root):
    """A project root of its own for each test, and no figure left open."""
    yield study_root
    plt.close("all")
