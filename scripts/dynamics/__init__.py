"""Gradients on their way back through time, measured on a model and batches; for training and studies."""
