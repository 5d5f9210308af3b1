"""Random changes of a batch of faces, all samples at once and reproducible from one generator.

Faces are float32 [n,1,48,48], standardised. `move` changes what the camera sees, `spoil` what it makes of it.
"""

import math

import torch
import torch.nn.functional as F


def uniform(n, low, high, generator):
    return torch.rand(n, generator=generator) * (high - low) + low


def move(x, generator, strength=1.0):
    """Flip, roll, scale, stretch, shift, contrast, brightness. strength 1 is +-15 degrees, +-15 % size, +-10 % shift."""
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
    return x * contrast + brightness


def spoil(x, generator, share, level):
    """What a bad camera does, each change to `share` of the faces: light from one side, low resolution, blur, noise,
    JPEG. level: of one gray level, in x's unit."""
    for change in (light, reduce, blur, noise, jpeg):
        chosen = torch.nonzero(torch.rand(len(x), generator=generator) < share).flatten().to(x.device)
        if len(chosen):
            x = x.index_copy(0, chosen, change(x[chosen], generator, level))
    return x


def light(x, generator, level):
    """Brighter on one side and darker on the other, by a factor of up to 1.7 at the edges."""
    n, _, h, w = x.shape
    angle = (uniform(n, 0, 2 * math.pi, generator)).view(n, 1, 1)
    rows, columns = torch.linspace(-1, 1, h).view(1, h, 1), torch.linspace(-1, 1, w).view(1, 1, w)
    ramp = torch.sin(angle) * rows + torch.cos(angle) * columns
    gain = 1 + ramp * uniform(n, 0.1, 0.7, generator).view(n, 1, 1)
    # Black (not the mean gray) stays black: 2 is half of 255 levels in the unit that the edge net has.
    black = 128 * level
    return (x + black) * gain.clamp_min(0.2).view(n, 1, h, w).to(x) - black


def reduce(x, generator, level):
    """Fewer pixels: one of a few sizes for all, and back."""
    size = int(torch.randint(18, 40, (1,), generator=generator))
    return F.interpolate(F.interpolate(x, size=size, mode="area"), size=x.shape[-1], mode="bilinear", align_corners=False)


def blur(x, generator, level, radius=6):
    """A Gaussian of 0.4 to 2.5 pixels."""
    n, _, h, w = x.shape
    deviation = uniform(n, 0.4, 2.5, generator).view(n, 1)
    kernel = torch.exp(-((torch.arange(-radius, radius + 1) / deviation) ** 2) / 2)
    kernel = (kernel / kernel.sum(1, keepdim=True)).to(x)
    x = F.pad(x.transpose(0, 1), (radius,) * 4, mode="replicate")
    x = F.conv2d(x, kernel.view(n, 1, 1, -1), groups=n)
    return F.conv2d(x, kernel.view(n, 1, -1, 1), groups=n).transpose(0, 1)


def noise(x, generator, level):
    """Gaussian noise of 2 to 26 gray levels."""
    deviation = uniform(len(x), 2, 26, generator).view(-1, 1, 1, 1) * level
    return x + (torch.randn(x.shape, generator=generator) * deviation).to(x)


# The luminance table of the JPEG standard (ITU-T T.81, annex K.1).
JPEG_STEPS = torch.tensor([
    [16, 11, 10, 16, 24, 40, 51, 61], [12, 12, 14, 19, 26, 58, 60, 55], [14, 13, 16, 24, 40, 57, 69, 56],
    [14, 17, 22, 29, 51, 87, 80, 62], [18, 22, 37, 56, 68, 109, 103, 77], [24, 35, 55, 64, 81, 104, 113, 92],
    [49, 64, 78, 87, 103, 121, 120, 101], [72, 92, 95, 98, 112, 100, 103, 99],
], dtype=torch.float32)
DCT = torch.tensor([[math.sqrt((1 if k == 0 else 2) / 8) * math.cos(math.pi * (2 * i + 1) * k / 16) for i in range(8)] for k in range(8)])


def jpeg(x, generator, level):
    """What JPEG of quality 5 to 60 loses: the rounding of each 8x8 block's cosine transform."""
    n, _, h, w = x.shape
    quality = uniform(n, 5, 60, generator)
    scale = torch.where(quality < 50, 50 / quality, 2 - quality / 50).view(n, 1, 1, 1, 1)
    steps = ((JPEG_STEPS * scale).clamp(1, 255) * level).to(x)
    dct = DCT.to(x)
    blocks = x.view(n, h // 8, 8, w // 8, 8).transpose(2, 3)
    blocks = torch.round(dct @ blocks @ dct.T / steps) * steps
    return (dct.T @ blocks @ dct).transpose(2, 3).reshape(x.shape)


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
