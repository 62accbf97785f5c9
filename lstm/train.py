"""The training loop of the LSTM. It touches no file: batches and the optimizer are handed in."""

import time

import numpy as np
from tqdm import tqdm

from lstm.model import binary_cross_entropy


def train(model, training, validation, optimizer, *, epochs, first_epoch=0, dropout_rng=None, progress=True):
    """Train an LSTM by minibatch gradient descent, one epoch a step of this generator.

    Parameters
    ----------
    model : LSTMClassifier
        Trained in place. While the generator rests between two epochs its weights are the latest ones.
    training : callable
        ``training(epoch)`` gives the epoch's batches, a sized iterable; each has ``ids`` and ``batch_sizes``
        (see LSTMClassifier.forward), ``y``, its labels, and ``weights``, how much each sentence
        counts: numbers with a mean of 1 over all batches, or 1.
    validation : iterable
        Batches of the same kind, the same ones each epoch.
    optimizer : object
        ``clip(gradient)`` shortens ∂ℓ/∂θ in place and returns its norm from before, ``update(theta,
        gradient)`` takes a step; ``learning_rate`` and ``clip_norm`` are logged. ``averaged(theta)`` is a
        context within which θ holds the weights that are to be validated, be they averages or the latest.
    epochs, first_epoch : int
        The last epoch, and the one to begin with. Epoch 0 trains nothing: it shows the model as initialised.
    dropout_rng : callable, optional
        ``dropout_rng(epoch)`` gives the generator of the epoch's dropout masks.
    progress : bool
        Show a progress bar with the running loss.

    Yields
    ------
    dict
        The record of one epoch, as data/README.md explains it. The training loss and accuracy of an
        epoch are means over its sentences as they were met, with dropout and under moving weights.

    Raises
    ------
    FloatingPointError
        A loss or a gradient is not finite. The weights are those from before that step.
    """
    for epoch in range(first_epoch, epochs + 1):
        started = time.perf_counter()
        learning_rate = optimizer.learning_rate
        rng = dropout_rng(epoch) if dropout_rng else None
        loss_sum = correct = count = 0
        norms = []
        batches = tqdm(
            training(epoch),
            f"epoch {epoch}/{epochs}",
            unit="batch",
            leave=False,
            disable=not progress or None,
        )
        for number, batch in enumerate(batches):
            z = model.forward(batch.ids, batch.batch_sizes, rng if epoch else None)  # epoch 0 only measures
            loss, dz = binary_cross_entropy(z, batch.y)
            loss_sum += loss.sum(dtype=np.float64)
            correct += np.count_nonzero((z > 0) == batch.y)
            count += len(z)
            batches.set_postfix_str(f"loss {loss_sum / count:.4f}", refresh=False)
            if epoch:
                gradient = model.backward(dz * batch.weights / len(z))
                norms.append(optimizer.clip(gradient))
            check_finite(f"epoch {epoch}, batch {number}", loss_sum / count, norms, optimizer.learning_rate)
            if epoch:
                optimizer.update(model.theta, gradient)
        training_seconds = time.perf_counter() - started
        with optimizer.averaged(model.theta):
            validation_loss, validation_accuracy = evaluate(model, validation)
        where = f"epoch {epoch}, validation after batch {number}"
        check_finite(where, validation_loss, norms, optimizer.learning_rate)
        yield {
            "epoch": epoch,
            "train_loss": loss_sum / count,
            "train_accuracy": correct / count,
            "validation_loss": validation_loss,
            "validation_accuracy": validation_accuracy,
            "learning_rate": learning_rate,
            "gradient_norm": {"mean": float(np.mean(norms)), "largest": max(norms)} if norms else None,
            "clipped": float(np.mean(np.array(norms) > optimizer.clip_norm)) if norms else None,
            "seconds": time.perf_counter() - started,
            "sentences_per_second": count / training_seconds,
        }


def check_finite(where, loss, norms, learning_rate):
    """Raise FloatingPointError where a loss, or the last of the gradients' norms, is not finite."""
    norm = norms[-1] if norms else 0.0
    if not np.isfinite(loss + norm):
        raise FloatingPointError(
            f"{where}: loss {loss:g}, gradient norm before clipping {norm:g}, learning rate {learning_rate:g}"
        )


def evaluate(model, batches):
    """Mean loss and accuracy over all sentences of some batches, without dropout.

    Sums are taken over sentences and divided once: a mean of batch means would weigh a short last batch too
    much.

    Parameters
    ----------
    model : LSTMClassifier
    batches : iterable
        As ``validation`` of :func:`train`.

    Returns
    -------
    loss, accuracy : float
    """
    logits = model.inference()
    loss_sum = correct = count = 0
    for batch in batches:
        z = logits(batch.ids, batch.batch_sizes)
        loss_sum += binary_cross_entropy(z, batch.y)[0].sum(dtype=np.float64)
        correct += np.count_nonzero((z > 0) == batch.y)
        count += len(z)
    return float(loss_sum / count), correct / count
