"""The daily ID exports: names, days and lines."""

from __future__ import annotations

import gzip
import itertools
import random
import tracemalloc
import zlib
from datetime import date, datetime, timedelta, timezone

import pytest

from tmdbfusion_scrapy.exceptions import ResponseError
from tmdbfusion_scrapy.sources.export_file import (
    EXPORT_NAMES,
    ExportEntry,
    ExportFilter,
    OddLines,
    check_file,
    export_file,
    newest_day,
    odd_lines,
    read_entries,
    read_file,
)

pytestmark = pytest.mark.once

# The forms of TMDB's lines, one of each file.
LINES = {
    "movies": (
        '{"adult":false,"id":3924,"original_title":"Blondie","popularity":1.8133,"video":false}',
        ExportEntry(3924, 1.8133, adult=False, video=False),
    ),
    "tv_shows": (
        '{"id":1,"original_name":"プライド","popularity":3.8242}',
        ExportEntry(1, 3.8242),
    ),
    "people": (
        '{"adult":false,"id":16767,"name":"Aki Kaurismäki","popularity":2.4825}',
        ExportEntry(16767, 2.4825, adult=False),
    ),
    "collections": ('{"id":10,"name":"Star Wars Collection"}', ExportEntry(10)),
    "networks": ('{"id":1,"name":"Fuji TV"}', ExportEntry(1)),
    "keywords": ('{"id":378,"name":"prison"}', ExportEntry(378)),
    "companies": ('{"id":1,"name":"Lucasfilm Ltd."}', ExportEntry(1)),
}
MANY = b"".join(b'{"id":%d,"popularity":%d.5}\n' % (number, number % 7) for number in range(1, 20_001))


def in_pieces(data, size):
    return [data[start : start + size] for start in range(0, len(data), size)]


def ids(data, size=1000):
    return [entry.id for entry in read_entries(in_pieces(data, size))]


def test_the_kinds():
    assert set(LINES) == set(EXPORT_NAMES)


@pytest.mark.parametrize("kind", LINES)
def test_lines(kind):
    line, entry = LINES[kind]
    assert list(read_entries([gzip.compress(f"{line}\n{line}\n".encode())])) == [entry, entry]


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        ('{"adult":true,"id":26228,"popularity":0.0,"video":true}', ExportEntry(26228, 0.0, True, True)),
        ('{"id":5,"popularity":3}', ExportEntry(5, 3.0)),
        ('{"id":5,"popularity":null,"adult":null,"video":null}', ExportEntry(5)),
        ('{"id":5,"new_field":{"a":[1,2]}}', ExportEntry(5)),
        (' {"id" : 5} \r', ExportEntry(5)),
        ('{"id":999999999999999999}', ExportEntry(10**18 - 1)),
    ],
)
def test_other_lines(line, entry):
    assert list(read_entries([gzip.compress(line.encode() + b"\n")])) == [entry]


@pytest.mark.parametrize("size", [1, 7, 1000, 10**6])
@pytest.mark.parametrize(
    "text",
    [
        b'{"id":1}\n{"id":2}\n{"id":3}\n',
        b'{"id":1}\n{"id":2}\n{"id":3}',
        b'\n{"id":1}\n\n\r\n{"id":2}\r\n{"id":3}\n\n',
    ],
)
def test_line_ends_and_pieces(text, size):
    assert ids(gzip.compress(text), size) == [1, 2, 3]


def test_several_members():
    members = (
        gzip.compress(b'{"id":1}\n{"i'),
        gzip.compress(b""),
        gzip.compress(b'd":2}\n'),
        gzip.compress(b'{"id":3}'),
    )
    for size in (1, 13, 10**6):
        assert ids(b"".join(members), size) == [1, 2, 3]
    # The end of a piece may be the end of a member.
    assert [entry.id for entry in read_entries(members)] == [1, 2, 3]


def test_an_empty_file():
    assert ids(gzip.compress(b"")) == []
    assert ids(gzip.compress(b"\n\n")) == []


def test_all_of_it_comes_whatever_the_pieces():
    data = gzip.compress(MANY)
    for size in (100, 4096, 10**7):
        assert ids(data, size) == list(range(1, 20_001))


def test_a_file_that_ends_too_early(tmp_path):
    data = gzip.compress(MANY)
    path = tmp_path / "export.gz"
    dice = random.Random(6)
    for length in {0, 1, 10, len(data) - 1, len(data) - 8, *(dice.randrange(len(data)) for _ in range(20))}:
        path.write_bytes(data[:length])
        with pytest.raises(ResponseError, match=r"not complete|no gzip file"):
            check_file(path)
        with pytest.raises(ResponseError, match=r"not complete|no gzip file"):
            list(read_file(path))


def test_a_complete_file(tmp_path):
    path = tmp_path / "export.gz"
    path.write_bytes(gzip.compress(MANY))
    check_file(path)
    assert sum(1 for _ in read_file(path)) == 20_000


def test_what_came_before_the_damage_is_read():
    data = gzip.compress(MANY)
    entries = read_entries(in_pieces(data[: len(data) // 2], 1000))
    assert [entry.id for entry in itertools.islice(entries, 100)] == list(range(1, 101))


def test_a_damaged_file(tmp_path):
    data = bytearray(gzip.compress(MANY))
    path = tmp_path / "export.gz"
    # In the middle, and in the checksum.
    for place in (len(data) // 2, len(data) - 6):
        damaged = data.copy()
        damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        with pytest.raises(ResponseError, match=r"no gzip file, or broken|not complete"):
            check_file(path)


@pytest.mark.parametrize("data", [b"<html>Access Denied</html>", MANY, gzip.compress(MANY) + b"junk"])
def test_what_is_no_gzip_file(data):
    with pytest.raises(ResponseError, match="no gzip file, or broken"):
        ids(data)


@pytest.mark.parametrize(
    "line",
    [
        b"garbage",
        b'{"id":1',
        b'["id",1]',
        b'{"name":"no id"}',
        b'{"id":null}',
        b'{"id":"5"}',
        b'{"id":true}',
        b'{"id":1.5}',
        b'{"id":0}',
        b'{"id":-4}',
        b'{"id":1000000000000000000}',
        b'{"id":1,"popularity":"high"}',
    ],
)
def test_a_line_that_is_no_entry(line):
    text = b'{"id":1}\n\n' + line + b'\n{"id":2}\n'
    with pytest.raises(ResponseError, match="line 3 of the export is no entry"):
        ids(gzip.compress(text))
    with pytest.raises(ResponseError, match="line 2 of the export is no entry"):
        ids(gzip.compress(b'{"id":1}\n' + line))


def gone_wrong(lines, odd):
    """An export of so many lines, the first of which are odd."""
    return gzip.compress(b"\n".join([odd] * lines[0] + [b'{"id":%d}' % n for n in range(1, 1 + lines[1])]))


@pytest.mark.parametrize("lines", [(1, 1), (1, 999), (1, 1000), (2, 1998), (3, 3000)])
def test_a_few_odd_lines(tmp_path, lines):
    path = tmp_path / "export.gz"
    path.write_bytes(gone_wrong(lines, b'{"id":"5"}'))
    odd = odd_lines(path)
    assert (odd.count, odd.lines) == (lines[0], sum(lines))
    assert odd.named[0].startswith("line 1 (Expected `int`, got `str`")
    assert odd.named[0].endswith('{"id":"5"}')
    assert sum(1 for _ in read_file(path, OddLines())) == lines[1]


@pytest.mark.parametrize("lines", [(1, 0), (2, 1), (2, 1997), (3, 2996), (5, 0)])
def test_too_many_odd_lines(tmp_path, lines):
    path = tmp_path / "export.gz"
    path.write_bytes(gone_wrong(lines, b'["id",1]'))
    with pytest.raises(ResponseError, match=rf"broken: {lines[0]} of {sum(lines):,} lines .* line 1 \("):
        odd_lines(path)


def test_a_line_without_an_end_is_not_held():
    with pytest.raises(ResponseError, match="line 2 of the export is no entry: it does not end"):
        ids(gzip.compress(b'{"id":1}\n' + b"x" * 3_000_000), 10**6)


def test_1_200_000_lines_take_little_memory():
    def pieces():
        zipped = zlib.compressobj(1, zlib.DEFLATED, 31)
        block = MANY * 3
        for _ in range(20):
            yield zipped.compress(block)
        yield zipped.flush()

    entries = read_entries(pieces())
    # To look at each line takes ten times as long, and memory has had its most long before.
    tracemalloc.start()
    try:
        assert sum(1 for _ in itertools.islice(entries, 60_000)) == 60_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sum(1 for _ in entries) == 1_140_000
    assert peak < 6_000_000


@pytest.mark.parametrize("kind", EXPORT_NAMES)
def test_the_names_of_files(kind):
    name = export_file(kind, date(2026, 1, 2))
    assert name == f"{EXPORT_NAMES[kind]}_01_02_2026.json.gz"


@pytest.mark.parametrize(
    ("now", "day"),
    [
        (datetime(2026, 6, 1, 7, 59, 59, tzinfo=timezone.utc), date(2026, 5, 31)),
        (datetime(2026, 6, 1, 8, 0, tzinfo=timezone.utc), date(2026, 6, 1)),
        (datetime(2026, 6, 1, 23, 59, tzinfo=timezone.utc), date(2026, 6, 1)),
        (datetime(2026, 6, 2, 0, 0, tzinfo=timezone.utc), date(2026, 6, 1)),
        (datetime(2026, 1, 1, 3, 0, tzinfo=timezone.utc), date(2025, 12, 31)),
        # The same moments in Tokyo and in New York.
        (datetime(2026, 6, 1, 16, 59, tzinfo=timezone(timedelta(hours=9))), date(2026, 5, 31)),
        (datetime(2026, 6, 1, 17, 0, tzinfo=timezone(timedelta(hours=9))), date(2026, 6, 1)),
        (datetime(2026, 5, 31, 22, 0, tzinfo=timezone(timedelta(hours=-5))), date(2026, 5, 31)),
    ],
)
def test_the_newest_day(now, day):
    assert newest_day(now) == day


ADULT = ExportEntry(1, 0.5, adult=True, video=False)
VIDEO = ExportEntry(2, 5.0, adult=False, video=True)
FILM = ExportEntry(3, 20.0, adult=False, video=False)
SHOW = ExportEntry(4, 1.0)
NETWORK = ExportEntry(5)


@pytest.mark.parametrize(
    ("wanted", "entries"),
    [
        (ExportFilter(), [ADULT, VIDEO, FILM, SHOW, NETWORK]),
        (ExportFilter(0.0), [ADULT, VIDEO, FILM, SHOW, NETWORK]),
        # What does not say its popularity is not left out for it.
        (ExportFilter(5.0), [VIDEO, FILM, NETWORK]),
        (ExportFilter(5.1), [FILM, NETWORK]),
        (ExportFilter(adult=True), [ADULT, SHOW, NETWORK]),
        (ExportFilter(adult=False), [VIDEO, FILM, SHOW, NETWORK]),
        (ExportFilter(video=True), [VIDEO, SHOW, NETWORK]),
        (ExportFilter(video=False), [ADULT, FILM, SHOW, NETWORK]),
        (ExportFilter(1.0, adult=False, video=False), [FILM, SHOW, NETWORK]),
        (ExportFilter(1.0, adult=True), [SHOW, NETWORK]),
    ],
)
def test_filters(wanted, entries):
    assert [entry for entry in (ADULT, VIDEO, FILM, SHOW, NETWORK) if wanted.wants(entry)] == entries
    assert wanted.is_open is (wanted == ExportFilter())
