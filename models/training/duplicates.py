"""Faces that occur twice, found by perceptual hash; those that are also in the evaluation split leave training."""

import numpy as np
from scipy.fft import dctn

MAX_DISTANCE = 6  # bits of 64: candidates
MIN_CORRELATION = 0.95  # of 48x48 pixels: what separates a copy from another face of the same layout


def hashes(images):
    """64-bit DCT hash of each face, uint8 [n,48,48] -> uint8 [n,8]."""
    low = dctn(images.astype(np.float32), axes=(1, 2), norm="ortho")[:, :9, :9].reshape(len(images), -1)
    low = low[:, 1:65]  # without the mean brightness
    return np.packbits(low > np.median(low, axis=1, keepdims=True), axis=1)


def standardise(images):
    x = images.reshape(len(images), -1).astype(np.float32)
    x -= x.mean(1, keepdims=True)
    return x / (np.linalg.norm(x, axis=1, keepdims=True) + 1e-6)


def find_copies(images, others):
    """Indices into `images` of faces of which `others` holds a copy (a mirrored one counts)."""
    bits = np.array([bin(i).count("1") for i in range(256)], np.uint8)
    found = np.zeros(len(images), bool)
    if len(images) == 0 or len(others) == 0:
        return np.flatnonzero(found)
    for candidate in (others, others[:, :, ::-1]):
        theirs, pixels = hashes(candidate), standardise(candidate)
        ours, our_pixels = hashes(images), standardise(images)
        for start in range(0, len(candidate), 256):
            distance = np.zeros((len(images), len(theirs[start : start + 256])), np.uint8)
            for byte in range(8):
                distance += bits[ours[:, byte, None] ^ theirs[None, start : start + 256, byte]]
            i, j = np.nonzero(distance <= MAX_DISTANCE)
            same = np.einsum("ij,ij->i", our_pixels[i], pixels[start + j]) >= MIN_CORRELATION
            found[i[same]] = True
    return np.flatnonzero(found)
