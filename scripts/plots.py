"""Draw what logs and studies hold: learning curves, gradients by distance, comparisons over seeds.

    python scripts/plots.py                 everything there is
    python scripts/plots.py rnn-16 rnn-32   these runs, each alone and next to each other

The PNGs go to assets/figures/; where there is a screen they are shown too. Nothing is trained or measured.
Each figure is a function, ``from scripts.plots import plot_run``, whose docstring says how to read it. It
takes run ids or the name of a study, and ``show=True`` to open a window; it returns the path of the PNG, or a
list of paths; ``plot_run.draw("rnn-run-1")`` returns the matplotlib figure instead.
"""

import argparse
import sys
from pathlib import Path

import matplotlib.pyplot as plt

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # so that this file also runs as a script

from scripts.figures import style
from scripts.figures.activations import plot_activations
from scripts.figures.animation import animate_decay as animate_decay
from scripts.figures.backward import plot_backward
from scripts.figures.cell_memory import plot_cell_memory
from scripts.figures.cue_distance import plot_probe
from scripts.figures.diagram import plot_diagram as plot_diagram
from scripts.figures.fixed_points import plot_fixed_points
from scripts.figures.jacobians import plot_direct_path, plot_theory
from scripts.figures.latching import plot_latching
from scripts.figures.memory import plot_memory
from scripts.figures.runs import (
    plot_gradients_rnn_vs_lstm,
    plot_gradients_rnns,
    plot_run,
    plot_sentence_lengths,
)
from scripts.figures.sentence import plot_sentence as plot_sentence
from scripts.figures.truncation import plot_truncation
from scripts.figures.variants import plot_comparison, plot_initialisations
from scripts.files.data import existing_data
from scripts.files.errors import UserError, errors_in_one_line
from scripts.files.paths import check_run_id
from scripts.files.runs import COMPARED, existing_runs
from scripts.files.studies import is_of_study, study_names, study_path
from scripts.training.logs import (
    DEFAULT_LSTM,
    DEFAULT_RNN,
    WIDTHS,
    check_gradients_recorded,
    differences,
    read,
)

STUDY_FIGURES = {  # by kind of study: what draws it
    "backward": plot_backward,
    "cell-memory": plot_cell_memory,
    "fixed-points": plot_fixed_points,
    "initialisations": plot_initialisations,
    "latching": plot_latching,
    "memory": plot_memory,
    "cue-distance": plot_probe,
    "truncation": plot_truncation,
    "comparison": plot_comparison,
}


def plot_all(*run_ids, show=None):
    """Draw what the logs hold, print the path of each figure, and return the paths.

    Parameters
    ----------
    *run_ids : str
        Each is drawn alone, each RNN next to each LSTM, the RNNs next to each other. Without any, all that is
        there: the sentence lengths, every run, of many runs one pair and one RNN of each width, and the
        studies.
    show : bool, optional
        Show all figures at the end and wait until they are closed; by default where there is a screen.
    """
    show = style.has_screen() if show is None else show
    with plt.rc_context({"figure.max_open_warning": 0}):  # all stay open, to be shown together
        paths = _plot_runs(run_ids, show) if run_ids else _plot_everything(show)
    for path in paths:
        print(path)
    if show and style.has_screen() and plt.get_fignums():
        plt.show()
    return paths


def _plot_runs(run_ids, show):
    """Draw every figure that these runs allow."""
    logs = [read(run_id) for run_id in dict.fromkeys(map(check_run_id, run_ids))]
    rnns, lstms = _with_gradients(logs)
    return [plot_run(log.run_id, show) for log in logs] + _compare(rnns, lstms, rnns, show)


def _plot_everything(show):
    """Draw the sentence lengths, every run but those of studies, one comparison of runs, and the studies."""
    names = [run_id for run_id in existing_runs() if not is_of_study(run_id)]
    logs = [log for run_id in names for log in _attempt(read, run_id)]
    datasets = existing_data()
    studies = [(plot, name) for kind, plot in STUDY_FIGURES.items() for name in study_names(kind)]
    if not logs and not datasets and not studies:
        raise UserError(
            "nothing to draw, expected data/ or a log in assets/runs/: run "
            "`python scripts/preprocessing.py`, then `python main.py`"
        )
    paths = [path for data in datasets for path in _attempt(plot_sentence_lengths, data, show)]
    paths += [plot_run(log.run_id, show) for log in logs]
    # Of many runs, those of main.py represent their model and width.
    logs.sort(key=lambda log: [DEFAULT_RNN, DEFAULT_LSTM, *WIDTHS, log.run_id].index(log.run_id))
    rnns, lstms = _with_gradients(logs)
    widths = {log.hidden_size: log for log in reversed(rnns) if not differences([rnns[0], log])}
    paths += _compare(rnns[:1], lstms[:1], [widths[width] for width in sorted(widths)], show)
    return paths + [path for drawing in studies for path in _attempt(*drawing, show=show)]


def _attempt(function, *arguments, **options):
    """The result of a function, in a list; where a source is damaged, that is said, and the list is empty."""
    try:
        result = function(*arguments, **options)
    except UserError as error:
        print(f"left out: {error}", file=sys.stderr)
        return []
    return result if isinstance(result, list) else [result]


def _with_gradients(logs):
    """The logs of RNNs and those of LSTMs that hold gradients; the others are named."""
    recorded = [log for log in logs if _attempt(check_gradients_recorded, log)]
    return [[log for log in recorded if log.model == model] for model in COMPARED]


def _compare(rnns, lstms, widths, show):
    """Draw each of `rnns` next to each of `lstms`, and the RNNs in `widths` next to each other."""
    paths = []
    for rnn, lstm in [(rnn, lstm) for rnn in rnns for lstm in lstms]:
        run_ids = rnn.run_id, lstm.run_id
        paths += [plot_gradients_rnn_vs_lstm(*run_ids, show), plot_activations(*run_ids, show)]
        studied = [study_path("jacobians", run_id).exists() for run_id in run_ids]
        paths += _attempt(plot_theory, rnn.run_id, show) if studied[0] else []
        paths += _attempt(plot_direct_path, lstm.run_id, show) if studied[1] else []
    if len(widths) > 1:
        paths.append(plot_gradients_rnns([log.run_id for log in widths], show))
    return paths


if __name__ == "__main__":
    errors_in_one_line()
    parser = argparse.ArgumentParser(description="Draw what the run logs hold into assets/figures/.")
    parser.add_argument("run_id", nargs="*", help="a run to draw; without any: everything there is")
    plot_all(*parser.parse_args().run_id)
