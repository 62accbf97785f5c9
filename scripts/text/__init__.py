"""From sentences and word vectors to batches; used by preprocessing.py and training."""
