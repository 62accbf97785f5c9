"""Both models timed next to PyTorch and JAX; used by scripts/benchmark.py."""
