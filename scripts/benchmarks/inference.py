"""Section "inference": seconds per epoch of inference, next to PyTorch and JAX.

Contenders, batches and entries of the JSON are those of section "training", with ``inference`` in place of
``training``. Our inference begins with a projection of all words, once for any number of batches.
"""

from scripts.benchmarks import training
from scripts.benchmarks.training import WARM, measure_size, size_table
from scripts.benchmarks.turns import seconds

CAPTION = (
    "Seconds per epoch of inference, as those of training. Our inference begins with a projection of all "
    "words: its share of an epoch is counted."
)
points = training.points


def measure(point, repetitions):
    """Return an entry of the JSON without its point; see the docstring of this file."""
    return measure_size(point, repetitions, "inference", _turn)


def _turn(contender, batches, share):
    contender.evaluate(batches[:WARM])
    return share * seconds(contender.once) + seconds(contender.evaluate, batches)


def tables(entries):
    """Return the section's paragraphs in Markdown."""
    return [CAPTION, *size_table(entries, "inference")]
