#!/bin/sh
# torch's NAdam goes on with other numbers after load_state_dict, in float64.
#
# Expected: an optimizer that loads the state_dict of another one takes the same steps,
# to the bit, as torch's documentation of checkpoints promises and as Adam does.
# Seen with torch 2.13.0: load_state_dict casts NAdam's float32 "mu_product" to the
# float64 of the parameters, so that later products round otherwise. Nothing is said.
# Fails if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet torch==2.13.0 numpy
"$folder/venv/bin/python" - <<'END'
import copy

import torch


def resumed_equals(Optimizer):
    """Take three steps, then three more with the optimizer and with its copy."""
    parameter = torch.ones(3, dtype=torch.float64, requires_grad=True)
    optimizer = Optimizer([parameter], lr=0.1)

    def step(parameter, optimizer):
        parameter.grad = torch.cos(parameter.detach())
        optimizer.step()

    for _ in range(3):
        step(parameter, optimizer)
    other = parameter.detach().clone().requires_grad_()
    resumed = Optimizer([other], lr=0.1)
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for _ in range(3):
        step(parameter, optimizer)
        step(other, resumed)
    kinds = [o.state[p].get("mu_product") for o, p in ((optimizer, parameter), (resumed, other))]
    return torch.equal(parameter, other), [k.dtype for k in kinds if k is not None]


assert resumed_equals(torch.optim.Adam) == (True, [])
is_equal, dtypes = resumed_equals(torch.optim.NAdam)
print(f"torch {torch.__version__}: NAdam resumed equals: {is_equal}, mu_product: {dtypes}")
if is_equal or dtypes != [torch.float32, torch.float64]:
    raise SystemExit("NAdam's load_state_dict keeps its numbers now")
END
