"""What is asked of model and experiment together: yields, limits, sensitivities, planes."""
