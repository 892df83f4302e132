import torch

from sknn_deep.modules import MaskPool


def make_pool(p, seed=0):
    pool = MaskPool(torch.Generator().manual_seed(seed), torch.float32)
    pool.p = p
    return pool


def test_masks_keep_the_mean_and_differ():
    pool = make_pool(0.25)
    masks = torch.stack([pool((2, 40, 50)) for _ in range(200)])

    assert set(masks.unique().tolist()) == {0.0, torch.tensor(4 / 3).item()}
    assert abs(masks.mean().item() - 1) < 0.01
    # Two of them may be cut at the same place.
    assert len(masks.flatten(1).unique(dim=0)) > 190
    # No place is dropped more often than chance lets it: 200 draws of 1/4.
    dropped = (masks == 0).float().mean(dim=0)
    assert dropped.min() > 0.05 and dropped.max() < 0.5


def test_nothing_is_dropped_at_zero():
    assert make_pool(0.0)((2, 3, 4)) is None


def test_masks_are_those_of_the_seed():
    first, same, other = make_pool(0.5), make_pool(0.5), make_pool(0.5, seed=1)
    masks = [pool((3, 30)) for pool in (first, same, other)]

    assert torch.equal(masks[0], masks[1])
    assert not torch.equal(masks[0], masks[2])


def test_pool_follows_the_probability_and_the_size():
    pool = make_pool(0.1)
    pool((2, 100))
    pool.p = 0.9
    masks = torch.cat([pool((2, 100)) for _ in range(40)])

    assert (masks[-20:] == 0).float().mean() > 0.8
    assert pool((4, 1000)).shape == (4, 1000)
