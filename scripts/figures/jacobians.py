"""Draw theory over measurement: bounds, the LSTM's direct path, Lyapunov exponents.

Everything drawn stands in ``assets/benchmarks/jacobians-<run_id>.json``, which scripts/studies/jacobians.py measured;
nothing is computed here. The PNGs go to assets/figures/.
"""

import matplotlib.ticker
import numpy as np

from scripts.figures import style as figure_style
from scripts.figures.captions import name_data
from scripts.figures.runs import draw_counts, mark_depths
from scripts.figures.style import LSTM_C, LSTM_H, RNN_H, Curve, house_style
from scripts.files.errors import UserError
from scripts.files.paths import check_version, log_path
from scripts.files.runs import NAMES
from scripts.files.storage import read_json
from scripts.studies.jacobians import study_path
from scripts.studies.words import RATES, name_rate
from scripts.studies.words import rate as rate_in_words
from scripts.training import logs as figure_logs
from scripts.training.logs import DEFAULT_LSTM, DEFAULT_RNN

MOMENTS = ("initialisation", "best")
HIGHEST = 10  # powers of ten above 1 that a panel shows at least; bounds go on beyond
BLACK, SKY, PURPLE, AMBER = "#000000", "#56B4E9", "#CC79A7", "#E69F00"
THEORY = {  # quantity: label, colour, marker, line
    "pascanu": ("bound of Pascanu et al.: (σ₁ γ)ᵏ, σ₁ = ‖W_hh‖₂, γ = 1", BLACK, "v", "-."),
    "norms": ("tighter bound: product of the norms ∏ ‖J_s‖₂", PURPLE, "D", "--"),
    "product": ("norm of the product ‖J_T … J_{T-k+1}‖₂ of step Jacobians", SKY, "s", "-"),
    "h": ("measured: ‖∂z/∂h‖ relative to the last step", RNN_H, "o", "-"),
}
DIRECT = {
    "product": ("full Jacobian of (h, c): norm ‖J_T … J_{T-k+1}‖₂", PURPLE, "D", "-"),
    "direct_max": ("direct path ∏f_t: largest unit (= its norm)", AMBER, "P", ":"),
    "c": ("measured: ‖∂z/∂c‖ relative to the last step", LSTM_C, "^", "-"),
    "direct_gradient": ("the same along the direct path alone: ‖∂z/∂c_T ⊙ ∏f_t‖", SKY, "v", "--"),
    "direct_mean": ("direct path ∏f_t: mean over units", BLACK, "s", "-."),
}


def keys(*names):
    """Keys of a study under which nothing more is looked for."""
    return {name: {} for name in names}


PART = {  # what is drawn of one moment, of either model
    **keys("epoch", "depth", "count"),
    "exponents": {**keys("drive"), "sentences": keys("mean", "q25", "q75")},
    "rates": keys("exponent_drive", "exponent_drive_error", "exponent_sentences"),
}
PARTS = {
    "rnn": {
        **PART,
        "recurrent_weights": {"h": keys("largest_singular_value")},
        "quantities": {name: keys("median", "q25", "q75") for name in THEORY},
        "excess": keys("product", "norms", "pascanu"),
    },
    "lstm": {**PART, "quantities": {name: keys("median", "q25", "q75") for name in DIRECT}},
}
NEEDED = {  # the keys of a study, and theirs
    model: {
        **keys("model", "run_id", "hidden_size", "epochs", "depths"),
        "dataset": keys("name", "embeddings", "dimensions"),
        "sentences": keys("split", "count", "shortest", "longest", "burn_in"),
        "drive": keys("steps", "burn_in", "seed"),
        "at": {moment: part for moment in MOMENTS},
    }
    for model, part in PARTS.items()
}


# Studies --------------------------------------------------------------------------------------------------


def read(run_id, model):
    """Read the study of a run.

    Parameters
    ----------
    run_id : str
    model : {"rnn", "lstm"}
        The model expected.

    Returns
    -------
    dict
        As scripts/studies/jacobians.py describes it.

    Raises
    ------
    UserError
        There is no study of that run, it is damaged, of another format, of the other model, or older than
        the run's log.
    """
    path = study_path(run_id)
    remedy = f'call jacobians("{run_id}") of main.py'
    if not path.is_file():
        raise UserError(f"the Jacobians of run {run_id!r} are not measured yet ({path} is missing): {remedy}")
    study = read_json(path)
    check_version(path, study, remedy)
    found = study.get("model")
    if found != model and found in NAMES:
        raise UserError(
            f"run {run_id!r} is of an {NAMES[found]}, expected one of an {NAMES[model]}: name another run"
        )
    if gap := find_gap(study, NEEDED[model]):
        raise UserError(f"{path} lacks {gap}: {remedy}")
    if log_path(run_id).is_file() and is_stale(study, figure_logs.read(run_id)):
        raise UserError(f"{path} was measured before the run was trained again: {remedy}")
    return study


def find_gap(value, needed):
    """The first key that a value lacks, with dots between nested ones; None where none is missing."""
    for name, inner in needed.items():
        if not isinstance(value, dict) or name not in value:
            return name
        if gap := find_gap(value[name], inner):
            return f"{name}.{gap}"
    return None


def is_stale(study, log):
    """Whether a study is of another training, or of other data, than the run's log."""
    studied = (
        study["model"],
        study["hidden_size"],
        study["at"]["best"]["epoch"],
        study["epochs"],
        study["dataset"].get("checksum"),
    )
    logged = (
        log.model,
        log.hidden_size,
        log.best["epoch"],
        log.epochs[-1]["epoch"],
        log.settings["dataset"].get("checksum"),
    )
    return studied != logged


def check_alike(rnn, lstm):
    """Raise UserError where two studies were not measured alike, so that one text can't describe both."""
    for name, of in (
        ("data", lambda study: [name_data(study["dataset"]), study["dataset"].get("checksum")]),
        ("depths", lambda study: study["depths"]),
        ("long drives", lambda study: [study["drive"][key] for key in ("steps", "burn_in", "seed")]),
        ("burn-ins of the sentences", lambda study: study["sentences"]["burn_in"]),
    ):
        if of(rnn) != of(lstm):
            runs = [study["run_id"] for study in (rnn, lstm)]
            raise UserError(
                f"the Jacobians of {runs[0]!r} and {runs[1]!r} were measured with other {name} ({of(rnn)} "
                f'and {of(lstm)}): call jacobians("{runs[0]}") and jacobians("{runs[1]}") of main.py with '
                "the same options, for runs on the same data"
            )


def describe_moment(study, moment):
    """When a part of a study was measured, in words."""
    if moment == "initialisation":
        return "Before training"
    return f"Epoch {study['at'][moment]['epoch']} (best)"


def provenance(*studies):
    """The footer's last paragraph: data, runs and sentences."""
    data = " ".join(dict.fromkeys(name_data(study["dataset"]) for study in studies))
    runs = ", ".join(
        f"{study['run_id']} ({NAMES[study['model']]}, {study['hidden_size']} units, best epoch "
        f"{study['at']['best']['epoch']} of {study['epochs']})"
        for study in studies
    )
    sentences = "; ".join(dict.fromkeys(describe_sentences(study["sentences"]) for study in studies))
    return f"{data} Run{'s' * (len(studies) > 1)}: {runs}. Measured on {sentences}."


def describe_sentences(sentences):
    """How many sentences, of which length, as the footer says it."""
    return (
        f"{sentences['count']:,} {sentences['split']} sentences of {sentences['shortest']} to "
        f"{sentences['longest']} tokens"
    )


def plot_jacobians(rnn=DEFAULT_RNN, lstm=DEFAULT_LSTM, show=False):
    """Draw all three figures; see :func:`plot_theory`, :func:`plot_direct_path`, :func:`plot_lyapunov`.

    Returns
    -------
    list of pathlib.Path
    """
    return [plot_theory(rnn, show), plot_direct_path(lstm, show), plot_lyapunov(rnn, lstm, show)]


# By depth -------------------------------------------------------------------------------------------------


def plot_theory(rnn=DEFAULT_RNN, show=False):
    """Draw what bounds an RNN's gradient over what was measured, before and after training.

    Parameters
    ----------
    rnn : str
        A run id, whose Jacobians are measured.
    show : bool
        Show it as well, where there is a screen.

    Returns
    -------
    pathlib.Path
        ``assets/figures/theory-<rnn>.png``.

    Raises
    ------
    UserError
        As :func:`read`.
    """
    return figure_style.save(draw_theory(read(rnn, "rnn")), f"theory-{rnn}.png", show)


@house_style
def draw_theory(study):
    """The figure of :func:`plot_theory`."""
    return draw_by_depth(
        study,
        THEORY,
        f"What theory allows and what is measured: an RNN's gradient ({study['hidden_size']} units)",
        describe_bounds,
        "How to read: k steps back (depth k + 1), theory allows at most the bounds; what is measured is one "
        "vector, ∂z/∂h_T, taken through the product of step Jacobians J_t = ∂h_t/∂h_{t-1}, so it lies below "
        "the product's norm. Line: median over the sentences; band: quartiles. Lines that leave at the top "
        "go on.",
    )


def describe_bounds(study, moment):
    """How loose the bounds are, in a title of two lines."""
    part = study["at"][moment]
    sigma_1 = part["recurrent_weights"]["h"]["largest_singular_value"]
    product, norms, pascanu = (power(part["excess"][name]) for name in ("product", "norms", "pascanu"))
    return (
        f"{describe_moment(study, moment)}, σ₁ = {sigma_1:.2f}. How loose, at depth {study['depths'][1]}: "
        f"Pascanu's bound is {pascanu} times the measurement,\nthe tighter one {norms} times, the norm of "
        f"the product {product} times (medians over the sentences)"
    )


def plot_direct_path(lstm=DEFAULT_LSTM, show=False):
    """Draw the two quantities behind "why does my LSTM's gradient vanish?" over what was measured.

    Parameters
    ----------
    lstm : str
        A run id, whose Jacobians are measured.
    show : bool
        Show it as well, where there is a screen.

    Returns
    -------
    pathlib.Path
        ``assets/figures/direct-path-<lstm>.png``.

    Raises
    ------
    UserError
        As :func:`read`.
    """
    return figure_style.save(draw_direct_path(read(lstm, "lstm")), f"direct-path-{lstm}.png", show)


@house_style
def draw_direct_path(study):
    """The figure of :func:`plot_direct_path`."""
    return draw_by_depth(
        study,
        DIRECT,
        f"Why does my LSTM's gradient vanish? The direct path and the whole ({study['hidden_size']} units)",
        describe_direct_path,
        "How to read: the direct path is what reaches c_{T-k} along the cell alone, ∏ f_t over the last k "
        "steps, unit by unit. The full Jacobian of (h, c) also goes through the gates and h, and what is "
        "measured, a total derivative, takes all these ways. Norms: spectral for matrices, Euclidean for "
        "vectors, over all units; inputs: the words of the sentences. Line: median over the sentences; band: "
        "quartiles.",
    )


def describe_direct_path(study, moment):
    """What is left at one depth, in a title of two lines."""
    quantities, depth = study["at"][moment]["quantities"], study["depths"][1]
    left = {name: power(quantities[name]["median"][depth - 1]) for name in DIRECT}
    return (
        f"{describe_moment(study, moment)}. At depth {depth} (medians): measured ‖∂z/∂c‖ {left['c']}, along "
        f"the direct path alone {left['direct_gradient']};\n∏f_t {left['direct_mean']} in the mean over "
        f"units, {left['direct_max']} in the largest one; norm of the full Jacobian {left['product']}"
    )


def draw_by_depth(study, looks, title, describe, reading):
    """Draw quantities of a study by depth: before training, at the best epoch, and the sentence counts.

    Parameters
    ----------
    study : dict
    looks : dict of str to tuple
        For each quantity its label, colour, marker and line style.
    title : str
    describe : callable
        Study and moment to the title of a panel.
    reading : str
        How to read the figure.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = figure_style.open_figure(title, 11, nrows=3, sharex=True, height_ratios=[3.4, 3.4, 1])
    for panel, moment in zip(axes, MOMENTS, strict=False):
        curves = curves_of(study["at"][moment], looks)
        for curve in curves:
            figure_style.draw_quartiles(panel, curve, "log")
        panel.axhline(0, color=figure_style.GREY, linewidth=1, zorder=1)
        panel.set_ylabel("relative to the last step (no unit)")
        panel.set_title(describe(study, moment))
        panel.yaxis.set_major_locator(matplotlib.ticker.MaxNLocator(8, integer=True))
        panel.yaxis.set_major_formatter(lambda value, _: f"$10^{{{value:g}}}$")
    share_height(axes[:2], study)
    draw_counts(axes[2], curves[:1])
    mark_depths(axes, curves, study["sentences"]["shortest"])
    figure.align_ylabels(axes)
    figure_style.add_legend(axes[0], axes[0].get_legend_handles_labels(), 1, title_lines=2)
    figure_style.add_footer(figure, reading + RIGHT_OF_DOTTED, provenance(study))
    return figure


RIGHT_OF_DOTTED = (
    f" Right of the dotted line only longer sentences are left; pale: fewer than {figure_style.SMALL_COUNT}."
)


def curves_of(part, looks):
    """The quantities of one part of a study as curves of log₁₀ by depth."""
    counted = {"depth": part["depth"], "count": part["count"]}
    return [
        Curve(label, {"log": counted | part["quantities"][name]}, colour, marker, line)
        for name, (label, colour, marker, line) in looks.items()
    ]


def share_height(panels, study):
    """Give panels one y-axis that shows all that was measured; bounds may leave at the top."""
    lows, highs = zip(*(panel.get_ylim() for panel in panels), strict=True)
    products = [study["at"][moment]["quantities"]["product"]["q75"] for moment in MOMENTS]
    measured = np.nanmax(np.array(products, float))
    for panel in panels:
        panel.set_ylim(min(lows), min(max(highs), max(HIGHEST, measured + 1, -min(lows) / 2)))


def power(log):
    """10 to a power, as a figure's text says it; a factor from 0.01 to below 1000 in plain digits."""
    if log is None:
        return "0"
    if not -2 <= log < 3:
        return f"$10^{{{log:.1f}}}$"
    return f"{10**log:.0f}" if log >= 1 else f"{10**log:.2g}"


# Lyapunov exponents ---------------------------------------------------------------------------------------


def plot_lyapunov(rnn=DEFAULT_RNN, lstm=DEFAULT_LSTM, show=False):
    """Draw the Lyapunov exponents of an RNN and an LSTM, and the predicted rates beside those measured.

    Parameters
    ----------
    rnn, lstm : str
        Run ids, whose Jacobians are measured.
    show : bool
        Show it as well, where there is a screen.

    Returns
    -------
    pathlib.Path
        ``assets/figures/lyapunov-<rnn>-vs-<lstm>.png``.

    Raises
    ------
    UserError
        As :func:`read`; or the two were measured with other data, depths or drives.
    """
    studies = read(rnn, "rnn"), read(lstm, "lstm")
    check_alike(*studies)
    return figure_style.save(draw_lyapunov(*studies), f"lyapunov-{rnn}-vs-{lstm}.png", show)


@house_style
def draw_lyapunov(rnn, lstm):
    """The figure of :func:`plot_lyapunov`."""
    title = (
        f"Lyapunov exponents and rates: RNN ({rnn['hidden_size']} units), LSTM ({lstm['hidden_size']} units)"
    )
    figure, axes = figure_style.open_figure(title, 8.9, nrows=2, ncols=2, height_ratios=[4, 2.6])
    for panel, study, colour in zip(axes[0], (rnn, lstm), (RNN_H, LSTM_H), strict=True):
        for moment in MOMENTS:
            draw_spectrum(panel, study, moment, colour)
        panel.axhline(0, color=figure_style.GREY, linewidth=1, zorder=1)
        panel.set(title=describe_spectrum(study), xlabel="number of the exponent, i")
        panel.set_ylabel("λᵢ (nats per step)")
        panel.legend(fontsize=9)
    for panel in axes[1]:
        panel.remove()
    draw_rates(figure.add_subplot(axes[1, 0].get_gridspec()[1, :]), (rnn, lstm))
    drive, (first, last) = rnn["drive"], rnn["depths"]
    figure_style.add_footer(
        figure,
        "How to read: below 0, a small change of the state dies out; in the long run a gradient is "
        "multiplied by exp λ₁ a step (the two scales differ: λ₁ is what counts). "
        f"Long drive: {drive['steps']:,} words drawn at random from the sentences, after {drive['burn_in']} "
        "that are not counted, state never reset; ± standard error. Sentences: each in directions drawn at "
        f"random, to its last word; the first {rnn['sentences']['burn_in']} steps, while these turn into "
        "place, are not counted; mean and quartiles (band) over the sentences. Slopes: least squares through "
        f"the mean of the logs, depths {first} to {last}, sentences of at least {last} tokens.",
        provenance(rnn, lstm),
    )
    return figure


def describe_spectrum(study):
    """The title of a panel: model, state, and how many exponents of all are shown."""
    states = {"rnn": "h", "lstm": "(h, c)"}[study["model"]]
    every = study["hidden_size"] * (1 + (study["model"] == "lstm"))
    shown = len(study["at"]["best"]["exponents"]["drive"])
    number = f"the {shown} largest of {every}" if shown < every else f"all {every}"
    return f"{NAMES[study['model']]}, state {states}: {number} λᵢ"


def draw_spectrum(axes, study, moment, colour):
    """Draw the exponents of one moment: along the long drive, and over the sentences with quartiles."""
    exponents = study["at"][moment]["exponents"]
    best = moment == "best"
    when = f"epoch {study['at'][moment]['epoch']}" if best else "before training"
    i = range(1, len(exponents["drive"]) + 1)
    axes.set_xticks(figure_style.count_ticks(len(i)))
    colour = colour if best else BLACK
    q25, q75 = (np.array(exponents["sentences"][name], float) for name in ("q25", "q75"))
    axes.fill_between(i, q25, q75, color=colour, alpha=0.15, linewidth=0)
    for values, label, marker, line in (
        (exponents["drive"], f"{when}, long drive", "o" if best else "s", "-"),
        (exponents["sentences"]["mean"], f"{when}, sentences", "^" if best else "D", "--"),
    ):
        axes.plot(
            i,
            np.array(values, float),
            color=colour,
            linestyle=line,
            marker=marker,
            markerfacecolor=colour if line == "-" else "white",
            markevery=(0, max(1, len(i) // 8)),
            label=label,
        )


def draw_rates(axes, studies):
    """Write predicted and measured rates as a table: a column for each model and moment."""
    columns = [(study, moment) for study in studies for moment in MOMENTS]
    rows = [name for name in RATES if any(name in study["at"]["best"]["rates"] for study in studies)]
    heads = [
        f"{NAMES[study['model']]}\n{describe_moment(study, moment).lower()}" for study, moment in columns
    ]
    cells = [[rate(study["at"][moment]["rates"], name) for study, moment in columns] for name in rows]
    table = axes.table(
        cells,
        rowLabels=[name_rate(studies[0], name) for name in rows],
        colLabels=heads,
        loc="center right",
        cellLoc="center",
        colWidths=[0.135] * 4,
        edges="horizontal",
    )
    table.auto_set_font_size(False)
    table.set_fontsize(9)
    table.scale(1, 1.35)
    for column in range(len(columns)):
        table[0, column].set_height(1.8 * table[0, column].get_height())  # two lines
    for (row, _), cell in table.get_celld().items():
        if row and any("\n" in text for text in cells[row - 1]):
            cell.set_height(1.8 * cell.get_height())
    axes.set_axis_off()
    axes.set_title("Predicted and measured rates (nats per step; in brackets the factor per step)")


def rate(rates, name):
    """One rate, as a table's cell says it."""
    if name not in rates:
        return ""
    if rates[name] is None:
        return "−∞ (0)"
    value, *error = rate_in_words(rates, name).partition(" ±")
    below = f"\n{''.join(error).strip()}" if error[0] else ""
    return f"{value} ({np.exp(rates[name]):.2f}){below}".replace("-", "−")
