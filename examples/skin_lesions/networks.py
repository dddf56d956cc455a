"""Two small networks for dermoscopy images of 56 x 56 pixels: convolutions, and a transformer."""

# torch is not installed everywhere that types are checked.
# mypy: disable-error-code="misc,import-not-found,no-any-return"

import torch
from torch import nn

SIDE = 56


class Convolutions(nn.Module):
    """Four convolutions, each halving the image; the mean of what they see is judged."""

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in ((3, width), (width, 2 * width), (2 * width, 3 * width)):
            layers += [nn.Conv2d(before, after, 3, 2, 1), nn.BatchNorm2d(after), nn.ReLU()]
        self.body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2))
        self.head = nn.Linear(3 * width, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Give one logit per image."""
        return self.head(self.body(image))


class VisionTransformer(nn.Module):
    """Patches of 8 x 8 pixels that attend to each other in two layers."""

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, 8, 8)
        self.place = nn.Parameter(0.02 * torch.randn(1, (SIDE // 8) ** 2, width))
        layer = nn.TransformerEncoderLayer(width, 4, 2 * width, 0.1, batch_first=True)
        self.body = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(width, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Give one logit per image."""
        seen = self.patches(image).flatten(2).transpose(1, 2) + self.place
        return self.head(self.body(seen).mean(1))


def convolutions() -> nn.Module:
    """Build the first."""
    return Convolutions()


def transformer() -> nn.Module:
    """Build the second."""
    return VisionTransformer()
