"""Signal processes: each is prepared once per mass and then answers for any coupling."""
