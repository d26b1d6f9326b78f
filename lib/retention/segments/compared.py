"""What comparing two dates reads of their feature tables.

The earlier dates are asked for these features alone: of a million customers every column less is a
dozen megabytes, and whole layers need not be made.
"""

from __future__ import annotations

from collections.abc import Sequence

from retention.segments.decline import READ_NOW
from retention.segments.drift import WATCHED
from retention.segments.rfm import features_read


def compared_features(rules: Sequence[str]) -> list[str]:
    """Return the features that scores, rules, drift and signs of decline read, in their order.

    Parameters
    ----------
    rules
        The rules of the groups, as of `retention.segments.rfm`.

    Examples
    --------
    >>> "tenure_days" in compared_features(["new: tenure_days <= 90 and order_count == 1"])
    True
    """
    return sorted({*features_read(rules), *WATCHED, *READ_NOW})
