"""Was a campaign worth it, and whom next: accounting, caps, audiences, staged release."""

from retention.campaign.audiences import Audience, AudienceRules, audience

__all__ = ["Audience", "AudienceRules", "audience"]
