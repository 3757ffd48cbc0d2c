"""Compares models with Hugging Face's transformers, both ways, for each backbone that has a class there.

    python compare_with_transformers.py ANSWER     ANSWER: the program of answer.cpp

A small random model is saved by transformers; sharcs reads it and has to give the same logits. sharcs makes a routed model
with exits of it and saves that; transformers reads the folder as its own class and has to give the same logits again. So
for models that label texts, for those that label tokens, for those that find answers and for those that fill masks. The vectors of every layer have to be those of transformers'
hidden states.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
import transformers

TOLERANCE = 1e-4
SIZES = dict(vocab_size=53, hidden_size=24, num_hidden_layers=3, num_attention_heads=4, intermediate_size=40,
             max_position_embeddings=40, num_labels=3)
DISTILBERT = dict(vocab_size=53, dim=24, n_layers=3, n_heads=4, hidden_dim=40, max_position_embeddings=40, num_labels=3)
MODELS = {
    "Bert": SIZES, "Roberta": SIZES | {"pad_token_id": 1}, "XLMRoberta": SIZES | {"pad_token_id": 1},
    "Camembert": SIZES | {"pad_token_id": 1}, "DistilBert": DISTILBERT,
    "DebertaV2": SIZES | {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "share_att_key": True,
                          "norm_rel_ebd": "layer_norm", "position_biased_input": False, "position_buckets": 8,
                          "max_relative_positions": -1, "type_vocab_size": 0},
    "Albert": SIZES | {"embedding_size": 12, "num_hidden_groups": 1}, "MPNet": SIZES | {"pad_token_id": 1},
    "Electra": SIZES | {"embedding_size": 12},
    # A local layer's token sees four on each side, of up to thirty.
    "ModernBert": SIZES | {"num_hidden_layers": 5, "local_attention": 8, "pad_token_id": 1, "bos_token_id": 2, "eos_token_id": 3,
                           "cls_token_id": 2, "sep_token_id": 3},
}
# With biases, the head's other pooling and activation, and layers that follow no rule.
MODERN = dict(attention_bias=True, mlp_bias=True, norm_bias=True, classifier_bias=True, classifier_pooling="mean",
              classifier_activation="tanh", hidden_activation="gelu_new",
              layer_types=["sliding_attention", "full_attention", "full_attention", "sliding_attention", "sliding_attention"],
              rope_parameters={"full_attention": {"rope_type": "default", "rope_theta": 500.0},
                               "sliding_attention": {"rope_type": "default", "rope_theta": 100.0}})
# The values of hidden_act that sharcs runs; "gelu" is that of MODELS.
ACTIVATIONS = ("gelu_accurate", "gelu_fast", "gelu_new", "gelu_python", "gelu_python_tanh", "gelu_pytorch_tanh", "quick_gelu",
               "relu", "silu", "swish")


def missing_keys():
    """Keys of transformers' configurations that tests/model/config_keys.json does not have."""
    known = json.loads((pathlib.Path(__file__).parent.parent / "model" / "config_keys.json").read_text())
    for name in MODELS:
        for key in getattr(transformers, name + "Config")().to_dict():
            if key not in known[name] and key not in known["every family"]:
                yield f"{name}Config has the key {key}, which config_keys.json does not have"


def inputs_for(has_types):
    generator = torch.Generator().manual_seed(1)
    inputs = []
    for length in (3, 9, 17, 30):
        ids = torch.randint(0, 53, (length,), generator=generator).tolist()  # the padding's id, too
        types = [int(has_types and position > length // 2) for position in range(length)]
        inputs.append({"ids": ids, "types": types})
    return inputs


def outputs_of(model, inputs, has_types):
    for item in inputs:
        arguments = {"input_ids": torch.tensor([item["ids"]]), "attention_mask": torch.ones(1, len(item["ids"]))}
        if has_types:
            arguments["token_type_ids"] = torch.tensor([item["types"]])
        with torch.no_grad():
            yield model(**arguments, output_hidden_states=True)


def logits_of(model, inputs, has_types):
    return torch.stack([output.logits[0] for output in outputs_of(model, inputs, has_types)])


def vectors_of(model, inputs, has_types):
    """[2: mean and first token][layers][inputs][hidden], the embeddings before the first layer."""
    states = [output.hidden_states for output in outputs_of(model, inputs, has_types)]
    layers = range(len(states[0]))
    return torch.stack([torch.stack([torch.stack([pool(state[layer][0]) for state in states]) for layer in layers])
                        for pool in (lambda x: x.mean(0), lambda x: x[0])])


def answers_of(answer, theirs, inputs, ours):
    """What sharcs answers to the inputs by the folder `theirs`; it saves the routed model that it makes of it as `ours`."""
    file = theirs.parent / "inputs.json"
    file.write_text(json.dumps(inputs))
    return json.loads(subprocess.run([answer, theirs, file, ours], check=True, capture_output=True, text=True).stdout)


def compare(name, answer, folder, **settings):
    torch.manual_seed(7)
    config = getattr(transformers, name + "Config")(**MODELS[name] | settings)
    architecture = getattr(transformers, name + "ForSequenceClassification")
    model = architecture(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # biases and norms, too, so that each of them counts
            parameter.add_(0.1 * torch.randn_like(parameter))
    has_types = getattr(config, "type_vocab_size", 1) > 1
    name = "_".join([name, *(value for value in settings.values() if isinstance(value, str))])
    theirs, ours = folder / (name + "_theirs"), folder / (name + "_ours")
    model.save_pretrained(theirs)
    inputs = inputs_for(has_types)
    found = answers_of(answer, theirs, inputs, ours)
    expected = logits_of(model, inputs, has_types)
    again = transformers.AutoModelForSequenceClassification.from_pretrained(ours).eval()
    if type(again) is not architecture:
        return f"{name}: transformers reads our folder as {type(again).__name__}"
    for what, logits in (("read from transformers", torch.tensor(found["plain"])),
                         ("routed, at full width", torch.tensor(found["full"])),
                         ("read by transformers", logits_of(again, inputs, has_types))):
        difference = (logits - expected).abs().max().item()
        print(f"{name}, {what}: largest difference {difference:.1e}")
        if not difference <= TOLERANCE:
            return f"{name}, {what}: logits differ by {difference:.1e}; expected at most {TOLERANCE}"
    vectors = vectors_of(model, inputs, has_types)
    ours = torch.tensor([found["mean"], found["cls"]])
    if ours.shape != vectors.shape:
        return f"{name}: the vectors of every layer are {list(ours.shape)}; expected {list(vectors.shape)}"
    difference = (ours - vectors).abs().max().item()
    print(f"{name}, mean and first token after every layer: largest difference {difference:.1e}")
    if not difference <= TOLERANCE:
        return f"{name}: the vectors of its layers differ by {difference:.1e}; expected at most {TOLERANCE}"
    return None


def problem_of_refusal(answer, folder, expected):
    """Whether the model in the folder is refused by a message that has these words."""
    (folder / "inputs.json").write_text("[]")
    run = subprocess.run([answer, folder, folder / "inputs.json", folder / "none"], capture_output=True, text=True)
    if run.returncode == 0 or expected not in run.stderr:
        return f"expected a refusal with {expected}, found {run.stderr or 'none'}"


def refused_activations(answer, folder):
    """Every other name that transformers knows has to be refused, and the message has to name it."""
    for name in sorted(set(transformers.activations.ACT2CLS) - set(ACTIVATIONS) - {"gelu"}):
        (folder / name).mkdir()
        transformers.BertConfig(**SIZES | {"hidden_act": name}).save_pretrained(folder / name)
        yield problem_of_refusal(answer, folder / name, f'"hidden_act" is "{name}"')


def problem_of_losses(what, models, inputs, truth, loss):
    """Whether the loss of our answers is the one that transformers computes, of its model and of our folder."""
    for name, model in zip(("transformers'", "that of our folder"), models):
        with torch.no_grad():
            types = [{"token_type_ids": torch.tensor([item["types"]])} if any(item["types"]) else {} for item in inputs]
            losses = [model(input_ids=torch.tensor([item["ids"]]), labels=truth[i:i + 1], **types[i]).loss
                      for i, item in enumerate(inputs)]
        difference = abs(torch.stack(losses).mean().item() - loss.item())
        print(f"{what}, loss beside {name}: difference {difference:.1e}")
        if not difference <= TOLERANCE:
            return f"{what}: the loss differs from {name} by {difference:.1e}; expected at most {TOLERANCE}"
    return None


def compare_multi_output(answer, folder, name="Bert"):
    torch.manual_seed(9)
    has_types = name == "Bert"
    config = getattr(transformers, name + "Config")(**MODELS[name], problem_type="regression")
    model = getattr(transformers, name + "ForSequenceClassification")(config).eval()
    theirs, ours = folder / f"multi_output_{name}_theirs", folder / f"multi_output_{name}_ours"
    model.save_pretrained(theirs)
    inputs = inputs_for(has_types)
    found = answers_of(answer, theirs, inputs, ours)
    again = transformers.AutoModelForSequenceClassification.from_pretrained(ours).eval()
    if again.config.problem_type != "regression" or again.config.num_labels != config.num_labels:
        return f"several numbers: transformers reads ours as {again.config.problem_type}, {again.config.num_labels} numbers"
    if any(found["probabilities"]):
        return f"several numbers: there are probabilities, {found['probabilities']}; expected none of a regression"
    # The loss that transformers computes, and the same of our numbers: its gradient is what training follows.
    truth = torch.linspace(-2, 3, len(inputs) * config.num_labels).reshape(len(inputs), config.num_labels)
    loss = ((torch.tensor(found["plain"]) - truth) ** 2).mean()
    return problem_of_losses("several numbers", (model, again), inputs, truth, loss)


def compare_multi_label(answer, folder, name="Bert"):
    torch.manual_seed(7)
    has_types = name == "Bert"
    config = getattr(transformers, name + "Config")(**MODELS[name], problem_type="multi_label_classification")
    model = getattr(transformers, name + "ForSequenceClassification")(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    theirs, ours = folder / f"multi_label_{name}_theirs", folder / f"multi_label_{name}_ours"
    model.save_pretrained(theirs)
    inputs = inputs_for(has_types)
    found = answers_of(answer, theirs, inputs, ours)
    again = transformers.AutoModelForSequenceClassification.from_pretrained(ours).eval()
    if again.config.problem_type != "multi_label_classification":
        return f"multi-label: transformers reads our problem_type as {again.config.problem_type}"
    logits = logits_of(model, inputs, has_types)
    if [torch.nonzero(row).flatten().tolist() for row in torch.sigmoid(logits) > 0.5] != found["labels"]:
        return f"multi-label: the labels are {found['labels']}; expected those of {torch.sigmoid(logits)}"
    # The loss that transformers computes, and the same of our probabilities.
    truth = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 1.0, 1.0]])
    p = torch.tensor(found["probabilities"])
    loss = -(truth * p.log() + (1 - truth) * (1 - p).log()).mean()
    return problem_of_losses("multi-label", (model, again), inputs, truth, loss)


def problem_of_logits(name, found, read_again, expected):
    """Whether our logits of tokens, and transformers' of our folder, are the expected ones."""
    for what, logits in (("read from transformers", map(torch.tensor, found["plain"])),
                         ("routed, at full width", map(torch.tensor, found["full"])),
                         ("read by transformers", read_again)):
        difference = max((a.flatten() - b.flatten()).abs().max().item() for a, b in zip(logits, expected, strict=True))
        print(f"{name}, {what}: largest difference {difference:.1e}")
        if not difference <= TOLERANCE:
            return f"{name}, {what}: logits differ by {difference:.1e}; expected at most {TOLERANCE}"


class BothWays:
    """A random model that labels tokens, as transformers makes it; what our program says of it; and our folder of it as
    transformers reads it again."""

    def __init__(self, name, kind, seed, answer, folder, **settings):
        torch.manual_seed(seed)
        config = getattr(transformers, name + "Config")(**MODELS[name] | settings)
        architecture = getattr(transformers, f"{name}For{kind}")
        self.model = architecture(config).eval()
        with torch.no_grad():
            for parameter in self.model.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
        self.has_types = getattr(config, "type_vocab_size", 1) > 1
        self.name = f"{name} for {kind}"
        theirs, ours = folder / (self.name + "_theirs"), folder / (self.name + "_ours")
        self.model.save_pretrained(theirs)
        self.inputs = inputs_for(self.has_types)
        self.found = answers_of(answer, theirs, self.inputs, ours)
        read = getattr(transformers, "AutoModelFor" + kind).from_pretrained
        self.again, loading = read(ours, output_loading_info=True)
        self.again.eval()
        self.problem = None
        if type(self.again) is not architecture:
            self.problem = f"{self.name}: transformers reads our folder as {type(self.again).__name__}"
        elif loading["missing_keys"]:
            self.problem = f"{self.name}: our folder lacks {sorted(loading['missing_keys'])}"

    def outputs(self, model):
        return outputs_of(model, self.inputs, self.has_types)

    def problem_of_logits(self, logits_of):
        """logits_of(output): those of all tokens."""
        expected = [logits_of(output) for output in self.outputs(self.model)]
        return problem_of_logits(self.name, self.found, (logits_of(output) for output in self.outputs(self.again)), expected)

    def problem_of_loss(self, truth_of, loss_of):
        """truth_of(number of tokens): what transformers' loss takes; loss_of(logits, truth): the same loss of our logits."""
        for item, logits in zip(self.inputs, self.found["plain"]):
            truth = truth_of(len(item["ids"]))
            types = {"token_type_ids": torch.tensor([item["types"]])} if self.has_types else {}
            with torch.no_grad():
                expected = self.again(input_ids=torch.tensor([item["ids"]]), **truth, **types).loss.item()
            loss = loss_of(torch.tensor(logits), truth)
            if not abs(expected - loss) <= TOLERANCE:
                return f"{self.name}: the loss is {loss}; expected {expected}"
        return None


def compare_labels(name, kind, seed, answer, folder, labels, label_at):
    """Logits of every token, the largest of each, and the loss of some of them. label_at(place): of a token with a label, or
    -100."""
    both = BothWays(name, kind, seed, answer, folder)
    problem = both.problem or both.problem_of_logits(lambda output: output.logits[0])
    if problem:
        return problem
    if [output.logits[0].argmax(-1).tolist() for output in both.outputs(both.model)] != both.found["labels"]:
        return f"{both.name}: the labels are {both.found['labels']}; expected those of the largest logits"

    def loss_of(logits, truth):
        of_tokens = truth["labels"][0]
        shares = logits.reshape(-1, labels)[of_tokens >= 0].log_softmax(-1)
        return -shares.gather(1, of_tokens[of_tokens >= 0].unsqueeze(1)).mean().item()

    return both.problem_of_loss(lambda tokens: {"labels": torch.tensor([[label_at(place) for place in range(tokens)]])}, loss_of)


def compare_tokens(name, answer, folder):
    return compare_labels(name, "TokenClassification", 11, answer, folder, 3, lambda place: place % 3 if place % 4 < 2 else -100)


def compare_masks(name, answer, folder):
    """The labels are the tokens of the vocabulary."""
    return compare_labels(name, "MaskedLM", 13, answer, folder, 53, lambda place: (7 * place) % 53 if place % 3 == 1 else -100)


def compare_answers(name, answer, folder):
    """Logits of every token as an end, and the loss: the mean of two cross-entropies over the tokens."""
    both = BothWays(name, "QuestionAnswering", 12, answer, folder, num_labels=2)
    problem = both.problem or both.problem_of_logits(lambda output: torch.stack([output.start_logits[0], output.end_logits[0]], -1))
    if problem:
        return problem

    def loss_of(logits, truth):
        shares = logits.reshape(-1, 2).log_softmax(0)
        return -(shares[truth["start_positions"].item(), 0] + shares[truth["end_positions"].item(), 1]).item() / 2

    return both.problem_of_loss(lambda tokens: {"start_positions": torch.tensor([tokens // 3]),
                                                "end_positions": torch.tensor([tokens // 2])}, loss_of)


def refused_class(answer, folder):
    """A class whose answers are of another kind is refused, and the message has to name it."""
    name = "BertForMultipleChoice"
    getattr(transformers, name)(transformers.BertConfig(**SIZES)).save_pretrained(folder / name)
    return problem_of_refusal(answer, folder / name, f'"architectures" has "{name}"')


def main():
    transformers.logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as folder:
        problems = [*missing_keys(), *(compare(name, sys.argv[1], pathlib.Path(folder)) for name in MODELS),
                    *(compare("Bert", sys.argv[1], pathlib.Path(folder), hidden_act=name) for name in ACTIVATIONS),
                    compare("DistilBert", sys.argv[1], pathlib.Path(folder), activation="relu"),
                    compare("ModernBert", sys.argv[1], pathlib.Path(folder), **MODERN),
                    *(compare_tokens(name, sys.argv[1], pathlib.Path(folder)) for name in MODELS),
                    *(compare_answers(name, sys.argv[1], pathlib.Path(folder)) for name in MODELS),
                    *(compare_masks(name, sys.argv[1], pathlib.Path(folder)) for name in MODELS),
                    refused_class(sys.argv[1], pathlib.Path(folder)),
                    *refused_activations(sys.argv[1], pathlib.Path(folder)),
                    *(compare_multi(sys.argv[1], pathlib.Path(folder), name) for name in ("Bert", "ModernBert")
                      for compare_multi in (compare_multi_label, compare_multi_output))]
    problems = [problem for problem in problems if problem]
    print("\n".join(problems))
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
