"""What counters, trackers and calorimeters of the experiment file see, and the walks that write it.

Why it is as it is. Where matter and fields are is the set-up's (`transport.setup`); here stands
what is read out of it: response, resolution, hits, the track fit, in records. There are two
levels. The fast mode (`trigger`) carries the scattered muon with mean losses and is what limits
use for every mass; the full simulation (`simulation*`) goes collision by collision, with hadrons
one by one and showers as profiles that leak from solid to solid. Both are parts of one walk
(`transport.walk`). Where they differ, the page of the experiment says by how much;
`selection.levels` says which cuts each level can simulate.

Rare events are forced histories in the same walk, with weights. The track fit works in weight form
on measured planes and is checked against another program's.
"""
