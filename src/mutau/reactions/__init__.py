"""Reactions: amplitude, phase space and maps of each; cross sections and events.

Why it is as it is. The tree-level amplitude is exact in all masses, in closed forms that keep
their digits where terms cancel by ten orders (a Z' of 1 MeV from a muon of 160 GeV); these kernels
look unlike the textbook because the textbook's form loses everything there.

A reaction is one density: phase space, form factor of the nucleus, squared amplitude. Quadrature
and sampler call the same function, each through its own change of variables, so that events follow
the cross section and a correction has one place:

    l N -> l N Z'       `bremsstrahlung_density`    at an azimuth, averaged, at a fixed lepton
    mu e -> mu e V      `muon_electron_integrals`   `matrix_element` over `phase_space_norm`
    e+ e- -> Z' -> f    `annihilation`              `numerator` over the resonance
    l N -> l N l'+ l'-  `lepton_pairs_kernels`      `pair_density`, photons in place of l too

Only the squared amplitude knows what kind of boson it is; phase space and variables do not. A kind
without amplitude is refused by name. Every approximation in use elsewhere (Weizsaecker-Williams,
improved, inelastic left out) stands beside the exact result as a `method`, so that its error can be
printed instead of believed.

`abilities` says what each reaction can do (beams, energies, kinds and masses of the boson), for its
own checks, for `mutau xsec` and for whoever lists reactions. A nucleus, with its form factor, is
one object, `matter.nucleus.Nucleus`. Kernels take records (named tuples), never column numbers.
Files and set-ups never come here.
"""
