"""Random changes of a batch of faces, all samples at once and reproducible from one generator."""

import math

import torch
import torch.nn.functional as F


def uniform(n, low, high, generator):
    return torch.rand(n, generator=generator) * (high - low) + low


def augment(x, generator, strength=1.0, erase=0.0):
    """x: float [n,1,48,48], standardised. Flip, roll, scale, stretch, shift, contrast, brightness; `erase` is the
    share of faces of which a rectangle is blanked. strength 1 is +-15 degrees, +-15 % size, +-10 % shift."""
    n = len(x)
    angle = uniform(n, -1, 1, generator) * math.radians(15) * strength
    zoom = 1 + uniform(n, -0.15, 0.15, generator) * strength
    stretch = 1 + uniform(n, -0.05, 0.05, generator) * strength
    flip = (torch.rand(n, generator=generator) < 0.5).float() * 2 - 1
    cos, sin = torch.cos(angle) * zoom, torch.sin(angle) * zoom
    shift = uniform(2 * n, -0.2, 0.2, generator).view(2, n) * strength
    theta = torch.stack([cos * flip * stretch, -sin, shift[0], sin * flip * stretch, cos, shift[1]], 1).view(n, 2, 3)
    x = F.grid_sample(x, F.affine_grid(theta.to(x), list(x.shape), align_corners=False), padding_mode="border", align_corners=False)
    contrast = (1 + uniform(n, -0.25, 0.25, generator) * strength).view(n, 1, 1, 1).to(x)
    brightness = (uniform(n, -0.3, 0.3, generator) * strength).view(n, 1, 1, 1).to(x)
    x = x * contrast + brightness
    return erase_rectangles(x, erase, generator) if erase else x


def erase_rectangles(x, share, generator):
    """Blank (to 0, the mean) a rectangle of a random 10 to 40 % of each side in `share` of the faces."""
    n, _, h, w = x.shape
    side = uniform(2 * n, 0.15, 0.45, generator).view(2, n)
    corner = torch.rand(2, n, generator=generator) * (1 - side)
    chosen = (torch.rand(n, generator=generator) < share).view(n, 1)
    rows, columns = (torch.arange(h) + 0.5) / h, (torch.arange(w) + 0.5) / w
    in_rows = (rows >= corner[0, :, None]) & (rows < (corner[0] + side[0])[:, None]) & chosen
    in_columns = (columns >= corner[1, :, None]) & (columns < (corner[1] + side[1])[:, None])
    hole = in_rows[:, :, None] & in_columns[:, None, :]
    return x.masked_fill(hole[:, None].to(x.device), 0.0)
