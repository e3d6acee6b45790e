"""What a light boson is to a charged lepton: the weights of four currents, and what follows.

    vector lbar gamma l, axial lbar gamma gamma_5 l, scalar lbar l, pseudoscalar lbar i gamma_5 l.

Without polarisation a scalar and a pseudoscalar part do not interfere, and neither do a vector and
an axial one: what is odd in gamma_5 would be a pseudoscalar product of momenta. So a boson is four
weights of squared amplitudes, and a kind with two of them (a scalar that breaks CP, a boson of
left-handed leptons) is their sum. KINDS is the registry; a kind of another package is one entry of
the group `mutau.kinds` and has every reaction.

Squared amplitude of l N -> l N X, in the notation of `bremsstrahlung_kernels`:

    A = [f_gauge N + 8 f_mass t P^2 + f_flip R]/su - f_pole H/(su)^2,
    N = 2 q_perp^2 [(s+t)^2 + (u-t)^2] + 8 t [a(a+a') + h(a'-a)] + 8 c (a s + a' u),
    R = q_perp^2 (u-s)^2 + 4 t b^2 - 4 (u-s) b c,
    H = q_perp^2 t (s-u)^2 + 4 (s h - u a)((s-u) a' - u b),

                    f_gauge  f_mass         f_flip       f_pole
    vector          1        m^2            0            2 (m^2 + 2 m_l^2)
    axial vector    1        m^2 - 4 m_l^2  4 m_l^2/m^2  2 (m^2 - 4 m_l^2)
    scalar          0        0              1            m^2 - 4 m_l^2
    pseudoscalar    0        0              1            m^2

The axial current is not conserved: its longitudinal part, k k/m^2 in the sum over polarisations, is
4 m_l^2/m^2 times the pseudoscalar, by the Ward identity of the two diagrams, exactly; it is in
f_flip and f_pole, and grows as the boson gets light. Traces reduced algebraically for this project;
the tests compare with explicit Dirac matrices.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from mutau.core.errors import MutauError
from mutau.core.registry import Registry, instance_of


class Boson(NamedTuple):
    """Weights of the squared amplitudes of the four currents, at coupling 1."""

    vector: float = 0.0
    axial: float = 0.0
    scalar: float = 0.0
    pseudoscalar: float = 0.0


VECTOR: Final = Boson(vector=1.0)

#: Kind of boson (`Model.mediator`) -> `Boson`.
KINDS: Final[Registry[Boson]] = Registry(
    "kind of boson", "mutau.kinds", "'mutau show models' lists models with their mediator",
    instance_of(Boson),
)  # fmt: skip
KINDS.register("vector")(VECTOR)
KINDS.register("axial-vector")(Boson(axial=1.0))
KINDS.register("scalar")(Boson(scalar=1.0))
KINDS.register("pseudoscalar")(Boson(pseudoscalar=1.0))


def boson(kind: str, what: str = "this reaction") -> Boson:
    """Weights of a kind. Raises MutauError, naming `what` is asked, for one that is not known.

    >>> boson("scalar")
    Boson(vector=0.0, axial=0.0, scalar=1.0, pseudoscalar=0.0)
    """
    if kind not in KINDS:
        raise MutauError(
            f"{what} is not computed for {kind} mediators", place="mediator",
            allowed=f"{' or '.join(KINDS)} mediators",
        )  # fmt: skip
    return KINDS[kind]
