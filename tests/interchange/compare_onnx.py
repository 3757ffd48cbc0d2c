"""Runs what `sharcs export --onnx` writes in ONNX Runtime and compares the logits with the engine's.

    python compare_onnx.py SHARCS EVERY_ANSWER EXAMPLES ROUTED_ONNX    the program, that of every_answer.cpp, the folder examples/, and
                                                                       the program of examples/routed_onnx.cpp, where it was built

For each backbone, small random models in several forms and of every kind; of each, every width and exit and the routed parts, in
fp32 and int8, on a padded batch and on single sentences. Each graph has to pass onnx.checker. Routed, each sample has to be answered
by what the engine answers it by, under several policies.
"""
import importlib.util
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
import torch
import transformers

from compare_with_transformers import MODELS, MODERN

TOLERANCE = 1e-4
# int8 rounds what each layer computes: where a number lies between two steps, the last bit of a sum decides, and the
# logits then differ by what a step is worth. So most samples have to agree as in fp32, and the others within that.
INT8_TOLERANCE, INT8_SHARE = 1e-2, 0.8
# A token's own logits feel such a step more than those of a text, which are of a mean or lie behind a tanh; and among 53 of a token
# the largest difference is larger than among five.
INT8_TOLERANCES = {"SequenceClassification": INT8_TOLERANCE, "TokenClassification": 5e-2, "QuestionAnswering": 5e-2, "MaskedLM": 1e-1}
PLAIN = {"width_mult_list": [0.5, 1.0], "adaptive_layer_idx": 1, "hidden_size_router": 8, "exits": [1, 2]}
# Forms of the SHARCS settings, and with which backbones they are tried.
FORMS = {
    "plain": (PLAIN, MODELS),
    "private norms, weighted reduction": (PLAIN | {"full_width_norm": "private", "weighted_dim_reduction": True,
                                                   "exit_pooling": "first_token"}, ("Bert", "Albert", "MPNet", "ModernBert")),
    "fewer layers, scores": (PLAIN | {"width_mult_list": [0.25, 0.5, 1.0], "depth_mult_list": [0.5, 0.5, 1.0],
                                      "exit_scores": True}, ("Bert", "DistilBert", "ModernBert")),
    "whole token vectors": (PLAIN | {"width_mult_list": [0.25, 1.0], "slice_hidden": False}, ("Bert", "Albert", "ModernBert")),
    "no width 1": (PLAIN | {"width_mult_list": [0.25, 0.5], "exits": [1]}, ("Bert",)),
}
ACTIVATIONS = ("gelu_new", "quick_gelu", "relu", "silu")
TRAINING = {"model": {"model_type": "bert", "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4,
                      "intermediate_size": 64, "max_position_embeddings": 32, "sharcs": PLAIN},
            "tokenizer": {"vocab_size": 300}, "training": {"epochs": 4, "learning_rate": 2e-3, "max_length": 32}}
# What routing.json calls the classes of transformers that label no texts.
KINDS = {"TokenClassification": "token_classification", "QuestionAnswering": "question_answering", "MaskedLM": "masked_lm"}
LENGTHS = (3, 9, 17, 30, 5, 12, 7, 1, 22, 4)


def save_random_model(name, folder, kind="SequenceClassification", **settings):
    torch.manual_seed(7)
    config = getattr(transformers, name + "Config")(**MODELS[name] | {"initializer_range": 0.2} | settings)
    model = getattr(transformers, f"{name}For{kind}")(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # biases and norms, too, so that each of them counts
            parameter.add_(0.1 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    return getattr(config, "type_vocab_size", 1) > 1 and name not in ("DistilBert", "MPNet"), config.pad_token_id


def inputs_for(has_types):
    generator = np.random.default_rng(1)
    return [{"ids": generator.integers(0, 53, length).tolist(),
             "types": [int(has_types and position > length // 2) for position in range(length)]} for length in LENGTHS]


def padded(inputs, pad):
    longest = max(len(item["ids"]) for item in inputs)
    fill = lambda rows, value: np.array([row + [value] * (longest - len(row)) for row in rows], dtype=np.int64)
    return {"input_ids": fill([item["ids"] for item in inputs], pad),
            "attention_mask": fill([[1] * len(item["ids"]) for item in inputs], 0),
            "token_type_ids": fill([item["types"] for item in inputs], 0)}


def session_options():
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.x64quantprecision", "1")  # without it, sums overflow on x86 without VNNI
    return options


def session_of(file):
    onnx.checker.check_model(str(file), full_check=True)
    versions = {entry.domain: entry.version for entry in onnx.load(file).opset_import}
    assert versions == {"": 17}, versions
    return onnxruntime.InferenceSession(str(file), session_options())


def run(session, inputs, kind="SequenceClassification"):
    """The logits of each sample, one after the other where its tokens have some."""
    names = [port.name for port in session.get_inputs()]
    for port in session.get_inputs():
        assert port.shape == ["batch_size", "sequence_length"] and port.type == "tensor(int64)", (port.name, port.shape)
    outputs = {"QuestionAnswering": ["start_logits", "end_logits"]}.get(kind, ["logits"])
    axes = ["batch_size"] if kind == "SequenceClassification" else ["batch_size", "sequence_length"]
    for port in session.get_outputs()[:len(outputs)]:
        assert port.shape[:len(axes)] == axes, (port.name, port.shape)
    assert [port.name for port in session.get_outputs()][:len(outputs)] == outputs
    logits = session.run(outputs, {name: inputs[name] for name in names})
    logits = np.stack(logits, axis=-1) if len(outputs) > 1 else logits[0]
    lengths = inputs["attention_mask"].sum(axis=1)
    return [row if kind == "SequenceClassification" else row[:length].ravel() for row, length in zip(logits, lengths)]


def problem_of(what, precision, found, expected, int8_tolerance=INT8_TOLERANCE):
    """Empty where the logits agree."""
    differences = np.array([np.abs(a - np.array(b)).max() for a, b in zip(found, expected, strict=True)])
    agreeing = (differences <= TOLERANCE).mean()
    print(f"{what}, {precision}: largest difference {differences.max():.1e}, {agreeing:.0%} within {TOLERANCE}")
    fits = differences.max() <= int8_tolerance and agreeing >= INT8_SHARE if precision == "int8" else agreeing == 1
    return "" if fits else f"{what}, {precision}: logits differ by {differences.max():.1e}; {agreeing:.0%} are within {TOLERANCE}"


def middle_of(values):
    """About half of the values are greater; where neighbours differ most, so that rounding does not decide."""
    values = sorted(values)[len(values) // 4:-(len(values) // 4)]
    below, above = max(zip(values, values[1:]), key=lambda pair: pair[1] - pair[0])
    return float(below + above) / 2


class Comparison:
    def __init__(self, folder, sharcs, every_answer, examples, routed_onnx):
        self.sharcs, self.every_answer, self.folder, self.routed_program = sharcs, every_answer, folder, routed_onnx
        spec = importlib.util.spec_from_file_location("routed_onnx", pathlib.Path(examples) / "routed_onnx.py")
        self.routed_onnx = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.routed_onnx)
        self.problems = []

    def expect(self, problem):
        if problem:
            self.problems.append(problem)

    def call(self, *arguments):
        return subprocess.run([str(argument) for argument in arguments], check=True, capture_output=True, text=True).stdout

    def expected(self, model, inputs):
        (self.folder / "inputs.json").write_text(json.dumps(inputs))
        return json.loads(self.call(self.every_answer, "run", model, self.folder / "inputs.json"))

    def export(self, model, output, *options):
        return json.loads(self.call(self.sharcs, "export", model, "--onnx", "--overwrite", "--quiet", "--json", "--output",
                                    output, *options))

    def model(self, name, form, settings, kind="SequenceClassification", **changes):
        """Every answer of one random model, and the routed one."""
        what = ", ".join([name, form, *map(str, changes.values())])
        plain, model = self.folder / "plain", self.folder / "model"
        has_types, pad = save_random_model(name, plain, kind, **changes)
        (self.folder / "sharcs.json").write_text(json.dumps(settings))
        self.call(self.every_answer, "make", plain, self.folder / "sharcs.json", model)
        inputs = inputs_for(has_types)
        batch = padded(inputs, pad)
        expected = self.expected(model, inputs)
        tolerance = INT8_TOLERANCES[kind]
        for precision in ("fp32", "int8"):
            for answer, logits in expected[precision]["answers"].items():
                choice = ["--exit", answer[5:]] if answer.startswith("exit ") else ["--width", answer]
                file = self.folder / "answer.onnx"
                self.export(model, file, "--precision", precision, *choice)
                session = session_of(file)
                assert ("token_type_ids" in [port.name for port in session.get_inputs()]) == has_types
                self.expect(problem_of(f"{what}: {answer}, padded", precision, run(session, batch, kind), logits, tolerance))
                alone = [row for item in inputs for row in run(session, padded([item], pad), kind)]
                self.expect(problem_of(f"{what}: {answer}, alone", precision, alone, logits, tolerance))
        self.routed(what, model, inputs, batch, kind, tolerance, expected)

    def thresholds(self, kind, inputs, expected):
        """For all answers but the last: about half of the samples are surer."""
        walk = self.routed_onnx.Walk({"kind": KINDS[kind], "policy": None}, np.zeros(1), 0)
        for answer in list(expected["fp32"]["answers"])[:-1]:
            rows = [(np.array(logits, dtype=np.float32).reshape(len(item["ids"]), -1)) for precision in ("fp32", "int8")
                    for logits, item in zip(expected[precision]["answers"][answer], inputs)]
            yield middle_of([walk.confidence_of(logits, None, 0) for logits in rows])

    def routed(self, what, model, inputs, batch, kind, tolerance, of_each):
        answers = list(of_each["fp32"]["answers"])
        config = json.loads((model / "config.json").read_text())
        sure = list(self.thresholds(kind, inputs, of_each)) if kind in KINDS else None
        for policy in self.policies(answers, config["sharcs"], sure):
            if policy and policy["confidence"] == "entropy" and kind in ("QuestionAnswering", "MaskedLM"):
                continue  # sharcs refuses it for these
            config["sharcs"].pop("policy", None)
            if policy:
                config["sharcs"]["policy"] = policy
            (model / "config.json").write_text(json.dumps(config))
            expected = self.expected(model, inputs)
            for precision in ("fp32", "int8"):
                output = self.folder / "routed"
                for file in self.export(model, output, "--routed", "--precision", precision)["files"]:
                    session_of(file["file"])
                results = self.routed_onnx.RoutedModel(output, session_options()).run(batch)
                wanted = expected[precision]["routed"]
                found = [answer for answer, _ in results]
                title = f"{what}: routed by {policy['kind'] if policy else 'no policy'} {policy and policy['confidence']}"
                print(title, precision, "answered by", sorted(set(found)))
                if found != wanted["answers"]:
                    self.expect(f"{title}, {precision}: answered by {found}; expected {wanted['answers']}")
                    continue
                if sure and policy and policy["kind"] == "combined" and len(set(found)) < 2:
                    self.expect(f"{title}, {precision}: all samples are answered by {found[0]}; expected several answers")
                self.expect(problem_of(title, precision, [logits.ravel() for _, logits in results], wanted["logits"], tolerance))

    def policies(self, answers, sharcs, sure=None):
        """Thresholds that some answers pass and others do not; the last one can always be given."""
        widths = len(sharcs["width_mult_list"])
        yield None
        thresholds = (sure or [0.4 if "exit" in answer else 0.62 for answer in answers[:-1]]) + [0]
        yield {"kind": "combined", "confidence": "max-probability", "thresholds": thresholds}
        yield {"kind": "cascade", "confidence": "entropy",
               "thresholds": [None if "exit" in answer else 0.3 for answer in answers[:-1]] + [0]}
        yield {"kind": "exits", "confidence": "learned-score",
               "thresholds": [0.4 if "exit" in answer else None for answer in answers[:-1]] + [0]}
        yield {"kind": "exits", "confidence": "patience", "thresholds": [2] * (len(answers) - 1) + [0]}
        yield {"kind": "combined", "confidence": "max-probability", "thresholds": thresholds,
               "router": {"budget": 0.5, "unit": "multiply_adds", "full_cost": 1000, "logistic": True,
                          "weights": np.eye(widths).tolist(), "offsets": [0.1] * widths, "price": 0.05,
                          "costs": [[0.1 * width, 0.01 * width, 0.001] + [0.002, 4] * (width % 2) for width in range(widths)]}}

    def examples_answer_as_predict_does(self):
        """The examples as they are called, on texts, beside sharcs predict."""
        data, run_folder, output = self.folder / "data", self.folder / "run", self.folder / "routed_text"
        self.call(self.sharcs, "synth", "--output", data, "--train", 400, "--dev", 100, "--test", 0)
        (self.folder / "train.json").write_text(json.dumps(TRAINING))
        self.call(self.sharcs, "train", "--task", "sst-2", "--data", data, "--output", run_folder, "--config",
                  self.folder / "train.json", "--quiet")
        lines = [line.split("\t")[0] for line in (data / "dev.tsv").read_text().splitlines()[1:]]
        (self.folder / "lines.txt").write_text("\n".join(lines) + "\n")

        def predicted(*options):
            output = self.call(self.sharcs, "predict", "--model", run_folder, "--input", self.folder / "lines.txt", "--json",
                               *options)
            return [json.loads(line) for line in output.splitlines()]

        config = json.loads((run_folder / "config.json").read_text())
        answers = ("exit-1", "0.5", "exit-2")

        sure = [middle_of([item["probability"] for item in predicted("--policy", f"fixed:{answer}")]) for answer in answers]
        by_entropy = [1 + (p * np.log2(p) + (1 - p) * np.log2(1 - p)) for p in sure]
        combined = {"kind": "combined", "confidence": "max-probability", "thresholds": sure + [0]}
        *_, patience, by_router = self.policies([answer.replace("-", " ") for answer in answers] + ["1"], config["sharcs"])
        policies = [None, combined, combined | {"confidence": "entropy", "thresholds": by_entropy + [0]},
                    {"kind": "cascade", "confidence": "entropy", "thresholds": [None, by_entropy[1], None, 0]}, patience,
                    combined | {"router": by_router["router"] | {"price": 0.3}}]
        programs = {"routed_onnx.py": [sys.executable, self.routed_onnx.__file__]}
        if pathlib.Path(self.routed_program).exists():
            programs["routed_onnx.cpp"] = [self.routed_program]
        else:
            print("routed_onnx.cpp was not built: sh tests/interchange/fetch_onnxruntime.sh brings what it needs")
        for policy in policies:
            config["sharcs"]["policy"] = policy
            if policy is None:
                del config["sharcs"]["policy"]
            (run_folder / "config.json").write_text(json.dumps(config))
            self.export(run_folder, output, "--routed")
            items = predicted()
            wanted = [f"{item['answer']}\t{item['label']}" for item in items]
            taken = {item["answer"] for item in items}
            if policy == combined and len(taken) < 3:
                self.expect(f"the example's lines are answered by {taken}; expected most of the answers")
            for name, program in programs.items():
                printed = subprocess.run([*program, output], input="\n".join(lines), check=True, capture_output=True,
                                         text=True).stdout.splitlines()
                found = [line.rsplit("\t", 1)[0] for line in printed]
                print(f"{name}, {policy and policy['kind']} {policy and policy['confidence']}:", len(found), "lines, answered by",
                      sorted(taken))
                if found != wanted:
                    different = [pair for pair in zip(found, wanted) if pair[0] != pair[1]]
                    self.expect(f"{name}, {policy}: {len(found)} lines, found and of sharcs predict: {different}")


    def example_reads_other_kinds(self):
        """routed_onnx.py on words, questions and masks beside sharcs predict, with random models that read the text above."""
        run_folder, model, output = self.folder / "run", self.folder / "kind", self.folder / "routed_kind"
        config = json.loads((run_folder / "config.json").read_text())
        texts = (self.folder / "lines.txt").read_text().splitlines()[:48]
        hidden = [" ".join("[MASK]" if i % 4 == 1 else word for i, word in enumerate(text.split())) for text in texts]
        ways = {  # the lines, and of an object of sharcs predict what the example says, and how sure that is
            "TokenClassification": (texts, lambda item: " ".join(tag for tag in item["ner_tags"] if tag),
                                    lambda item: min(p for p in item["probabilities"] if p is not None)),
            "QuestionAnswering": ([f"{' '.join(text.split()[:2])}\t{' '.join(texts[i:i + 1 + i % 4])}" for i, text in enumerate(texts)],
                                  lambda item: item["text"], lambda item: item["probability"]),
            "MaskedLM": ([text for text in hidden if "[MASK]" in text],
                         lambda item: " ".join(mask[0]["token"] for mask in item["masks"]),
                         lambda item: np.mean([mask[0]["probability"] for mask in item["masks"]]))}
        for kind, (lines, said, sureness) in ways.items():
            (self.folder / "sharcs.json").write_text(json.dumps(PLAIN))
            save_random_model("Bert", self.folder / "plain", kind, vocab_size=config["vocab_size"], pad_token_id=config["pad_token_id"],
                              num_labels=2 if kind == "QuestionAnswering" else 5)
            self.call(self.every_answer, "make", self.folder / "plain", self.folder / "sharcs.json", model)
            for file in ("vocab.txt", "tokenizer.json", "tokenizer_config.json"):
                if (run_folder / file).exists():
                    shutil.copy(run_folder / file, model)
            (self.folder / "lines_of_kind.txt").write_text("\n".join(lines) + "\n")

            def predicted(*options):
                printed = self.call(self.sharcs, "predict", "--model", model, "--input", self.folder / "lines_of_kind.txt",
                                    "--json", *options)
                return [json.loads(line) for line in printed.splitlines()]

            of_kind = json.loads((model / "config.json").read_text())
            sure = [middle_of([sureness(item) for item in predicted("--policy", f"fixed:{answer}")])
                    for answer in ("exit-1", "0.5", "exit-2")]
            of_kind["sharcs"]["policy"] = {"kind": "combined", "confidence": "max-probability", "thresholds": sure + [0]}
            (model / "config.json").write_text(json.dumps(of_kind))
            self.export(model, output, "--routed")
            items = predicted()
            taken = {item["answer"] for item in items}
            if len(taken) < 3:
                self.expect(f"{kind}: the example's lines are answered by {taken}; expected most of the answers")
            if kind == "QuestionAnswering" and max(item.get("windows", 1) for item in items) < 2:
                self.expect("no question's context is read in windows")
            wanted = [f"{item['answer']}\t{said(item)}" for item in items]
            run = lambda *program: subprocess.run([*program, output], input="\n".join(lines), capture_output=True, text=True)
            found = run(sys.executable, self.routed_onnx.__file__)
            print(f"routed_onnx.py, {kind}: {len(lines)} lines, answered by", sorted(taken))
            if found.stdout.splitlines() != wanted:
                different = [pair for pair in zip(found.stdout.splitlines(), wanted) if pair[0] != pair[1]]
                self.expect(f"routed_onnx.py, {kind}: found and of sharcs predict: {different} {found.stderr}")
            if pathlib.Path(self.routed_program).exists():
                refused = run(self.routed_program)
                if refused.returncode != 2 or f'"kind" is "{KINDS[kind]}"; expected ' not in refused.stderr:
                    self.expect(f"routed_onnx.cpp, {kind}: {refused.returncode}, {refused.stderr}")


def main():
    transformers.logging.set_verbosity_error()
    onnxruntime.set_default_logger_severity(3)
    with tempfile.TemporaryDirectory() as folder:
        comparison = Comparison(pathlib.Path(folder), *sys.argv[1:])
        for form, (settings, names) in FORMS.items():
            for name in names:
                comparison.model(name, form, settings)
        for activation in ACTIVATIONS:
            comparison.model("Bert", "activation", PLAIN, hidden_act=activation)
        comparison.model("ModernBert", "biases, mean of all tokens", PLAIN, **MODERN)
        comparison.model("Bert", "regression", PLAIN, num_labels=1)
        comparison.model("Bert", "several numbers", PLAIN, problem_type="regression")
        comparison.model("Bert", "several labels", PLAIN, problem_type="multi_label_classification")
        for name in MODELS:
            comparison.model(name, "labels of tokens", PLAIN, kind="TokenClassification", num_labels=5)
            comparison.model(name, "answers", PLAIN, kind="QuestionAnswering", num_labels=2)
            comparison.model(name, "masks", PLAIN, kind="MaskedLM")
        comparison.examples_answer_as_predict_does()
        comparison.example_reads_other_kinds()
    print("\n".join(comparison.problems))
    sys.exit(1 if comparison.problems else 0)


if __name__ == "__main__":
    main()
