"""The papers beside ours: numbers, figures, exports and the page; the only home of plotting.

Why it is as it is. A referee wants each published number beside ours with both errors, the command
that gives it, and the reason where they differ. A row is therefore data; its verdict is (ours -
theirs) over both errors, a bound is compared as a bound, and no row can agree because its
tolerance was chosen to. A figure is data too (`core.figure`): computed elsewhere, drawn here once
for PNG, PDF and SVG and once for the interactive page. No number is made here.
"""
