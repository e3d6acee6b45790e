"""Geometry from the experiment file, and what its counters, trackers and calorimeters see.

Why it is as it is. A set-up is compiled once from the file into plain arrays that kernels walk
through: solids with walls on all sides and holes, counters, magnets with their gap. There are two
levels. The fast mode (`trigger`) carries the scattered muon with mean losses and is what limits
use for every mass; the full simulation (`simulation*`) goes collision by collision, with hadrons
one by one and showers as profiles that leak from solid to solid. Both are parts of one walk
(`transport.walk`). Where they differ, the page of the experiment says by how much;
`selection.levels` says which cuts each level can simulate.

Rare events are forced histories in the same walk, with weights. The track fit works in weight form
on measured planes and is checked against another program's.
"""
