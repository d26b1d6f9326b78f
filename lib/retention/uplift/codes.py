"""Named codes of the uplift checks."""

from __future__ import annotations

from enum import StrEnum


class UpliftCode(StrEnum):
    """What an uplift check looked at."""

    ARM_SHARES = "uplift.arm_shares"
    CLUSTERS = "uplift.clusters"
    OVERLAP = "uplift.overlap"
    BALANCE = "uplift.balance"
    SENSITIVITY = "uplift.sensitivity"
    RANDOMISED = "uplift.randomised"
    THIN_EVIDENCE = "uplift.thin_evidence"
    HETEROGENEITY = "uplift.heterogeneity"
    CALIBRATION = "uplift.calibration"
    POLICY_GAIN = "uplift.policy_gain"
