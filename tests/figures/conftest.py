import matplotlib.pyplot as plt
import pytest

from scripts.figures import style


@pytest.fixture(autouse=True)
def root(study_root, request, monkeypatch):
    """A project root of its own for each test, and no figure left open; pictures are small ones."""
    if "full_size" not in request.fixturenames:
        monkeypatch.setattr(style, "PIXELS_PER_INCH", 20)
    yield study_root
    plt.close("all")
