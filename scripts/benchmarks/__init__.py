"""What scripts/benchmark.py times, in training.py, and the contenders, in peers.py."""
