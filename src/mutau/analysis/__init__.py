"""What is asked of model and experiment together: yields, limits, sensitivities, planes.

Why it is as it is. This is the only place where signal, background and statistics meet, and it
holds no formulas of its own: each question is one loop over points with the settings of the file
unless others are given. Every result is frozen, saves, loads, and carries what it rests on:
version, seed, digests of inputs, the background that was used, what was not computed, cuts not
simulated, keys of the file without effect (`lacking`). The command line calls these functions and
nothing else.
"""
