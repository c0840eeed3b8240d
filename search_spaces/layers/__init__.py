"""The PyTorch modules of the operations: plain, differentiable, fit for ``torch.func.vmap`` over their weights."""

from search_spaces.layers.joins import Select
from search_spaces.layers.norms import NORM_EPS, masked_layer_norm
from search_spaces.layers.plain import ACTIVATION_FUNCTIONS, Dense
from search_spaces.layers.table import make_layer

__all__ = ["ACTIVATION_FUNCTIONS", "NORM_EPS", "Dense", "Select", "make_layer", "masked_layer_norm"]
