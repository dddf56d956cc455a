"""Tiny networks, also copied beside declarations as the module of a factory."""

# torch is not installed everywhere that types are checked.
# mypy: disable-error-code="misc,import-not-found,no-any-return"

from typing import Any

import torch
from torch import nn


class Fused(nn.Module):
    """An image and two clinical columns in, two logits out."""

    def __init__(self, features: int = 3) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, features, 3, padding=1)
        self.drop = nn.Dropout(0.5)
        self.linear = nn.Linear(features + 2, 2)

    def forward(self, image: torch.Tensor, clinical: torch.Tensor) -> torch.Tensor:
        seen = torch.relu(self.convolution(image)).mean((2, 3))
        return self.linear(self.drop(torch.cat([seen, clinical], 1)))


class Unet(nn.Module):
    """Down, up and across: a channel of logits per class for each pixel."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.down = nn.Conv2d(1, 4, 3, stride=2, padding=1)
        self.up = nn.ConvTranspose2d(4, 4, 2, stride=2)
        self.head = nn.Conv2d(5, classes, 1)

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        low = torch.relu(self.down(image))
        joined = torch.cat([self.up(low), image], 1)
        return {"out": self.head(joined), "low": low}


class Denoiser(nn.Module):
    """An image to an image."""

    def __init__(self) -> None:
        super().__init__()
        self.smooth = nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image - self.smooth(image)


class Restless(nn.Module):
    """Dropout that evaluation mode does not switch off."""

    def forward(self, table: torch.Tensor) -> torch.Tensor:
        return nn.functional.dropout(table, 0.5, training=True).sum(1)


def fused(features: int = 3) -> nn.Module:
    return Fused(features)


def no_network() -> Any:
    return {"weights": 1}


def broken() -> nn.Module:
    raise RuntimeError("no such backbone\nmore")
