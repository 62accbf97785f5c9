"""One run: its settings, loop, workers and log, and what a trained model says; used by studies and main.py."""
