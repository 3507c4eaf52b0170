"""The same networks in PyTorch, on the CPU, as its own guides would have them fast. Knows no dae_lab.

    python torch_script.py SYSTEM MNIST.npz IMAGES EPOCHS float32|bfloat16 eager|compiled

channels_last, a fused Adam, batches gathered from tensors in memory (no loader), noise drawn once.
"""

import sys

import numpy as np
import torch
from clock import Clock
from torch import nn
from torch.nn import functional

BATCH = {"spatial_latent": 128, "dense_latent": 32, "shallow_pool": 300}
RATE = {"spatial_latent": 5e-4, "dense_latent": 5e-5, "shallow_pool": 5e-3}


def convolutions(filters, strides) -> list[nn.Module]:
    parts: list[nn.Module] = []
    for before, count, stride in zip([1, *filters], filters, strides, strict=False):
        parts += [nn.Conv2d(before, count, 3, stride, 1), nn.LeakyReLU(0.3)]
    return parts


def transposed(before, filters, strides) -> list[nn.Module]:
    parts: list[nn.Module] = []
    for first, count, stride in zip([before, *filters], filters, strides, strict=False):
        parts += [nn.ConvTranspose2d(first, count, 3, stride, 1, stride - 1), nn.LeakyReLU(0.3)]
    return [*parts, nn.ConvTranspose2d(filters[-1], 1, 3, 1, 1)]


def network(system: str) -> nn.Module:
    """From a noisy image to logits, (n, 1, 28, 28)."""
    if system == "shallow_pool":
        pool = [nn.ZeroPad2d((0, 1, 0, 1)), nn.MaxPool2d(2, 1)]  # after a ReLU nothing is below 0
        first, last = nn.Conv2d(1, 10, 3, 1, 1), nn.Conv2d(10, 1, 3, 1, 1)
        return nn.Sequential(first, nn.ReLU(), *pool, nn.ConvTranspose2d(10, 10, 3, 1, 1), nn.ReLU(), last)
    if system == "spatial_latent":
        return nn.Sequential(*convolutions([32, 64, 128], [1, 2, 2]), *transposed(128, [64, 32], [2, 2]))
    code = [nn.Flatten(), nn.Linear(3136, 2), nn.Linear(2, 3136), nn.Unflatten(1, (64, 7, 7))]
    down, up = convolutions([32, 64, 64, 64], [1, 2, 2, 1]), transposed(64, [64, 64, 32], [1, 2, 2])
    return nn.Sequential(*down, *code, *up)


def cost(system: str, logits: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
    if system == "dense_latent":
        return functional.mse_loss(torch.sigmoid(logits.float()), clean)
    return functional.binary_cross_entropy_with_logits(logits.float(), clean)


if __name__ == "__main__":
    system, file, images, epochs, precision, mode = *sys.argv[1:3], *map(int, sys.argv[3:5]), *sys.argv[5:7]
    torch.manual_seed(0)
    clean = torch.from_numpy(np.load(file)["train"][:images])[:, None].float() / 255
    sigma = 0.3 if system == "shallow_pool" else 0.5
    noisy = clean + sigma * torch.randn(clean.shape)
    noisy = noisy if system == "shallow_pool" else noisy.clamp_(0, 1)
    noisy, clean = (item.contiguous(memory_format=torch.channels_last) for item in (noisy, clean))
    model = network(system).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), RATE[system], fused=True)
    size = BATCH[system]
    clock = Clock(-(-images // size))

    def loss_of(noisy_batch: torch.Tensor, clean_batch: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            logits = model(noisy_batch)
        return cost(system, logits, clean_batch)

    step = torch.compile(loss_of) if mode == "compiled" else loss_of
    for _ in range(epochs):
        clock.start()
        total = torch.zeros(())
        for chosen in torch.randperm(images).split(size):
            optimizer.zero_grad(set_to_none=True)
            loss = step(noisy[chosen], clean[chosen])
            loss.backward()
            optimizer.step()
            total += loss.detach()
        clock.stop()
    clock.tell(float(total) / clock.steps)
