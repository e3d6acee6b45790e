"""Variables and cuts: what the cuts of an experiment file do to a sample of events.

Why it is as it is. A cut is data (variable, limits, reason); the variable is a registered function
of an event, true or reconstructed. Signal and background pass through the same selection, so a cut
cannot mean two things. What a level of simulation cannot give (`levels`) is left out of its cut
flow by name, and the result says so.
"""
