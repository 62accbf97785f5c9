"""Figures of scripts/studies/jacobians.py: what theory predicts of a run's gradient, and the measurement."""

import contextlib

import matplotlib.ticker
import numpy as np

from scripts.figures import panels
from scripts.figures.sources import name_data, name_sentences, reading_study
from scripts.figures.style import AMBER, BLACK, GREY, PURPLE, SKY, STATES, add_provenance, figure, open_figure
from scripts.files.blocks import remedy_of_study
from scripts.files.errors import UserError
from scripts.files.numbers import power_of_ten
from scripts.files.paths import log_path
from scripts.files.runs import NAMES
from scripts.files.studies import study_path
from scripts.training import logs
from scripts.training.logs import DEFAULT_LSTM, DEFAULT_RNN

HIGHEST = 10  # powers of ten above 1 that a panel shows at most; bounds go on, the product is never cut
THEORY = {  # by quantity: label, colour, marker
    "pascanu": (r"bound of Pascanu et al., $(\sigma_1\gamma)^k$ with $\gamma = 1$", BLACK, "v"),
    "norms": (r"tighter bound, $\Pi_t\,\|J_t\|_2$", PURPLE, "D"),
    "product": (r"norm of the product, $\|J_T \cdots J_{T-k+1}\|_2$", SKY, "s"),
    "h": (r"measured, $\|\partial z/\partial h_{T-k}\|$", *STATES["rnn", "h"]),
}
DIRECT = {
    "product": (r"norm of the full Jacobian of $(h, c)$", PURPLE, "D"),
    "direct_max": (r"direct path $\Pi f_t$, largest unit", AMBER, "P"),
    "c": (r"measured, $\|\partial z/\partial c_{T-k}\|$", *STATES["lstm", "c"]),
    "direct_gradient": (r"direct path alone, $\|\partial z/\partial c_T \odot \Pi f_t\|$", SKY, "v"),
    "direct_mean": (r"direct path $\Pi f_t$, mean over units", BLACK, "s"),
}


@contextlib.contextmanager
def reading_jacobians(run_id, model):
    """Yield a run's study to a block: it is of that model, and not older than the run's log."""
    with reading_study("jacobians", run_id) as study:
        if study["model"] != model:
            found = f"run {run_id!r} is of an {NAMES[study['model']]}"
            raise UserError(f"{found}, expected one of an {NAMES[model]}: name another run")
        if log_path(run_id).is_file():
            log = logs.read(run_id)
            logged = log.model, log.hidden_size, log.best["epoch"], log.epochs[-1]["epoch"]
            measured = model, study["hidden_size"], study["at"]["best"]["epoch"], study["epochs"]
            if logged != measured or log.settings["dataset"] != study["dataset"]:
                path, remedy = study_path("jacobians", run_id), remedy_of_study("jacobians", run_id)
                raise UserError(f"{path} was measured before the run was trained again: {remedy}")
        yield study


@figure("theory-{rnn}.png")
def plot_theory(rnn=DEFAULT_RNN):
    """Draw bounds of an RNN's gradient and the measured gradient, before and after training.

    Measured is one vector, ∂z/∂h_T, taken through the product of step Jacobians J_t = ∂h_t/∂h_{t-1}, so it
    lies below the product's norm. Lines are medians over the sentences, bands quartiles; bounds that leave at
    the top go on.
    """
    with reading_jacobians(rnn, "rnn") as study:
        excess = {name: power(log) for name, log in study["at"]["best"]["excess"].items()}
        title = (
            f"{study['distances'][1]} words back, Pascanu's bound is {excess['pascanu']} times the gradient, "
            f"\nthe tighter bound {excess['norms']} times, the norm of the product {excess['product']} times"
        )
        return _draw_by_distance(study, THEORY, title)


@figure("direct-path-{lstm}.png")
def plot_direct_path(lstm=DEFAULT_LSTM):
    """Draw the direct path and the full Jacobian of an LSTM and the measured gradient: why does it vanish?

    The direct path is what reaches c_{T-k} along the cell alone, ∏ f_t over the last k steps, unit by unit.
    The full Jacobian of (h, c) also goes through the gates and h, and the measured gradient takes all these
    ways. Lines are medians over the sentences, bands quartiles.
    """
    with reading_jacobians(lstm, "lstm") as study:
        k = study["distances"][1]
        quantities = study["at"]["best"]["quantities"]
        direct, whole = (power_of_ten(quantities[name]["median"][k]) for name in ("direct_gradient", "c"))
        title = f"{k} words back, {direct} of ∂z/∂c remains along the direct path, {whole} along all"
        return _draw_by_distance(study, DIRECT, title)


def _draw_by_distance(study, looks, title):
    """Draw quantities of a study by distance, before training and at the selected epoch."""
    drawn, axes = open_figure(title, 4.8, ncols=2, sharex=True)
    for panel, moment, linestyle in zip(axes, ("initialisation", "best"), ("--", "-"), strict=True):
        part = study["at"][moment]
        counted_distances = {"distance": part["distance"], "count": part["count"]}
        curves = [
            panels.Curve(label, {"log": counted_distances | part["quantities"][name]}, *look, linestyle)
            for name, (label, *look) in looks.items()
        ]
        panels.draw_medians(panel, curves, "log")
        panel.axhline(0, color=GREY, linewidth=1, zorder=1)
        when = f"Epoch {part['epoch']} (selected)" if moment == "best" else "Before training"
        if study["model"] == "rnn":
            when += f", σ₁ = {part['recurrent_weights']['h']['largest_singular_value']:.2f}"
        panel.set_title(when, pad=8 + 17 * -(-len(looks) // 2))  # points: room for the legend
        panel.set_xlabel("distance from the end, k (words)")
        product = np.nanmax(np.array(part["quantities"]["product"]["q75"], float))
        panel.set_ylim(top=min(panel.get_ylim()[1], max(HIGHEST, product + 1)))
        panel.yaxis.set_major_locator(matplotlib.ticker.MaxNLocator(8, integer=True))
        panel.yaxis.set_major_formatter(lambda value, _: f"$10^{{{value:g}}}$")
    panels.mark_distances(axes, curves, study["sentences"]["shortest"])
    axes[0].set_ylabel("relative to the last word")
    legend = axes[0].legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.5, borderpad=0, ncols=2)
    legend.set_in_layout(False)  # it lies above both panels, below their titles
    run = f"{study['run_id']} (epoch {study['at']['best']['epoch']} of {study['epochs']})"
    sentences = name_sentences(study["sentences"], study["sentences"]["split"])
    add_provenance(drawn, name_data(study["dataset"]), run, sentences)
    return drawn


def power(log):
    """10 to a power as text; a factor from 0.01 to below 1000 in plain digits."""
    if log is None:
        return "0"
    if not -2 <= log < 3:
        return f"$10^{{{log:.1f}}}$"
    return f"{10**log:.0f}" if log >= 1 else f"{10**log:.2g}"
