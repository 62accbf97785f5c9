"""What is timed, and the contenders; used by scripts/benchmark.py."""
