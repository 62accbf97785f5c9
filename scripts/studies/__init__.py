"""Many runs, one question per file; used by main.py, drawn by the file of the same name in figures/.

Studies, each called by a function of main.py:

    comparison.py       both models over seeds, and over any grid of settings
    initialisations.py  initial weights; RNNs of as many units or parameters as an LSTM
    settings_search.py  the best settings and one change at a time, on the validation split
    cue_distance.py     how far back each model learns to use a word
    memory.py           test accuracy with far words left out or shuffled
    truncation.py       what the gradient loses when it goes back K steps and no more
    jacobians.py        products of Jacobians, their bounds, and Lyapunov exponents
    cell_memory.py      what an LSTM's cell keeps unit by unit, and how sensitive its slow units are
    fixed_points.py     fixed points at constant input: is there a line attractor, and how slow is it?
    latching.py         whether two attractors keep a cue, and how much of its gradient remains
    backward.py         both models trained with a changed backward pass
    baselines.py        bag-of-words classifiers, and a leaky random split

Helpers that they share:

    variants.py         trains and measures variants over seeds; the first three studies are lists of variants
    parallel.py         trains many runs side by side, on this machine or on a Dask cluster
    arguments.py        checks seeds, runs and settings of one model alone; estimates the time
    statistics.py       intervals over seeds, Welch's test, errors over test sentences
"""
