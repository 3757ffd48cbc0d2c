"""Runs a model that `sharcs export --onnx --routed` wrote by its policy, in ONNX Runtime.

    pip install onnxruntime transformers
    sharcs export runs/sst2 --onnx --routed --output runs/sst2-routed
    python routed_onnx.py runs/sst2-routed < sentences.txt     (of pairs: a TAB between the two)

Prints of each line what answered, the label and the logits.
"""
import json
import math
import pathlib
import sys

import numpy as np
import onnxruntime


def sigmoid(x):
    return 1 / (1 + np.exp(-np.float64(x)))


def cost_of(cost, tokens):
    """[constant, for each token, for each pair of tokens], and [.., for each pair in a window, how far that reaches]."""
    constant, linear, square, *windowed = cost
    result = constant + tokens * (linear + tokens * square)
    if windowed:
        share, window = windowed
        result += share * (tokens * tokens if tokens <= window else (2 * window + 1) * tokens - window * (window + 1))
    return result


class Walk:
    """A sample on its way through the answers: which it is asked for, and which of them it keeps."""

    def __init__(self, routing, router_logits, tokens):
        self.routing, policy = routing, routing["policy"] or {}
        self.thresholds = policy.get("thresholds")
        self.confidence = policy.get("confidence", "max-probability")
        self.label, self.values, self.agreeing, self.narrowest = None, None, 0, 0
        if rule := policy.get("router"):  # the width whose value is the most above its price
            values = np.array(rule["offsets"]) + np.array(rule["weights"]) @ router_logits.astype(np.float64)
            values = sigmoid(values) if rule["logistic"] else values
            costs = np.array([cost_of(cost, tokens) for cost in rule["costs"]])
            self.narrowest = int(np.argmax(values - rule["price"] * costs))
        elif not routing["policy"]:
            self.narrowest = int(np.argmax(router_logits))

    def threshold(self, index):
        if self.thresholds is None:
            return math.inf if "exit" in self.routing["answers"][index] else 0
        return math.inf if self.thresholds[index] is None else self.thresholds[index]

    def is_widest(self, index):
        return self.routing["answers"][index].get("width") == len(self.routing["widths"]) - 1

    def asks(self, index):
        too_narrow = self.routing["answers"][index].get("width", math.inf) < self.narrowest
        return self.is_widest(index) or (not too_narrow and self.threshold(index) < math.inf)

    def keeps(self, index, logits, score):
        """Has to see every answer that the sample was asked for."""
        label, values = self.labels(logits), logits.astype(np.float64)
        change = math.inf if self.values is None else math.sqrt(np.mean((values - self.values) ** 2))
        agrees = change < 0.5 if self.routing["kind"] == "regression" else label == self.label
        self.agreeing, self.label, self.values = (self.agreeing + 1 if agrees else 1), label, values
        if self.is_widest(index) or self.threshold(index) <= 0:
            return True
        return self.confidence_of(logits, score, change) >= self.threshold(index)

    def confidence_of(self, logits, score, change):
        kind = self.routing["kind"]
        if self.confidence == "patience":
            return self.agreeing
        if kind == "regression":
            return math.exp(-change)
        if self.confidence == "learned-score" and score is not None:
            return float(sigmoid(score))
        powers = np.exp(logits - logits.max())
        p = (sigmoid(logits) if kind == "multi_label" else powers / powers.sum()).astype(np.float32).astype(np.float64)
        if self.confidence == "entropy":
            parts = np.concatenate([p, 1 - p]) if kind == "multi_label" else p
            parts = parts[parts > 0]
            return 1 + (parts * np.log(parts)).sum() / (len(p) * math.log(2) if kind == "multi_label" else math.log(len(p)))
        return np.maximum(p, 1 - p).min() if kind == "multi_label" else p.max()

    def labels(self, logits):
        if self.routing["kind"] == "multi_label":
            return [int(i) for i in np.flatnonzero(sigmoid(logits) > self.routing["label_threshold"])]
        return int(np.argmax(logits))


class RoutedModel:
    def __init__(self, folder, options=None):
        folder = pathlib.Path(folder)
        self.routing = json.loads((folder / "routing.json").read_text())
        files = {"stem.onnx", *(answer["file"] for answer in self.routing["answers"])}
        self.sessions = {file: onnxruntime.InferenceSession(str(folder / file), options) for file in files}

    def part(self, file, inputs):
        session = self.sessions[file]
        names = [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(names, inputs)))

    def run(self, inputs):
        """inputs: int64 arrays [samples, tokens] by the names of routing.json, padded at the end. Returns of each sample
        what answered and its logits."""
        stem = self.part("stem.onnx", {name: inputs[name] for name in self.routing["inputs"]})
        hidden, mask = stem.pop("last_hidden_state"), inputs["attention_mask"]
        walks = [Walk(self.routing, logits, int(row.sum())) for logits, row in zip(stem["router_logits"], mask)]
        results, left = [None] * len(mask), np.arange(len(mask))
        for index, answer in enumerate(self.routing["answers"]):
            is_last = index + 1 == len(self.routing["answers"])
            asked = np.array([sample for sample in left if is_last or walks[sample].asks(index)], dtype=np.int64)
            # Full width goes on where it stopped, for all that are left; a narrow width runs for those that ask for it.
            runs = left if "exit" in answer else asked
            if len(runs) == 0:
                continue
            if answer["file"] == "stem.onnx":
                found = {name: values[runs] for name, values in stem.items()}
            else:
                longest = mask[runs].sum(axis=1).max()
                states = {"hidden_states": hidden[runs, :longest], "attention_mask": mask[runs, :longest]}
                found = self.part(answer["file"], states)
                if "last_hidden_state" in found:
                    hidden[runs, :longest] = found["last_hidden_state"]
            for sample in asked:
                row = int(np.flatnonzero(runs == sample)[0])
                logits = found[answer["logits"]][row]
                score = found[answer["score"]][row, 0] if "score" in answer else None
                if walks[sample].keeps(index, logits, score) or is_last:
                    results[sample] = (answer["name"], logits)
            left = np.array([sample for sample in left if results[sample] is None], dtype=np.int64)
        return results


def main():
    import transformers
    model = RoutedModel(sys.argv[1])
    tokenizer = transformers.AutoTokenizer.from_pretrained(sys.argv[1])
    lines = [line.split("\t") for line in sys.stdin.read().splitlines()]
    for first in range(0, len(lines), 32):
        some = lines[first:first + 32]
        inputs = tokenizer(*(list(column) for column in zip(*some)), padding=True, truncation=True, return_tensors="np",
                           padding_side="right", max_length=model.routing["max_tokens"], return_token_type_ids=True)
        results = model.run({name: values.astype(np.int64) for name, values in inputs.items()})
        for name, logits in results:
            label = Walk(model.routing, np.zeros(len(model.routing["widths"])), 0).labels(logits)
            names = [model.routing["labels"][i] for i in (label if isinstance(label, list) else [label])]
            print(name, " ".join(names), " ".join(f"{logit:.6g}" for logit in logits), sep="\t")


if __name__ == "__main__":
    main()
