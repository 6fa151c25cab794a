"""Small networks of the healthy scripts that a Sequential cannot hold."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils.models import mlp


class RecurrentNet(nn.Module):
    """Class logits [N, 10] of sequences [N, 8, 8], by a GRU's last state."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(8, 32, batch_first=True)
        self.output = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Logits [N, 10]."""
        logits: Tensor = self.output(self.gru(x)[0][:, -1])
        return logits


class AttentionNet(nn.Module):
    """Class logits [N, 10] of sequences [N, 8, 8], by one head of scaled dot-product attention.

    softmax(Q K^T / sqrt(d)) V with d = 32, an embedding of places, and all places side by side.
    """

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(8, 32)
        self.place = nn.Parameter(torch.randn(8, 32) / math.sqrt(32))
        self.query, self.key, self.value = (nn.Linear(32, 32) for _ in range(3))
        self.softmax = nn.Softmax(dim=-1)
        self.output = nn.Linear(8 * 32, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Logits [N, 10]."""
        h = self.embed(x) + self.place
        scores = self.query(h) @ self.key(h).transpose(1, 2) / math.sqrt(32)
        h = F.relu(h + self.softmax(scores) @ self.value(h))
        logits: Tensor = self.output(h.flatten(1))
        return logits


def transformer() -> nn.Sequential:
    """Class logits [N, 10] of sequences [N, 8, 8], by one layer of a transformer."""
    layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.1, batch_first=True)
    return nn.Sequential(nn.Linear(8, 32), layer, nn.Flatten(), nn.Linear(8 * 32, 10))


class TiedAutoencoder(nn.Module):
    """W^T relu(W x + b) + c of inputs [N, 64], with one W for both ways."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Linear(64, 16)
        self.decoder_bias = nn.Parameter(torch.zeros(64))

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruction [N, 64]."""
        return F.linear(F.relu(self.encoder(x)), self.encoder.weight.T, self.decoder_bias)


class TokenNet(nn.Module):
    """Class logits [N, 10] of token ids [N, 64] from 0 to 3: embeddings side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(4, 8)
        self.output = mlp(64 * 8, 32, 10)

    def forward(self, ids: Tensor) -> Tensor:
        """Logits [N, 10]."""
        logits: Tensor = self.output(self.embedding(ids).flatten(1))
        return logits
