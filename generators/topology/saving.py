"""Topology generators on disk, as all that is learned; see ``docs/formats.md``."""

from __future__ import annotations

from pathlib import Path

import torch
from pydantic import ValidationError

from generators.folders import (
    CONFIG_FILE,
    REMEDY,
    WEIGHTS_FILE,
    check_room,
    digest_of,
    plain,
    read_folder,
    write_folder,
)
from generators.tensor_files import check_finite, read_tensors
from generators.topology.generator import TopologyConfig, TopologyGenerator
from search_spaces import DamagedFile, WeightloomError
from search_spaces.errors import in_one_line

KIND = "weightloom-topology"


def save_topology(generator: TopologyGenerator, folder: str | Path) -> Path:
    """Write it into ``folder`` (made if missing), see `write_folder`, and return that."""
    content = {"config": generator.config.model_dump(mode="json")}
    return write_folder(Path(folder), KIND, content, plain(generator.state_dict()))


def load_topology(folder: str | Path) -> TopologyGenerator:
    """Read what `save_topology` wrote; it is in evaluation mode, on the CPU.

    Raises:
        WeightloomError: there is no such folder or file.
        DamagedFile: a file is truncated, altered, of another schema, or the two do not belong together.
    """
    document, data = read_folder(Path(folder), KIND, ("config",))
    try:
        with torch.random.fork_rng(devices=[]):  # the fresh weights, overwritten below, are drawn at random
            config = TopologyConfig.model_validate(document["config"])
            with torch.device("meta"):
                check_room(TopologyGenerator(config), data)
            generator = TopologyGenerator(config)
        tensors = read_tensors(data)
        check_finite(tensors)
        generator.load_state_dict(tensors)
    except (RuntimeError, ValidationError, WeightloomError) as error:
        reason = in_one_line(error)
        raise DamagedFile(
            f"{Path(folder) / WEIGHTS_FILE}: expected the tensors of a topology generator as {CONFIG_FILE} describes "
            f"it, got {reason}; {REMEDY}"
        ) from error
    return generator.eval()


def topology_digest(generator: TopologyGenerator) -> str:
    """SHA-256 over config and tensors: equal for two that emit the same architectures."""
    return digest_of(generator.config.model_dump(mode="json"), plain(generator.state_dict()))
