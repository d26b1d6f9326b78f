"""Proof as data: validity against known truth, speed against peers, cost against size."""
