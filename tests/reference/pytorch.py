"""Reference values from PyTorch's nn.RNN and nn.LSTM. `python tests/reference/pytorch.py` writes pytorch.npz.

The tests read pytorch.npz, and need no PyTorch; where it is installed they also compute new values here.
"""

from pathlib import Path

import numpy as np

PATH = Path(__file__).with_name("pytorch.npz")
SHAPES = {"D": 5, "H": 7, "V": 13, "lengths": [6, 1, 9, 4, 9, 2]}


def reference(kind, seed, D, H, V, lengths):
    """Logits, loss and gradients of a one-layer recurrent classifier in float64, as PyTorch computes them.

    Parameters
    ----------
    kind : {"rnn", "lstm"}
    seed : int
        Seeds parameters, embeddings, sentences and labels; all of them are returned.
    D, H, V : int
        Features, units, vocabulary.
    lengths : list of int
        Sentence lengths, in any order.

    Returns
    -------
    dict of str to numpy.ndarray
        ``embeddings`` (V, D), ``x`` (tokens,), ``s`` (B,), ``y`` (B,), the parameters by name; ``z`` (B,),
        ``loss`` (their mean), and under ``grad/…`` its gradient with respect to each parameter and, as
        ``grad/inputs`` (tokens, D), to each token's vector.
    """
    import torch

    rng = np.random.default_rng([seed, len(kind)])
    gates = 4 if kind == "lstm" else 1
    shapes = {
        "weight_ih_l0": (gates * H, D),
        "weight_hh_l0": (gates * H, H),
        "bias_ih_l0": (gates * H,),
        "weight_out": (1, H),
        "bias_out": (1,),
    }
    values = {name: rng.standard_normal(shape) * 0.6 for name, shape in shapes.items()}
    values["embeddings"] = rng.standard_normal((V, D))
    values["s"] = np.array(lengths)
    values["x"] = rng.integers(0, V, sum(lengths))
    values["y"] = rng.integers(0, 2, len(lengths))

    net = (torch.nn.LSTM if kind == "lstm" else torch.nn.RNN)(D, H, dtype=torch.float64)
    out = torch.nn.Linear(H, 1, dtype=torch.float64)
    with torch.no_grad():
        for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0"):
            getattr(net, name).copy_(torch.tensor(values[name]))
        net.bias_hh_l0.zero_()
        out.weight.copy_(torch.tensor(values["weight_out"]))
        out.bias.copy_(torch.tensor(values["bias_out"]))
    inputs = torch.tensor(values["embeddings"][values["x"]], requires_grad=True)
    packed = torch.nn.utils.rnn.pack_sequence(inputs.split(lengths), enforce_sorted=False)
    state = net(packed)[1]
    h_T = (state[0] if kind == "lstm" else state)[0]
    z = out(h_T)[:, 0]
    loss = torch.nn.functional.binary_cross_entropy_with_logits(z, torch.tensor(values["y"], dtype=z.dtype))
    loss.backward()
    values |= {"z": z.detach().numpy(), "loss": loss.detach().numpy(), "grad/inputs": inputs.grad.numpy()}
    values |= {f"grad/{name}": getattr(net, name).grad.numpy() for name in list(shapes)[:3]}
    values |= {"grad/weight_out": out.weight.grad.numpy(), "grad/bias_out": out.bias.grad.numpy()}
    return values


if __name__ == "__main__":
    members = {
        f"{kind}/{name}": value
        for kind in ("rnn", "lstm")
        for name, value in reference(kind, 0, **SHAPES).items()
    }
    np.savez_compressed(PATH, **members)
    print(f"wrote {len(members)} arrays to {PATH.name}")
