"""The Merkle tree of RFC 9162 2.1: a log that can only grow, with short proofs of that.

Only the hashes of the leaves are held. Inner nodes of finished subtrees are kept, so that a
leaf, a root and either proof cost the logarithm of the size. `Edge` holds no more of a tree
than is needed to let it grow.
"""

import hashlib
from collections.abc import Iterable
from typing import Final

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()


def leaf_hash(leaf: bytes) -> bytes:
    """RFC 9162 2.1.1: a leaf can never be taken for an inner node."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class Edge:
    """The right edge of a tree: the roots of its finished subtrees, the widest first; enough to append and to sign.

    Its subtrees are as wide as the ones in the size's binary form say, so that their hashes alone
    keep it: 32 bytes each, and no more of them than the size has bits.
    """

    def __init__(self, size: int = 0, nodes: bytes = b"") -> None:
        """Go on from an edge that was kept; ValueError when the hashes are not those of such a size."""
        if len(nodes) != 32 * size.bit_count():
            raise ValueError(f"{len(nodes)} bytes are not the edge of a tree of {size} leaves")
        self.size = size
        self._nodes = [nodes[start : start + 32] for start in range(0, len(nodes), 32)]

    def append_hash(self, hashed: bytes) -> None:
        """Add a leaf by its hash. Every one at the end of the size's binary form is a subtree that is merged."""
        merged = self.size
        while merged & 1:
            hashed = node_hash(self._nodes.pop(), hashed)
            merged >>= 1
        self._nodes.append(hashed)
        self.size += 1

    def root(self) -> bytes:
        if not self._nodes:
            return EMPTY_ROOT
        *wider, root = self._nodes
        for node in reversed(wider):
            root = node_hash(node, root)
        return root

    def __bytes__(self) -> bytes:
        """What to keep besides the size."""
        return b"".join(self._nodes)


class Tree:
    """A tree over leaf hashes, in the order in which they were appended."""

    def __init__(self, leaf_hashes: Iterable[bytes] = ()) -> None:
        # levels[k][i] is the root over the leaves from i * 2**k up to (i + 1) * 2**k, all of them there.
        self._levels: list[list[bytes]] = [[]]
        for hashed in leaf_hashes:
            self.append_hash(hashed)

    @property
    def size(self) -> int:
        return len(self._levels[0])

    def append(self, leaf: bytes) -> int:
        """Add a leaf; its index."""
        return self.append_hash(leaf_hash(leaf))

    def append_hash(self, hashed: bytes) -> int:
        """Add a leaf of which only the hash is known; its index."""
        index = self.size
        for level, nodes in enumerate(self._levels):
            nodes.append(hashed)
            if len(nodes) % 2:
                break
            hashed = node_hash(nodes[-2], nodes[-1])
            if level + 1 == len(self._levels):
                self._levels.append([hashed])
                break
        return index

    def root(self, size: int | None = None) -> bytes:
        """The root over the first `size` leaves, all by default; IndexError when there are fewer."""
        size = self.size if size is None else size
        self._require(0 <= size <= self.size)
        return self._subtree(0, size) if size else EMPTY_ROOT

    def inclusion_proof(self, index: int, size: int | None = None) -> list[bytes]:
        """That the leaf is among the first `size` (RFC 9162 2.1.3.1), from its sibling up to the root."""
        size = self.size if size is None else size
        self._require(0 <= index < size <= self.size)
        proof: list[bytes] = []
        start, end = 0, size
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                proof.append(self._subtree(middle, end))
                end = middle
            else:
                proof.append(self._subtree(start, middle))
                start = middle
        return proof[::-1]

    def consistency_proof(self, old: int, size: int | None = None) -> list[bytes]:
        """That the first `old` leaves are the beginning of the first `size` (RFC 9162 2.1.4.1)."""
        size = self.size if size is None else size
        self._require(0 <= old <= size <= self.size)
        if old in {0, size}:
            return []
        proof: list[bytes] = []
        start, end, is_whole = 0, size, True
        while old < end:
            middle = start + _split(end - start)
            if old <= middle:
                proof.append(self._subtree(middle, end))
                end = middle
            else:
                proof.append(self._subtree(start, middle))
                start, is_whole = middle, False
        # The old tree's own root is known to the verifier when it is one of the subtrees.
        if not is_whole:
            proof.append(self._subtree(start, end))
        return proof[::-1]

    def _subtree(self, start: int, end: int) -> bytes:
        """The root over the leaves from start up to end; start is a multiple of a power of two above its width."""
        width = end - start
        if width & (width - 1) == 0:
            return self._levels[width.bit_length() - 1][start // width]
        middle = start + _split(width)
        return node_hash(self._subtree(start, middle), self._subtree(middle, end))

    @staticmethod
    def _require(is_there: bool) -> None:
        if not is_there:
            raise IndexError("the tree has fewer leaves")


def _split(width: int) -> int:
    """The largest power of two below the width (RFC 9162 2.1.1)."""
    return 1 << (width - 1).bit_length() - 1
