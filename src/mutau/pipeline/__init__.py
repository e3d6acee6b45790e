"""The only place that joins rooms: model and experiment in; yields, limits, figures' data out."""
