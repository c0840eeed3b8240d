"""Generated networks as files: to keep and verify, to run elsewhere, to publish; and really smaller."""

from workbench.export.compaction import active_parameters, compact, flops
from workbench.export.explanation import explained
from workbench.export.exporting import export_network
from workbench.export.formats import FORMATS, digest
from workbench.export.hub_folder import load_pretrained
from workbench.export.onnx_file import write_onnx
from workbench.export.program_file import read_program
from workbench.export.recipe import Recipe, read_recipe
from workbench.export.safetensors_file import LoadedNetwork, read_network, write_network
from workbench.export.verifying import Verified, verify_export, verify_network

__all__ = [
    "FORMATS",
    "LoadedNetwork",
    "Recipe",
    "Verified",
    "active_parameters",
    "compact",
    "digest",
    "explained",
    "export_network",
    "flops",
    "load_pretrained",
    "read_network",
    "read_program",
    "read_recipe",
    "verify_export",
    "verify_network",
    "write_network",
    "write_onnx",
]
