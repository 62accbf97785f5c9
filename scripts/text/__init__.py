"""From sentences and word vectors to batches: loading, tokens, splits; used by preprocessing.py and training."""
