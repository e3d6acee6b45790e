"""Backgrounds: each source a rare-event estimate with statistical and model error."""
