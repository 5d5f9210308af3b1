"""The seed's 18432 x 3072 layer as two small ones, before fine-tuning: truncated SVD, of the weights and of what they put out."""

import copy

import torch

from .evaluate import accuracy, predict
from .nets import SeedNet

RANKS = (16, 32, 48, 64, 96, 128, 256)
SAMPLE = 3500


def dense_outputs(net, images, mean, std):
    """The big layer's output before its batch norm, [n, 3072]."""
    flat = copy.copy(net)
    flat.forward = lambda x: net.dense(net.flat(x))
    return predict(flat, images, mean, std)


def directions(net, outputs):
    """Orthonormal bases [3072, 3072], best direction first, of the normalised outputs: {method: basis}.

    "weights" is the plain SVD of the weight matrix; "outputs" that of the layer's outputs on training faces,
    which spends the rank on what faces excite.
    """
    scale = (net.norm4.weight / torch.sqrt(net.norm4.running_var + net.norm4.eps)).detach()
    weight = net.dense.weight.detach() * scale[:, None]
    centred = (outputs - outputs.mean(0)) * scale
    grams = {"weights": weight @ weight.T, "outputs": centred.T @ centred}
    # In double: LAPACK's single-precision routine misreports its workspace for matrices of this size.
    return {method: torch.linalg.eigh(gram.double())[1].flip(1).float() for method, gram in grams.items()}, scale


def rank_table(net, basis_of, scale, mean_output, valid_outputs, labels):
    """Rows (rank, method, accuracy before fine-tuning)."""
    rows = []
    for rank in RANKS:
        for method, basis in basis_of.items():
            kept = basis[:, :rank]
            approximate = ((valid_outputs - mean_output) * scale) @ kept @ kept.T / scale + mean_output
            logits = net.head(torch.relu(net.norm4(approximate)))
            rows.append((rank, method, accuracy(logits, labels)))
    return rows


def factor(net, basis, scale, mean_output, rank):
    """A SeedNet(rank) whose big layer is `net`'s projected on the basis' first `rank` directions."""
    kept = basis[:, :rank]
    low = SeedNet(rank)
    state = {k: v for k, v in net.state_dict().items() if k != "dense.weight"}
    state["dense.0.weight"] = kept.T @ (net.dense.weight.detach() * scale[:, None])
    state["dense.1.weight"] = kept / scale[:, None]
    # The batch norm gives back the part of the mean that the projection takes.
    lost = mean_output - (kept @ (kept.T @ (mean_output * scale))) / scale
    state["norm4.running_mean"] = state["norm4.running_mean"] - lost
    low.load_state_dict(state)
    return low


def compress(net, splits, rank):
    """(factored net, rows of the rank table, accuracy of the whole net) on `valid`'s FER2013 labels."""
    net.eval()
    with torch.no_grad():
        outputs = dense_outputs(net, splits.train.images[:SAMPLE], splits.mean, splits.std)
        mean_output = outputs.mean(0)
        basis_of, scale = directions(net, outputs)
        valid_outputs = dense_outputs(net, splits.valid.images, splits.mean, splits.std)
        whole = accuracy(net.head(torch.relu(net.norm4(valid_outputs))), splits.valid.fer2013)
        rows = rank_table(net, basis_of, scale, mean_output, valid_outputs, splits.valid.fer2013)
        return factor(net, basis_of["outputs"], scale, mean_output, rank), rows, whole
