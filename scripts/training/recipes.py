"""Recipes: the best settings found for SST-2 with GloVe 6B 100d, as dicts: `train_lstm(**BEST_LSTM)`.

The blocks of main.py, studies and the report use them; runs trained with others are refused there. They were
chosen among some fifty by loss and accuracy on the validation split, of all its rows and of whole sentences.
These made a difference: for the LSTM averaged weights, 192 units and chrono initialisation; for the RNN a
learning rate that falls to 0, a gradient clipped at a quarter of the default norm, the identity as its first
W_hh, and phrases that count by the square root of their length. The study
scripts/studies/settings_search.py changes each in turn.
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
