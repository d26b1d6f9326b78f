"""What the strict scanner has counted in a file so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import IO

import numpy as np

from retention.sources.scanning import BrokenRecord, Piece, Positions


@dataclass
class Tally:
    """What the scanner has seen so far; with a copy, the lawful records are written to it."""

    first_line: int
    copy: IO[bytes] | None = None
    rows: int = 0
    crlf: int = 0
    bare_lf: int = 0
    longest: int = 0
    quoted: bool = False
    regular: bool = True
    lines: list[Positions] = field(default_factory=list)
    broken: list[BrokenRecord] = field(default_factory=list)

    def add(self, piece: Piece) -> bool:
        """Count a piece; False if the original cannot be read in place and no copy is made."""
        self._number(piece.lines)
        self.broken += piece.broken
        self.rows += piece.lines.size
        self.crlf += piece.crlf
        self.bare_lf += piece.bare_lf
        self.longest = max(self.longest, piece.longest)
        self.quoted |= piece.quoted
        if self.copy is None:
            return piece.untouched and not (self.crlf and self.bare_lf)
        self.copy.write(piece.text)
        return True

    def _number(self, lines: Positions) -> None:
        """Keep line numbers in full only once they cease to be consecutive."""
        expected = self.first_line + self.rows
        if self.regular and lines.size:
            consecutive = int(lines[-1] - lines[0]) == lines.size - 1
            self.regular = consecutive and int(lines[0]) == expected
            if not self.regular:
                self.lines = [np.arange(self.first_line, expected, dtype=np.int64)]
        if not self.regular:
            self.lines.append(lines)

    def line_numbers(self) -> Positions:
        """Return the physical line of every lawful record."""
        if self.regular:
            return np.arange(self.first_line, self.first_line + self.rows, dtype=np.int64)
        return np.concatenate(self.lines)
