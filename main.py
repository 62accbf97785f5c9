"""The experiments. Run `python main.py`, then uncomment another block at the end of this file.

Every function here can also be called alone from a Python prompt: `from main import predict`. `help(search)`
and the like document those that are imported below.
"""

from scripts.files import errors, studies
from scripts.studies import arguments
from scripts.studies.backward import backward_study  # noqa: F401
from scripts.studies.baselines import baselines  # noqa: F401 (imported for the blocks at the end, as are others)
from scripts.studies.cell_memory import cell_memory_study  # noqa: F401
from scripts.studies.cue_distance import probe_study  # noqa: F401
from scripts.studies.fixed_points import fixed_points  # noqa: F401
from scripts.studies.initialisations import initialisation_study  # noqa: F401
from scripts.studies.jacobians import jacobian_study as jacobians  # noqa: F401
from scripts.studies.latching import latching_study  # noqa: F401
from scripts.studies.memory import memory_study  # noqa: F401
from scripts.studies.settings_search import search  # noqa: F401
from scripts.studies.truncation import truncation_study  # noqa: F401
from scripts.training import evaluation, experiment
from scripts.training.checks import check_gradients, test_overfit  # noqa: F401
from scripts.training.recipes import BEST, BEST_LSTM, BEST_RNN, LONG, WIDE_RNN  # noqa: F401


def train_rnn(
    run_id="rnn-run-1", epochs=20, lr=0.002, hidden_size=64, overwrite=False, data=None, **settings
):
    """Train a vanilla RNN; write assets/runs/<run_id>.jsonl and assets/weights/<run_id>.npz.

    Parameters
    ----------
    run_id : str
        Name of the run's files.
    epochs : int
    lr : float
        Learning rate of Adam.
    hidden_size : int
        Units of the hidden state.
    overwrite : bool
        Start again where a run with other settings or data has that name; without such a run, go on.
    data : str, optional
        Name of the dataset in data/<data>/, as :func:`preprocess` was told it; by default that in data/.
    **settings
        Any other field of scripts.training.settings.Settings, such as ``seed=1`` or ``state_dropout=0``.

    Returns
    -------
    list of dict
        The record of each epoch, from epoch 0 (before any training), as the log holds it.
    """
    settings |= {"epochs": epochs, "lr": lr, "hidden_size": hidden_size}
    return experiment.run("rnn", run_id, data=data, overwrite=overwrite, **settings).history


def train_lstm(
    run_id="lstm-run-3", epochs=20, lr=0.002, hidden_size=64, overwrite=False, data=None, **settings
):
    """Train an LSTM; see :func:`train_rnn`. It has ``forget_bias`` and ``chrono_steps``, too."""
    settings |= {"epochs": epochs, "lr": lr, "hidden_size": hidden_size}
    return experiment.run("lstm", run_id, data=data, overwrite=overwrite, **settings).history


def test(run_id="lstm-run-3"):
    """Test a trained run on the test split, with the weights of its selected epoch.

    Returns
    -------
    dict
        ``accuracy``, ``f1``, ``loss``, ``confusion_matrix``, ``by_length`` and more; also printed. See
        scripts.training.evaluation.metrics.
    """
    metrics = evaluation.evaluate_run(run_id)
    studies.save_study("test", run_id, runs=[], show=evaluation.describe_test, **metrics)
    return metrics


@errors.memory_in_one_line("predict()", "give a shorter text")
def predict(sentence, run_id="lstm-run-3", draw=True):
    """Classify a sentence as a person types it, and show what each of its words does to the logit z.

    Draws assets/figures/sentence-<run_id>….png, and writes assets/studies/sentence/<run_id>.json.

    Parameters
    ----------
    sentence : str
    run_id : str or sequence of str
        Several runs are drawn one above the other.
    draw : bool
        False where many sentences are to be classified, and neither file is wanted.

    Returns
    -------
    dict, or list of dict for several runs
        The probability that the sentence is positive, and for each word ‖∂z/∂x_t‖, gradient · input, how z
        changes when the word is left out (also printed), and z after that word. See
        scripts.training.evaluation.read_sentence.
    """
    readings = [evaluation.read_sentence(each, sentence) for each in arguments.run_id_list(run_id)]
    for reading in readings:
        if draw:
            show = evaluation.describe_reading
            studies.save_study("sentence", reading["run_id"], runs=[], show=show, **reading)
        else:
            print(evaluation.describe_reading(reading))
    if draw:
        from scripts.plots import plot_sentence  # matplotlib takes a second to import

        with errors.results_kept():
            print(plot_sentence(readings))
    return readings[0] if isinstance(run_id, str) else readings


def plot(*run_ids):
    """Draw the figures of some runs, by default of all, into assets/figures/; return and print their paths.

    scripts/plots.py also has the functions that draw one figure each.
    """
    from scripts.plots import plot_all  # matplotlib takes a second to import

    return plot_all(*run_ids, show=False)


def preprocess(dataset=None, embeddings=None, **options):
    """Turn sentences and word vectors into data/, or data/<name>/ with ``name=``.

    Parameters are those of scripts.preprocessing.preprocess, and the options of
    `python scripts/preprocessing.py`. Returns the content of dataset.json.
    """
    from scripts import preprocessing  # scikit-learn takes a second to import

    return preprocessing.preprocess(dataset, embeddings, **options)


def compare(
    models=("rnn", "lstm"), seeds=5, name="compare", scheduler=None, overwrite=False, of_model=None, **options
):
    """Compare models over seeds, and over any grid of settings: intervals, differences, the figure.

    Runs go side by side, as many as there are cores. Called again it trains only what is missing.

    Parameters
    ----------
    models : str or sequence of str
    seeds : int or sequence of int
        How many (0, 1, …), or which.
    name : str
        It is written to assets/studies/comparison/<name>.json, its runs are called comparison-<name>-….
    scheduler : str, optional
        Address of a Dask scheduler, such as ``"tcp://host:8786"``: its workers train, not this machine.
    overwrite : bool
        Start again where runs with other settings or data have these names; others go on.
    of_model : dict of str to dict, optional
        Settings of one model alone, such as ``BEST``, the best ones found for each.
    **options
        Any field of scripts.training.settings.Settings with one value, or with several to be compared, such
        as ``hidden_size=(32, 64)``. See scripts.studies.comparison.compare_models.

    Returns
    -------
    dict
        The comparison; its table is also printed, its figures drawn.
    """
    from scripts.plots import plot_comparison  # matplotlib takes a second to import
    from scripts.studies.comparison import compare_models

    options |= {"of_model": of_model, "scheduler": scheduler, "overwrite": overwrite}
    study = compare_models(models, seeds, name, **options)
    with errors.results_kept():
        print(*plot_comparison(name), sep="\n")
    return study


def report():
    """Write the tables and figures of the results again from assets/studies/; check the numbers next to them.

    Needs no run: the studies that the documents show are committed. A study that is missing or of other
    data leaves its table as it is, and the block that makes it is named.
    """
    from scripts.report.report import report as write_results  # matplotlib takes a second to import

    return write_results()


if __name__ == "__main__":
    errors.errors_in_one_line()

    # Train both models: 16 s and 48 s on SST-2.
    train_rnn()
    train_lstm()

    # Test both on the test split: 1 s.
    test("rnn-run-1")
    test("lstm-run-3")

    # Draw the figures of all runs into assets/figures/: 5 s.
    plot()

    # The best settings found for each model (scripts/training/recipes.py), one seed: 3 min.
    # train_rnn("rnn-best", **BEST_RNN)
    # train_lstm("lstm-best", **BEST_LSTM)
    # test("rnn-best")
    # test("lstm-best")

    # The same, five seeds each, side by side, with intervals: 18 min on a busy machine.
    # compare(seeds=5, name="best", of_model=BEST)

    # The search behind them: each setting changed in turn, two seeds, on the validation split alone: 40 min.
    # search()

    # An RNN with as many parameters as that LSTM, five seeds: 13 min on a busy machine.
    # compare("rnn", name="best-wide", of_model={"rnn": WIDE_RNN})

    # What classifiers reach that know no order, and what rows divided at random would have claimed: 5 min.
    # baselines()

    # Three widths of RNN, and the figure that compares their gradients: 25 s.
    # train_rnn("rnn-16", hidden_size=16)
    # train_rnn("rnn-32", hidden_size=32)
    # plot("rnn-16", "rnn-32", "rnn-run-1")

    # Classify a sentence of your own, and see which words the gradient reaches, RNN above LSTM: 2 s.
    # predict("It isn't a bad film, but I wouldn't call it good either.", run_id=("rnn-run-1", "lstm-run-3"))

    # Is the backward pass right? Analytic against numeric gradients: 1 s.
    # check_gradients()

    # Can the LSTM learn 64 sentences by heart? 2 s.
    # test_overfit()

    # Theory over measurement: bounds, the LSTM's direct path, Lyapunov exponents: 55 s.
    # jacobians("rnn-run-1")
    # jacobians("lstm-run-3")
    # plot()

    # The same with the best settings, three seeds each, after compare(…, name="best", …): 6 min.
    # for seed in range(3):
    #     jacobians(f"comparison-best-rnn-s{seed}", sentences=100)
    #     jacobians(f"comparison-best-lstm-s{seed}", sentences=100)
    # plot()

    # Is sentiment kept on a line of fixed points, and how slowly do states return to them? 1 min.
    # fixed_points()
    # plot()

    # The same with the best settings, three seeds each, after compare(…, name="best", …): 10 min.
    # fixed_points([f"comparison-best-{m}-s{s}" for m in ("rnn", "lstm") for s in range(3)], "best")
    # plot()

    # How should weights begin? 3 initialisations of the RNN, 4 of the LSTM, best settings, 3 seeds: 20 min.
    # initialisation_study(of_model=BEST)
    # plot()

    # Are far words needed, and their order? Three seeds, trained on shuffled words, too: 20 min.
    # compare(seeds=3, name="shuffled", of_model=BEST, word_order="shuffled")
    # both = [f"comparison-{name}-{model}" for name in ("best", "shuffled") for model in ("rnn", "lstm")]
    # memory_study([f"{runs}-s{seed}" for runs in both for seed in range(3)])
    # plot()

    # How much of a gradient is lost when it is cut after K steps? Before and after training: 25 s.
    # truncation_study()
    # plot()

    # Does each unit of an LSTM's cell remember alone, and are slow units sensitive? 10 s; three runs 2 min.
    # cell_memory_study()
    # cell_memory_study([f"comparison-best-lstm-s{seed}" for seed in range(3)], "best")
    # plot()

    # Does training need the gradient from far back? Five seeds of each change: 288 min, busy machine.
    # backward_study()
    # plot()

    # The cut gradient with the best settings, three seeds, after backward_study(): 5 min on a busy machine.
    # truncation_study([f"backward-default-{m}-full-s{s}" for m in ("rnn", "lstm") for s in range(3)], "best")
    # plot()

    # Is a change lost to its step size alone? Half and twice the learning rate: 49 min.
    # for factor in (0.5, 2):
    #     rates = {model: own | {"lr": factor * own["lr"]} for model, own in BEST.items()}
    #     some = ("full", "truncate-10", "preserve-norm", "c-detach")
    #     backward_study(seeds=1, backward=some, of_model=rates, name=f"lr-times-{factor}")

    # How much of a difference is chance? Both models over five seeds, side by side, with intervals: 4 min.
    # compare()

    # Faster on two idle cores: two processes share each batch. 37 s, where one takes 48.
    # train_lstm("lstm-two-workers", workers=2)

    # Overfitting: an LSTM without dropout, whose validation loss is smallest early, and then rises: 50 s.
    # train_lstm("lstm-plain", input_dropout=0, state_dropout=0)
    # plot("lstm-plain")

    # How far back can each model learn, and with which part of its gradient? On made-up sentences: 88 min.
    # preprocess(dataset="probe", probe_longest=50, name="probe-even", if_missing=True)
    # probe_study(data="probe-even")
    # preprocess(dataset="probe", probe_longest=50, probe_mixture="log", name="probe-log", if_missing=True)
    # probe_study(data="probe-log")
    # preprocess(dataset="probe", probe_longest=50, probe_mixture="far", name="probe-far", if_missing=True)
    # probe_study(data="probe-far")
    # plot()

    # Do two attractors keep its cues for 1,000 words, and what remains of the gradient? 15 s.
    # latching_study([f"cue-distance-even-{m}-full-s{s}" for m in ("rnn", "lstm") for s in range(3)], "even")
    # plot()

    # Long texts, gradients to 400 steps back, settings of their own. IMDb, in data/imdb/, one seed: 60 min.
    # preprocess(dataset="imdb", max_length=400, name="imdb", if_missing=True)
    # compare(seeds=1, name="imdb", data="imdb", of_model=LONG)

    # The tables and figures of README.md and assets/README.md, made again from assets/studies/: 10 s.
    # report()
