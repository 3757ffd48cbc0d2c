"""ONNX Runtime for sharcs_bench. Needs numpy, onnx and onnxruntime.

usage: onnxruntime_peer.py MODEL.onnx THREADS    runs a graph as it is
       onnxruntime_peer.py FOLDER THREADS        dynamic int8 of a BERT folder
Builds the folder's encoder as ONNX from config.json and model.safetensors, once of plain operators and once with ONNX Runtime's
fused attention, and has onnxruntime.quantization.quantize_dynamic rewrite both. Then says "ready NAME" and reads lines
"SENTENCES TOKENS". For each shape it finds out which graph is faster there and uses it; to every line it runs one batch and
answers "done".
"""
import json
import pathlib
import sys
import tempfile
import time

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic


def read_safetensors(path):
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__", None)
    return {name: np.frombuffer(data[8 + size + at["data_offsets"][0]:8 + size + at["data_offsets"][1]], np.float32).reshape(at["shape"])
            for name, at in header.items()}


def build(config, weights, fused):
    nodes, constants = [], {}
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    eps = config["layer_norm_eps"]

    def constant(name, value):
        constants.setdefault(name, numpy_helper.from_array(np.array(value, order="C"), name))
        return name

    def node(op, *inputs, **attributes):
        output = f"{op}_{len(nodes)}"
        nodes.append(helper.make_node(op, list(inputs), [output], **attributes))
        return output

    def linear(x, name):
        product = node("MatMul", x, constant(name + ".t", weights[name + ".weight"].T))
        return node("Add", product, constant(name + ".bias", weights[name + ".bias"]))

    def norm(x, name):
        return node("LayerNormalization", x, constant(name + ".weight", weights[name + ".weight"]),
                    constant(name + ".bias", weights[name + ".bias"]), axis=-1, epsilon=eps)

    def attention(x, at):
        parts = [at + "attention.self." + part for part in ("query", "key", "value")]
        if fused:
            weight = constant(at + "qkv", np.concatenate([weights[p + ".weight"].T for p in parts], 1))
            bias = constant(at + "qkv.bias", np.concatenate([weights[p + ".bias"] for p in parts]))
            return node("Attention", x, weight, bias, domain="com.microsoft", num_heads=heads)
        split = constant("split", np.array([0, 0, heads, hidden // heads]))
        query, key, value = (node("Reshape", linear(x, part), split) for part in parts)
        query = node("Transpose", query, perm=[0, 2, 1, 3])
        key = node("Transpose", key, perm=[0, 2, 3, 1])
        value = node("Transpose", value, perm=[0, 2, 1, 3])
        scale = constant("scale", np.array((hidden // heads) ** -0.5, np.float32))
        probabilities = node("Softmax", node("Mul", node("MatMul", query, key), scale), axis=-1)
        context = node("Transpose", node("MatMul", probabilities, value), perm=[0, 2, 1, 3])
        return node("Reshape", context, constant("join", np.array([0, 0, hidden])))

    embeddings = "bert.embeddings."
    words = node("Gather", constant("words", weights[embeddings + "word_embeddings.weight"]), "ids")
    positions = constant("positions", weights[embeddings + "position_embeddings.weight"])
    length = node("Slice", node("Shape", "ids"), constant("one", np.array([1])), constant("two", np.array([2])))
    positions = node("Slice", positions, constant("zero", np.array([0])), length, constant("zero", np.array([0])))
    types = constant("type", weights[embeddings + "token_type_embeddings.weight"][0])
    x = norm(node("Add", node("Add", words, positions), types), embeddings + "LayerNorm")
    for layer in range(config["num_hidden_layers"]):
        at = f"bert.encoder.layer.{layer}."
        x = norm(node("Add", x, linear(attention(x, at), at + "attention.output.dense")), at + "attention.output.LayerNorm")
        inner = node("Gelu", linear(x, at + "intermediate.dense"))
        x = norm(node("Add", x, linear(inner, at + "output.dense")), at + "output.LayerNorm")
    first = node("Gather", x, constant("first", np.array(0)), axis=1)
    logits = linear(node("Tanh", linear(first, "bert.pooler.dense")), "classifier")
    nodes.append(helper.make_node("Identity", [logits], ["logits"]))
    graph = helper.make_graph(nodes, "bert", [helper.make_tensor_value_info("ids", TensorProto.INT64, ["b", "t"])],
                              [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["b", None])], list(constants.values()))
    return helper.make_model(graph, ir_version=10,
                             opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)])


def session(graph, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def int8_session(model, threads, folder, name):
    plain, quantized = str(folder / f"{name}.onnx"), str(folder / f"{name}_int8.onnx")
    onnx.save(model, plain)
    # A scale an output and signed weights, as ours.
    quantize_dynamic(plain, quantized, per_channel=True, weight_type=QuantType.QInt8,
                     extra_options={"DefaultTensorType": TensorProto.FLOAT})
    return session(quantized, threads)


def sessions_of(model, threads):
    if model.suffix == ".onnx":
        return [session(str(model), threads)], 1000
    config = json.loads((model / "config.json").read_text())
    weights = read_safetensors(model / "model.safetensors")
    with tempfile.TemporaryDirectory() as temporary:
        return [int8_session(build(config, weights, fused), threads, pathlib.Path(temporary), f"fused{fused}")
                for fused in (False, True)], config["vocab_size"]


def inputs_of(a_session, shape, words):
    random = np.random.default_rng(1)
    values = {"attention_mask": np.ones(shape, np.int64), "token_type_ids": np.zeros(shape, np.int64)}
    return {port.name: values[port.name] if port.name in values else random.integers(0, words, shape)
            for port in a_session.get_inputs()}


def main():
    model = pathlib.Path(sys.argv[1])
    sessions, words = sessions_of(model, int(sys.argv[2]))
    print("ready onnxruntime", onnxruntime.__version__ + ("" if model.suffix == ".onnx" else " int8"), flush=True)
    faster = {}
    for line in sys.stdin:
        shape = tuple(int(number) for number in line.split())
        if shape not in faster:
            seconds = []
            for each in sessions:
                inputs = inputs_of(each, shape, words)
                each.run(None, inputs)
                turns = []
                for _ in range(3):
                    start = time.perf_counter()
                    each.run(None, inputs)
                    turns.append(time.perf_counter() - start)
                seconds.append(min(turns))
            chosen = sessions[int(np.argmin(seconds))]
            faster[shape] = (chosen, inputs_of(chosen, shape, words))
        chosen, inputs = faster[shape]
        chosen.run(None, inputs)
        print("done", flush=True)


main()
