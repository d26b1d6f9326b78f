"""Whether a text can be split without a doubt: no quote, no stray byte, no header come again.

Such files are most of the large ones. Searching for single bytes takes a fifth of the strict
scanner's time, and what the search leaves open (the columns of each record, blank lines) the parser
refuses by itself where there is more than one column. Anything else is for
`retention.sources.scanning` to judge, record by record.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

FEED, RETURN = b"\n", b"\r"
PAIR = RETURN + FEED


@dataclass
class _Seen:
    """What has been counted so far, and the end of what was read."""

    feeds: int = 0
    returns: int = 0
    pairs: int = 0
    end: bytes = b""
    decoder: codecs.IncrementalDecoder = field(
        default_factory=codecs.getincrementaldecoder("utf-8")
    )

    def add(self, text: bytes, keep: int) -> None:
        """Count a piece's line ends, and keep its last bytes: a pair may stand across two pieces.

        Pieces are not joined: copying them takes longer than all that is sought in them.
        """
        self.feeds += int(np.count_nonzero(np.frombuffer(text, dtype=np.uint8) == FEED[0]))
        if RETURN in text:
            self.returns += text.count(RETURN)
            self.pairs += text.count(PAIR)
        self.pairs += self.end.endswith(RETURN) and text.startswith(FEED)
        self.end = text[-keep:] if len(text) >= keep else (self.end + text)[-keep:]

    def decodes(self, text: bytes, *, final: bool = False) -> bool:
        """Tell whether the text is lawful UTF-8 so far; the parser looks only at what it keeps."""
        if text.isascii() and not self.decoder.getstate()[0]:
            return True
        try:
            self.decoder.decode(text, final)
        except UnicodeDecodeError:
            return False
        return True


def plain_records(texts: Iterable[bytes], header: bytes) -> int | None:
    r"""Return how many records a text has after its header; None where it is not plain.

    Parameters
    ----------
    texts
        The text after the header, in pieces.
    header
        The header record without its line end.

    Examples
    --------
    >>> plain_records([b"1,2", b"\n3,4\n"], b"a,b")
    2
    >>> plain_records([b'1,"2"', b"\n"], b"a,b") is None
    True
    """
    seen = _Seen()
    for text in texts:
        seam = seen.end + text[: len(header)]
        if b'"' in text or b"\0" in text or (header and (header in text or header in seam)):
            return None
        if not seen.decodes(text):
            return None
        seen.add(text, len(header) + 2)
    if not seen.decodes(b"", final=True):
        return None
    if seen.returns != seen.pairs or seen.returns not in (0, seen.feeds):
        return None
    return seen.feeds + (1 if seen.end and not seen.end.endswith(FEED) else 0)
