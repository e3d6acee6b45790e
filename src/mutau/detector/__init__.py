"""Geometry from the experiment file and what its counters see.

The fast mode lives in `trigger`: scattered muons carried through target, dipole and counters.
"""
