"""Named codes of the campaign checks."""

from __future__ import annotations

from enum import StrEnum


class CampaignCode(StrEnum):
    """What a campaign check looked at."""

    GUARDRAIL = "campaign.guardrail"
    PULL_FORWARD = "campaign.pull_forward"
    FATIGUE = "campaign.fatigue"
    OVERLAP = "campaign.overlap"
    PROFIT = "campaign.profit"
    ASSOCIATION = "campaign.association"
    RELEASE = "campaign.release"
