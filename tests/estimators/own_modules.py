"""Networks as users write them, where pickles and other processes find them."""

import numpy as np
import torch
from torch import nn


class TwoLinear(nn.Module):
    """One hidden layer; `n_outputs` is what the loss needs."""

    def __init__(self, n_features_in, n_outputs, width=8):
        super().__init__()
        self.hidden = nn.Linear(n_features_in, width)
        self.output = nn.Linear(width, n_outputs)

    def forward(self, X):
        return self.output(torch.tanh(self.hidden(X)))


class TwoWiderLinear(TwoLinear):
    """Wide enough for the checks of scores, and not to learn by heart."""

    def __init__(self, n_features_in, n_outputs, width=20):
        super().__init__(n_features_in, n_outputs, width)


class PerClass(TwoLinear):
    """One output for each class, two for two of them."""

    def __init__(self, n_features_in, n_classes, width=8):
        super().__init__(n_features_in, n_classes, width)


class WithDropout(TwoLinear):
    """Draws from torch's global generator while training."""

    def __init__(self, n_features_in, n_outputs, width=8, p=0.3):
        super().__init__(n_features_in, n_outputs, width)
        self.dropout = nn.Dropout(p)

    def forward(self, X):
        return self.output(self.dropout(torch.tanh(self.hidden(X))))


class NumpyNoise(TwoLinear):
    """Draws what nobody can seed."""

    def forward(self, X):
        noise = np.random.default_rng().normal(size=1)
        return super().forward(X + torch.tensor(noise, dtype=X.dtype))


class OneLevel(nn.Module):
    """Its first parameter has no dimension, and none has two."""

    def __init__(self, n_features_in):
        super().__init__()
        self.level = nn.Parameter(torch.tensor(0.5))
        self.slopes = nn.Parameter(torch.zeros(n_features_in))

    def forward(self, X):
        return self.level + X @ self.slopes


class Unbiased(nn.Module):
    """All of its parameters have two dimensions."""

    def __init__(self, n_features_in, n_outputs):
        super().__init__()
        self.output = nn.Linear(n_features_in, n_outputs, bias=False)

    def forward(self, X):
        return self.output(X)


class HalfUsed(TwoLinear):
    """Has a layer that no row passes, and one that is frozen."""

    def __init__(self, n_features_in, n_outputs):
        super().__init__(n_features_in, n_outputs)
        self.unused = nn.Linear(3, 3)
        self.hidden.requires_grad_(False)


class SmallConv(nn.Module):
    """For images of one channel."""

    def __init__(self, input_shape, n_outputs, width=4):
        super().__init__()
        height, width_of_image = input_shape
        self.conv = nn.Conv2d(1, width, 3, padding=1)
        self.output = nn.Linear(width * height * width_of_image, n_outputs)

    def forward(self, X):
        return self.output(self.conv(X.unsqueeze(1)).relu().flatten(1))


class Words(nn.Module):
    """The mean of what token numbers are embedded as."""

    def __init__(self, n_outputs, n_words=20):
        super().__init__()
        self.embedding = nn.Embedding(n_words, 6)
        self.output = nn.Linear(6, n_outputs)

    def forward(self, X):
        return self.output(self.embedding(X).mean(dim=1))


class EndsIn(nn.Module):
    """Has an activation in the end."""

    def __init__(self, n_features_in, n_outputs, end):
        super().__init__()
        self.output = nn.Linear(n_features_in, n_outputs)
        self.end = end

    def forward(self, X):
        return self.end(self.output(X))
