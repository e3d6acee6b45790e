"""Many points or many events: shards that are computed once, survive a kill, and merge.

Why it is as it is. A grid of a week on a cluster is killed sooner or later. Work is cut into
pieces that depend on nothing but their place in the grid, each written whole under its digest and
verified when read (`shards`, `pieces`); going on means computing what is missing, and the result
is the same to the byte for any number of workers. `grid` reads a scan file, `points` computes a
grid, `simulate` events; `executors` run pieces in processes, on Dask, or from job arrays.
"""
