"""What the cuts of an experiment file do to a sample of events."""

from mutau.selection.cutflow import CutFlow, apply_cuts
from mutau.selection.variables import FUNCTIONS, Sample, evaluate

__all__ = ["FUNCTIONS", "CutFlow", "Sample", "apply_cuts", "evaluate"]
