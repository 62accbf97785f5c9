"""Recipes: the best settings found for SST-2 with GloVe 6B 100d, as dicts: `train_lstm(**BEST_LSTM)`.

They were chosen from some fifty by their loss and accuracy on all rows and on the whole sentences of the
validation split. The study scripts/studies/settings_search.py changes each setting in turn.
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
# For texts of hundreds of words. The RNN's were chosen from nine on IMDb's validation split: many small steps
# and no dropout, whose noise adds up from word to word. Of the LSTM's only the number of epochs was.
NO_DROPOUT = {"input_dropout": 0.0, "state_dropout": 0.0}
LONG_RNN = BEST_RNN | NO_DROPOUT | {"epochs": 56, "lr": 0.0004, "input_init": "uniform"}
LONG_LSTM = BEST_LSTM | {"epochs": 8, "lr": 0.002, "schedule": "linear", "hidden_size": 64}
LONG_LSTM |= {"input_dropout": 0.2, "state_dropout": 0.2}
LONG = {"rnn": LONG_RNN, "lstm": LONG_LSTM}
WIDE_RNN = BEST_RNN | {"hidden_size": 426}  # as many parameters as BEST_LSTM; only its width was chosen
