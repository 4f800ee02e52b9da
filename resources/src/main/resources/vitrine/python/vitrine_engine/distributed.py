"""Several processes, a GPU each: weights, gradients and moments sharded by FSDP2. One process is the plain case, and everything here does nothing."""

import os

import torch
import torch.distributed


class Group:

    def __init__(self, device):
        self.rank, self.world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
        self.device = device
        if self.world > 1 and not torch.distributed.is_initialized():
            if device.type == "cuda":
                torch.cuda.set_device(device)
            torch.distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")

    def shard(self, model, layers):
        """Shards every layer, and what is left as one part more; each process keeps its share on its device."""
        if self.world == 1:
            return
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard
        mesh = init_device_mesh(self.device.type, (self.world,))
        for layer in layers:
            fully_shard(layer, mesh=mesh)
        fully_shard(model, mesh=mesh)

    def own(self, samples):
        """This process's share of a pass."""
        return samples[self.rank::self.world]

    def sum(self, value):
        if self.world > 1:
            torch.distributed.all_reduce(value)
        return value

    def agree(self, flag):
        """Whether the first process says so."""
        if self.world == 1:
            return flag
        value = torch.tensor([int(flag)], device=self.device)
        torch.distributed.broadcast(value, 0)
        return bool(value.item())


def whole(tensor):
    """A tensor that may be sharded, whole; all processes must ask."""
    return tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor


def like(values, tensor):
    """Values spread as another tensor is."""
    values = values.to(tensor.device, tensor.dtype)
    if not hasattr(tensor, "full_tensor"):
        return values
    from torch.distributed.tensor import distribute_tensor
    return distribute_tensor(values, tensor.device_mesh, tensor.placements)
