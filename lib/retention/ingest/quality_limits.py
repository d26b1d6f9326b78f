"""From where on a finding deserves a look, or stops the run: all of it can be set in the params."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class QualityLimits:
    """Thresholds of the data-quality report; shares lie between 0 and 1.

    Parameters
    ----------
    quarantine_warn, quarantine_fail
        Share of a source's records refused.
    late_days
        Days between the last order and the as-of date.
    unknown_buyer_share
        Share of orders without a known buyer.
    psi_warn, psi_fail
        Population stability index of a column against the snapshot before; the usual marks are
        0.10 and 0.25 (Siddiqi, Credit Risk Scorecards, 2006, section 9).
    outlier_multiple, outlier_value_share
        An outlier buys this many times the usual; the share of net value that outliers may hold.
    bot_orders_per_day
        Orders of one customer on one day that no person places.
    bot_events_per_session
        Web events in one visit that no person causes.
    duplicate_share
        Share of customers who share name and postcode with another.
    midnight_share
        Share of a source's orders that may stand at 00:00:00 sharp.
    guest_share
        Share of customers who may be guests.
    minimum_cell_size
        Smallest count of customers that a finding tells.
    """

    quarantine_warn: float = 0.01
    quarantine_fail: float = 0.20
    late_days: int = 14
    unknown_buyer_share: float = 0.02
    psi_warn: float = 0.10
    psi_fail: float = 0.25
    outlier_multiple: float = 20.0
    outlier_value_share: float = 0.05
    bot_orders_per_day: int = 10
    bot_events_per_session: int = 300
    duplicate_share: float = 0.01
    midnight_share: float = 0.10
    guest_share: float = 0.50
    minimum_cell_size: int = 10

    def people(self, count: float) -> str:
        """Return a count of people as it may be shown: small ones are not told.

        Examples
        --------
        >>> QualityLimits().people(0), QualityLimits().people(3), QualityLimits().people(1200)
        ('0', 'fewer than 10', '1,200')
        """
        return (
            f"fewer than {self.minimum_cell_size}"
            if 0 < count < self.minimum_cell_size
            else (f"{count:,.0f}")
        )
