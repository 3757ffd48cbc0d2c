#!/usr/bin/env python3
"""Makes the model folders of tests/golden, and checks itself against numbers of the authors' code.

    make_models.py FOLDER            writes bert_2_widths/, plain_bert/, adamw_steps/, ... into FOLDER
    make_models.py --check FOLDER    recomputes every model folder in FOLDER and prints the largest differences

It needs PyTorch. It computes in float64, and autograd finds the gradients, so it shares nothing with the library: neither
code nor the way to a gradient. README.md says what the files hold.
"""

import json
import math
import pathlib
import sys

import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)


# --- files ------------------------------------------------------------------------------------------------------------


def read_tensors(file):
    """A safetensors file as {name: tensor}; numbers become float64."""
    data = pathlib.Path(file).read_bytes()
    size = int.from_bytes(data[:8], "little")
    body = data[8 + size :]
    tensors = {}
    for name, entry in json.loads(data[8 : 8 + size]).items():
        begin, end = entry["data_offsets"]
        dtype = {"F32": "<f4", "I64": "<i8"}[entry["dtype"]]
        tensor = torch.from_numpy(np.frombuffer(body[begin:end], dtype).reshape(entry["shape"]).copy())
        tensors[name] = tensor.double() if entry["dtype"] == "F32" else tensor
    return tensors


def write_tensors(file, tensors):
    header, body = {}, b""
    for name, tensor in tensors.items():
        array = tensor.detach().numpy()
        integer = array.dtype.kind == "i"
        data = array.astype("<i8" if integer else "<f4").tobytes()
        header[name] = {
            "dtype": "I64" if integer else "F32",
            "shape": list(array.shape),
            "data_offsets": [len(body), len(body) + len(data)],
        }
        body += data
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    pathlib.Path(file).write_bytes(len(text).to_bytes(8, "little") + text + body)


def write_json(file, value):
    pathlib.Path(file).write_text(json.dumps(value, indent=1) + "\n")


# --- the model --------------------------------------------------------------------------------------------------------


def suffix(width):
    """How a width stands in names: 0.25 is "025", 1.0 is "10"."""
    return str(float(width)).replace(".", "")


class Sizes:
    """What is left of a model at one width."""

    def __init__(self, config, width):
        heads = config["num_attention_heads"]
        self.head_size = config.get("attention_head_size") or config["hidden_size"] // heads
        self.heads = max(1, round(width * heads))
        share = self.heads / heads
        self.hidden = int(share * config["hidden_size"])
        self.ffn = int(share * config["intermediate_size"])


# The parts of a layer, by the authors' names and by MPNet's.
AUTHORS_PARTS = {part: part for part in (
    "attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense",
    "attention.output.LayerNorm",
)}  # fmt: skip
MPNET_PARTS = dict(zip(AUTHORS_PARTS, (*(f"attention.attn.{part}" for part in "qkvo"), "attention.LayerNorm")))


def bucket(distance):
    """MPNet's bucket of a key so far behind the query (before it, if negative): of transformers, in whole numbers."""
    n = abs(distance)
    if n >= 8:
        n = next((8 + k for k in range(7) if n * n < 64 << (k + 1)), 15)
    return n + 16 if distance > 0 else n


class Model:
    """The authors' BERT, RoBERTa or DistilBERT, or transformers' MPNet sliced in the same way, as a function of a
    dictionary of parameters."""

    def __init__(self, config, parameters):
        self.config, self.p = config, parameters
        self.family = config["model_type"]
        self.widths = config.get("width_mult_list", [])
        self.scope = "" if self.family == "distilbert" else self.family + "."
        self.layer_scope = "distilbert." if self.family == "distilbert" else self.family + ".encoder."
        self.parts = MPNET_PARTS if self.family == "mpnet" else AUTHORS_PARTS

    def norm(self, name, x):
        return F.layer_norm(
            x, x.shape[-1:], self.p[name + ".weight"], self.p[name + ".bias"], self.config["layer_norm_eps"]
        )

    def linear(self, name, x, outputs=None):
        """The leading slice of a linear layer: as many inputs as x has, and `outputs` outputs (or all)."""
        weight, bias = self.p[name + ".weight"], self.p[name + ".bias"]
        return F.linear(x, weight[:outputs, : x.shape[-1]], bias[:outputs])

    def embed(self, ids, types):
        at = self.scope + "embeddings."
        first = {"roberta": self.config["pad_token_id"] + 1, "mpnet": 2}.get(self.family, 0)
        positions = torch.arange(first, first + ids.shape[1])
        x = self.p[at + "word_embeddings.weight"][ids] + self.p[at + "position_embeddings.weight"][positions]
        if self.family not in ("distilbert", "mpnet"):
            x = x + self.p[at + "token_type_embeddings.weight"][types]
        return self.norm(at + "LayerNorm", x)

    def bias(self, tokens, heads):
        """[heads, tokens, tokens], added to the scores: of a key at j and a query at i by j - i."""
        buckets = torch.tensor([[bucket(j - i) for j in range(tokens)] for i in range(tokens)])
        return self.p[self.layer_scope + "relative_attention_bias.weight"][buckets].permute(2, 0, 1)[:heads]

    def attention(self, name, x, mask, sizes, head_mask):
        def split(y):
            return y.view(*y.shape[:2], sizes.heads, sizes.head_size).transpose(1, 2)

        q, k, v = (
            split(self.linear(name + self.parts["attention.self." + part], x, sizes.heads * sizes.head_size))
            for part in ("query", "key", "value")
        )
        scores = q @ k.transpose(-1, -2) / math.sqrt(sizes.head_size) - 10000.0 * (1 - mask[:, None, None, :])
        if self.family == "mpnet":
            scores = scores + self.bias(x.shape[1], sizes.heads)
        context = scores.softmax(-1) @ v
        if head_mask is not None:
            context = context * head_mask[None, :, None, None]
        return context.transpose(1, 2).reshape(*x.shape[:2], -1)

    def reduce(self, name, x, width):
        if not self.config["weighted_dim_reduction"]:
            return x[..., : int(width * x.shape[-1])]
        weights = self.p[f"{name}.dim_reduction_weights.{self.widths.index(width)}"]
        return (x.reshape(*x.shape[:-1], -1, len(weights)) @ weights)[..., 0]

    def run(self, ids, mask, types, width=None, head_masks=None):
        """Everything that a forward_W file holds, but the losses. Without a width: every layer whole."""
        config, mask = self.config, mask.double()
        full = Sizes(config, 1.0)
        x = self.embed(ids, types)
        out = {"hidden.0": x}
        for i in range(config["num_hidden_layers"]):
            at = f"{self.layer_scope}layer.{i}."
            router_layer = bool(self.widths) and i == config["adaptive_layer_idx"] - 1
            adaptive = bool(self.widths) and i >= config["adaptive_layer_idx"]
            sizes = Sizes(config, width) if adaptive else full
            own = "_" + suffix(width) if adaptive else ""
            context = self.attention(at, x, mask, sizes, head_masks[i] if head_masks else None)
            x = self.norm(
                at + self.parts["attention.output.LayerNorm"] + own,
                self.linear(at + self.parts["attention.output.dense"], context, sizes.hidden) + x,
            )
            inner = F.gelu(self.linear(at + "intermediate.dense", x, sizes.ffn))
            x = self.norm(at + "output.LayerNorm" + own, self.linear(at + "output.dense", inner, sizes.hidden) + x)
            if router_layer:
                mean = (x * mask[..., None]).sum(1) / mask.sum(1)[:, None]
                out["router_logits"] = self.linear(
                    at + "output.router.2", F.relu(self.linear(at + "output.router.0", mean))
                )
                x = self.norm(at + "output.LayerNorm_" + suffix(width), self.reduce(at + "output", x, width))
            out[f"hidden.{i + 1}"] = x
        first = x[:, 0]
        if self.family == "bert":
            out["pooled"] = torch.tanh(self.linear("bert.pooler.dense", first))
            out["logits"] = self.linear("classifier", out["pooled"])
        elif self.family in ("roberta", "mpnet"):
            out["logits"] = self.linear("classifier.out_proj", torch.tanh(self.linear("classifier.dense", first)))
        else:
            out["logits"] = self.linear("classifier", F.relu(self.linear("pre_classifier", first)))
        return out


def forward_and_gradients(config, parameters, inputs, width=None, padded=False):
    """The contents of a forward and a gradients file."""
    parameters = {name: value.clone().requires_grad_() for name, value in parameters.items()}
    out = Model(config, parameters).run(inputs["input_ids"], inputs["attention_mask"], inputs["token_type_ids"], width)
    labels, logits = inputs["labels"], out["logits"]
    regression = config["num_labels"] == 1
    loss = F.mse_loss(logits[:, 0], labels) if regression else F.cross_entropy(logits, labels)
    out["loss_task"] = loss.reshape(1)
    if width is not None:
        out["probability_of_label"] = logits.softmax(-1).gather(1, labels[:, None])[:, 0]
    router_logits = out.pop("router_logits", None)
    if router_logits is not None and not padded:
        router_loss = F.binary_cross_entropy_with_logits(router_logits, inputs["width_mult_label"])
        out["router_logits"], out["loss_router"] = router_logits, router_loss.reshape(1)
        loss = loss + router_loss
    loss.backward()
    gradients = {
        name: torch.zeros_like(value) if value.grad is None else value.grad for name, value in parameters.items()
    }
    return {name: value.detach() for name, value in out.items()}, gradients, parameters


def routed(config, parameters, inputs):
    """Each sample alone, without padding, at the width of the router's largest logit."""
    model, samples = Model(config, parameters), []
    for ids, mask, types in zip(inputs["input_ids"], inputs["attention_mask"], inputs["token_type_ids"]):
        count = int(mask.sum())
        sample = (ids[None, :count], mask[None, :count], types[None, :count])
        width = model.widths[int(model.run(*sample, model.widths[-1])["router_logits"].argmax())]
        logits = model.run(*sample, width)["logits"]
        samples.append({"tokens": count, "width": width, "logits": logits[0].tolist()})
    return samples


# --- training ---------------------------------------------------------------------------------------------------------


def adamw(config, parameters, plan, batches):
    """Six steps of the authors' AdamW; gives the losses and the parameters after each."""
    values = {name: value.clone() for name, value in parameters.items()}
    moments = {}  # of a parameter that has had a gradient: first, second, and how many
    (beta1, beta2), eps = plan["betas"], plan["eps"]
    for step, inputs in zip(plan["steps"], batches):
        out, _, leaves = forward_and_gradients(config, values, inputs, step["width"])
        rate = step["learning_rate"]
        for name, leaf in leaves.items():
            if leaf.grad is None:
                continue  # the private LayerNorms of another width
            first, second, count = moments.get(name, (0.0, 0.0, 0))
            first = beta1 * first + (1 - beta1) * leaf.grad
            second = beta2 * second + (1 - beta2) * leaf.grad**2
            count += 1
            moments[name] = first, second, count
            size = rate * math.sqrt(1 - beta2**count) / (1 - beta1**count)
            values[name] = values[name] - size * first / (second.sqrt() + eps)
            if not any(part in name for part in plan["no_decay"]):
                values[name] = values[name] * (1 - rate * plan["weight_decay"])
        yield float(out["loss_task"]), float(out["loss_router"]), values


def importance(config, parameters, batches):
    """What importance.safetensors and reordered.safetensors hold."""
    layers, heads = range(config["num_hidden_layers"]), config["num_attention_heads"]
    of_heads = torch.zeros(len(layers), heads)
    of_neurons = torch.zeros(len(layers), config["intermediate_size"])
    name = Model(config, parameters).layer_scope + "layer.{}.{}"
    for inputs in batches:
        leaves = {name: value.clone().requires_grad_() for name, value in parameters.items()}
        masks = [torch.ones(heads, requires_grad=True) for _ in layers]
        arguments = inputs["input_ids"], inputs["attention_mask"], inputs["token_type_ids"]
        F.cross_entropy(Model(config, leaves).run(*arguments, head_masks=masks)["logits"], inputs["labels"]).backward()
        for i in layers:
            w1, b1, w2 = (
                leaves[name.format(i, part)]
                for part in ("intermediate.dense.weight", "intermediate.dense.bias", "output.dense.weight")
            )
            of_heads[i] += masks[i].grad.abs()
            of_neurons[i] += ((w1 * w1.grad).sum(1) + b1 * b1.grad).abs() + (w2 * w2.grad).sum(0).abs()
    head_order, neuron_order = of_heads.argsort(descending=True), of_neurons.argsort(descending=True)
    values = {name: value.clone() for name, value in parameters.items()}
    size = Sizes(config, 1.0).head_size
    for i in layers:
        rows = (head_order[i][:, None] * size + torch.arange(size)).flatten()
        for part in ("query", "key", "value"):
            for kind in ("weight", "bias"):
                at = name.format(i, f"attention.self.{part}.{kind}")
                values[at] = values[at][rows]
        for at, order in (("attention.output.dense.weight", rows), ("output.dense.weight", neuron_order[i])):
            values[name.format(i, at)] = values[name.format(i, at)][:, order]
        for kind in ("weight", "bias"):
            at = name.format(i, "intermediate.dense." + kind)
            values[at] = values[at][neuron_order[i]]
    logits = Model(config, values).run(*arguments)["logits"]
    found = {
        "head_importance": of_heads,
        "neuron_importance": of_neurons,
        "head_order": head_order,
        "neuron_order": neuron_order,
        "logits": logits,
    }
    return found, values


# --- making -----------------------------------------------------------------------------------------------------------

# 3 layers of 4 heads of 3 dimensions: small, and no size is a multiple of a vector register.
SMALL = {
    "num_labels": 3, "hidden_size": 12, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 20,
    "vocab_size": 26, "max_position_embeddings": 14, "hidden_act": "gelu", "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}  # fmt: skip
FAMILY = {
    "bert": {"model_type": "bert", "pad_token_id": 0, "type_vocab_size": 2, "layer_norm_eps": 1e-12},
    "roberta": {"model_type": "roberta", "pad_token_id": 1, "type_vocab_size": 1, "layer_norm_eps": 1e-05},
    "distilbert": {"model_type": "distilbert", "pad_token_id": 0, "type_vocab_size": 2, "layer_norm_eps": 1e-12},
    "mpnet": {"model_type": "mpnet", "pad_token_id": 1, "layer_norm_eps": 1e-05},
}
# Smaller still: what MPNet adds is in the attention.
SMALLEST = {
    "num_hidden_layers": 2, "intermediate_size": 12, "vocab_size": 12, "max_position_embeddings": 15,
    "adaptive_layer_idx": 1, "hidden_size_router": 5,
}  # fmt: skip


def adaptive(family, widths, **more):
    return {
        **FAMILY[family], **SMALL, "width_mult_list": widths, "adaptive_layer_idx": 2, "hidden_size_router": 6,
        "weighted_dim_reduction": False, "use_router": True, **more,
    }  # fmt: skip


def shapes(config):
    """Names and shapes of a model's parameters."""
    family, hidden, ffn, labels = (
        config[key] for key in ("model_type", "hidden_size", "intermediate_size", "num_labels")
    )
    widths = config.get("width_mult_list", [])
    whole = Sizes(config, 1.0)
    inner = whole.heads * whole.head_size
    model = Model(config, {})
    found = {}

    def linear(name, outputs, inputs):
        found[name + ".weight"], found[name + ".bias"] = (outputs, inputs), (outputs,)

    def norm(name, size):
        found[name + ".weight"], found[name + ".bias"] = (size,), (size,)

    found[model.scope + "embeddings.word_embeddings.weight"] = (config["vocab_size"], hidden)
    found[model.scope + "embeddings.position_embeddings.weight"] = (config["max_position_embeddings"], hidden)
    if family not in ("distilbert", "mpnet"):
        found[model.scope + "embeddings.token_type_embeddings.weight"] = (config["type_vocab_size"], hidden)
    norm(model.scope + "embeddings.LayerNorm", hidden)
    if family == "mpnet":
        found[model.layer_scope + "relative_attention_bias.weight"] = (32, whole.heads)
    for i in range(config["num_hidden_layers"]):
        at = f"{model.layer_scope}layer.{i}."
        router_layer = bool(widths) and i == config["adaptive_layer_idx"] - 1
        adaptive_layer = bool(widths) and i >= config["adaptive_layer_idx"]

        def norms(name):
            for width in widths:
                norm(f"{name}_{suffix(width)}", Sizes(config, width).hidden)

        for part in ("query", "key", "value"):
            linear(at + model.parts["attention.self." + part], inner, hidden)
        linear(at + model.parts["attention.output.dense"], hidden, inner)
        if adaptive_layer:
            norms(at + model.parts["attention.output.LayerNorm"])
        else:
            norm(at + model.parts["attention.output.LayerNorm"], hidden)
        linear(at + "intermediate.dense", ffn, hidden)
        linear(at + "output.dense", hidden, ffn)
        if not adaptive_layer:
            norm(at + "output.LayerNorm", hidden)
        if router_layer:
            linear(at + "output.router.0", config["hidden_size_router"], hidden)
            linear(at + "output.router.2", len(widths), config["hidden_size_router"])
            if config["weighted_dim_reduction"]:
                for w, width in enumerate(widths):
                    found[f"{at}output.dim_reduction_weights.{w}"] = (round(1 / width), 1)
        if adaptive_layer or router_layer:
            norms(at + "output.LayerNorm")
    head = {"bert": "bert.pooler.dense", "distilbert": "pre_classifier"}.get(family, "classifier.dense")
    linear(head, hidden, hidden)
    linear("classifier.out_proj" if family in ("roberta", "mpnet") else "classifier", labels, hidden)
    return found


def draw_parameters(config, random):
    values = {}
    for name, shape in shapes(config).items():
        normal = random.standard_normal(shape)
        if "LayerNorm" in name and name.endswith("weight"):
            value = 1 + 0.2 * normal
        elif "dim_reduction_weights" in name:
            value = 1 / shape[0] + 0.1 * normal
        else:
            value = 0.16 * normal
        values[name] = torch.from_numpy(value.astype("f4").astype("f8"))  # what the file can hold
    return values


def draw_inputs(config, random, samples, tokens, lengths=None):
    """Samples of `tokens` tokens, or of the given lengths with padding behind them."""
    pad = config["pad_token_id"]
    ids = random.integers(2, config["vocab_size"], (samples, tokens))
    types = np.zeros((samples, tokens), "i8")
    if config.get("type_vocab_size", 1) > 1 and config["model_type"] != "distilbert":
        types[:, tokens // 2 :] = 1
    mask = np.ones((samples, tokens), "i8")
    for s, length in enumerate(lengths or []):
        ids[s, length:], types[s, length:], mask[s, length:] = pad, 0, 0
    inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
    if config["num_labels"] == 1:
        inputs["labels"] = random.uniform(0, 5, samples).astype("f4").astype("f8")
    else:
        inputs["labels"] = random.integers(0, config["num_labels"], samples)
    if config.get("width_mult_list") and not lengths:
        label = random.integers(0, 2, (samples, len(config["width_mult_list"])))
        label[label.sum(1) == 0, -1] = 1  # every sample is fit for some width
        inputs["width_mult_label"] = label.astype("f8")
    return {name: torch.from_numpy(value) for name, value in inputs.items()}


def begin_case(root, name, config, seed):
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    parameters = draw_parameters(config, random)
    write_json(folder / "config.json", config)
    write_tensors(folder / "model.safetensors", parameters)
    return folder, random, parameters


def make_adaptive(root, name, config, seed, longest=7):
    folder, random, parameters = begin_case(root, name, config, seed)
    for prefix, lengths in (("", None), ("padded_", [longest, 4, 1, 6])):
        inputs = draw_inputs(config, random, samples=4, tokens=longest, lengths=lengths)
        write_tensors(folder / f"{prefix}inputs.safetensors", inputs)
        for width in config["width_mult_list"]:
            forward, gradients, _ = forward_and_gradients(config, parameters, inputs, width, padded=lengths is not None)
            write_tensors(folder / f"{prefix}forward_{suffix(width)}.safetensors", forward)
            write_tensors(folder / f"{prefix}gradients_{suffix(width)}.safetensors", gradients)
    samples = routed(config, parameters, inputs)
    assert len({sample["width"] for sample in samples}) > 1, f"{name}: choose a seed that routes to several widths"
    write_json(folder / "routed.json", samples)


def make_plain(root, name, config, seed):
    folder, random, parameters = begin_case(root, name, config, seed)
    inputs = draw_inputs(config, random, samples=4, tokens=7, lengths=[7, 4, 1, 6])
    forward, gradients, _ = forward_and_gradients(config, parameters, inputs)
    write_tensors(folder / "inputs.safetensors", inputs)
    write_tensors(folder / "forward.safetensors", forward)
    write_tensors(folder / "gradients.safetensors", gradients)


def make_adamw(root, seed):
    config = adaptive("bert", [0.25, 1.0])
    folder, random, parameters = begin_case(root, "adamw_steps", config, seed)
    rates = [0.0, 0.0005, 0.001, 0.00075, 0.0005, 0.00025]  # up in two steps, then down to zero after six
    # The gradient of a key's bias is zero but for rounding. eps is large beside that, so that it hardly moves the bias.
    plan = {
        "learning_rate": 0.001, "betas": [0.9, 0.999], "eps": 1e-06, "weight_decay": 0.01,
        "no_decay": ["bias", "LayerNorm.weight", "LayerNorm_025", "LayerNorm_10"], "warmup_steps": 2, "total_steps": 6,
        "steps": [{"step": s + 1, "width": [0.25, 1.0][s % 2], "learning_rate": rate} for s, rate in enumerate(rates)],
    }  # fmt: skip
    batches = [draw_inputs(config, random, samples=4, tokens=5 + s) for s in range(6)]
    for step, inputs, (task, router, values) in zip(plan["steps"], batches, adamw(config, parameters, plan, batches)):
        number = step["step"]
        step["loss_task"], step["loss_router"] = task, router
        write_tensors(folder / f"batch_{number}.safetensors", inputs)
        if number % 2 == 0:
            write_tensors(folder / f"after_{number}.safetensors", values)
    write_json(folder / "steps.json", plan)


def make_importance(root, seed):
    config = {**FAMILY["bert"], **SMALL}
    folder, random, parameters = begin_case(root, "importance", config, seed)
    batches = [
        draw_inputs(config, random, samples=4, tokens=7, lengths=lengths)
        for lengths in ([7, 4, 1, 6], [3, 7, 5, 2], [6, 6, 2, 7])
    ]
    for number, inputs in enumerate(batches, 1):
        write_tensors(folder / f"batch_{number}.safetensors", inputs)
    found, values = importance(config, parameters, batches)
    write_tensors(folder / "importance.safetensors", found)
    write_tensors(folder / "reordered.safetensors", values)


def make(root):
    make_adaptive(root, "bert_2_widths", adaptive("bert", [0.25, 1.0]), seed=3)
    make_adaptive(root, "roberta_2_widths", adaptive("roberta", [0.25, 1.0]), seed=5)
    make_adaptive(root, "distilbert_2_widths", adaptive("distilbert", [0.25, 1.0]), seed=18)
    make_adaptive(
        root, "bert_weighted_reduction", adaptive("bert", [0.25, 0.5, 1.0], weighted_dim_reduction=True), seed=69
    )
    make_adaptive(root, "bert_head_size", adaptive("bert", [0.5, 1.0], num_labels=2, attention_head_size=2), seed=9)
    # 13 tokens: so far apart that distances share buckets.
    make_adaptive(root, "mpnet_2_widths", adaptive("mpnet", [0.25, 1.0], **SMALLEST), seed=5, longest=13)
    make_plain(root, "plain_bert", {**FAMILY["bert"], **SMALL}, seed=6)
    make_plain(root, "plain_roberta_regression", {**FAMILY["roberta"], **SMALL, "num_labels": 1}, seed=7)
    make_adamw(root, seed=8)
    make_importance(root, seed=9)


# --- checking ---------------------------------------------------------------------------------------------------------


def difference(found, expected, mask=None):
    """Largest difference, relative to the largest expected value. With a mask: of real tokens only."""
    if mask is not None and found.dim() == 3:
        found, expected = found[mask == 1], expected[mask == 1]
    assert found.shape == expected.shape, (found.shape, expected.shape)
    largest = (found - expected).detach().abs().max()
    return float(largest / expected.abs().max()) if largest > 0 else 0.0


def check_case(folder):
    """The largest difference of each kind of number."""
    config = json.loads((folder / "config.json").read_text())
    parameters = read_tensors(folder / "model.safetensors")
    worst = {}

    def compare(kind, found, expected, mask=None):
        assert found.keys() >= expected.keys(), (kind, expected.keys() - found.keys())
        for name, value in expected.items():
            # Zero in exact arithmetic, so that only rounding is left to compare: a key's bias, which the softmax takes out
            # again, and the full width's only reduction weight, which the LayerNorm behind it takes out again.
            if kind == "gradients" and (name.endswith(("key.bias", "attn.k.bias")) or ("dim_reduction" in name and value.numel() == 1)):
                continue
            worst[kind] = max(worst.get(kind, 0), difference(found[name].double(), value.double(), mask))

    assert {name: tuple(value.shape) for name, value in parameters.items()} == shapes(config)
    for file in sorted(folder.glob("*inputs.safetensors")):
        prefix = file.name[: -len("inputs.safetensors")]
        inputs = read_tensors(file)
        for width in config.get("width_mult_list", [None]):
            end = "" if width is None else "_" + suffix(width)
            forward, gradients, _ = forward_and_gradients(config, parameters, inputs, width, padded=prefix != "")
            compare(
                "forward", forward, read_tensors(folder / f"{prefix}forward{end}.safetensors"), inputs["attention_mask"]
            )
            compare("gradients", gradients, read_tensors(folder / f"{prefix}gradients{end}.safetensors"))
    if (folder / "routed.json").exists():
        inputs = read_tensors(folder / "padded_inputs.safetensors")
        for found, expected in zip(
            routed(config, parameters, inputs), json.loads((folder / "routed.json").read_text()), strict=True
        ):
            assert (found["width"], found["tokens"]) == (expected["width"], expected["tokens"])
            compare("routed", {"logits": torch.tensor(found["logits"])}, {"logits": torch.tensor(expected["logits"])})
    batches = [read_tensors(folder / f"batch_{n}.safetensors") for n in range(1, len(list(folder.glob("batch_*"))) + 1)]
    if (folder / "steps.json").exists():
        plan = json.loads((folder / "steps.json").read_text())
        for step, (task, router, values) in zip(plan["steps"], adamw(config, parameters, plan, batches), strict=True):
            losses, expected = torch.tensor([task, router]), torch.tensor([step["loss_task"], step["loss_router"]])
            compare("losses", {"losses": losses}, {"losses": expected})
            after = folder / f"after_{step['step']}.safetensors"
            if after.exists():
                compare("weights", values, read_tensors(after))
    if (folder / "importance.safetensors").exists():
        found, values = importance(config, parameters, batches)
        compare("importance", found, read_tensors(folder / "importance.safetensors"))
        compare("weights", values, read_tensors(folder / "reordered.safetensors"))
    return worst


def main(arguments):
    if len(arguments) == 2 and arguments[0] == "--check":
        for config in sorted(pathlib.Path(arguments[1]).glob("*/config.json")):
            if json.loads(config.read_text())["model_type"] not in FAMILY:
                continue
            found = check_case(config.parent)
            print(f"{config.parent.name:30}", "  ".join(f"{kind} {value:.1e}" for kind, value in found.items()))
    elif len(arguments) == 1 and not arguments[0].startswith("-"):
        make(pathlib.Path(arguments[0]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
