"""One run: its settings, training, log, and the measures of a trained model; for studies and main.py."""
