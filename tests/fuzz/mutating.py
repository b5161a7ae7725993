"""Ways to spoil a file: bits and ranges of its bytes, values of its JSON."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import strategies as st

STRANGE: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, 10**30, 0.5, -0.0, 1e308, "", "a", "nan", "../up.npz",
    "/etc/passwd.npz", "a\0.npz", "a/b.json", "\ud7ff", "é", "x" * 300, [], {}, [[]], [{}], {"": None}, [None] * 20,
]  # fmt: skip


@st.composite
def spoilt_bytes(draw: st.DrawFn, whole: bytes) -> bytes:
    """Flip bits, cut ranges out, double or replace them, truncate: one to three of these."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 3))):
        how = draw(st.sampled_from(["flip", "cut", "double", "replace", "truncate", "swap"]))
        start = draw(st.integers(0, max(len(data) - 1, 0)))
        stop = min(start + draw(st.integers(1, 64)), len(data))
        if how == "flip" and data:
            data[start] ^= 1 << draw(st.integers(0, 7))
        elif how == "cut":
            del data[start:stop]
        elif how == "double":
            data[start:start] = data[start:stop] * draw(st.sampled_from([1, 1, 50]))
        elif how == "replace":
            data[start:stop] = draw(st.binary(max_size=16))
        elif how == "truncate":
            del data[start:]
        elif how == "swap":
            data[start:stop] = bytes(reversed(data[start:stop]))
    return bytes(data)


@st.composite
def spoilt_json(draw: st.DrawFn, whole: bytes) -> bytes:
    """Exchange, remove or add one or two values anywhere."""
    tree = json.loads(whole)
    for _ in range(draw(st.integers(1, 2))):
        holder, key = _place(draw, tree)
        strange = copy.deepcopy(draw(st.sampled_from(STRANGE)))
        if holder is None:
            tree = strange
        elif draw(st.integers(0, 3)) == 0:
            holder.pop(key)
        elif isinstance(holder, dict) and draw(st.integers(0, 3)) == 0:
            holder[draw(st.sampled_from(["x", "", "schema_version", "samples", "metadata"]))] = copy.deepcopy(
                holder[key]
            )
        else:
            holder[key] = strange
    return json.dumps(tree, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")


def _place(draw: st.DrawFn, tree: Any) -> tuple[Any, Any]:
    """Go down a tree to a value; give what holds it and its key."""
    holder, key = None, None
    while isinstance(tree, dict | list) and tree and draw(st.integers(0, 4)):
        keys = sorted(tree) if isinstance(tree, dict) else list(range(len(tree)))
        holder, key = tree, draw(st.sampled_from(keys))
        tree = tree[key]
    return holder, key
