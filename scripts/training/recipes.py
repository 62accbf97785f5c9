"""Recipes: the best settings found for SST-2 with GloVe 6B 100d, as dicts: `train_lstm(**BEST_LSTM)`.

They were chosen among some fifty by loss and accuracy on the validation split, of all its rows and of whole
sentences. The study scripts/studies/settings_search.py changes each in turn.
"""

BEST_RNN = {
    "epochs": 20,
    "lr": 0.002,
    "schedule": "linear",
    "hidden_size": 128,
    "clip_norm": 0.25,
    "weight_decay": 0.1,
    "averaging": 0.999,
    "recurrent_init": "identity",
    "length_weight": 0.5,
}

BEST_LSTM = {
    "epochs": 12,
    "lr": 0.001,
    "hidden_size": 192,
    "forget_bias": "chrono",
    "clip_norm": 0.25,
    "weight_decay": 0.1,
    "averaging": 0.999,
}

BEST = {"rnn": BEST_RNN, "lstm": BEST_LSTM}
# For texts of hundreds of words, where an epoch takes minutes; nothing was searched for them
BEST_5_EPOCHS = {model: recipe | {"epochs": 5} for model, recipe in BEST.items()}
WIDE_RNN = BEST_RNN | {"hidden_size": 426}  # as many parameters as that LSTM; nothing else was chosen for it
