"""The diagrams of the unrolled models: every factor of the way back stands in them."""

import pytest
from matplotlib.colors import to_rgba

from scripts.figures.diagram import plot_diagram
from scripts.figures.style import STATES
from tests.figures.helpers import words

FACTORS = {
    "rnn": [r"$\odot\,(1-h_{T}^2)$, then $W_{hh}^\top$", r"$\cdot\, w$", "$p-y$"],
    "lstm": [r"$\odot\, f_{T}$", r"(1-\tanh^2 c_T)$", "slopes of i, f, g", "slope of o", "$p-y$"],
}


@pytest.mark.parametrize("model", FACTORS)
def test_the_factors_of_each_way_back_are_written_next_to_it(model, study_root):
    drawn = plot_diagram.draw(model)
    written = words(drawn)
    for factor in [*FACTORS[model], "$x_{T-2}$", "$h_{T-1}$"]:
        assert factor in written
    arrows = [text.arrow_patch.get_edgecolor() for text in drawn.axes[0].texts if not text.get_text()]
    for state in "hc" if model == "lstm" else "h":
        assert to_rgba(STATES[model, state][0]) in arrows
    assert plot_diagram(model).name == f"diagram-{model}.png"
