"""The edge to the network: guarded HTTP for sources and probes."""
