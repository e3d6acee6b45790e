"""Each paper's numbers and figures, beside ours."""
