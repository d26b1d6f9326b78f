"""Reads from a PDF that Chromium printed how many pages it has and where its pictures stand."""

from __future__ import annotations

import re
import zlib

OBJECT = re.compile(rb"(\d+) 0 obj\s*(.*?)endobj", re.DOTALL)
STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.DOTALL)
DRAWN = re.compile(rb"/X(\d+) Do")


def page_count(pdf: bytes) -> int:
    """Return the number of pages."""
    return len(re.findall(rb"/Type /Page\b(?!s)", pdf))


def drawings(pdf: bytes) -> dict[int, int]:
    """Return picture number to how often it is drawn: a picture cut in two is drawn twice."""
    objects = {int(number): body for number, body in OBJECT.findall(pdf)}
    pictures = {n for n, body in objects.items() if b"/Subtype /Image" in body}
    masks = {int(n) for body in objects.values() for n in re.findall(rb"/SMask (\d+) 0 R", body)}
    drawn = dict.fromkeys(pictures - masks, 0)
    for number in objects:
        if number not in pictures:
            for name in DRAWN.findall(_content(objects[number])):
                if int(name) in drawn:
                    drawn[int(name)] += 1
    return drawn


def _content(body: bytes) -> bytes:
    """Return an object's stream, unpacked; empty where it has none."""
    found = STREAM.search(body)
    if found is None or b"/FlateDecode" not in body:
        return found[1] if found else b""
    try:
        return zlib.decompress(found[1])
    except zlib.error:
        return b""
