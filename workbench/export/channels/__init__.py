"""Which channels of a network are constant, which are read, and what is left of each node without the others.

A *channel* is a neuron of a flat value, or a channel of a sequence or image. Each operation has one `Rule`, which
answers three questions about a node of one network: which of its channels are the same for every input and every
position (forwards), which channels of its inputs it needs (backwards), and what is left of it. `shrink_network` in
`workbench.export.channels.network` asks them along the graph.
"""

from workbench.export.channels.network import Shrunk, shrink_network

__all__ = ["Shrunk", "shrink_network"]
