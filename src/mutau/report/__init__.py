"""The papers beside ours, figures, exports; the only home of matplotlib and plotly."""
