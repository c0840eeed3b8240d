"""What is planted in files of what was told or measured: settings, summaries, tables, images, studies."""

from __future__ import annotations

import gzip
import io
import json
import sqlite3
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.hostile.learned import TEXT, Planted

BOMB = 2**28
"""Bytes that a planted zip bomb unpacks to."""


@cache
def bomb(head: bytes = b"") -> bytes:
    """A zip bomb; what it unpacks to begins with ``head``."""
    return gzip.compress(head + bytes(BOMB), compresslevel=1)


def summary(parts: Mapping[str, Any]) -> Planted:
    summary = parts["summary.json"]
    figures = summary["generators"]["mlp"]
    for key, value in (
        ("name", "<script>"),
        ("name", TEXT),
        ("created", "x" * 10_000),
        ("generators", {}),
        ("generators", {"a": figures, "b": figures}),
        ("versions", {"<b>": "\x1b[2J"}),
        ("seconds", 1e308),
        ("seconds", -1),
        ("seed", -(2**62)),
        ("space", "planted.module:Space"),
        ("zoo", {"networks": -1}),
        ("pareto", [{"trial": 7, "family": "x", "values": {}}]),
        ("trials", []),
        ("frontier", []),
    ):
        yield f"{key} {value!r:.40}", {"summary.json": {**summary, key: value}}
    for path in (
        TEXT,
        "/etc/passwd.safetensors",
        "a/../../b.safetensors",
        "javascript:alert(1).safetensors",
        "\0.safetensors",
        "x" * 5000 + ".safetensors",
        "..\\..\\a.safetensors",
        ".safetensors",
    ):
        export = {**summary["exports"][0], "path": path}
        yield f"an export at {path[:40]!r}", {"summary.json": {**summary, "exports": [export]}}
    for name, metrics in (
        ("no figures", {}),
        ("unknown figures", {"planted": {"mean": 1.0, "n": 1}}),
        ("figures without mean", {"fidelity": {"mean": None, "n": 0}}),
        ("figures beyond all", {"fidelity": {"mean": 1e308, "low": -1e308, "high": 1e308, "n": 1}}),
    ):
        changed = {key: {**figures, "metrics": metrics} for key in summary["generators"]}
        yield name, {"summary.json": {**summary, "generators": changed}}


def table(parts: Mapping[str, Any]) -> Planted:
    for name, text in {
        "a field without end": 'ops,a\n"' + "x" * 10**6,
        "columns without number": ",".join(f"c{i}" for i in range(200_000)) + "\n" + ",".join("1" * 200_000),
        "a column twice": "ops,a,a\n000000,1,2\n",
        "no rows": "ops,a\n",
        "zero bytes": "ops,a\n000000,\0\n",
        "arch strings of nothing": "arch_str,a\n|" + "~" * 10**5 + ",1\n",
        "numbers that are none": "ops,a\n000000,nan\n000001,inf\n000002,1e999\n",
        "a number of many digits": "ops,a\n000000," + "9" * 10**5 + "\n",
        "digits of another script": "ops,a\n\u0660\u0660\u0660\u0660\u0660\u0660,1\n",
        "a formula": "ops,a\n000000,=1+1\n",
    }.items():
        yield name, {path: gzip.compress(text.encode()) if path.endswith("gz") else text.encode() for path in parts}


def images(parts: Mapping[str, Any]) -> Planted:
    for path in parts:
        for name, head in {
            "a huge shape": b"\0\0\x08\x04" + b"\xff" * 16,
            "a shape of nothing": b"\0\0\x08\x03" + b"\xff" * 8 + bytes(4),
            "floats": b"\0\0\x0d\x01" + b"\0\0\0\x01" + bytes(4),
            "no axes": b"\0\0\x08\0",
            "255 axes": b"\0\0\x08\xff" + bytes(255 * 4),
            "half a header": b"\0\0\x08\x04\0",
            "one number": b"\0\0\x08\x01\0\0\0\x01\x07",
        }.items():
            yield f"{name} as {path}", {**parts, path: head}
        packed = {key: value for key, value in parts.items() if key != path}
        yield f"a bomb as {path}.gz", {**packed, f"{path}.gz": bomb(parts[path][:16])}


def study(parts: Mapping[str, Any]) -> Planted:
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x"
    trigger = "CREATE TRIGGER t AFTER UPDATE ON studies BEGIN DELETE FROM trials; END"
    attacks = {
        "a view without end": (
            "ALTER TABLE trials RENAME TO was",
            f"CREATE VIEW trials AS {endless} AS trial_id, x AS number, 1 AS study_id, 'COMPLETE' AS state, "
            "NULL AS datetime_start, NULL AS datetime_complete FROM n",
        ),
        "a trigger": (trigger,),
        "a table missing": ("DROP TABLE trial_params",),
        "no study": ("DELETE FROM studies",),
        "another study": ("UPDATE studies SET study_name = '../x'",),
        "attributes that are no JSON": ("UPDATE study_user_attributes SET value_json = '{'",),
        "a target that is a word": ("UPDATE study_user_attributes SET value_json = '\"x\"'",),
        "attributes nested deep": (f"UPDATE study_user_attributes SET value_json = '{'[' * 50_000 + ']' * 50_000}'",),
        "a distribution to import": (
            'UPDATE trial_params SET distribution_json = \'{"name": "planted.module", "attributes": {}}\'',
        ),
        "a state that is none": ("UPDATE trials SET state = 'PLANTED'",),
        "values missing": ("DELETE FROM trial_values",),
        "values that are none": ("UPDATE trial_values SET value = 'x'",),
        "a family that is a path": (
            "UPDATE trial_params SET distribution_json = "
            '\'{"name": "CategoricalDistribution", "attributes": {"choices": ["../../x"]}}\'',
        ),
        "a choice that is not there": ("UPDATE trial_params SET param_value = 99",),
        "a date that is none": ("UPDATE trials SET datetime_start = 'x'",),
        "another schema": ("UPDATE version_info SET schema_version = 99",),
        "another version": ("UPDATE alembic_version SET version_num = '../x'",),
    }
    for name, statements in attacks.items():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "study.db"
            path.write_bytes(parts["run/study.db"])
            connection = sqlite3.connect(path)
            for statement in statements:
                connection.execute(statement)
            connection.commit()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.close()
            yield name, {"run/study.db": path.read_bytes()}


def arrays(parts: Mapping[str, Any]) -> Planted:
    """NumPy files whose headers promise what is not there, or ask for what is pickled."""
    header = "{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n"
    for what, kind, shape in (
        ("more than there is", "<f8", "(1000000000000, 3)"),
        ("no axis", "<f8", "()"),
        ("an axis below zero", "<f8", "(-1, 3)"),
        ("objects", "|O", "(20, 3)"),
        ("complex numbers", "<c16", "(1, 3)"),
        ("dates", "<M8[s]", "(2, 3)"),
        ("a code", "<f8', 'x': __import__('os')", "(2, 3)"),
    ):
        text = (header % (kind, shape)).encode()
        array = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(48)
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("x.npy", array)
            archive.writestr("y.npy", array)
        yield f"arrays of {what}", {"own.npz": stream.getvalue()}


def pictures(parts: Mapping[str, Any]) -> Planted:
    """What calls itself a picture and starts a program, or is far larger than its file."""
    path = next(iter(parts))
    side = (9000).to_bytes(4, "big")
    canvas = b"WEBPVP8X" + (10).to_bytes(4, "little") + bytes(4) + b"\xfe\x3f\0" * 2
    for what, data in (
        ("a program in PostScript", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 3\n%%EndComments\nshowpage\n"),
        ("a picture beyond its file", _png((b"IDAT", zlib.compress(bytes(9000 * 9001), 9)), side=side)),
        ("a picture without its pixels", _png(side=b"\x7f\xff\xff\xff")),
        ("a text that unpacks", _png((b"zTXt", b"a\0\0" + zlib.compress(bytes(BOMB), 9)))),
        ("a profile that unpacks", _png((b"iCCP", b"a\0\0" + zlib.compress(bytes(BOMB), 9)))),
        ("a huge canvas", b"RIFF" + (4 + len(canvas)).to_bytes(4, "little") + canvas),
        ("a bitmap below zero", b"BM" + bytes(12) + struct.pack("<IiiHHIIiiII", 40, -4, 3, 1, 24, 0, 0, 0, 0, 0, 0)),
        ("a bitmap of nothing", b"BM" + bytes(12) + struct.pack("<IiiHHIIiiII", 40, 30000, 30000, 1, 24, *bytes(6))),
    ):
        yield what, {**parts, path: data}


def _png(*chunks: tuple[bytes, bytes], side: bytes = b"\0\0\0\4") -> bytes:
    """A grey square of so many pixels a side, whose chunks have checksums that fit."""
    head = (b"IHDR", side * 2 + b"\x08\0\0\0\0")
    body = b"".join(
        len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
        for kind, data in (head, *chunks, (b"IEND", b""))
    )
    return b"\x89PNG\r\n\x1a\n" + body


def ledger(parts: Mapping[str, Any]) -> Planted:
    """Lines whose chain fits and that name what is no export."""
    path = "ledger.jsonl"
    first = parts[path][0]
    places = ("", "\0", "/dev/zero", "/dev/stdin", "../" * 50 + "etc/passwd", "x" * 5000, TEXT)
    hostile: tuple[Any, ...] = (5, None, [], {}, *places)
    for key in ("path", "sha256", "format"):
        for value in hostile:
            yield f"{key} {value!r:.40}", {**parts, path: [{**first, key: value}]}
    yield "many lines", {**parts, path: [first] * 20_000}
    yield "a line of nothing", {**parts, path: [{}, [], 5]}


def settings(parts: Mapping[str, Any]) -> Planted:
    for key, value in (
        ("name", TEXT),
        ("name", ".."),
        ("task", "planted.module:task"),
        ("space", "planted.module:Space"),
        ("trials", 10**18),
        ("space_settings", {"depths": [10**9]}),
        ("space_settings", {"x": {"y": [{}]}}),
        ("families", [{"family": "planted.module:Class"}]),
        ("families", [{"family": "mlp", "settings": {"d": 10**12}}]),
        ("families", [{"family": "mlp", "first": {"mode": "x"}}]),
        ("families", [{"family": "mlp", "training": {"steps": "x"}}]),
        ("families", [{"family": "mlp", "first": {"mlp.d": [1]}}]),
        ("learning_rates", [float("inf"), 1]),
        ("zoo", {"networks": 10**18}),
        ("zoo", {"seed": 2**70}),
        ("limits", {"seconds": -1}),
        ("threads", 2**40),
        ("baselines", ["mlp"]),
        ("baselines", ["os.system"]),
        ("data", "\0"),
        ("tracker", "planted"),
    ):
        yield f"{key} {value!r:.40}", {"config.yaml": json.dumps({key: value}).encode()}
