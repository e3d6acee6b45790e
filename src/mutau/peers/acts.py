"""ACTS beside ours: Kalman fits of the same hits."""
