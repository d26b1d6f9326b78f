"""Figures, one module per analysis package: a result in, a matplotlib figure out."""
