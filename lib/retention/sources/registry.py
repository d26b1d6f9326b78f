"""The formats that are known by name, and how a file's format is recognised."""

from __future__ import annotations

from pathlib import Path

from retention.errors import ParameterError
from retention.sources.base import ReadOptions, SourceFormat
from retention.sources.declarations.compiling import source_format
from retention.sources.declarations.schema import read_declarations
from retention.sources.formats import (
    cdnow,
    etsy_sold_order_items,
    etsy_sold_orders,
    experiment_days,
    experiment_units,
    fx_rates,
    ga4_events,
    generic,
    hillstrom,
    mailchimp,
    olist,
    online_retail,
    shopify_orders,
    woocommerce,
)
from retention.sources.recognition import recognise


def declared_formats(folder: Path) -> list[SourceFormat]:
    """Return the formats that the YAML files of a folder declare, none where it does not exist.

    Raises
    ------
    ParameterError
        If a file declares no format, or one is declared twice.
    """
    made: dict[str, SourceFormat] = {}
    for path in sorted(folder.glob("*.yaml")):
        for declaration in read_declarations(path):
            if declaration.name in made:
                raise ParameterError(
                    f"The format {declaration.name!r} is declared twice.",
                    "Rename one of the two.",
                    file=str(path),
                    column="name",
                )
            made[declaration.name] = source_format(declaration)
    return list(made.values())


FORMATS: dict[str, SourceFormat] = {
    fmt.name: fmt
    for fmt in (
        shopify_orders.FORMAT,
        etsy_sold_orders.FORMAT,
        etsy_sold_order_items.FORMAT,
        fx_rates.FORMAT,
        online_retail.FORMAT,
        hillstrom.FORMAT,
        woocommerce.REST,
        woocommerce.CSV,
        mailchimp.ACTIVITY,
        mailchimp.EMAIL_ACTIVITY,
        ga4_events.FORMAT,
        cdnow.FORMAT,
        olist.ORDERS,
        olist.ITEMS,
        olist.CUSTOMERS,
        olist.REVIEWS,
        *declared_formats(Path(__file__).parent / "formats"),
        generic.FORMAT,
        experiment_units.UNITS,
        experiment_days.DAYS,
    )
}
"""Every export format, by the name that params use."""


_own_names: set[str] = set()
"""Names of the formats that a profile declares itself, which `use_formats` has added."""


def use_formats(folder: Path) -> None:
    """Make the formats known by name that a profile declares in a folder, and no other profile's.

    Parameters
    ----------
    folder
        ``params/<profile>/formats``; it need not exist.

    Raises
    ------
    ParameterError
        If a file declares no format, or one of a name that is taken.
    """
    for name in _own_names:
        FORMATS.pop(name, None)
    _own_names.clear()
    for made in declared_formats(folder):
        if made.name in FORMATS:
            raise ParameterError(
                f"There is a format {made.name!r} already.",
                "Give the declaration another name.",
                file=str(folder),
                column="name",
            )
        FORMATS[made.name] = made
        _own_names.add(made.name)


def format_named(name: str) -> SourceFormat:
    """Return the format of that name.

    Raises
    ------
    ParameterError
        If there is none; the message lists the known names.
    """
    if name not in FORMATS:
        raise ParameterError(
            f"There is no source format {name!r}.", f"Known are {', '.join(FORMATS)}.",
            column="sources",
        )  # fmt: skip
    return FORMATS[name]


def recognise_file(
    path: Path, options: ReadOptions | None = None
) -> list[tuple[SourceFormat, float]]:
    """Return the formats that a file's header fits, the best first.

    Parameters
    ----------
    path
        The file.
    options
        What is known of it (encoding, delimiter).

    Raises
    ------
    InputError
        If the file cannot be read or has no header.
    """
    return list(recognise(path, FORMATS, options).fits)
