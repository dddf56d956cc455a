"""Small networks for volumes and planes: a U-Net-like one for masks, one that sharpens images."""

# torch is not installed everywhere that types are checked.
# mypy: disable-error-code="misc,import-not-found,no-any-return"

import torch
from torch import nn


def _block(before: int, after: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, padding=1), nn.ReLU(), nn.Conv2d(after, after, 3, padding=1),
        nn.ReLU(),
    )  # fmt: skip


class Unet(nn.Module):
    """Down, up and across, once."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.first = _block(1, width)
        self.low = nn.Sequential(nn.MaxPool2d(2), _block(width, 2 * width))
        self.up = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.last = nn.Sequential(_block(2 * width, width), nn.Conv2d(width, 1, 1))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Give one logit per pixel."""
        fine = self.first(image)
        return self.last(torch.cat([fine, self.up(self.low(fine))], 1))


class Sharpen(nn.Module):
    """What a blurred image lacks, learnt as an addition to it."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.missing = nn.Sequential(
            nn.Conv2d(1, width, 5, padding=2), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(), nn.Conv2d(width, 1, 3, padding=1),
        )  # fmt: skip

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Give an image of the same size."""
        return image + self.missing(image)


def fit(
    network: nn.Module, x: torch.Tensor, y: torch.Tensor, loss: nn.Module, steps: int
) -> nn.Module:
    """Train on random eighths of the data; the same call gives the same network."""
    optimiser = torch.optim.Adam(network.parameters(), 4e-3)
    order = torch.Generator().manual_seed(0)
    for _ in range(steps):
        rows = torch.randperm(len(x), generator=order)[: max(len(x) // 8, 4)]
        optimiser.zero_grad()
        loss(network(x[rows]), y[rows]).backward()
        optimiser.step()
    return network.eval()
