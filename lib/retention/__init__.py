"""Retention research for shops that sell handmade goods: one small library under the notebooks."""

from __future__ import annotations

__version__ = "0.1.0"
