"""Bayesian upper limit, prior flat in the strength, errors integrated out without random numbers.

A Poisson count with mean mu a + b splits into signal and background counts, so the posterior is
a sum over the number J of signal counts among those observed:

    p(mu | n, z) ~ sum_J c_J(z) Poisson(J | mu A(z)),   A(z) = sum_i s_i f_i(z),
    c_J = sum over j_1 + ... + j_R = J of multinomial(j; s_i f_i/A) prod_i P_i(n_i - j_i),

with P_i the distribution of the background's counts, its error integrated out. The integral over
mu is an incomplete gamma function; the signal's errors z are left to Gauss-Hermite quadrature.
For n = 0 the background drops out; without systematic errors the limit equals the CLs limit of a
single channel (O. Helene, Nucl. Instrum. Meth. 212 (1983) 319; A. L. Read, J. Phys. G 28 (2002)
2693).
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaincc, gammaln, logsumexp, roots_hermitenorm, roots_legendre, xlogy

from mutau.core.errors import OutOfRange
from mutau.stats.model import Array, Channel, CountingModel, Parts

#: Nodes per independent signal error, by their number.
_NODES = {0: 1, 1: 40, 2: 24, 3: 16, 4: 10, 5: 8, 6: 6}
_BACKGROUND_NODES = 80
#: Terms of the sum over signal counts that are still computed: some 10 s.
_MOST_TERMS = 5e8
#: Numbers that are held at a time: some 1 GB.
_MOST_HELD = 5e7


def background_counts(channel: Channel, n: int) -> Array:
    """ln P(l) of l = 0 .. n background counts (n + 1,), the background's error integrated out.

    "gaussian": Gaussian cut at zero and normalised there; "lognormal"; "gamma": a gamma density
    with the stated mean and error (prior 1/b before the control sample), hence a negative binomial.
    """
    counts = np.arange(n + 1.0)
    b, err = channel.background, channel.background_err
    if channel.constraint == "gamma":
        shape, rate = channel.measured, channel.width
        return (
            gammaln(shape + counts)
            - gammaln(shape)
            - gammaln(counts + 1.0)
            + shape * np.log(rate / (1.0 + rate))
            - counts * np.log1p(rate)
        )
    if channel.constraint == "fixed":
        nodes, weights = np.array([b]), np.array([1.0])
    elif channel.constraint == "gaussian":
        low, high = max(0.0, b - 9.0 * err), b + 9.0 * err
        x, w = roots_legendre(_BACKGROUND_NODES)
        nodes = 0.5 * (low + high) + 0.5 * (high - low) * x
        weights = w * np.exp(-0.5 * ((nodes - b) / err) ** 2)
    else:
        x, weights = roots_hermitenorm(64)
        nodes = b * np.exp(channel.width * x)
    weights = weights / weights.sum()
    exponent = xlogy(counts[:, None], nodes) - nodes
    return logsumexp(exponent, b=weights, axis=1) - gammaln(counts + 1.0)


def _convolve(left: Array, right: Array) -> Array:
    """ln of the convolution of exp(left) and exp(right), along the last axis."""
    sizes = left.shape[-1], right.shape[-1]
    out = np.full((*left.shape[:-1], sizes[0] + sizes[1] - 1), -np.inf)
    for k in range(sizes[1]):
        part = out[..., k : k + sizes[0]]
        np.logaddexp(part, left + right[..., k, None], out=part)
    return out


def posterior(model: CountingModel, parts: Parts, n: Array) -> tuple[Array, Array]:
    """Posterior of the strength as a mixture of gamma densities, prior flat from 0.

    n : (R,) whole numbers of observed events.
    Returns (weights (Z, N + 1), rates (Z,)): density sum_zJ weight_zJ Gamma(J + 1, rate_z), the
    weights summing to 1. Numerical error of limits for relative errors up to 50 %: below 1e-8 with
    three independent signal errors or fewer, 2e-5 with six (1e-8 where they are 20 %).
    Raises OutOfRange as `refusal` says.
    """
    refused = refusal(parts, n)
    if refused:
        raise refused
    rank = parts.loadings.shape[1]
    x, w = roots_hermitenorm(_NODES[rank])
    w = w / w.sum()
    places = np.indices((len(x),) * rank).reshape(rank, len(x) ** rank)
    grid = x[places].T
    log_weight = np.log(w)[places].sum(axis=0)
    signal = parts.signal * np.exp(grid @ parts.loadings.T)  # (Z, R)
    total = signal.sum(axis=1)
    fraction = signal / total[:, None]
    joint = np.zeros((len(grid), 1))
    for i, channel in enumerate(model.channels):
        counts = int(n[i])
        j = np.arange(counts + 1.0)
        power = xlogy(j, fraction[:, i, None]) - gammaln(j + 1.0)
        joint = _convolve(joint, power + background_counts(channel, counts)[::-1])
    joint = joint + gammaln(np.arange(joint.shape[1]) + 1.0)
    joint = joint + (log_weight - np.log(total))[:, None]
    weight = np.exp(joint - joint.max())
    return weight / weight.sum(), total


def refusal(parts: Parts, n: Array) -> OutOfRange | None:
    """Why there is no posterior: more than six independent signal errors, or so many events in
    several channels that the convolutions over their counts would take minutes."""
    rank = parts.loadings.shape[1]
    if rank > max(_NODES):
        return OutOfRange(
            f"{rank} independent signal errors are too many for the Bayesian quadrature",
            allowed=f"at most {max(_NODES)}",
            remedy='use method="toys-cls"',
        )
    nodes, events = _NODES[rank] ** rank, float(n.sum())
    before = np.cumsum(n)[:-1]
    terms = nodes * float((before + 1.0) @ (n[1:] + 1.0))
    held = max(nodes, _BACKGROUND_NODES) * (events + 1.0)
    if terms <= _MOST_TERMS and held <= _MOST_HELD:
        return None
    seconds, size = 2e-8 * (terms + held), 2e-8 * held
    return OutOfRange(
        f"{events:g} events in {len(n)} channel{'s' * (len(n) > 1)} are too many for the Bayesian "
        f"sum: some {seconds:.1g} s and {size:.1g} GB",
        allowed=f"{_MOST_TERMS:.0e} terms, {_MOST_HELD:.0e} numbers held at a time",
        remedy='use method="asymptotic-cls", which holds for many events',
    )


def tail(weight: Array, rate: Array, strength: float) -> float:
    """Posterior probability that the strength exceeds `strength`."""
    order = np.arange(weight.shape[1]) + 1.0
    return float((gammaincc(order, rate[:, None] * strength) * weight).sum())
