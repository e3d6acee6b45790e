"""Reactions: amplitude, phase space and maps of each; cross sections and events."""
