"""``weightloom generate --stream``: a network that is never in memory as a whole."""

from __future__ import annotations

from pathlib import Path

from generators.saving import from_pretrained
from search_spaces import Architecture, Blueprint, files
from sweeps.watching import Watcher
from workbench.export.sharded import stream_network


def stream_one(folder: Path, out: Path, architecture: Path, seed: int, watcher: Watcher) -> tuple[Path, int]:
    """Emit a saved generator's network for an architecture of any size into ``out``.

    Args:
        folder: of the generator.
        out: for shards and index; what is there already is kept.
        architecture: JSON file; of our operations, but of whatever size, in the generator's space or not.
        seed: of the latent.
        watcher: is told of bytes written.

    Returns:
        The path of the index and the number of parameters.

    Raises:
        WeightloomError: a file is missing, the graph is no valid one, or the family cannot stream.
    """
    generator = from_pretrained(folder)
    text = files.read_bytes(architecture, "JSON file of an architecture", "check the path")
    blueprint = Blueprint.of(Architecture.from_json(text.decode("utf-8", errors="replace")))
    total, done = 4 * blueprint.parameter_count, 0

    def told(count: int) -> None:
        nonlocal done
        done += count
        watcher.progress("bytes written", done, total)

    return stream_network(generator, blueprint, seed, out, progress=told), blueprint.parameter_count
