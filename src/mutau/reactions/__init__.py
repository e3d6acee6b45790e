"""Reactions: amplitude x phase space x maps; total and differential cross sections, and events.

Why it is as it is. The tree-level amplitude is exact in all masses, in closed forms that keep
their digits where terms cancel by ten orders (a Z' of 1 MeV from a muon of 160 GeV); these kernels
look unlike the textbook because the textbook's form loses everything there. Quadrature and
sampling call the same density: an event sample and a cross section of one reaction cannot
disagree. The maps turn the peaks (collinear emission, low recoil) into flat variables, and are
found once per mass.

Every approximation in use elsewhere (Weizsaecker-Williams, improved, inelastic left out) stands
beside the exact result as a `method`, so that its error can be printed instead of believed.

A reaction declares what it can do: beams, kinds of mediator, masses. It knows no files or set-ups.
"""
