"""A tree with parts left out, so that the rest can be read and checked in spite of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from townlet_core.documents.nodes import Mapping, Node, Path, Scalar, Sequence, below, node_at, walk
from townlet_core.documents.scalars import BROKEN


class Cuts:
    """Which parts of a tree are left out, and how paths with and without them correspond."""

    def __init__(self, root: Node, cut: Iterable[Path]) -> None:
        self.root = root
        self.cut = frozenset(cut)
        self.above = frozenset(path[:length] for path in self.cut for length in range(len(path)))
        self.kept: dict[Path, list[int]] = {}  # list -> numbers of the items that are left

    def rest(self) -> Any:
        """Give what is left as plain JSON values; what is refused but not cut is null."""
        return self._rest(self.root, ())

    def original(self, path: Path) -> Path:
        """Translate a path in what is left to a path in the tree: list items left out count again."""
        found: Path = ()
        for step in path:
            found = (*found, self.step(found, step))
        return found

    def step(self, path: Path, step: str | int) -> str | int:
        """Translate the next step of a path that is translated so far."""
        if not isinstance(step, int) or path not in self.above:
            return step
        if path not in self.kept:
            node = node_at(self.root, path)
            size = len(node.items) if isinstance(node, Sequence) else 0
            self.kept[path] = [index for index in range(size) if (*path, index) not in self.cut]
        kept = self.kept[path]
        return kept[step] if step < len(kept) else step

    def concern(self, path: Path) -> bool:
        """Say whether something is left out at a path, above it or below it."""
        return path in self.above or any(path[:length] in self.cut for length in range(len(path) + 1))

    def words(self) -> frozenset[str]:
        """Give the keys and words in what is left out, which others may refer to."""
        words = {str(path[-1]) for path in self.cut if path}
        for path in self.cut:
            part = node_at(self.root, path)
            inside = [node for _, node in walk(part)] if part is not None else []
            words |= {node.value for node in inside if isinstance(node, Scalar) and isinstance(node.value, str)}
        return frozenset(words)

    def _rest(self, node: Node, path: Path) -> Any:
        if isinstance(node, Mapping):
            parts = {key: (*path, key) for key in node.entries if (*path, key) not in self.cut}
            return {key: self._rest(node.entries[key].node, at) for key, at in parts.items()}
        if isinstance(node, Sequence):
            items = [(item, (*path, index)) for index, item in enumerate(node.items)]
            return [self._rest(item, at) for item, at in items if at not in self.cut]
        return None if node.value is BROKEN else node.value


def widen(root: Node, path: Path, cut: Collection[Path]) -> Path:
    """Choose what to leave out for a problem at a path: that part, or what holds it where it is not there or cut."""
    while path and (path in cut or not _is_there(root, path)):
        path = path[:-1]
    return path


def _is_there(root: Node, path: Path) -> bool:
    holder = node_at(root, path[:-1])
    return holder is not None and below(holder, path[-1]) is not None
