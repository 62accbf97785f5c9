"""The words in which a figure says what it was drawn from."""

from scripts.files.runs import NAMES


def name_data(dataset):
    """Dataset and embeddings, as a footer names them."""
    cut = f", texts cut to {dataset['max_length']} tokens" if dataset.get("max_length") else ""
    embeddings = f"{dataset['embeddings']} ({dataset['dimensions']} dimensions)"
    return f"Data: {dataset['name']}{cut}; embeddings: {embeddings}."


def describe_run(log):
    """A run, as a footer names it."""
    return (
        f"{log.run_id} ({NAMES[log.model]}, {log.hidden_size} units, best epoch {log.best['epoch']} of "
        f"{log.epochs[-1]['epoch']})"
    )


def describe_sentences(log):
    """The sentences whose gradients were recorded, as a footer names them."""
    gradients = log.best["gradients"]
    lengths = f"{gradients['shortest']} to {gradients['longest']} tokens"
    return f"{gradients['sentences']:,} validation sentences of {lengths}"


def provenance(logs, describe=None):
    """One footer line for several logs: each dataset, run and set of sentences once."""
    data = dict.fromkeys(name_data(log.settings["dataset"]) for log in logs)
    runs = dict.fromkeys(describe_run(log) for log in logs)
    sentences = dict.fromkeys(describe(log) for log in logs) if describe else ()
    measured = f" Gradients: {'; '.join(sentences)}." if sentences else ""
    return f"{' '.join(data)} Run{'s' * (len(runs) > 1)}: {', '.join(runs)}.{measured}"
