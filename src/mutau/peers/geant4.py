"""Geant4 beside ours: showers of electrons, and muons in a thick target."""
