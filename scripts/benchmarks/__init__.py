"""The timed work, and the contenders; used by scripts/benchmark.py."""
