"""What a gradient does on its way back through time: measured on a model and batches; used by training and studies."""
