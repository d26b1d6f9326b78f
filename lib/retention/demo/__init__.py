"""A simulated handmade-goods shop with known truth, written as native exports."""

from retention.demo.shop import DemoSummary, write_shop

__all__ = ["DemoSummary", "write_shop"]
