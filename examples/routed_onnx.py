"""Runs a model that `sharcs export --onnx --routed` wrote by its policy, in ONNX Runtime.

    pip install onnxruntime transformers
    sharcs export runs/sst2 --onnx --routed --output runs/sst2-routed
    python routed_onnx.py runs/sst2-routed < sentences.txt     (of pairs: a TAB between the two)

Prints of each line what answered, the label and the logits. A model that labels words reads a text a line, its words between
spaces, and prints their labels; one that finds answers a question, a TAB and its context, and prints the answer; one that fills
masks a text with masks, and prints the likeliest token of each.
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


def best_answer(logits):
    """Of logits [places, 2] of a window, the first place for "none": where the best answer begins and ends, its score, that of
    none, and the logarithm of what their powers are divided by to be probabilities."""
    starts, ends = (np.argsort(-logits[:, end], kind="stable")[:20] for end in (0, 1))
    pairs = [(start, end) for start in starts for end in ends if 0 < start <= end < start + 30]
    start, end = max(pairs, key=lambda pair: logits[pair[0], 0] + logits[pair[1], 1], default=(0, 0))
    total = np.log(np.exp(logits.astype(np.float64)).sum(axis=0)).sum()
    return int(start), int(end), logits[start, 0] + logits[end, 1], logits[0].sum(), total


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
        """Has to see every answer that the sample was asked for. logits: a row, or one for each token that counts."""
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
        if kind == "question_answering":
            *_, best, none, total = best_answer(logits)
            return math.exp(max(best, none) - total)
        powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
        p = sigmoid(logits) if kind == "multi_label" else powers / powers.sum(axis=-1, keepdims=True)
        p = p.astype(np.float32).astype(np.float64)
        if kind == "masked_lm":
            return p.max(axis=-1).mean()
        if self.confidence == "entropy":
            parts = np.concatenate([p, 1 - p]) if kind == "multi_label" else p
            logarithms = np.log(np.where(parts > 0, parts, 1))
            size = len(p) * math.log(2) if kind == "multi_label" else math.log(p.shape[-1])
            return (1 + (parts * logarithms).sum(axis=-1) / size).min()
        return np.maximum(p, 1 - p).min() if kind == "multi_label" else p.max(axis=-1).min()  # of the least sure word

    def labels(self, logits):
        kind = self.routing["kind"]
        if kind == "multi_label":
            return [int(i) for i in np.flatnonzero(sigmoid(logits) > self.routing["label_threshold"])]
        if kind == "question_answering":
            start, end, best, none, _ = best_answer(logits)
            return (0, 0) if none - best > self.routing.get("no_answer_above", 0) else (start, end)
        return np.argmax(logits, axis=-1).tolist()


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

    def logits_of(self, answer, found, row, places):
        if "logits" in answer:
            logits = found[answer["logits"]][row]
        else:
            logits = np.stack([found[answer[name]][row] for name in ("start_logits", "end_logits")], axis=-1)
        return logits[list(places)] if logits.ndim > 1 else logits

    def run(self, inputs, places=None):
        """inputs: int64 arrays [samples, tokens] by the names of routing.json, padded at the end. places: of each sample the
        tokens that count, unless texts are labelled: the first of each word; the first of all, for "none", and those of the
        context; the masks. Without it, all do. Returns of each sample what answered and its logits."""
        stem = self.part("stem.onnx", {name: inputs[name] for name in self.routing["inputs"]})
        hidden, mask = stem.pop("last_hidden_state"), inputs["attention_mask"]
        places = [kept or range(row.sum()) for kept, row in zip(places or [None] * len(mask), mask)]
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
                logits = self.logits_of(answer, found, row, places[sample])
                score = found[answer["score"]][row, 0] if "score" in answer else None
                if walks[sample].keeps(index, logits, score) or is_last:
                    results[sample] = (answer["name"], logits)
            left = np.array([sample for sample in left if results[sample] is None], dtype=np.int64)
        return results


def read(line, tokenizer, routing):
    """What the model reads of a line: one encoding, or the windows of a question, and of each the tokens that count."""
    most, kind = routing["max_tokens"], routing["kind"]
    cut = {"truncation": True, "max_length": most, "return_token_type_ids": True}
    if kind == "question_answering":
        question, context = line.split("\t")
        room = most - tokenizer.num_special_tokens_to_add(pair=True) - len(tokenizer.tokenize(question))
        windows = tokenizer(question, context, **cut | {"truncation": "only_second"}, stride=min(128, room // 2),
                            return_overflowing_tokens=True)
        for window in windows.encodings:
            yield window, [0] + [i for i, part in enumerate(window.sequence_ids) if part == 1]
    elif kind == "token_classification":
        (text,) = tokenizer([line.split()], is_split_into_words=True, **cut).encodings
        yield text, [i for i, word in enumerate(text.word_ids) if word is not None and word != text.word_ids[i - 1]]
    else:
        (text,) = tokenizer(*([part] for part in line.split("\t")), **cut).encodings
        yield text, [i for i, token in enumerate(text.ids) if token == tokenizer.mask_token_id]


def said(model, tokenizer, line, windows, results):
    """What a line's results say: what answered, and what that is."""
    routing = model.routing
    walk = Walk(routing, np.zeros(len(routing["widths"])), 0)
    (_, places), (name, logits) = windows[0], results[0]
    if routing["kind"] == "question_answering":  # each window was routed by itself
        bests = [best_answer(logits) for _, logits in results]
        sure = max((i for i in range(len(bests)) if bests[i][1] > 0), key=lambda i: bests[i][2], default=None)
        none = min(range(len(bests)), key=lambda i: bests[i][3])
        if sure is None or bests[none][3] - bests[sure][2] > routing.get("no_answer_above", math.inf):
            return results[none][0], ""
        window, places = windows[sure]
        (begin, _), (_, end) = (window.offsets[places[place]] for place in bests[sure][:2])
        return results[sure][0], line.split("\t")[1][begin:end].strip()
    labels = walk.labels(logits)
    if routing["kind"] == "masked_lm":
        return name, " ".join(tokenizer.convert_ids_to_tokens(labels))
    names = [routing["labels"][i] for i in (labels if isinstance(labels, list) else [labels])]
    return (name, " ".join(names), *([" ".join(f"{logit:.6g}" for logit in logits)] if logits.ndim == 1 else []))


def main():
    import transformers
    model = RoutedModel(sys.argv[1])
    tokenizer = transformers.AutoTokenizer.from_pretrained(sys.argv[1])
    lines = sys.stdin.read().splitlines()
    for first in range(0, len(lines), 32):
        some = lines[first:first + 32]
        windows = [list(read(line, tokenizer, model.routing)) for line in some]
        encodings, places = zip(*(window for of_line in windows for window in of_line))
        fill = lambda rows, value: np.array([row + [value] * (max(map(len, rows)) - len(row)) for row in rows], dtype=np.int64)
        inputs = {"input_ids": fill([encoding.ids for encoding in encodings], model.routing["pad_token_id"]),
                  "attention_mask": fill([encoding.attention_mask for encoding in encodings], 0),
                  "token_type_ids": fill([encoding.type_ids for encoding in encodings], 0)}
        results = iter(model.run(inputs, places))
        for line, of_line in zip(some, windows):
            print(*said(model, tokenizer, line, of_line, [next(results) for _ in of_line]), sep="\t")


if __name__ == "__main__":
    main()
