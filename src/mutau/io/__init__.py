"""Event files of other programs, read and written through the libraries that keep their formats.

Why it is as it is. Formats are kept by others (pylhe, pyhepmc, uproot, pyarrow); what is ours is
what a file means. Whatever stands in a file and can change a number (weights and their strategy,
units, status codes, cross sections, several weights per event) is used, or refused by its name
with the line: a file that is read in part is a wrong number later. The libraries read tolerantly,
so `lhe_text` and `hepmc_text` look through every line first.

The weight of an event is its expected number in the full exposure; each format says so in its own
terms (docs/design, note 3). What expands without end is refused before it is read.
"""
