"""Backgrounds: each source a rare-event estimate with statistical and model error.

Why it is as it is. The backgrounds of these searches are of order 1e-12 per beam particle and
cannot be counted. A source is a forced process with its weight, what must be missed for it to look
like signal, and the selection of the file, run through the same matter and set-up as everything
else. The extrapolation that a paper used stands beside it, labelled as such, and never in its
place.

A total is only as good as what is in it. Each process lists what is *not* computed, with the size
where one is known (`not_computed`); whatever uses a total carries that list along, so that an
optimiser cannot fall into the hole which a missing source leaves without saying so. Signal and
background meet in `analysis` only.
"""
