"""Networks that are hard to capture, each with a batch: everything that a forward pass of a module may do."""

import contextlib
import functools
import random
from collections import OrderedDict, namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

SAMPLES = 12


@dataclass
class Output:
    """A data class, as models of language give."""

    scores: torch.Tensor
    states: tuple = ()


@dataclass(frozen=True)
class Frozen:
    state: torch.Tensor


class ModelOutput(OrderedDict):
    """A dict whose items are attributes as well."""

    def __getattr__(self, name: str) -> Any:
        return self[name]


Pair = namedtuple("Pair", "state extra")


class Forward(nn.Module):
    """Modules by name, and a forward pass that is a function of them and the inputs."""

    def __init__(self, forward: Callable, **parts: Any):
        super().__init__()
        self.run = forward
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.run(self, *args, **kwargs)


def mlp(depth: int = 4, width: int = 16, activation: Callable = nn.Tanh, inputs: int = 10) -> nn.Sequential:
    layers: list[nn.Module] = []
    for l in range(depth):
        layers += [nn.Linear(width if l else inputs, width), activation()]
    return nn.Sequential(*layers, nn.Linear(width, 3))


def vectors() -> torch.Tensor:
    return torch.randn(SAMPLES, 10)


def images() -> torch.Tensor:
    return torch.randn(SAMPLES, 3, 8, 8)


def sequences() -> torch.Tensor:
    return torch.randn(SAMPLES, 7, 16)


def tokens() -> torch.Tensor:
    drawn = torch.randint(1, 20, (SAMPLES, 7))
    drawn[::2, 5:] = 0
    return drawn


def linears(number: int = 3, width: int = 10) -> nn.ModuleList:
    return nn.ModuleList(nn.Linear(width, width) for _ in range(number))


def in_place_module():
    return nn.Sequential(nn.Linear(10, 16), nn.ReLU(inplace=True), nn.Linear(16, 16), nn.ReLU(inplace=True), head(16))


def head(width: int = 10) -> nn.Linear:
    return nn.Linear(width, 3)


def in_place_function():
    def forward(self, x):
        for layer in self.layers:
            x = F.relu_(layer(x))
        return self.head(x)

    return Forward(forward, layers=linears(), head=head())


def in_place_on_the_input():
    return Forward(lambda self, x: self.net(x.sub_(1.0).mul_(2.0)), net=mlp())


def through_a_view():
    """Half of what a layer gives is written over by way of a view."""

    def forward(self, x):
        x = self.first(x)
        x[:, :5].zero_()
        return self.second(x)

    return Forward(forward, first=nn.Linear(10, 10), second=head())


def encoder(norm_first: bool, depth: int = 2, batch_first: bool = True) -> nn.TransformerEncoder:
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=batch_first, norm_first=norm_first)
    return nn.TransformerEncoder(layer, depth, enable_nested_tensor=batch_first and not norm_first)


def transformer(norm_first: bool):
    return Forward(lambda self, x: self.head(self.encoder(x).mean(1)), encoder=encoder(norm_first), head=head(16))


def sequence_first():
    def forward(self, x):
        return self.head(self.encoder(x.transpose(0, 1)).mean(0))

    return Forward(forward, encoder=encoder(False, batch_first=False), head=head(16))


def attention():
    def forward(self, x):
        for part in self.layers:
            x, _ = part(x, x, x, need_weights=False)
        return self.head(x.mean(1))

    parts = nn.ModuleList(nn.MultiheadAttention(16, 2, batch_first=True) for _ in range(2))
    return Forward(forward, layers=parts, head=head(16))


def direct_forward():
    def forward(self, x):
        for layer in self.layers:
            x = torch.tanh(layer.forward(x))
        return self.head(x)

    return Forward(forward, layers=linears(), head=head())


def shared():
    def forward(self, x):
        for _ in range(3):
            x = torch.tanh(self.layer(x))
        return self.head(x)

    return Forward(forward, layer=nn.Linear(10, 10), head=head())


def recursive():
    """A module that calls itself: the first call to begin is the last one to end."""

    def inner(self, x, depth=2):
        x = torch.tanh(self.layer(x))
        return torch.tanh(self.layer(self(x, depth - 1))) if depth else x

    return nn.Sequential(Forward(inner, layer=nn.Linear(10, 10)), head())


def giving(give: Callable, get: Callable) -> nn.Module:
    """Layers that give something other than a tensor to each other."""

    def layer():
        return Forward(lambda self, x: give(self.linear(torch.tanh(get(x))).mul_(2.0)), linear=nn.Linear(10, 10))

    def forward(self, x):
        x = give(x)
        for part in self.layers:
            x = part(x)
        return self.head(get(x).mul_(2.0))

    return Forward(forward, layers=nn.ModuleList(layer() for _ in range(3)), head=head())


def iterated():
    """A container whose items are called one by one, and never the container."""

    def forward(self, x):
        for part in self.features:
            x = part(x)
        return self.heads["first"](x)

    return Forward(forward, features=mlp(2), heads=nn.ModuleDict({"first": head(3)}))


def batch_normalised():
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.InstanceNorm2d(8, track_running_stats=True, affine=True),
        nn.GELU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(8, 3),
    )


def residual(stochastic: float = 0.0) -> nn.Module:
    class Residual(nn.Module):
        def __init__(self, width: int):
            super().__init__()
            self.conv1, self.bn1 = nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width)
            self.conv2, self.bn2 = nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width)

        def forward(self, x):
            if self.training and torch.rand(()) < stochastic:
                return x
            y = F.relu_(self.bn1(self.conv1(x)))
            y = self.bn2(self.conv2(y))
            y += x
            return F.relu_(y)

    return nn.Sequential(
        nn.Conv2d(3, 8, 3), *(Residual(8) for _ in range(3)), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3)
    )


def token_classifier():
    """Padding masks are made of the numbers of the tokens."""

    def forward(self, ids):
        padded = ids == 0
        x = self.embedding(ids) + self.position(torch.arange(ids.shape[1]))
        x = self.encoder(x, src_key_padding_mask=padded)
        return self.head(x.masked_fill(padded[..., None], 0.0).sum(1))

    parts = {"embedding": nn.Embedding(20, 16, padding_idx=0), "position": nn.Embedding(7, 16)}
    return Forward(forward, **parts, encoder=encoder(True, 3), head=head(16))


def bounded_embedding():
    """An embedding that scales its own weights down when it is called."""
    return nn.Sequential(nn.Embedding(20, 16, max_norm=0.5), nn.Flatten(), nn.Linear(112, 3))


class Lstm(nn.Module):
    def __init__(self, ids: bool = True):
        super().__init__()
        self.embedding = nn.Embedding(20, 16) if ids else nn.Identity()
        self.lstm = nn.LSTM(16, 12, num_layers=2, batch_first=True)
        self.head = head(12)

    def forward(self, x):
        _, (h, _) = self.lstm(self.embedding(x))
        return self.head(h[-1])


def with_lengths():
    def forward(self, x, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        _, h = self.rnn(packed)
        return self.second(torch.tanh(self.first(h[-1])))

    return Forward(forward, rnn=nn.GRU(16, 10, batch_first=True), first=nn.Linear(10, 10), second=head())


def cells():
    """A loop over time that calls one cell."""

    def forward(self, x):
        h = x.new_zeros(len(x), 10)
        for step in x.unbind(1):
            h = self.cell(step, h)
        return self.head(h)

    return Forward(forward, cell=nn.GRUCell(16, 10), head=head())


class Unet(nn.Module):
    def __init__(self):
        super().__init__()
        self.inc = nn.Conv2d(3, 4, 3, padding=1)
        self.down = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(4, 8, 3, padding=1), nn.ReLU(inplace=True))
        self.bottom = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(inplace=True))
        self.up1, self.up2 = nn.ConvTranspose2d(8, 8, 2, 2), nn.ConvTranspose2d(8, 4, 2, 2)
        self.merge1, self.merge2 = nn.Conv2d(16, 8, 3, padding=1), nn.Conv2d(8, 4, 3, padding=1)
        self.out = nn.Conv2d(4, 2, 1)

    def forward(self, x):
        a = F.relu(self.inc(x))
        b = self.down(a)
        c = self.bottom(b)
        b = F.relu(self.merge1(torch.cat([b, self.up1(c)], 1)))
        a = F.relu(self.merge2(torch.cat([a, self.up2(b)], 1)))
        return self.out(a)


def siamese():
    def forward(self, left, right):
        return self.head(torch.cat([self.encoder(left), self.encoder(right)], 1))

    return Forward(forward, encoder=mlp(2), head=nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 2)))


def functional():
    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.fc1(torch.flatten(x, 1)))
        return F.log_softmax(self.fc2(x), 1)

    parts = {"conv1": nn.Conv2d(3, 6, 3, padding=1), "conv2": nn.Conv2d(6, 8, 3, padding=1)}
    return Forward(forward, **parts, fc1=nn.Linear(32, 16), fc2=head(16))


def parametrised():
    from torch.nn.utils import parametrizations

    layers = [nn.Linear(10, 10) for _ in range(4)]
    parametrizations.weight_norm(layers[0])
    parametrizations.spectral_norm(layers[1])
    parametrizations.orthogonal(layers[2])
    with torch.no_grad():
        nn.utils.spectral_norm(layers[3])
    tanhs = [nn.Tanh() for _ in layers]
    return nn.Sequential(*(part for pair in zip(layers, tanhs) for part in pair), head())


def keeping():
    """It keeps what it has seen, in attributes, lists, and tensors that are no buffers."""

    def forward(self, x):
        self.calls += 1
        x = self.first(x)
        self.last = x
        self.history.append(x.mean())
        self.seen["last"] = [x]
        self.total += x.detach().sum()
        return self.second(torch.tanh(x))

    parts = {"history": [], "seen": {}, "total": torch.zeros(()), "calls": 0}
    return Forward(forward, first=nn.Linear(10, 10), second=head(), **parts)


def building():
    """A layer is made when the model is called first."""

    def forward(self, x):
        x = torch.tanh(self.first(x))
        if not hasattr(self, "second"):
            self.second = nn.Linear(x.shape[1], 10)
            self.register_buffer("scale", torch.ones(()))
        return self.head(torch.tanh(self.second(x)) * self.scale)

    return Forward(forward, first=nn.Linear(10, 10), head=head())


def catching():
    """A module that fails, which the model does not mind."""

    def fail(self, x):
        self.linear(x)
        raise ValueError("not today")

    def forward(self, x):
        with contextlib.suppress(ValueError):
            self.broken(x)
        return self.second(torch.tanh(self.first(x)))

    broken = Forward(fail, linear=nn.Linear(10, 10))
    return Forward(forward, broken=broken, first=nn.Linear(10, 10), second=head())


def random_inside():
    """Noise and dropout even where the model is not being trained."""

    def forward(self, x):
        x = self.first(x)
        x = x + 0.1 * torch.randn_like(x)
        x = F.dropout(torch.tanh(x), 0.3)
        return self.second(x * torch.bernoulli(torch.full_like(x, 0.5)))

    return Forward(forward, first=nn.Linear(10, 10), second=head())


def other_random_numbers():
    """Noise by Python's and NumPy's random numbers."""

    def forward(self, x):
        scale = 1 + random.random() + np.random.rand()  # noqa: NPY002
        return self.second(torch.tanh(self.first(x) * scale))

    return Forward(forward, first=nn.Linear(10, 10), second=head())


def several_outputs():
    """Deep supervision: each layer has a head."""

    def forward(self, x):
        first = torch.tanh(self.layers[0](x))
        second = torch.tanh(self.layers[1](first))
        return {"scores": self.heads[1](second), "early": self.heads[0](first), "state": second}

    return Forward(forward, layers=linears(2), heads=nn.ModuleList([head(), head()]))


def variational():
    def forward(self, x):
        mean, log_variance = self.encoder(x).chunk(2, 1)
        z = mean + torch.randn_like(mean) * (log_variance / 2).exp()
        return self.decoder(z), mean, log_variance

    decoder = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 10))
    return Forward(forward, encoder=nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 8)), decoder=decoder)


def no_chain():
    """Everything depends on the inputs until the end."""

    def forward(self, x):
        h = torch.tanh(self.a(x))
        for layer in self.layers:
            h = torch.tanh(layer(torch.cat([h, x], 1)))
        return self.head(h + x)

    layers = nn.ModuleList(nn.Linear(20, 10) for _ in range(2))
    return Forward(forward, a=nn.Linear(10, 10), layers=layers, head=head())


def experts():
    """Every sample goes to one of the experts, which most batches do not all call."""

    class Experts(nn.Module):
        def __init__(self):
            super().__init__()
            self.router, self.experts = nn.Linear(10, 4), linears(4)

        def forward(self, x):
            weight, chosen = self.router(x).softmax(1).max(1)
            out = torch.zeros_like(x)
            for k, expert in enumerate(self.experts):
                if (mine := chosen == k).any():
                    out[mine] = weight[mine, None] * expert(x[mine])
            return x + out

    return nn.Sequential(nn.Linear(10, 10), Experts(), Experts(), head())


def graph():
    """Nodes gather from their neighbours."""

    def forward(self, x):
        start, end = self.edges
        for layer in self.layers:
            x = torch.relu(layer(torch.zeros_like(x).index_add(1, end, x[:, start])))
        return self.head(x.mean(1))

    model = Forward(forward, layers=linears(3, 16), head=head(16))
    model.register_buffer("edges", torch.tensor([[0, 1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6, 0]]))
    return model


def flow():
    """Euler's steps of a differential equation."""

    def forward(self, x):
        for _ in range(4):
            x = x + 0.25 * self.field(x)
        return self.head(x)

    field = nn.Sequential(nn.Linear(10, 16), nn.Tanh(), nn.Linear(16, 10))
    return Forward(forward, field=field, head=head())


def added_in_place():
    """What a layer gets is written over when the layer is done."""

    def forward(self, x):
        x = self.first(x)
        for layer in self.layers:
            x += layer(x)
        return self.head(x)

    layers = [Forward(lambda self, x: self.linear(torch.tanh(x)), linear=nn.Linear(10, 10)) for _ in range(3)]
    return Forward(forward, first=nn.Linear(10, 10), layers=nn.ModuleList(layers), head=head())


def einsum():
    def attend(self, x):
        q, k, v = (torch.einsum("ntc,hcd->nhtd", x, w) for w in self.weights)
        y = torch.einsum("nhts,nhsd->nthd", (torch.einsum("nhtd,nhsd->nhts", q, k) / 2).softmax(-1), v)
        return self.norm(x + torch.einsum("nthd,hdc->ntc", y, self.out))

    def layer():
        part = Forward(attend, norm=nn.LayerNorm(16))
        part.weights = nn.ParameterList(torch.randn(2, 16, 4) / 4 for _ in range(3))
        part.out = nn.Parameter(torch.randn(2, 4, 16) / 4)
        return part

    return nn.Sequential(layer(), layer(), nn.Flatten(), head(112))


def fourier():
    """Complex numbers on the way, and complex weights."""

    class Spectral(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.randn(16, 16, dtype=torch.cfloat) / 4)
            self.bypass = nn.Linear(16, 16)

        def forward(self, x):
            return F.gelu(torch.fft.irfft(torch.fft.rfft(x, dim=1) @ self.weight, n=x.shape[1], dim=1) + self.bypass(x))

    return nn.Sequential(Spectral(), Spectral(), nn.Flatten(), head(112))


def dense():
    def forward(self, x):
        for layer in self.layers:
            x = torch.cat([x, F.relu(layer(x))], 1)
        return self.head(x)

    layers = nn.ModuleList(nn.Linear(10 + 4 * l, 4) for l in range(3))
    return Forward(forward, layers=layers, head=head(22))


def perceiver():
    """Learned queries attend to the inputs again and again."""

    def forward(self, x):
        latent = self.queries.expand(len(x), -1, -1)
        for part in self.cross:
            latent = latent + part(latent, x, x, need_weights=False)[0]
        for part in self.own:
            latent = part(latent)
        return self.head(latent.mean(1))

    cross = nn.ModuleList(nn.MultiheadAttention(16, 2, batch_first=True) for _ in range(2))
    model = Forward(forward, cross=cross, own=encoder(True).layers, head=head(16))
    model.queries = nn.Parameter(torch.randn(1, 4, 16))
    return model


def listing():
    """A pyramid: a list of states."""

    def forward(self, x):
        found = []
        for layer in self.layers:
            x = torch.tanh(layer(x))
            found.append(x)
        return found

    return Forward(forward, layers=linears())


def conditional():
    """A number of the step, embedded, is given to every layer, as in diffusion."""

    def forward(self, x, step):
        told = self.time(step)
        for layer in self.layers:
            x = torch.tanh(layer(x) + told)
        return self.head(x)

    return Forward(forward, time=nn.Embedding(20, 10), layers=linears(), head=head())


def memory():
    """What the last layer reads of the first passes through a buffer."""

    def forward(self, x):
        x = torch.tanh(self.layers[0](x))
        self.memory.copy_(x.mean(0))
        x = torch.tanh(self.layers[1](x))
        return self.head(x + self.memory)

    model = Forward(forward, layers=linears(2), head=head())
    model.register_buffer("memory", torch.zeros(10))
    return model


def counting():
    """A buffer counts the calls, and scales what the model gives."""

    def forward(self, x):
        self.count.add_(1)
        return self.second(torch.tanh(self.first(x)) / self.count)

    model = Forward(forward, first=nn.Linear(10, 10), second=head())
    model.register_buffer("count", torch.zeros(()))
    return model


def masked_tokens():
    def forward(self, ids, mask):
        x = self.embedding(ids)
        for layer in self.layers:
            x = torch.tanh(layer(x)) * mask[..., None]
        return self.head(x.sum(1))

    return Forward(forward, embedding=nn.Embedding(20, 10), layers=linears(), head=head())


def frozen_weights():
    model = mlp()
    for part in list(model)[:4]:
        part.requires_grad_(False)
    return model


def class_token():
    """A vision transformer: the class token is one of a strided state."""

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.position
        return self.head(self.encoder(x)[:, 0])

    model = Forward(forward, patches=nn.Conv2d(3, 16, 4, 4), encoder=encoder(True), head=head(16))
    model.token, model.position = nn.Parameter(torch.zeros(1, 1, 16)), nn.Parameter(torch.randn(1, 5, 16))
    return model


def vmapped():
    def forward(self, x):
        rows = torch.func.vmap(lambda row: torch.tanh(self.first(row)))(x)
        return self.second(rows)

    return Forward(forward, first=nn.Linear(10, 10), second=head())


class _Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, gradient):
        return 2 * gradient


def own_function():
    return Forward(lambda self, x: self.second(_Double.apply(self.first(x))), first=nn.Linear(10, 10), second=head())


def gradient_inside():
    """The state moves against the gradient of an energy."""

    def forward(self, x):
        with torch.enable_grad():
            x = x if x.requires_grad else x.detach().requires_grad_()
            (g,) = torch.autograd.grad(self.energy(x).sum(), x, create_graph=True)
        return self.head(x - g)

    return Forward(forward, energy=mlp(1), head=head())


@functools.cache
def _scripted() -> Callable:
    def swish(x: torch.Tensor) -> torch.Tensor:
        return x * torch.sigmoid(x)

    return torch.jit.script(swish)


def scripted_function():
    return Forward(lambda self, x: self.second(_scripted()(self.first(x))), first=nn.Linear(10, 10), second=head())


def checkpointed():
    from torch.utils.checkpoint import checkpoint

    def forward(self, x):
        for layer in self.layers:
            x = checkpoint(layer, x, use_reentrant=False)
        return self.head(x)

    parts = nn.ModuleList(nn.Sequential(nn.Linear(10, 10), nn.ReLU(inplace=True)) for _ in range(3))
    return Forward(forward, layers=parts, head=head())


def sparse():
    """A sparse matrix among the buffers."""

    def forward(self, x):
        return self.second(torch.stack([torch.sparse.mm(self.adjacency, self.first(row)) for row in x]).mean(1))

    model = Forward(forward, first=nn.Linear(16, 10), second=head())
    model.register_buffer("adjacency", torch.eye(7).roll(1, 0).to_sparse())
    return model


def nested():
    """Sequences of several lengths in one tensor."""

    def forward(self, x):
        rows = torch.nested.as_nested_tensor([row[: 3 + k % 3] for k, row in enumerate(x)])
        return self.second(torch.nested.to_padded_tensor(self.first(rows), 0.0).sum(1))

    return Forward(forward, first=nn.Linear(16, 10), second=head())


def mixed_precision():
    def forward(self, x):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            x = self.layers[1](torch.tanh(self.layers[0](x)))
        return self.head(x.float())

    return Forward(forward, layers=linears(2), head=head())


def hooked():
    """Hooks of its owner change what modules get and give."""
    model = mlp()
    model[2].register_forward_hook(lambda part, args, outputs: outputs * 2)
    model[4].register_forward_pre_hook(lambda part, args: (args[0] + 1,))
    model.register_forward_pre_hook(lambda part, args: (args[0] * 2,))
    model.register_forward_hook(lambda part, args, outputs: outputs + 1)
    return model


def auxiliary():
    """A loss of the layers comes with the scores."""

    def forward(self, x):
        loss = 0
        for layer in self.layers:
            gate = layer(x)
            loss = loss + gate.softmax(1).var()
            x = x + torch.tanh(gate)
        return {"scores": self.head(x), "loss": loss}

    return Forward(forward, layers=linears(), head=head())


def constant_output():
    def forward(self, x):
        return self.prior.expand(len(x), -1), self.net(x)

    model = Forward(forward, net=mlp())
    model.prior = nn.Parameter(torch.zeros(1, 3))
    return model


def typed(dtype: torch.dtype) -> Callable:
    return lambda: mlp().to(dtype)


def pair(first: Callable, second: Callable) -> Callable:
    return lambda: (first(), second())


ODD: dict[str, tuple[Callable[[], nn.Module], Callable[[], Any]]] = {
    "mlp": (mlp, vectors),
    "in-place module": (in_place_module, vectors),
    "in-place function": (in_place_function, vectors),
    "in place on the input": (in_place_on_the_input, vectors),
    "in place through a view": (through_a_view, vectors),
    "transformer, post-norm": (lambda: transformer(False), sequences),
    "transformer, pre-norm": (lambda: transformer(True), sequences),
    "sequence first": (sequence_first, sequences),
    "attention": (attention, sequences),
    "direct forward": (direct_forward, vectors),
    "shared": (shared, vectors),
    "recursive": (recursive, vectors),
    "tuples": (lambda: giving(lambda x: (None, x), lambda t: t[1]), vectors),
    "named tuples": (lambda: giving(lambda x: Pair(x, None), lambda t: t.state), vectors),
    "lists": (lambda: giving(lambda x: [x, "x"], lambda t: t[0]), vectors),
    "dicts": (lambda: giving(lambda x: {"x": x}, lambda t: t["x"]), vectors),
    "data classes": (lambda: giving(lambda x: Output(x), lambda t: t.scores), vectors),
    "frozen data classes": (lambda: giving(lambda x: Frozen(x), lambda t: t.state), vectors),
    "model outputs": (lambda: giving(lambda x: ModelOutput(logits=x), lambda t: t.logits), vectors),
    "iterated containers": (iterated, vectors),
    "batch normalised": (batch_normalised, images),
    "residual": (residual, images),
    "stochastic depth": (lambda: residual(0.9), images),
    "tokens": (token_classifier, tokens),
    "bounded embedding": (bounded_embedding, tokens),
    "lstm": (Lstm, tokens),
    "lstm of floats": (lambda: Lstm(False), sequences),
    "lengths": (with_lengths, lambda: (sequences(), torch.randint(1, 8, (SAMPLES,)))),
    "cells": (cells, sequences),
    "u-net": (Unet, images),
    "siamese": (siamese, pair(vectors, vectors)),
    "siamese, by name": (siamese, lambda: {"left": vectors(), "right": vectors()}),
    "functional": (functional, images),
    "parametrised": (parametrised, vectors),
    "keeping": (keeping, vectors),
    "building": (building, vectors),
    "catching": (catching, vectors),
    "random inside": (random_inside, vectors),
    "other random numbers": (other_random_numbers, vectors),
    "several outputs": (several_outputs, vectors),
    "variational": (variational, vectors),
    "no chain": (no_chain, vectors),
    "experts": (experts, vectors),
    "graph": (graph, sequences),
    "flow": (flow, vectors),
    "added in place": (added_in_place, vectors),
    "einsum": (einsum, sequences),
    "fourier": (fourier, sequences),
    "dense": (dense, vectors),
    "perceiver": (perceiver, sequences),
    "list of outputs": (listing, vectors),
    "conditional": (conditional, lambda: (vectors(), torch.randint(0, 20, (SAMPLES,)))),
    "memory": (memory, vectors),
    "counting": (counting, vectors),
    "masked tokens": (masked_tokens, lambda: (t := tokens(), (t > 0).float())),
    "frozen weights": (frozen_weights, vectors),
    "class token": (class_token, images),
    "vmap": (vmapped, vectors),
    "own function": (own_function, vectors),
    "gradient inside": (gradient_inside, vectors),
    "scripted function": (scripted_function, vectors),
    "checkpointed": (checkpointed, vectors),
    "sparse": (sparse, sequences),
    "nested": (nested, sequences),
    "mixed precision": (mixed_precision, vectors),
    "hooked": (hooked, vectors),
    "auxiliary loss": (auxiliary, vectors),
    "list of inputs": (
        lambda: Forward(lambda self, x: self.net(x[0] + x[1]), net=mlp()),
        lambda: ([vectors(), vectors()],),
    ),
    "constant output": (constant_output, vectors),
    "float64": (typed(torch.float64), lambda: vectors().double()),
    "bfloat16": (typed(torch.bfloat16), lambda: vectors().bfloat16()),
    "float16": (typed(torch.float16), lambda: vectors().half()),
}


HOLDERS = "tuples", "named tuples", "lists", "dicts", "data classes", "frozen data classes", "model outputs"
"""Of layers that give each other something else than a tensor."""


def make(name: str, seed: int = 0) -> tuple[nn.Module, Any]:
    """A network and its batch."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model, batch = ODD[name]
        return model(), batch()
