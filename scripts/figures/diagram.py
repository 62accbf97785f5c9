"""The diagram of each model: the unrolled network, and the paths that the gradient takes back through it.

Used by scripts/report for the front page and the READMEs of both models, whose symbols it shares; it reads no
file.
"""

from itertools import pairwise

from scripts.figures.style import BLACK, GREY, STATES, figure, open_figure

H, C = 0.0, 1.9  # heights of the rows of hidden and cell states
COLUMNS = {-2.2: None, 0: "T-2", 3.2: "T-1", 6.4: "T"}  # places of the steps; one is only hinted at
INPUT, LOGIT, LOSS = -1.25, 8.6, 10.4  # height of the words; places of the logit and the loss
TITLES = {
    "rnn": "RNN: one path back, through every hidden state",
    "lstm": "LSTM: two paths back, along the cell (green) and through the gates (blue)",
}


@figure("diagram-{model}.png")
def plot_diagram(model):
    """Draw a model unrolled over its last three words: forward in grey, the gradient's paths back in colour.

    Each arrow back is labelled with the factor that it multiplies the gradient by, as in the README of the
    model: for the RNN equations (7) and (8), for the LSTM (9) to (15).
    """
    drawn, axes = open_figure(TITLES[model], {"rnn": 2.5, "lstm": 4.2}[model])
    axes.axis("off")
    axes.set(xlim=(-2.1, 11), ylim=(INPUT - 0.25, {"rnn": 0.5, "lstm": C + 0.5}[model]))
    {"rnn": _draw_rnn, "lstm": _draw_lstm}[model](axes)
    _draw_output(axes, STATES[model, "h"][0])
    axes.text(-2, INPUT, "words", va="center", color=GREY)
    return drawn


def _draw_rnn(axes):
    colour = STATES["rnn", "h"][0]
    for (before, _), (place, step) in pairwise(COLUMNS.items()):
        _arrow(axes, (before, H), (place, H), GREY, curve=-0.22)
        _arrow(axes, (place, H), (before, H), colour, curve=-0.22)
        if step != "T-2":
            label = rf"$\odot\,(1-h_{{{step}}}^2)$, then $W_{{hh}}^\top$"
            _label(axes, (before + place) / 2, H - 0.62, label, colour)
    for place, step in list(COLUMNS.items())[1:]:
        _draw_step(axes, place, H, "h", step, colour)
        _draw_input(axes, place, step)


def _draw_lstm(axes):
    h, c = (STATES["lstm", state][0] for state in "hc")
    for (before, _), (place, step) in pairwise(COLUMNS.items()):
        _arrow(axes, (before, C), (place, C), GREY, curve=-0.2)
        _arrow(axes, (place, C), (before, C), c, curve=-0.2)
        for start, end in (((before, H), (place, H)), ((before, H), (place, C))):
            _arrow(axes, start, end, GREY, curve=-0.2)
            _arrow(axes, end, start, h, curve=-0.2)
        _arrow(axes, (place, C), (place, H), GREY, curve=0.25)
        _arrow(axes, (place, H), (place, C), c, curve=0.25)
        if step != "T-2":
            middle = (before + place) / 2
            _label(axes, middle - 0.45, C - 0.45, rf"$\odot\, f_{{{step}}}$", c)
            _label(axes, middle + 0.82, H + 0.56, "slopes\nof i, f, g,\n" r"then $W_{hh}^\top$", h)
            _label(axes, middle, H - 0.62, r"slope of o, then $W_{hh}^\top$", h)
    axes.text(6.95, C / 2, r"$\odot\; o_T \odot (1-\tanh^2 c_T)$", va="center", color=c)
    for place, step in list(COLUMNS.items())[1:]:
        _draw_step(axes, place, C, "c", step, c)
        _draw_step(axes, place, H, "h", step, h)
        _draw_input(axes, place, step)


def _draw_output(axes, colour):
    """Draw logit and loss to the right of the last hidden state, and the path back from them."""
    last = max(COLUMNS)
    for (start, end), label in zip(((last, LOGIT), (LOGIT, LOSS)), (r"$\cdot\, w$", r"$p-y$"), strict=True):
        _arrow(axes, (start, H), (end, H), GREY, curve=-0.25)
        _arrow(axes, (end, H), (start, H), colour, curve=-0.25)
        _label(axes, (start + end) / 2, H - 0.62, label, colour)
    _draw_step(axes, LOGIT, H, "z", None, BLACK)
    _draw_step(axes, LOSS, H, r"\ell", None, BLACK)


def _label(axes, place, height, text, colour):
    """Write what an arrow multiplies by."""
    axes.text(place, height, text, ha="center", va="center", color=colour)


def _draw_step(axes, place, height, name, step, colour):
    text = f"${name}_{{{step}}}$" if step else f"${name}$"
    box = {"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": colour, "linewidth": 1.6}
    axes.text(place, height, text, ha="center", va="center", size=13, bbox=box, zorder=3)


def _draw_input(axes, place, step):
    axes.text(place, INPUT, f"$x_{{{step}}}$", ha="center", va="center", size=13, color=GREY)
    _arrow(axes, (place, INPUT), (place, H), GREY)


def _arrow(axes, start, end, colour, curve=0.0):
    """Draw an arrow between two boxes; grey ones are thin and go forward."""
    look = {"arrowstyle": "-|>", "color": colour, "linewidth": 1 if colour == GREY else 2.2}
    shrink = 18 if start[0] == end[0] else 25  # points: the boxes are wider than high
    look |= {"shrinkA": shrink, "shrinkB": shrink, "connectionstyle": f"arc3,rad={curve}"}
    axes.annotate("", end, start, arrowprops=look, zorder=2)
