"""Whom does a campaign change? Effects per customer, how well they rank, and what to do.

The way in is ``trial_from_frame`` and ``study_targeting``; see ``retention.uplift.study``.
"""
