"""Products of step Jacobians and Lyapunov exponents: the theory with which measured gradients are compared.

With J_t the Jacobian of one step of the state, h_t for the RNN and (h_t, c_t) for the LSTM,

    ∂(state T) / ∂(state T-k) = J_T J_{T-1} … J_{T-k+1},

the identity at k = 0. Norms along a sentence are log₁₀, exponents and rates natural logarithms per step. All
of it is float64, and products are rescaled as they grow, so that nothing under- or overflows.
"""

import numpy as np

BLOCKS = 10  # parts of a long drive, whose means give the error of an exponent


# Any matrices ---------------------------------------------------------------------------------------------


def product_norms(matrices):
    """Return the norms of growing products, log₁₀ ‖M_1 M_2 … M_k‖₂ for k = 1, 2, …; -∞ for a product of 0.

    `matrices` is an iterable of (n, n) arrays; for a gradient J_T, J_{T-1}, …, back from the last step.
    """
    P, scale, logs = None, 0.0, []
    with np.errstate(divide="ignore"):
        for M in matrices:
            P = np.asarray(M, np.float64) if P is None else P @ M
            size = np.abs(P).max()
            scale += np.log10(size)
            P = P / (size or 1)
            logs.append(scale + np.log10(np.linalg.norm(P, 2)))
    return np.array(logs)


def norm_sums(matrices):
    """Bound :func:`product_norms` by the factors: Σ log₁₀ ‖M_s‖₂ over s ≤ k, for k = 1, 2, …"""
    with np.errstate(divide="ignore"):
        return np.cumsum([np.log10(np.linalg.norm(M, 2)) for M in matrices])


def diagonal_shares(matrices):
    """Return the share of ∂c_T/∂c_{T-k} that stays within the units of an LSTM, for k = 1, 2, …

    It is the share of the squared Frobenius norm on the diagonal (Zucchet & Orvieto 2024), nan if the norm
    is 0. The derivative is the c-c block of the product of `matrices`, J_T, J_{T-1}, …, (2H, 2H) each: at
    k = 1 it is diag(f_T), from k = 2 on it includes paths through h and the gates.
    """
    P, shares = None, []
    for J in matrices:
        H = len(J) // 2
        P = J[H:] if P is None else P @ J  # only the rows of c are needed
        P = P / (np.abs(P).max() or 1)
        squares = P[:, H:] ** 2
        total = squares.sum()
        shares.append(np.trace(squares) / total if total else np.nan)
    return np.array(shares)


def lyapunov_exponents(matrices, exponents=None, burn_in=0, seed=0):
    """Estimate finite-time Lyapunov exponents, how much steps stretch an orthonormal frame, by repeated QR.

        M_s Q_{s-1} = Q_s R_s,   λ_i = mean over steps of log|R_ii|

    Parameters
    ----------
    matrices : iterable of (n, n) numpy.ndarray
        First step first.
    exponents : int, optional
        k, the number of largest exponents; by default all n.
    burn_in, seed : int
        The first `burn_in` steps, in which the frame aligns, are left out of the mean; `seed` draws Q_0.

    Returns
    -------
    exponents : (k,) numpy.ndarray
        λ in nats per step, in descending order apart from noise; -∞ where a direction is lost.
    errors : (k,) numpy.ndarray
        Standard errors, from the means of ten successive blocks; NaN for fewer than ten steps.

    References
    ----------
    Benettin et al. (1980), Lyapunov characteristic exponents. Engelken, Wolf & Abbott (2020), Lyapunov
    spectra of chaotic recurrent neural networks.
    """
    Q, logs = None, []
    for M in matrices:
        if Q is None:
            k = len(M) if exponents is None else min(exponents, len(M))
            Q, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((len(M), k)))
        Q, R = np.linalg.qr(M @ Q)
        with np.errstate(divide="ignore"):
            logs.append(np.log(np.abs(np.diagonal(R))))
    logs = np.array(logs[burn_in:])
    with np.errstate(invalid="ignore"):  # -∞ minus -∞: a lost direction has no error
        errors = np.full(logs.shape[1], np.nan)
        if len(logs) >= BLOCKS:
            means = [block.mean(0) for block in np.array_split(logs, BLOCKS)]
            errors = np.std(means, axis=0, ddof=1) / np.sqrt(BLOCKS)
        return logs.mean(0), errors


# A model along a sentence ---------------------------------------------------------------------------------


def stream(model, ids):
    """Yield the step Jacobians J_1, J_2, … (S, S) of token ids (T,); S is H, or 2H for (h, c)."""
    model.forward(ids, np.ones(len(ids), int))
    for t in range(len(ids)):
        yield model.step_jacobians(t)[0]


def along_sentence(model, ids, exponents=None, seed=0, burn_in=0):
    """Measure the Jacobians of one sentence, by distance.

    Parameters
    ----------
    model : RNNClassifier or LSTMClassifier
        In float64.
    ids : (T,) integers
    exponents, seed, burn_in
        See :func:`lyapunov_exponents`; each sentence should have another seed.

    Returns
    -------
    by_distance : dict of str to (T,) numpy.ndarray
        log₁₀, at distance 0, 1, … T - 1: ``product`` ‖J_T … J_{t+1}‖₂; for the RNN its bounds ``norms`` and
        ``pascanu``; for the LSTM, along its direct cell path ∏ f_s, ``direct_mean`` and ``direct_max`` over
        the units, and ``direct_gradient``, the decay of ∂z/∂c along this path alone.
    exponents : (k,) numpy.ndarray
    """
    J = list(stream(model, ids))
    back = J[:0:-1]  # J_T … J_2: that of the first step leads to the state before the sentence
    theory = _direct_path if "c" in model.states else _bounds
    by_distance = {"product": product_norms(back), **theory(model, back)}
    by_distance = {name: np.concatenate([[0.0], values]) for name, values in by_distance.items()}
    return by_distance, lyapunov_exponents(J, exponents, burn_in, seed)[0]


def _bounds(model, back):
    """Return log₁₀ of two bounds of the RNN's product, ``norms`` and ``pascanu``, for k = 1, 2, … factors."""
    # ‖J_T … J_{T-k+1}‖₂  ≤  ∏ ‖J_s‖₂  ≤  (σ₁ γ)ᵏ,   σ₁ = ‖W_hh‖₂,  γ = max tanh′ = 1
    # Pascanu, Mikolov & Bengio (2013), On the difficulty of training recurrent neural networks.
    sigma_1 = np.linalg.norm(model.parameters["weight_hh_l0"], 2)
    return {"norms": norm_sums(back), "pascanu": np.arange(1, len(back) + 1) * np.log10(sigma_1)}


def _direct_path(model, back):
    """Return log₁₀ of measures of the LSTM's direct cell path ∏ f_s, s = T … T-k+1, for k = 1, 2, … steps."""
    # diag(∏ f_s) is what ∂c_T/∂c_{T-k} would be if no gate depended on h; f_s: diagonal of ∂c_s/∂c_{s-1}.
    H = model.H
    _, _, dc = next(model.through_time(np.ones(1)))
    with np.errstate(divide="ignore"):
        logs = np.cumsum(np.log([np.diagonal(J[H:, H:]) for J in back]).reshape(-1, H), axis=0)
        log_dc = np.log(np.abs(dc[:, 0]))
    squares = np.logaddexp.reduce(2 * (logs + log_dc), axis=1) - np.logaddexp.reduce(2 * log_dc)
    sums = {  # natural logarithms, of numbers that may be too small for a float
        "direct_mean": np.logaddexp.reduce(logs, axis=1) - np.log(H),
        "direct_max": logs.max(1),  # the spectral norm of diag(∏ f_s)
        "direct_gradient": squares / 2,  # ‖∂z/∂c_T ⊙ ∏ f_s‖ / ‖∂z/∂c_T‖: decay of ∂z/∂c along this path alone
    }
    return {name: values / np.log(10) for name, values in sums.items()}


def slope(by_sentence, first, last):
    """Fit a rate of decay in nats per step back to the mean of the logs from distance `first` to `last`.

    `by_sentence` is a list of arrays (T,), log₁₀ of a norm at distance 0, 1, …; sentences that don't reach
    `last` are left out, so that all distances have the same ones. Returns the rate and its standard error
    over the sentences, nan for one sentence.
    """
    logs = np.array([values[first : last + 1] for values in by_sentence if len(values) > last])
    deviation = np.arange(last - first + 1) - (last - first) / 2
    with np.errstate(invalid="ignore"):  # of log₁₀ 0
        slopes = np.log(10) * logs @ deviation / (deviation @ deviation)
        return slopes.mean(), slopes.std(ddof=1) / np.sqrt(len(slopes)) if len(slopes) > 1 else np.nan
