"""Malformed files: each ends in correct rows, in quarantined rows or in a clear error.

Never in a crash, never in a silent loss: for every file that is read at all, the records that a
strict reader counts are the rows that are right, the rows with a reason and the broken records.
"""

from __future__ import annotations

import gzip
import io
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from retention.engine import Engine
from retention.errors import InputError
from retention.sources import FORMATS, ReadOptions, land

COSTS = FORMATS["costs"]
HEAD = "cost_id,incurred_at,kind,scope_type,scope_key,currency,amount,note\n"
ROW = "k{0},2026-03-0{0},tool,shop,,USD,1{0}.50,fine\n"
GOOD = ROW.format(1) + ROW.format(2)


def costs(*lines: str, head: str = HEAD) -> bytes:
    """Return a file of two good rows with other lines between them."""
    return (head + ROW.format(1) + "".join(lines) + ROW.format(2)).encode()


def line(**changes: str) -> str:
    """Return a row with some fields changed."""
    fields = dict(cost_id="k9", incurred_at="2026-03-09", kind="tool", scope_type="shop",
                  scope_key="", currency="USD", amount="19.50", note="")  # fmt: skip
    return ",".join((fields | changes).values()) + "\n"


def zipped(*members: tuple[str, bytes], compress: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compress) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def locked(archive: bytes, method: int = 0) -> bytes:
    """Return a zip archive whose member claims a password, or another method of packing."""
    changed = bytearray(archive)
    for mark, flags, packing in ((b"PK\x03\x04", 6, 8), (b"PK\x01\x02", 8, 10)):
        at = archive.find(mark)
        changed[at + (packing if method else flags)] = method or 1
    return bytes(changed)


def packed(content: bytes) -> bytes:
    """Return a gzip member without a time stamp."""
    return gzip.compress(content, mtime=0)


def spoilt(content: bytes, at: int) -> bytes:
    """Return the bytes with one of them flipped."""
    return content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]


ONE_THREAD = ReadOptions(threads=1)


@dataclass(frozen=True)
class Case:
    """A malformed file and how it ends: rows right, rows with a reason, records broken."""

    name: str
    content: bytes
    right: int = 2
    reasons: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    error: str = ""
    options: ReadOptions = ONE_THREAD
    file: str = "costs.csv"


def options(**fields: object) -> ReadOptions:
    return ReadOptions(threads=1, **fields)


GZ = packed(costs())
BIG = "x" * 10_000_000
CASES = [
    # Quotes
    Case("quote inside a bare field", costs(line(note='5" pipe')), broken=("stray_quote",)),
    Case("text after a closing quote", costs(line(note='"a"b')), broken=("stray_quote",)),
    Case("quote never closed", costs(line(note='"open')), broken=("unterminated_quote",)),
    Case("quote never closed on the last line", costs() + b'k3,2026-03-03,tool,shop,,USD,1.00,"x',
         broken=("unterminated_quote",)),
    Case("a lone quote as a field", costs(line(note='"')), broken=("unterminated_quote",)),
    Case("doubled quotes", costs(line(note='"say ""hi"""')), right=3),
    Case("an empty quoted field", costs(line(note='""')), right=3),
    Case("blank before the quote", costs(line(note=' "a"')), broken=("stray_quote",)),
    Case("backslash escapes", costs(line(note=r'"a\"b"')), broken=("stray_quote",)),
    Case("typographic quotes", costs(line(note="“fine”")), right=3),
    Case("every line with a stray quote", (HEAD + line(note='a"') * 50).encode(), right=0,
         broken=("stray_quote",) * 50),
    # Column counts
    Case("a column too few", costs("k9,2026-03-09,tool\n"), broken=("column_count",)),
    Case("a column too many", costs(line(note="a,b")), broken=("column_count",)),
    Case("a bare word as a line", costs("total\n"), broken=("column_count",)),
    Case("trailing delimiters on every row",
         costs().replace(b"fine\n", b"fine,\n"), right=0, broken=("column_count",) * 2),
    Case("a row of empty fields", costs(",,,,,,,\n"), right=3),
    Case("another delimiter in one row", costs(line().replace(",", ";")),
         broken=("column_count",)),
    # Line ends
    Case("blank lines", costs("\n\n\n"), right=2),
    Case("CR LF throughout", costs().replace(b"\n", b"\r\n"), right=2),
    Case("mixed line ends", costs(line().replace("\n", "\r\n")), right=3),
    Case("CR alone throughout", costs().replace(b"\n", b"\r"), right=2),
    Case("CR alone within a row", costs(line(note="a\rb")), broken=("stray_carriage_return",)),
    Case("embedded newline in quotes", costs(line(note='"a\nb"')), right=3),
    Case("embedded CR LF in quotes", costs(line(note='"a\r\nb"')), right=3),
    Case("embedded CR in quotes", costs(line(note='"a\rb"')), right=3),
    Case("no newline at the end", costs().rstrip(b"\n"), right=2),
    Case("last number cut off", costs() + b"k3,2026-03-03,tool,shop,,USD,10.",
         broken=("column_count",)),
    Case("unicode line separators", costs(line(note="a\u2028b\u0085c")), right=3),
    Case("form feed and vertical tab", costs(line(note="a\x0bb\x0cc")), right=3),
    # Bytes
    Case("NUL byte", costs(line(note="a\0b")), broken=("nul_byte",)),
    Case("Windows-1252 undeclared", costs(line(note="café")).decode().encode("cp1252"),
         error="not UTF-8"),
    Case("Windows-1252 declared", costs(line(note="café €")).decode().encode("cp1252"), right=3,
         options=options(encoding="windows-1252")),
    Case("one bad byte in declared UTF-8", costs(line(note="caf@")).replace(b"@", b"\xe9"),
         broken=("unreadable_text",), options=options(encoding="utf-8")),
    Case("UTF-8 with a byte-order mark", b"\xef\xbb\xbf" + costs(), right=2),
    Case("UTF-16 with a byte-order mark", costs(line(note="café")).decode().encode("utf-16"),
         right=3),
    Case("UTF-16 big endian", b"\xfe\xff" + costs().decode().encode("utf-16-be"), right=2),
    Case("UTF-16 without a mark", costs().decode().encode("utf-16-le"), error="UTF-16"),
    Case("UTF-16 cut within a character", costs().decode().encode("utf-16")[:-1],
         error="cut short"),
    Case("an unknown encoding", costs(), error="encoding", options=options(encoding="klingon")),
    Case("a text that is a picture", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" * 9, error="header"),
    Case("an overlong UTF-8 form", costs(line(note="a@b")).replace(b"@", b"\xc0\xaf"),
         broken=("unreadable_text",), options=options(encoding="utf-8")),
    Case("emoji and combining marks", costs(line(note="🎁 e\u0301")), right=3),
    # Nothing there
    Case("0 bytes", b"", error="empty"),
    Case("a header alone", HEAD.encode(), right=0),
    Case("a header alone without line end", HEAD.strip().encode(), right=0),
    Case("only line ends", b"\n\n\n", error="header"),
    Case("only a byte-order mark", b"\xef\xbb\xbf", error="header"),
    # Archives
    Case("gzip", GZ, right=2, file="costs.csv.gz"),
    Case("gzip cut short", GZ[:-12], error="damaged or cut", file="costs.csv.gz"),
    Case("gzip with a wrong checksum", spoilt(GZ, len(GZ) - 6), error="damaged",
         file="costs.csv.gz"),
    Case("gzip with damaged data", spoilt(GZ, 40), error="damaged", file="costs.csv.gz"),
    Case("gzip with rubbish behind it", GZ + b"rubbish", error="damaged", file="costs.csv.gz"),
    Case("gzip in two members", packed(costs()) + packed(GOOD.encode()), right=4,
         file="costs.csv.gz"),
    Case("gzip named csv", GZ, right=2),
    Case("plain text named gz", costs(), right=2, file="costs.csv.gz"),
    Case("gzip bomb", packed(HEAD.encode() + b"0" * 100_000_000), error="unpacks to more",
         file="costs.csv.gz"),
    Case("zip", zipped(("costs.csv", costs())), right=2, file="costs.zip"),
    Case("zip with ../ in its name", zipped(("../../evil.csv", costs())), right=2,
         file="costs.zip"),
    Case("zip of two files", zipped(("a.csv", costs()), ("b.csv", costs())), error="2 files",
         file="costs.zip"),
    Case("zip of nothing", zipped(("folder/", b"")), error="0 files", file="costs.zip"),
    Case("zip bomb", zipped(("costs.csv", HEAD.encode() + b"0" * 100_000_000)),
         error="unpacks to more", file="costs.zip"),
    Case("zip cut short", zipped(("costs.csv", costs()))[:-30], error="damaged",
         file="costs.zip"),
    Case("zip that asks for a password", locked(zipped(("costs.csv", costs()))),
         error="asks for a password", file="costs.zip"),
    Case("zip packed in a way unknown", locked(zipped(("costs.csv", costs())), method=98),
         error="packed in a way", file="costs.zip"),
    Case("zip with a wrong checksum",
         spoilt(zipped(("costs.csv", costs()), compress=zipfile.ZIP_STORED), 80),
         error="damaged", file="costs.zip"),
    # Header
    Case("header twice", costs(HEAD), broken=("repeated_header",)),
    Case("a needed column named twice", costs(head=HEAD.replace("note", "amount")),
         error="column twice"),
    Case("needed columns differing in case", costs(head=HEAD.replace("note", "Amount")),
         error="column twice"),
    Case("other columns named twice",
         (HEAD.replace("note", "x,x") + line(note="a,b")).encode(), right=1),
    Case("an unnamed column", costs(head=HEAD.replace("note", "")), right=2),
    Case("a needed column missing", costs(head=HEAD.replace("amount", "betrag")),
         error="No column 'amount'"),
    Case("blanks around the names", costs(head=HEAD.replace(",", " , ")), right=2),
    Case("a title above the header", b"Costs of March\n" + costs(), error="No column"),
    Case("a quote never closed in the header", b'"cost_id,' + costs(), error="never closed"),
    Case("no header", GOOD.encode(), error="No column"),
    # Dialects
    Case("semicolons and decimal commas",
         costs(line(amount="9,99"), line(amount="1.234,50")).replace(b",", b";")
         .replace(b"9;99", b"9,99").replace(b"1.234;50", b"1.234,50").replace(b"1.50", b"1,50")
         .replace(b"2.50", b"2,50"), right=4, options=options(delimiter=";")),
    Case("tabs", costs().replace(b",", b"\t"), right=2),
    Case("pipes", costs().replace(b",", b"|"), right=2),
    # Values
    Case("exponent as an amount", costs(line(amount="1e309")),
         reasons=("unreadable_money:amount",)),
    Case("exponent as a whole number", costs(line(amount="4.00E+12")),
         reasons=("unreadable_money:amount",)),
    Case("infinity as an amount", costs(line(amount="inf"), line(amount="NaN")),
         reasons=("unreadable_money:amount",) * 2),
    Case("fraction of a cent", costs(line(amount="1.005")), reasons=("unreadable_money:amount",)),
    Case("a number cut at its point", costs(line(amount="10.")),
         reasons=("unreadable_money:amount",)),
    Case("an O for a 0", costs(line(amount="12.5O")), reasons=("unreadable_money:amount",)),
    Case("an absurd amount", costs(line(amount="9" * 30)), reasons=("unreadable_money:amount",)),
    Case("a negative amount", costs(line(amount="-5.00"), line(amount="(5.00)")), right=4),
    Case("currency signs", costs(line(amount="$5.00"), line(amount='"1,234.50"')), right=4),
    Case("a formula", costs(line(amount="=1+1")), reasons=("unreadable_money:amount",)),
    Case("a formula in text", costs(line(note="=HYPERLINK(A1)")), right=3),
    Case("a day that does not exist", costs(line(incurred_at="2026-02-30")),
         reasons=("unreadable_time:incurred_at",)),
    Case("a year without its century", costs(line(incurred_at="0026-02-03")),
         reasons=("unreadable_time:incurred_at",)),
    Case("ISO and slashed days that prove their order",
         costs(line(incurred_at="03/25/2026")), right=3),
    Case("ambiguous slashed days", costs(line(incurred_at="03/04/2026")),
         error="day first or month first"),
    Case("ambiguous days with a declared order", costs(line(incurred_at="03/04/2026")), right=3,
         options=options(date_order="day_first")),
    Case("day first and month first mixed",
         costs(line(incurred_at="25/03/2026"), line(incurred_at="03/25/2026")), error="mixed"),
    Case("a time with an offset", costs(line(incurred_at="2026-03-09 10:00:00 -0500")), right=3),
    Case("a 10 MB field", costs(line(note=BIG)), right=3),
    Case("a 10 MB quoted field with newlines", costs(line(note='"' + "x\n" * 5_000_000 + '"')),
         right=3),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_malformed_file_ends_in_rows_reasons_or_a_clear_error(case, tmp_path, map_file):
    path = tmp_path / case.file
    path.write_bytes(case.content)
    if case.error:
        with pytest.raises(InputError) as caught:
            map_file(path, COSTS, tmp_path / "landed", case.options)
        assert case.error in str(caught.value)
        assert str(path) in str(caught.value)
        return
    rows = map_file(path, COSTS, tmp_path / "landed", case.options)["costs"]
    landed = land(path, COSTS, tmp_path / "again", case.options)
    assert tuple(rows.reasons.explode().dropna()) == case.reasons
    assert _broken(landed.broken) == case.broken
    assert len(rows) == case.right + len({*rows.line_no[rows.reasons.str.len() > 0]})
    assert landed.rows_read == len(rows) + len(case.broken)
    assert list(tmp_path.glob("**/evil.csv")) == []


def _broken(path: Path | None) -> tuple[str, ...]:
    if path is None:
        return ()
    engine = Engine(threads=1)
    found = engine.sql(f"SELECT reason FROM read_parquet('{path}') ORDER BY line_no").frame()
    engine.close()
    return tuple(found.reason)


def test_the_suite_has_sixty_cases_of_distinct_names():
    assert len({case.name for case in CASES}) == len(CASES) >= 60


def test_a_missing_file_and_a_dangling_link_are_clear_errors(tmp_path):
    (tmp_path / "link.csv").symlink_to(tmp_path / "nowhere.csv")
    for name in ("missing.csv", "link.csv"):
        with pytest.raises(InputError, match=name):
            land(tmp_path / name, COSTS, tmp_path / "landed", ReadOptions())


def test_a_circle_of_links_is_a_clear_error(tmp_path):
    (tmp_path / "a.csv").symlink_to(tmp_path / "b.csv")
    (tmp_path / "b.csv").symlink_to(tmp_path / "a.csv")
    with pytest.raises(InputError, match=r"a\.csv"):
        land(tmp_path / "a.csv", COSTS, tmp_path / "landed", ReadOptions())


def test_a_link_to_an_export_is_followed_within_the_root_and_refused_out_of_it(tmp_path):
    inside, outside = tmp_path / "exports", tmp_path / "outside.csv"
    inside.mkdir()
    outside.write_bytes(costs())
    (inside / "real.csv").write_bytes(costs())
    (inside / "fine.csv").symlink_to(inside / "real.csv")
    (inside / "foul.csv").symlink_to(outside)
    rooted = ReadOptions(threads=1, root=str(inside))
    assert land(inside / "fine.csv", COSTS, tmp_path / "landed", rooted).rows_read == 2
    for path in (inside / "foul.csv", inside / ".." / "outside.csv"):
        with pytest.raises(InputError, match="leads out"):
            land(path, COSTS, tmp_path / "landed", rooted)


def test_a_pipe_and_a_folder_are_clear_errors(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "folder.csv").mkdir()
    for name in ("pipe.csv", "folder.csv"):
        with pytest.raises(InputError, match=name):
            land(tmp_path / name, COSTS, tmp_path / "landed", ReadOptions())
