"""Reactions: amplitude, phase space and maps of each; cross sections and events.

A reaction is one density: phase space, form factor of the nucleus, squared amplitude. Quadrature
and sampler call the same function, each through its own change of variables, so that events follow
the cross section and a correction has one place:

    l N -> l N Z'       `bremsstrahlung_density`    at an azimuth, averaged, at a fixed lepton
    mu e -> mu e V      `muon_electron_integrals`   `matrix_element` over `phase_space_norm`
    e+ e- -> Z' -> f    `annihilation`              `numerator` over the resonance
    l N -> l N l'+ l'-  `lepton_pairs_kernels`      `pair_density`

Only the squared amplitude knows what kind of boson it is; phase space and variables do not. A kind
without amplitude is refused by name. Approximations stand beside the exact tree level.

`abilities` says what each reaction can do (beams, energies, kinds and masses of the boson), for its
own checks, for `mutau xsec` and for whoever lists reactions. A nucleus, with its form factor, is
one object, `matter.nucleus.Nucleus`. Kernels take records (named tuples), never column numbers.
Files and set-ups never come here.
"""
