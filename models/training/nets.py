"""The networks. Convolutions and pooling pad as TensorFlow's SAME does, because tfjs runs the result.

Batch norm stands behind each layer during training only; `layers()` folds it into the weights (see graph.py).
"""

import torch
import torch.nn.functional as F
from torch import nn

from .graph import Layer, folded

CLASSES = 7


class SameConv(nn.Conv2d):
    """A convolution without bias and with TensorFlow's SAME padding: the odd row or column goes after."""

    def __init__(self, channels_in, channels_out, kernel, stride=1):
        super().__init__(channels_in, channels_out, kernel, stride=stride, bias=False)

    def forward(self, x):
        size, kernel, stride = x.shape[-1], self.kernel_size[0], self.stride[0]
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        before, after = total // 2, total - total // 2
        if x.shape[1] == 1 and stride == 1:
            return self.of_gray(F.pad(x, (before, after, before, after))[:, 0], size)
        if before != after:
            x = F.pad(x, (before, after, before, after))
            return F.conv2d(x, self.weight, stride=stride)
        return F.conv2d(x, self.weight, stride=stride, padding=before)

    def of_gray(self, x, size):
        """One channel as a product of matrices: a CPU's convolution of a single channel takes ten times as long."""
        kernel = self.kernel_size[0]
        columns = torch.stack([x[:, i : i + size, j : j + size] for i in range(kernel) for j in range(kernel)], 3)
        return (columns @ self.weight.flatten(1).T).permute(0, 3, 1, 2)


def pool(x):
    """3x3 max-pool, stride 2: ceil_mode drops what lies outside, which is TensorFlow's SAME on even sizes."""
    return F.max_pool2d(x, 3, 2, ceil_mode=True)


class SeedNet(nn.Module):
    """The seed's layout: 5x5x64, pool, 5x5x64, pool, 4x4x128, dropout 0.3, dense 3072, seven logits.

    rank: the dense layer as two, 18432 x rank and rank x 3072, without a ReLU between; None: whole.
    Input [n,1,48,48] standardised; output logits [n,7].
    """

    FLAT, HIDDEN = 12 * 12 * 128, 3072

    def __init__(self, rank=None):
        super().__init__()
        self.conv1, self.norm1 = SameConv(1, 64, 5), nn.BatchNorm2d(64)
        self.conv2, self.norm2 = SameConv(64, 64, 5), nn.BatchNorm2d(64)
        self.conv3, self.norm3 = SameConv(64, 128, 4), nn.BatchNorm2d(128)
        self.dropout = nn.Dropout(0.3)
        if rank is None:
            self.dense = nn.Linear(self.FLAT, self.HIDDEN, bias=False)
        else:
            self.dense = nn.Sequential(nn.Linear(self.FLAT, rank, bias=False), nn.Linear(rank, self.HIDDEN, bias=False))
        self.norm4 = nn.BatchNorm1d(self.HIDDEN)
        self.head = nn.Linear(self.HIDDEN, CLASSES)
        initialise(self)
        # 3072 features of unit size would make the head's steps so large that training diverges.
        nn.init.constant_(self.norm4.weight, 0.1)

    def flat(self, x):
        """[n,1,48,48] -> [n,18432], in the NHWC order that tfjs flattens in."""
        # ReLU after pooling equals ReLU before it, on a quarter of the pixels.
        x = F.relu(pool(self.norm1(self.conv1(x))))
        x = F.relu(pool(self.norm2(self.conv2(x))))
        x = F.relu(self.norm3(self.conv3(x)))
        return x.permute(0, 2, 3, 1).reshape(len(x), -1)

    def forward(self, x):
        x = self.dense(self.dropout(self.flat(x)))
        return self.head(F.relu(self.norm4(x)))

    def layers(self, head=0):
        """The folded network, see graph.py; the factored layout only."""
        low, high = self.dense
        return [
            Layer("conv1", "conv", ["input"], *folded(self.conv1, self.norm1), relu=True),
            Layer("pool1", "maxpool", ["conv1"], kernel=3, stride=2),
            Layer("conv2", "conv", ["pool1"], *folded(self.conv2, self.norm2), relu=True),
            Layer("pool2", "maxpool", ["conv2"], kernel=3, stride=2),
            Layer("conv3", "conv", ["pool2"], *folded(self.conv3, self.norm3), relu=True),
            Layer("low", "dense", ["conv3"], *folded(low)),
            Layer("high", "dense", ["low"], *folded(high, self.norm4), relu=True),
            Layer("logits", "dense", ["high"], *folded(self.head)),
        ]


class Block(nn.Module):
    """Two 3x3 convolutions around which the input is added: relu(x + conv(relu(conv(x))))."""

    def __init__(self, channels):
        super().__init__()
        self.conv1, self.norm1 = SameConv(channels, channels, 3), nn.BatchNorm2d(channels)
        self.conv2, self.norm2 = SameConv(channels, channels, 3), nn.BatchNorm2d(channels)

    def forward(self, x):
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(x + self.norm2(self.conv2(y)))

    def layers(self, name, source):
        return [
            Layer(f"{name}a", "conv", [source], *folded(self.conv1, self.norm1), relu=True),
            Layer(f"{name}b", "conv", [f"{name}a"], *folded(self.conv2, self.norm2), relu=True, residual=source),
        ]


# (weights, top): layers with more weights than that hold whole numbers up to `top`, not 127. Measured, it costs no more
# than 0.1 points of accuracy, and what is downloaded packs into half.
LARGE_LAYERS = ((50_000, 7), (150_000, 6))


class EdgeNet(nn.Module):
    """The project's own network: 55 MMAC, 1.19 M weights, a residual backbone with two heads.

    Input [n,1,48,48] standardised; output [n,14]: seven logits for FER+'s votes, then seven for FER2013's label.
    """

    WIDTHS = (32, 64, 128, 160)

    def __init__(self):
        super().__init__()
        a, b, c, d = self.WIDTHS
        self.stem, self.norm0 = SameConv(1, a, 3), nn.BatchNorm2d(a)
        self.block1 = Block(a)
        self.down1, self.norm1 = SameConv(a, b, 3, stride=2), nn.BatchNorm2d(b)
        self.block2, self.block3 = Block(b), Block(b)
        self.down2, self.norm2 = SameConv(b, c, 3, stride=2), nn.BatchNorm2d(c)
        self.block4 = Block(c)
        self.down3, self.norm3 = SameConv(c, d, 3, stride=2), nn.BatchNorm2d(d)
        self.block5 = Block(d)
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(d, 2 * CLASSES)
        initialise(self)
        for block in (self.block1, self.block2, self.block3, self.block4, self.block5):
            nn.init.zeros_(block.norm2.weight)

    def forward(self, x):
        x = F.relu(pool(self.norm0(self.stem(x))))
        x = F.relu(self.norm1(self.down1(self.block1(x))))
        x = F.relu(self.norm2(self.down2(self.block3(self.block2(x)))))
        x = self.block5(F.relu(self.norm3(self.down3(self.block4(x)))))
        return self.head(self.dropout(x.mean((2, 3))))

    def layers(self, head=0):
        """The folded backbone with one head (0: FER+, 1: FER2013), see graph.py."""
        weight, bias = folded(self.head)
        rows = slice(head * CLASSES, (head + 1) * CLASSES)
        layers = [
            Layer("stem", "conv", ["input"], *folded(self.stem, self.norm0), relu=True),
            Layer("pool", "maxpool", ["stem"], kernel=3, stride=2),
            *self.block1.layers("block1", "pool"),
            Layer("down1", "conv", ["block1b"], *folded(self.down1, self.norm1), stride=2, relu=True),
            *self.block2.layers("block2", "down1"),
            *self.block3.layers("block3", "block2b"),
            Layer("down2", "conv", ["block3b"], *folded(self.down2, self.norm2), stride=2, relu=True),
            *self.block4.layers("block4", "down2"),
            Layer("down3", "conv", ["block4b"], *folded(self.down3, self.norm3), stride=2, relu=True),
            *self.block5.layers("block5", "down3"),
            Layer("average", "avgpool", ["block5b"]),
            Layer("logits", "dense", ["average"], weight[rows], bias[rows]),
        ]
        for layer in layers:
            for size, top in LARGE_LAYERS:
                if layer.weight is not None and layer.weight.size > size:
                    layer.top = top
        return layers


class DeepEdgeNet(EdgeNet):
    """A teacher: the edge net with one more block in each stage, 1.9 times its arithmetic. The new blocks begin as nothing,
    so that it may start from the edge net's weights."""

    def __init__(self):
        super().__init__()
        self.more = nn.ModuleList(Block(width) for width in self.WIDTHS)
        for block in self.more:
            initialise_convolutions(block)
            nn.init.zeros_(block.norm2.weight)

    def forward(self, x):
        x = self.more[0](self.block1(F.relu(pool(self.norm0(self.stem(x))))))
        x = self.more[1](self.block3(self.block2(F.relu(self.norm1(self.down1(x))))))
        x = self.more[2](self.block4(F.relu(self.norm2(self.down2(x)))))
        x = self.more[3](self.block5(F.relu(self.norm3(self.down3(x)))))
        return self.head(self.dropout(x.mean((2, 3))))


def initialise_convolutions(net):
    """He's initialisation."""
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")


def initialise(net):
    """He's initialisation; small weights in the last layer."""
    initialise_convolutions(net)
    nn.init.normal_(net.head.weight, std=0.01)
    nn.init.zeros_(net.head.bias)
