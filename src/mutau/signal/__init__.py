"""Signal processes: each is prepared once per mass and then answers for any coupling.

Why it is as it is. A limit solves S(g) = S_up, and S need not go with g^2: widths enter line
shapes, decays enter acceptances. So a process prepares for one mass what does not depend on the
coupling (samples, tables, trigger decisions) and returns something that gives the yield at any
coupling in microseconds. Which process an experiment runs stands in its file; outside packages
register more (entry points `mutau.processes`).

`usage` declares which keys of a file each calculation reads; a test changes every key and
compares, so a value that is stated and has no effect cannot hide. One rule for masses holds on all
processes (`processes`): a mass has a result, or is refused with the reason before anything is
computed.
"""
