"""Many points or many events: shards that are computed once, survive a kill, and merge.

`shards` runs any number of independent pieces of work into a folder; `grid` reads a scan file;
`points` computes a grid with it.
"""
