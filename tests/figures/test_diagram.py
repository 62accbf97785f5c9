"""The diagrams of the unrolled models show every factor of the way back."""

import pytest
from matplotlib.colors import to_rgba

from scripts.figures.diagram import plot_diagram
from scripts.figures.style import STATES
from tests.figures.helpers import words

FACTORS = {
    "rnn": [r"$\odot\,(1-h_{T}^2)$, then $W_{hh}^\top$", r"$\cdot\, w$", "$p-y$"],
    "lstm": [r"$\odot\, f_{T}$", r"(1-\tanh^2 c_T)$", "slopes of i, f, g", "slope of o", "$p-y$"],
}
BACK = {  # arrows from one state to another, and the state whose colour they have
    "rnn": [("h_{T}", "h_{T-1}", "h"), ("h_{T-1}", "h_{T-2}", "h"), ("z", "h_{T}", "h")],
    "lstm": [
        *(("c_{T}", "c_{T-1}", "c"), ("h_{T}", "c_{T}", "c")),
        *(("c_{T}", "h_{T-1}", "h"), ("h_{T}", "h_{T-1}", "h"), ("z", "h_{T}", "h")),
    ],
}


@pytest.mark.parametrize("model", FACTORS)
def test_each_way_back_is_drawn_with_its_factor(model, study_root):
    drawn = plot_diagram.draw(model)
    written = words(drawn)
    for factor in [*FACTORS[model], "$x_{T-2}$", "$h_{T-1}$"]:
        assert factor in written
    places = {text.get_text(): text.get_position() for text in drawn.axes[0].texts if text.get_text()}
    arrows = {
        (arrow.xyann, arrow.xy): arrow.arrow_patch.get_edgecolor()
        for arrow in drawn.axes[0].texts
        if not arrow.get_text()
    }
    for start, end, state in BACK[model]:
        assert arrows[places[f"${start}$"], places[f"${end}$"]] == to_rgba(STATES[model, state][0])
    assert plot_diagram(model).name == f"diagram-{model}.png"
