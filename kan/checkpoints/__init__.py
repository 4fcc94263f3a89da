"""Saving and loading networks, copies of them, and the history of their versions."""

from kan.checkpoints.files import checkpoint_file, load_checkpoint, save_checkpoint
from kan.checkpoints.history import History
from kan.checkpoints.state import NetworkState, copy_network

__all__ = ["History", "NetworkState", "checkpoint_file", "copy_network", "load_checkpoint", "save_checkpoint"]
