"""Was a campaign worth it, and whom next: accounting, caps, audiences, staged release."""
