"""Particles on their way: beam, fields, catastrophic losses, cascades and showers."""
