"""The channels a message can go by: the consent each needs and the address it goes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from retention.errors import ParameterError
from retention.ingest.keys import normalise_email, normalise_phone


@dataclass(frozen=True)
class Channel:
    """One channel.

    Parameters
    ----------
    name
        As messages on record name it.
    purpose
        Consent it needs.
    address
        Kind of identity in the vault that it goes to, and column of the address.
    """

    name: str
    purpose: str
    address: str

    def address_of(self, text: str) -> str | None:
        """Return an address in the form that a tool can send to, None where it is none.

        Examples
        --------
        >>> CHANNELS["sms"].address_of("+1 (555) 010-2030"), CHANNELS["sms"].address_of("=1+1")
        ('+15550102030', None)
        """
        if self.address == "phone":
            return normalise_phone(text)
        return text if normalise_email(text) else None

    def addresses(self, identities: pd.DataFrame) -> pd.DataFrame:
        """Return one address for each person who has one: ``customer_key`` and the address."""
        known = identities[identities["kind"] == self.address]
        known = known.sort_values(["customer_key", "value"])
        values = known["value"].map(self.address_of)
        found = known.assign(**{self.address: values})[["customer_key", self.address]]
        return found.dropna().drop_duplicates("customer_key")


CHANNELS: Mapping[str, Channel] = {
    "email": Channel("email", "marketing_email", "email"),
    "sms": Channel("sms", "marketing_sms", "phone"),
}
"""Channels that an audience can be made for, by name."""

WITHOUT: Mapping[str, str] = {
    "post": "street addresses are not kept, nor is a consent to post",
    "push": "device tokens are not kept, nor is a consent to push messages",
}
"""Channels on which messages may be on record but nobody can be addressed, and why."""


def channel_named(name: str) -> Channel:
    """Return the channel of that name.

    Raises
    ------
    ParameterError
        If there is none, or nobody can be addressed on it; the message says why.
    """
    if name in CHANNELS:
        return CHANNELS[name]
    why = f": {WITHOUT[name]}" if name in WITHOUT else ""
    problem = "Nobody can be addressed by" if why else "There is no channel"
    raise ParameterError(
        f"{problem} {name!r}{why}.", f"Choose one of: {', '.join(CHANNELS)}.", column="channel"
    )
