"""What the cuts of an experiment file do to a sample of events."""
