"""Everything around the models: data, runs, gradients, figures."""
