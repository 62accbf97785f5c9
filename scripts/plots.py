"""Draw what the run logs hold: learning curves, gradients by steps back in time, sentence lengths.

    python scripts/plots.py                 everything there is
    python scripts/plots.py rnn-16 rnn-32   these runs, each alone and beside each other

The PNGs go to assets/figures/; where there is a screen they are shown too. Nothing is computed here that
isn't in a log: norms, medians and quartiles are those that were recorded while training. Every figure is a
function that can be imported from here: ``from scripts.plots import plot_run``.
"""

import argparse
import functools
import sys
from pathlib import Path

import matplotlib.pyplot as plt

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # so that this file also runs as a script

from scripts.figures import style as figure_style
from scripts.figures.comparison import comparisons, plot_comparison
from scripts.figures.jacobians import plot_direct_path, plot_jacobians, plot_lyapunov, plot_theory
from scripts.figures.jacobians_over_seeds import has_jacobians, plot_jacobians_over_seeds
from scripts.figures.learning import plot_activations, plot_decay_while_learning, plot_recurrent_weights
from scripts.figures.runs import (
    plot_gradients_rnn_vs_lstm,
    plot_gradients_rnns,
    plot_run,
    plot_sentence_lengths,
)
from scripts.figures.sentence import plot_sentence
from scripts.figures.studies import plot_equal_parameters, plot_initialisations, plot_memory, plot_probe
from scripts.files.errors import UserError, errors_in_one_line
from scripts.files.paths import check_run_id, data_path
from scripts.files.runs import existing_runs
from scripts.files.studies import study_path
from scripts.studies import jacobians as analysis
from scripts.text.cue_distance import MIXTURES
from scripts.training.logs import (
    DEFAULT_LSTM,
    DEFAULT_RNN,
    WIDTHS,
    check_gradients_recorded,
    read,
)

__all__ = [
    "plot_activations",
    "plot_all",
    "plot_comparison",
    "plot_decay_while_learning",
    "plot_direct_path",
    "plot_equal_parameters",
    "plot_gradients_rnn_vs_lstm",
    "plot_gradients_rnns",
    "plot_initialisations",
    "plot_jacobians",
    "plot_jacobians_over_seeds",
    "plot_lyapunov",
    "plot_memory",
    "plot_probe",
    "plot_recurrent_weights",
    "plot_run",
    "plot_sentence",
    "plot_sentence_lengths",
    "plot_theory",
]
STUDIES = {  # by the name of its JSON: the function that draws it
    "initialisations": plot_initialisations,
    "equal-parameters": plot_equal_parameters,
    "memory": plot_memory,
    **{f"probe-{mixture}": functools.partial(plot_probe, mixture) for mixture in MIXTURES},
}
DYNAMICS = (plot_decay_while_learning, plot_activations, plot_recurrent_weights)


# Command line ---------------------------------------------------------------------------------------------


def plot_all(*run_ids, show=None):
    """Draw what the logs hold, and print the path of each figure.

    Parameters
    ----------
    *run_ids : str
        Each is drawn alone, each RNN beside each LSTM, the RNNs beside each other. Without any, all that is
        there: the sentence lengths, every run, and of many runs one pair and one RNN of each width.
    show : bool, optional
        Show all figures at the end and wait until they are closed; by default where there is a screen.

    Returns
    -------
    list of pathlib.Path

    Raises
    ------
    UserError
        A run is missing, there is nothing to draw, or a log or data/ is damaged.
    """
    for run_id in run_ids:
        check_run_id(run_id)
    show = figure_style.has_screen() if show is None else show
    with plt.rc_context({"figure.max_open_warning": 0}):  # all stay open, to be shown together
        paths = plot_runs(run_ids, show) if run_ids else plot_everything(show)
    for path in paths:
        print(path)
    if show:
        figure_style.wait()
    return paths


def plot_runs(run_ids, show=False):
    """Draw every figure that these runs allow; see :func:`plot_all`."""
    logs = [read(run_id) for run_id in dict.fromkeys(run_ids)]
    recorded = with_gradients(logs)
    rnns, lstms = of_model(recorded, "rnn"), of_model(recorded, "lstm")
    return [plot_run(log.run_id, show) for log in logs] + compare(rnns, lstms, rnns, show)


def plot_everything(show=False):
    """Draw the sentence lengths, every run but those of studies, the comparisons of runs, and the studies."""
    logs = readable_logs(run_id for run_id in existing_runs() if not run_id.startswith("study-"))
    has_data = data_path("dataset.json").exists()
    studies = [plot for name, plot in STUDIES.items() if study_path(name).exists()]
    for name in comparisons():
        studies.append(functools.partial(plot_comparison, name))
        studies += [functools.partial(plot_jacobians_over_seeds, name)] * has_jacobians(name)
    if not logs and not has_data and not studies:
        raise UserError(
            "nothing to draw, expected data/ or a log in assets/runs/: run "
            "`python scripts/preprocessing.py`, then `python main.py`"
        )
    paths = [plot_sentence_lengths(show)] if has_data else []
    paths += [plot_run(log.run_id, show) for log in logs]
    # Of many runs, those of main.py stand for their model and width.
    logs.sort(key=lambda log: [DEFAULT_RNN, DEFAULT_LSTM, *WIDTHS, log.run_id].index(log.run_id))
    recorded = with_gradients(logs)
    rnns, lstms = of_model(recorded, "rnn"), of_model(recorded, "lstm")
    widths = {log.hidden_size: log for log in reversed(rnns)}
    paths += compare(rnns[:1], lstms[:1], [widths[width] for width in sorted(widths)], show)
    return paths + [path for plot in studies for path in attempt(plot, show=show)]


def jacobian_figures(rnn, lstm, show):
    """The figures of theory over measurement that the Jacobian studies of two runs allow."""
    studied = [analysis.study_path(run_id).exists() for run_id in (rnn, lstm)]
    paths = attempt(plot_theory, rnn, show) if studied[0] else []
    paths += attempt(plot_direct_path, lstm, show) if studied[1] else []
    return paths + (attempt(plot_lyapunov, rnn, lstm, show) if all(studied) else [])


def attempt(plot, *arguments, **options):
    """The paths that a figure function gives; of a damaged or stale study none: it is named instead."""
    try:
        paths = plot(*arguments, **options)
    except UserError as error:
        print(f"not drawn: {error}", file=sys.stderr)
        return []
    return list(paths) if isinstance(paths, (list, tuple)) else [paths]


def readable_logs(run_ids):
    """The logs of these runs; a damaged one is named, and doesn't keep the others from being drawn."""
    logs = []
    for run_id in run_ids:
        try:
            logs.append(read(run_id))
        except UserError as error:
            print(f"not drawn: {error}", file=sys.stderr)
    return logs


def with_gradients(logs):
    """Those of the logs that hold gradients; the others are named."""
    recorded = []
    for log in logs:
        try:
            check_gradients_recorded(log)
            recorded.append(log)
        except UserError as error:
            print(f"not compared: {error}", file=sys.stderr)
    return recorded


def of_model(logs, model):
    """Those of the logs that are of one model."""
    return [log for log in logs if log.model == model]


def compare(rnns, lstms, widths, show):
    """Draw each of `rnns` beside each of `lstms`, and the RNNs in `widths` beside each other."""
    paths = []
    for rnn in rnns:
        for lstm in lstms:
            learning = DYNAMICS if all("activations" in log.best for log in (rnn, lstm)) else ()
            for plot in (plot_gradients_rnn_vs_lstm, *learning):
                paths.append(plot(rnn.run_id, lstm.run_id, show))
            paths += jacobian_figures(rnn.run_id, lstm.run_id, show)
    if len(widths) > 1:
        paths.append(plot_gradients_rnns([log.run_id for log in widths], show))
    return paths


def parse_arguments():
    """Command-line arguments."""
    parser = argparse.ArgumentParser(description="Draw what the run logs hold into assets/figures/.")
    parser.add_argument("run_id", nargs="*", help="a run to draw; without any: everything there is")
    return parser.parse_args()


if __name__ == "__main__":
    errors_in_one_line()
    plot_all(*parse_arguments().run_id)
