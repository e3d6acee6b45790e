"""Particles on their way: set-up, beams, fields, muons in matter, cascades and showers.

Why it is as it is. Carrying a particle through matter is one thing; what it meets is another
(`matter`), and what is measured of it a third (`detector`, `selection`). A set-up is made once from
the file into records that kernels walk through (`setup`): solids with walls on all sides and holes,
counters, magnets with their gap; whatever walks, for signal or background, walks through that one.
The beam is drawn from the experiment's description or from a file of particles; fields are helices,
fringes or maps behind one interface; cascades exist twice on purpose: as equations without random
numbers (`em_cascade`, the mean track length to per mille) and shower by shower (`shower`, where
fluctuations and places matter). The two share cross sections and no code, so that they check each
other.

Through a set-up leads one walk (`walk`): muons in the full simulation and in the fast mode, what
they set free, and the spectrometer with forced collisions differ in the parts that it is made of.

No cut lives here.
"""
