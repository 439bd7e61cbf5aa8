"""Transformers: against independent implementations, causality, positions, patches, dropout, second derivatives."""

from __future__ import annotations

import math
import sys
from functools import cache, partial

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from homotopy_bench.core.errors import InputError
from homotopy_bench.curvature.products import hessian_operator
from homotopy_bench.ensemble.ensemble import Ensemble
from homotopy_bench.ensemble.losses import cross_entropy
from homotopy_bench.methods.identity_homotopy import IdentityHomotopy
from homotopy_bench.models.gpt2 import GPT2
from homotopy_bench.models.sequences import PatchEmbedding
from homotopy_bench.models.sublayer import Sublayer
from homotopy_bench.models.transformer import Transformer
from homotopy_bench.models.vit import ViT

TINY = {"depth": 2, "width": 12, "heads": 3}


@cache
def model(kind: str, seed: int = 0, side: int = 28, **options: object) -> nn.Module:
    torch.manual_seed(seed)
    if kind == "vit":
        network = ViT.model_validate({**TINY, "patch": 7, **options}).build((1, side, side), 10)
    else:
        network = Transformer.model_validate({**TINY, **options}).build((9,), 17)
    with torch.no_grad():
        for parameter in network.parameters():  # biases and norms are to matter too
            parameter.add_(0.3 * torch.randn_like(parameter))
    return network.double()


TOKENS = torch.randint(17, (4, 9), generator=torch.Generator().manual_seed(1))


def plain_attention(x: Tensor, module: nn.Module, heads: int, causal: bool) -> Tensor:
    """One query at a time, from the definition."""
    weights = dict(module.named_parameters())
    qkv = x @ weights["inputs.weight"].T + weights["inputs.bias"]
    width = x.shape[-1]
    size, output = width // heads, torch.zeros_like(x)
    for batch in range(len(x)):
        for head in range(heads):
            q, k, v = (qkv[batch, :, part * width + head * size :][:, :size] for part in range(3))
            for place in range(x.shape[1]):
                seen = place + 1 if causal else x.shape[1]
                weight = torch.softmax(torch.stack([q[place] @ k[j] for j in range(seen)]) / math.sqrt(size), 0)
                output[batch, place, head * size : (head + 1) * size] = weight @ v[:seen]
    return output @ weights["output.weight"].T + weights["output.bias"]


def plain(network: nn.Module, x: Tensor, norm: str, skip: bool, heads: int = 3, causal: bool = True) -> Tensor:
    """A transformer on embedded places, written again."""

    def normalised(z: Tensor, name: str) -> Tensor:
        own = dict(network.get_submodule(name).named_parameters())
        centred = z - z.mean(-1, keepdim=True)
        return centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt() * own["weight"] + own["bias"]

    for block in range(2):
        for kind in ("attention", "perceptron"):
            name = f"blocks.{block}.{kind}"
            branch = network.get_submodule(f"{name}.branch")
            z = normalised(x, f"{name}.norm") if norm == "pre" else x
            if kind == "attention":
                y = plain_attention(z, branch, heads, causal)
            else:
                own = dict(branch.named_parameters())
                hidden = z @ own["hidden.affine.weight"].T + own["hidden.affine.bias"]
                hidden = 0.5 * hidden * (1 + torch.erf(hidden / math.sqrt(2)))
                y = hidden @ own["output.weight"].T + own["output.bias"]
            x = x + y if skip else y
            x = normalised(x, f"{name}.norm") if norm == "post" else x
    return normalised(x, "norm") if norm == "pre" else x


@pytest.mark.parametrize("norm", ["pre", "post", "none"])
@pytest.mark.parametrize("skip", [True, False])
def test_a_decoder_is_its_formula(norm: str, skip: bool) -> None:
    network = model("transformer", norm=norm, skip=skip)
    own = dict(network.named_parameters())
    embedded = own["embedding.tokens"][TOKENS] + own["embedding.positions"]
    expected = plain(network, embedded, norm, skip) @ own["embedding.tokens"].T
    torch.testing.assert_close(network(TOKENS), expected, rtol=1e-11, atol=1e-11)


def test_a_vision_transformer_is_its_formula() -> None:
    network, x = model("vit"), torch.randn(3, 1, 28, 28, dtype=torch.float64)
    own = dict(network.named_parameters())
    places = [x[:, 0, 7 * i : 7 * i + 7, 7 * j : 7 * j + 7].flatten(1) for i in range(4) for j in range(4)]
    patches = torch.stack(places, dim=1)
    embedded = patches @ own["embedding.affine.weight"].T + own["embedding.affine.bias"] + own["embedding.positions"]
    pooled = plain(network, embedded, "pre", True, causal=False).mean(1)
    torch.testing.assert_close(network(x), pooled @ own["output.weight"].T + own["output.bias"], rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("shape", [(12,), (1, 12), (2, 6), (2, 6, 9)])
def test_patches_cover_every_value_once(shape: tuple[int, ...]) -> None:
    x = torch.arange(math.prod(shape), dtype=torch.float32).view(1, *shape)
    patches = PatchEmbedding(shape, 3, 4).patches(x)
    channels, *sides = shape if len(shape) > 1 else (1, *shape)
    assert patches.shape == (1, math.prod(side // 3 for side in sides), channels * 3 ** len(sides))
    assert sorted(patches.flatten().tolist()) == x.flatten().tolist()
    stacked = PatchEmbedding(shape, 3, 4).patches(x.expand(5, 2, *shape))
    assert torch.equal(stacked[3, 1], patches[0])


@pytest.mark.parametrize("norm", ["pre", "post", "none"])
def test_a_later_token_changes_no_earlier_logit(norm: str) -> None:
    network, place = model("transformer", norm=norm), 5
    before, changed = network(TOKENS), TOKENS.clone()
    changed[:, place] = (changed[:, place] + 1) % 17
    after = network(changed)
    torch.testing.assert_close(after[:, :place], before[:, :place], rtol=1e-13, atol=1e-13)
    assert (after[:, place:] != before[:, place:]).any(-1).all()


def test_places_matter() -> None:
    network = model("transformer")
    # Without positions a token that is all a place has seen would have the same logits anywhere.
    same = torch.full((1, 9), 3)
    logits = network(same)[0]
    assert ((logits[1:] - logits[:-1]).abs().amax(-1) > 1e-3).all()
    image = torch.randn(1, 1, 28, 28, dtype=torch.float64)
    assert not torch.allclose(model("vit")(image), model("vit")(image.roll(7, dims=2)))


def test_dropout_is_off_in_evaluation_and_on_in_training() -> None:
    network = model("transformer", dropout=0.5)
    first, second = network(TOKENS), network(TOKENS)
    assert not torch.equal(first, second)
    network.eval()
    assert torch.equal(network(TOKENS), network(TOKENS))
    network.train()
    state = network.state_dict()
    without = model("transformer", dropout=0.0)
    network.eval()
    without.load_state_dict({name: value for name, value in state.items() if not name.endswith("rate")}, strict=False)
    torch.testing.assert_close(network(TOKENS), without(TOKENS), rtol=0, atol=0)


def test_gpt2_small_has_its_parameters() -> None:
    with torch.device("meta"):
        network = GPT2().build((128,), 256)
    assert sum(parameter.numel() for parameter in network.parameters()) == 124_439_808


def test_logits_are_those_of_gpt2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)  # that of another build of torch cannot be loaded
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(
        vocab_size=31, n_positions=16, n_embd=24, n_layer=3, n_head=4, bos_token_id=0, eos_token_id=0
    )
    torch.manual_seed(3)
    theirs = transformers.GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    ours = GPT2(depth=3, width=24, heads=4, vocabulary=31, context=16).build((16,), 31).eval()
    names = {"wte.weight": "embedding.tokens", "wpe.weight": "embedding.positions", "ln_f": "norm"}
    parts = {
        "attn.c_attn": "attention.branch.inputs",
        "attn.c_proj": "attention.branch.output",
        "ln_1": "attention.norm",
        "ln_2": "perceptron.norm",
        "mlp.c_fc": "perceptron.branch.hidden.affine",
        "mlp.c_proj": "perceptron.branch.output",
    }
    values = {}
    for name, value in theirs.transformer.named_parameters():
        # Their maps are (inputs, outputs).
        own = value.T if ".c_" in name and name.endswith("weight") else value
        for old, new in (*names.items(), *parts.items()):
            name = name.replace(old, new)
        values[name.replace("h.", "blocks.", 1) if name.startswith("h.") else name] = own
    missing, unexpected = ours.load_state_dict(values, strict=False)
    assert not unexpected
    assert all(name.endswith((".key", ".rate")) for name in missing)
    tokens = torch.randint(31, (5, 16))
    with torch.no_grad():
        torch.testing.assert_close(ours(tokens), theirs(tokens).logits, rtol=0, atol=1e-4)


@pytest.mark.parametrize(("kind", "norm"), [("transformer", "pre"), ("transformer", "post"), ("vit", "none")])
def test_hessian_products_are_those_of_exact_hessians(kind: str, norm: str) -> None:
    small = {
        "width": 4,
        "heads": 2,
        "expansion": 1,
        "norm": norm,
        **({"patch": 4} if kind == "vit" else {"context": 9}),
    }
    networks = [model(kind, seed, side=8, **small) for seed in range(2)]
    if kind == "vit":
        x, y = torch.randn(2, 2, 1, 8, 8, dtype=torch.float64), torch.randint(10, (2, 2))
    else:
        x, y = torch.randint(17, (2, 2, 5)), torch.randint(17, (2, 2, 5))
    names = [name for name, _ in networks[0].named_parameters()]
    shapes = [parameter.shape for parameter in networks[0].parameters()]
    buffers = dict(networks[0].named_buffers())
    flat = [torch.cat([parameter.detach().flatten() for parameter in network.parameters()]) for network in networks]

    def loss(w: Tensor, member: int) -> Tensor:
        pieces = torch.split(w, [shape.numel() for shape in shapes])
        own = {name: piece.view(shape) for name, piece, shape in zip(names, pieces, shapes, strict=True)}
        with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
            logits = functional_call(networks[0], (own, buffers), (x[member],))
        return functional.cross_entropy(logits.flatten(0, -2), y[member].flatten())

    # Not by jacrev of jacrev, which torch 2.13 gets wrong in the weights of LayerNorm.
    of = torch.autograd.functional.hvp
    vectors = torch.randn(2, len(flat[0]), dtype=torch.float64)
    products = [of(partial(loss, member=member), flat[member], vectors[member])[1] for member in range(2)]  # type: ignore[no-untyped-call]
    expected = torch.stack(products)
    operator = hessian_operator(Ensemble(networks, dtype=torch.float64), [(x, y)], cross_entropy)
    torch.testing.assert_close(operator(vectors), expected, rtol=1e-8, atol=1e-8)
    assert expected.abs().max() > 1e-3


@pytest.mark.parametrize("kind", ["transformer", "vit"])
@pytest.mark.parametrize("norm", ["pre", "post", "none"])
def test_members_are_what_vmap_makes_of_one_network(kind: str, norm: str) -> None:
    networks = [model(kind, seed, norm=norm, dropout=0.2) for seed in range(3)]
    together = Ensemble(networks, dtype=torch.float64)
    x = TOKENS.expand(3, 4, 9) if kind == "transformer" else torch.randn(3, 4, 1, 28, 28, dtype=torch.float64)
    assert together._stacked is not None
    keys = {name: value.clone() for name, value in together.buffers.items()}
    ours = together.forward(x)
    together.assign(keys)  # the same masks again
    torch.testing.assert_close(ours, together.modules(x), rtol=1e-12, atol=1e-12)
    assert any(not torch.equal(value, keys[name]) for name, value in together.buffers.items())


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match=r"model.context=8: the data have windows of 9; accepted: at least that"):
        Transformer(context=8).build((9,), 17)
    with pytest.raises(InputError, match=r"model.vocabulary=16: the data have 17 tokens; accepted: at least that"):
        Transformer(vocabulary=16).build((9,), 17)
    with pytest.raises(InputError, match=r"model.patch=5: accepted: a divisor of the sides of a sample, 28 and 28"):
        ViT(patch=5).build((1, 28, 28), 10)
    with pytest.raises(ValueError, match=r"a divisor of width=128, not heads=3"):
        Transformer(heads=3)


def test_branches_of_blocks_are_named_as_layers() -> None:
    network = model("transformer", skip=False)
    IdentityHomotopy(layers=["blocks.*.attention"]).deform(network)
    deformed = [name for name, one in network.named_modules() if isinstance(one, Sublayer) and one.deformation]
    assert deformed == [f"blocks.{block}.attention" for block in range(len(deformed))] != []
    with pytest.raises(InputError, match=r"is no layer of this model; accepted: of blocks\.0\.attention, blocks\.0\."):
        IdentityHomotopy(layers=["blocks.0.attention.branch*"]).deform(model("transformer", skip=False))
