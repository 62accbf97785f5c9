"""The experiments. Run `python main.py`, then uncomment another block at the end of this file.

Every function here can also be called alone from a Python prompt: `from main import predict`.
"""

from scripts.files.errors import UserError, errors_in_one_line
from scripts.studies import cue_distance, last_words
from scripts.studies import jacobians as analysis
from scripts.studies import variants as studies
from scripts.training import checks, evaluation, experiment
from scripts.training.recipes import BEST, BEST_5_EPOCHS, BEST_LSTM, BEST_RNN, WIDE_RNN  # noqa: F401 (for the blocks at the end)


def train_rnn(run_id="rnn-run-1", epochs=20, lr=0.002, hidden_size=64, overwrite=False, **settings):
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
        Begin anew where a run with other settings or data has that name.
    **settings
        Any other field of scripts.training.settings.Settings, such as ``seed=1`` or ``state_dropout=0``.

    Returns
    -------
    list of dict
        The record of each epoch, from epoch 0 (before any training), as the log holds it.
    """
    return experiment.run(
        "rnn", run_id, overwrite=overwrite, epochs=epochs, lr=lr, hidden_size=hidden_size, **settings
    ).history


def train_lstm(run_id="lstm-run-3", epochs=20, lr=0.002, hidden_size=64, overwrite=False, **settings):
    """Train an LSTM; see :func:`train_rnn`. It has one setting more, ``forget_bias`` (1.0)."""
    return experiment.run(
        "lstm", run_id, overwrite=overwrite, epochs=epochs, lr=lr, hidden_size=hidden_size, **settings
    ).history


def test(run_id="lstm-run-3"):
    """Test a trained run on the test split, with the weights of its best epoch.

    Parameters
    ----------
    run_id : str

    Returns
    -------
    dict
        ``accuracy``, ``f1``, ``loss``, ``confusion_matrix``, ``by_length`` and more; also printed. See
        scripts.training.evaluation.metrics.
    """
    metrics = evaluation.evaluate_run(run_id)
    (true_negative, false_positive), (false_negative, true_positive) = metrics["confusion_matrix"]
    print(f"\n{run_id}, epoch {metrics['epoch']} (best on validation), {metrics['sentences']} test sentences")
    print(f"  accuracy {metrics['accuracy']:.2%}   F1 {metrics['f1']:.4f}   loss {metrics['loss']:.4f}")
    print("                   called negative   called positive")
    print(f"  truly negative   {true_negative:15}   {false_positive:15}")
    print(f"  truly positive   {false_negative:15}   {true_positive:15}")
    print("  tokens     sentences   accuracy")
    for group in metrics["by_length"]:
        print(f"  {group['from']:>3} – {group['to']:<3}  {group['sentences']:9}   {group['accuracy']:8.1%}")
    return metrics


def test_overfit(sentences=64, steps=300):
    """The LSTM learns a small subset by heart: if it can't, something in its backward pass is wrong.

    Parameters
    ----------
    sentences : int
        Size of the subset, from the training split.
    steps : int
        Updates, each with the whole subset.

    Returns
    -------
    dict
        ``loss`` and ``accuracy`` on the subset at the end; also printed.
    """
    result = checks.learn_by_heart(sentences, steps)
    print(
        f"{result['sentences']} sentences, {result['steps']} updates: loss {result['first_loss']:.4f} -> "
        f"{result['loss']:.6f}, accuracy {result['accuracy']:.1%}"
    )
    return result


def check_gradients():
    """Analytic against numeric gradients, every model, every parameter, in float64.

    Returns
    -------
    dict of dict
        For each model, the relative error of each parameter's gradient; also printed.
    """
    errors = {model: checks.check_model(model) for model in checks.LOSSES}
    print("relative error of the gradient, analytic against numeric")
    for model, by_parameter in errors.items():
        for name, error in by_parameter.items():
            print(f"  {model:4}  {name:12}  {error:.1e}")
    return errors


def predict(sentence, run_id="lstm-run-3", draw=True):
    """Classify a sentence as a person types it, and show what each of its words does to the logit z.

    Draws assets/figures/sentence-<run_id>….png, and writes assets/benchmarks/sentence-<run_id>.json: for each
    word ‖∂z/∂x_t‖, gradient · input, and how z changes when the word is left out.

    Parameters
    ----------
    sentence : str
    run_id : str or sequence of str
        Several runs are drawn one above the other.
    draw : bool
        False where many sentences are to be classified, and no figure is wanted.

    Returns
    -------
    dict, or list of dict for several runs
        ``probability`` (that it is positive), and of each word ``words``, ``known``, ``reach`` (‖∂z/∂x_t‖),
        ``share`` (of their sum), ``gradient_input`` and ``left_out``; also printed.
    """
    run_ids = [run_id] if isinstance(run_id, str) else list(run_id)
    if not run_ids:
        raise UserError("run_id names no run: give one, or several such as ('rnn-run-1', 'lstm-run-3')")
    readings = [evaluation.read_sentence(each, sentence) for each in run_ids]
    for reading in readings:
        print(f"\n{reading['run_id']}: P(positive) = {reading['probability']:.3f}")
        print("  ‖∂z/∂x_t‖  share   ∂z/∂x_t · x_t   z less z without it")
        columns = (
            reading[name] for name in ("words", "known", "reach", "share", "gradient_input", "left_out")
        )
        for word, known, reach, share, gradient_input, left_out in zip(*columns, strict=True):
            note = "" if known else "  (unknown)"
            print(f"  {reach:9.2e}  {share:5.1%}  {gradient_input:+14.3f}  {left_out:+20.3f}   {word}{note}")
    if draw:
        from scripts.plots import plot_sentence  # matplotlib takes a second to import

        for reading in readings:
            evaluation.keep("sentence", reading)
        print(plot_sentence(readings))
    return readings[0] if isinstance(run_id, str) else readings


def plot(*run_ids):
    """Draw the figures of some runs, of all runs by default, into assets/figures/.

    Parameters
    ----------
    *run_ids : str
        See scripts.plots.plot_all, which also has the functions that draw one figure each.

    Returns
    -------
    list of pathlib.Path
        The figures; also printed.
    """
    from scripts.plots import plot_all  # matplotlib takes a second to import, and only this needs it

    return plot_all(*run_ids, show=False)


def preprocess(dataset=None, embeddings=None, **options):
    """Turn sentences and word vectors into data/, as `python scripts/preprocessing.py` does.

    Parameters
    ----------
    dataset, embeddings, **options
        See scripts.preprocessing.preprocess.

    Returns
    -------
    dict
        What stands in data/dataset.json.
    """
    from scripts import preprocessing  # scikit-learn takes a second to import, and only this needs it

    return preprocessing.preprocess(dataset, embeddings, **options)


def jacobians(run_id="lstm-run-3", sentences=500, **options):
    """Measure what the Jacobians of a run say of its gradients: bounds, direct path, Lyapunov exponents.

    Parameters
    ----------
    run_id : str
    sentences : int
        At most so many of those that the log measured its gradients on.
    **options
        Others of scripts.studies.jacobians.jacobian_study, such as ``depths=(10, 20)``.

    Returns
    -------
    dict
        See scripts.studies.jacobians.jacobian_study; the predicted and measured rates are also printed.
    """
    study = analysis.jacobian_study(run_id, sentences, **options)
    print(f"\n{run_id}, {study['sentences']['count']} validation sentences")
    print(analysis.rates_table(study))
    return study


def initialisation_study(**options):
    """How should weights begin? Three initialisations of the RNN and four of the LSTM, over seeds.

    Parameters
    ----------
    **options
        ``seeds`` (3), ``epochs`` (8), any setting, and ``of_model``, settings of one model alone, such as
        ``BEST``; see scripts.studies.variants.initialisation_study.

    Returns
    -------
    dict
        The study; its table is also printed.
    """
    study = studies.initialisation_study(**options)
    print(studies.variants_table(study))
    return study


def equal_parameters(**options):
    """Is the LSTM's lead its size? Beside the RNN of equal width one with as many parameters, over seeds.

    Parameters
    ----------
    **options
        ``seeds`` (3), ``epochs`` (8) and any setting; see scripts.studies.variants.equal_parameters.

    Returns
    -------
    dict
        The study; its table is also printed.
    """
    study = studies.equal_parameters(**options)
    print(studies.variants_table(study))
    return study


def memory_study(rnn="rnn-run-1", lstm="lstm-run-3"):
    """Does the dataset need memory? Test accuracy from the last k words only, for every k.

    Parameters
    ----------
    rnn, lstm : str or sequence of str
        A run id, or those of several seeds.

    Returns
    -------
    dict
        See scripts.studies.last_words.memory_study; its table is also printed.
    """
    study = last_words.memory_study(rnn, lstm)
    print(last_words.memory_table(study))
    return study


def probe_study(**options):
    """How far back does each model remember a word, and how much of the gradient reaches it there?

    data/ has to hold the probe: ``preprocess(dataset="probe")``.

    Parameters
    ----------
    **options
        ``seeds`` (3), ``epochs`` (12), any setting, and ``of_model``, settings of one model alone, such as
        ``BEST``; see scripts.studies.cue_distance.probe_study.

    Returns
    -------
    dict
        The study; its table is also printed.
    """
    study = cue_distance.probe_study(**options)
    print(cue_distance.probe_table(study))
    return study


def compare(
    models=("rnn", "lstm"),
    seeds=5,
    name="compare",
    scheduler=None,
    overwrite=False,
    of_model=None,
    **settings,
):
    """Both models over seeds, and over any grid of settings: intervals, a paired comparison, the figure.

    Runs go side by side, as many as there are cores. Called again it trains only what is missing.

    Parameters
    ----------
    models : str or sequence of str
    seeds : int or sequence of int
        How many (0, 1, …), or which.
    name : str
        Of the comparison: it is written to assets/benchmarks/<name>.json, its runs are called study-….
    scheduler : str, optional
        Address of a Dask scheduler, such as ``"tcp://host:8786"``: its workers train, not this machine.
    overwrite : bool
        Begin anew where a comparison or runs with other settings or data have these names.
    of_model : dict of str to dict, optional
        Settings of one model alone, such as ``BEST``, the best ones found for each.
    **settings
        Any field of scripts.training.settings.Settings with one value, or with several to be compared, such as
        ``hidden_size=(32, 64)``. See scripts.studies.comparison.compare_models.

    Returns
    -------
    dict
        The comparison; its table is also printed, its figures drawn.
    """
    from scripts.plots import plot_comparison  # seconds to import
    from scripts.studies.comparison import (  # SciPy's statistics and matplotlib take
        compare_models,
        comparison_table,
    )

    options = {"of_model": of_model, "scheduler": scheduler, "overwrite": overwrite}
    study = compare_models(models, seeds, name, **options, **settings)
    print(comparison_table(study))
    for path in plot_comparison(name):
        print(path)
    return study


def search(**options):
    """How good is each of the best settings? Each is changed in turn; validation loss and accuracy, no test.

    Parameters
    ----------
    **options
        ``seeds`` (2), ``overwrite``; see scripts.studies.settings_search.search.

    Returns
    -------
    dict
        The search; its table is also printed.
    """
    from scripts.studies import settings_search as one_change  # its name is this function's

    study = one_change.search(**options)
    print(one_change.search_table(study))
    return study


def baselines():
    """What the accuracies are to be compared with: classifiers that know no order, a split that flatters.

    Returns
    -------
    dict
        See scripts.studies.baselines; its table is also printed.
    """
    from scripts.studies import baselines as beside  # its name is this function's

    study = beside.baselines()
    print(beside.baselines_table(study))
    return study


def report():
    """Make every number and figure of the README's results again; say where it states another.

    Needs what the other blocks leave in assets/; where that is missing, it names the block and goes on. Draws
    assets/figures/readme-….png, and writes assets/benchmarks/results.json.

    Returns
    -------
    dict
        See scripts.report.report; what differs is printed, a line each.
    """
    from scripts.report.report import report as compare_readme  # matplotlib takes a second to import

    return compare_readme()


if __name__ == "__main__":
    errors_in_one_line()

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

    # The same, ten seeds each, side by side, with intervals: 15 min.
    # compare(seeds=10, name="best", of_model=BEST)

    # The search behind them: each setting changed in turn, two seeds, on the validation split alone: 40 min.
    # search()

    # Beside them an RNN with as many parameters as that LSTM, five seeds: 13 min, other work beside it.
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
    #     jacobians(f"study-rnn-best-s{seed}", sentences=100)
    #     jacobians(f"study-lstm-best-s{seed}", sentences=100)
    # plot()

    # How should weights begin? 3 initialisations of the RNN, 4 of the LSTM, best settings, 3 seeds: 20 min.
    # initialisation_study(of_model=BEST)
    # plot()

    # Is the LSTM's lead its size? An RNN with as many parameters, three seeds: 2 min.
    # equal_parameters()
    # plot()

    # Does the dataset need memory? Accuracy from the last k words, best settings, ten seeds: 1 min.
    # memory_study([f"study-rnn-best-s{s}" for s in range(10)], [f"study-lstm-best-s{s}" for s in range(10)])
    # plot()

    # How much of a difference is chance? Two seeds more of each model: 120 s.
    # for seed in (1, 2):
    #     train_rnn(f"rnn-seed-{seed}", seed=seed)
    #     train_lstm(f"lstm-seed-{seed}", seed=seed)
    #     test(f"rnn-seed-{seed}")
    #     test(f"lstm-seed-{seed}")

    # Both models over five seeds, side by side, with intervals: 4 min.
    # compare()

    # Faster on two idle cores: two processes share each batch. 37 s, where one takes 50.
    # train_lstm("lstm-two-workers", workers=2)

    # Overfitting: the LSTM without dropout; its best epoch comes early, then the validation loss rises: 50 s.
    # train_lstm("lstm-plain", input_dropout=0, state_dropout=0)
    # plot("lstm-plain")

    # How far back does each model remember? Replaces data/; preprocess again for the blocks above: 16 min.
    # preprocess(dataset="probe")
    # probe_study(of_model=BEST)
    # preprocess(dataset="probe", probe_mixture="log")
    # probe_study(of_model=BEST)
    # plot()

    # Long texts, gradients to 400 steps back, best settings but 5 epochs. Replaces data/ by IMDb: 18 min.
    # preprocess(dataset="imdb", max_length=400)
    # compare(seeds=3, name="imdb", of_model=BEST_5_EPOCHS)

    # The README's results and figures, made again from all of the above and held against what it says: 10 s.
    # report()
