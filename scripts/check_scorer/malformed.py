"""Submissions for one truth of three images, most of them with one thing wrong."""

from __future__ import annotations

from collections.abc import Mapping

TRUTH = b"""image,MEL,NV,BCC,AKIEC,BKL,DF,VASC
ISIC_1,1,0,0,0,0,0,0
ISIC_2,0,1,0,0,0,0,0
ISIC_3,0,0,1,0,0,0,0
"""
HEAD = b"image,MEL,NV,BCC,AKIEC,BKL,DF,VASC\n"
ROW_1 = b"ISIC_1,0.7,0.1,0.1,0.1,0.0,0.0,0.0\n"
ROW_2 = b"ISIC_2,0.1,0.5,0.2,0.1,0.1,0.0,0.0\n"
ROW_3 = b"ISIC_3,0.1,0.1,0.3,0.3,0.1,0.05,0.05\n"
GOOD = HEAD + ROW_1 + ROW_2 + ROW_3


def _with(old: bytes, new: bytes, count: int = -1) -> bytes:
    changed = GOOD.replace(old, new, count)
    if changed == GOOD:
        raise ValueError(f"{old!r} is not in the good file")
    return changed


def _column(values: tuple[bytes, bytes, bytes]) -> bytes:
    """The good file with other values in its last column."""
    lines = GOOD.splitlines()
    rows = [line.rpartition(b",")[0] + b"," + v for line, v in zip(lines[1:], values, strict=True)]
    return b"\n".join([lines[0], *rows, b""])


FILES: Mapping[str, bytes] = {
    "good": GOOD,
    "empty file": b"",
    "newlines only": b"\n\n\n\n",
    "one line": HEAD,
    "one line of 3,000 characters": b"x" * 3000,
    "header of more than 2,000 characters": b"image" + b" " * 2000 + GOOD[5:],
    "header and blank lines": HEAD + b"\n\n\n",
    "no line end after the last row": GOOD[:-1],
    "CR LF": GOOD.replace(b"\n", b"\r\n"),
    "CR": GOOD.replace(b"\n", b"\r"),
    "byte order mark": b"\xef\xbb\xbf" + GOOD,
    "UTF-16": GOOD.decode().encode("utf-16"),
    "Latin-1 letter": _with(b"ISIC_1", b"ISIC_\xe9"),
    "Latin-1 letter far down": GOOD + b"\n" * 20000 + b"\xe9",
    "blank lines between": GOOD.replace(b"\n", b"\n\n"),
    "quoted": _with(b"ISIC_1,0.7", b'"ISIC_1","0.7"'),
    "quote that never ends": _with(b"ISIC_2", b'"ISIC_2'),
    "semicolons": GOOD.replace(b",", b";"),
    "tabs": GOOD.replace(b",", b"\t"),
    "index named otherwise": _with(b"image", b"image_id"),
    "index in capitals": _with(b"image", b"Image"),
    "index last": b"".join(
        b",".join([*line.split(b",")[1:], line.split(b",")[0]]) + b"\n"
        for line in GOOD.splitlines()
    ),
    "no header": ROW_1 + ROW_2 + ROW_3,
    "ids with .jpg": GOOD.replace(b"ISIC_1", b"ISIC_1.jpg").replace(b"ISIC_2", b"ISIC_2.JPG"),
    "ids with .jpeg": _with(b"ISIC_1", b"ISIC_1.jpeg"),
    "ids with .jpg.jpg": _with(b"ISIC_1", b"ISIC_1.jpg.jpg"),
    "ids with blanks": _with(b"ISIC_1", b" ISIC_1"),
    "ids in lower case": _with(b"ISIC_1", b"isic_1"),
    "id missing": _with(b"ISIC_1", b""),
    "id NA": _with(b"ISIC_1", b"NA"),
    "numbers as ids": GOOD.replace(b"ISIC_", b""),
    "id twice": GOOD + ROW_1,
    "id twice, once with .jpg": GOOD + ROW_1.replace(b"ISIC_1", b"ISIC_1.jpg"),
    "row missing": HEAD + ROW_1 + ROW_2,
    "row too many": GOOD + ROW_1.replace(b"ISIC_1", b"ISIC_4"),
    "rows in another order": HEAD + ROW_3 + ROW_1 + ROW_2,
    "column missing": b"\n".join(line.rpartition(b",")[0] for line in GOOD.splitlines()) + b"\n",
    "column too many": GOOD.replace(b"\n", b",0.5\n").replace(b"VASC,0.5", b"VASC,UNK", 1),
    "column in lower case": _with(b"MEL", b"mel"),
    "column with a blank": _with(b"MEL", b" MEL"),
    "column twice": _with(b"NV", b"MEL"),
    "columns in another order": _with(b"MEL,NV", b"NV,MEL"),
    "comma at the end of each line": GOOD.replace(b"\n", b",\n"),
    "comma at the end of each row": HEAD + (ROW_1 + ROW_2 + ROW_3).replace(b"\n", b",\n"),
    "field too many in the last row": GOOD[:-1] + b",0.5\n",
    "field too many in the first row": HEAD + ROW_1[:-1] + b",0.5\n" + ROW_2 + ROW_3,
    "field missing": _with(b",0.05\n", b"\n"),
    "value missing": _with(b"0.7", b""),
    "value NaN": _with(b"0.7", b"nan"),
    "value NULL": _with(b"0.7", b"NULL"),
    "value of text": _with(b"0.7", b"high"),
    "value with a decimal comma": _with(b"0.7", b'"0,7"'),
    "value with a percent sign": _with(b"0.7", b"70%"),
    "value with blanks": _with(b"0.7", b" 0.7 "),
    "value with an exponent": _with(b"0.7", b"7e-1"),
    "value with an underscore": _with(b"0.7", b"0.7_0"),
    "value in hexadecimal": _with(b"0.7", b"0x1p-1"),
    "value complex": _with(b"0.7", b"0.7j"),
    "value infinite": _with(b"0.7", b"inf"),
    "value too large for a float": _with(b"0.7", b"1e400"),
    "value too small for a float": _with(b"0.7", b"1e-400"),
    "value just above 1": _with(b"0.7", b"1.0000000000000002"),
    "value negative": _with(b"0.7", b"-0.1"),
    "value negative and tiny": _with(b"0.7", b"-1e-300"),
    "value negative zero": _with(b"0.7", b"-0.0"),
    "value exactly 1": _with(b"0.7", b"1"),
    "column of zeros": _column((b"0", b"0", b"0")),
    "column of 0 and 1": _column((b"0", b"1", b"0")),
    "column of 0 and 0.0": _column((b"0", b"0.0", b"0")),
    "column of 0 and 0e0": _column((b"0", b"0e0", b"0")),
    "column of 0 and nothing": _column((b"0", b"", b"0")),
    "column of truth values": _column((b"True", b"False", b"False")),
    "column of giant integers": _column((b"18446744073709551616", b"1", b"0")),
    "all integers": TRUTH,
}
