"""Answers questions beside transformers, and scores the answers beside SQuAD's scripts.

    python compare_questions.py SHARCS     SHARCS: the program

Small random models of several families read questions whose contexts take one window or several. What `sharcs predict`
writes has to be what transformers' example run_qa.py makes of the model's logits, of version 1.1 and 2.0; what `sharcs eval`
measures has to be what SQuAD's scripts say of these predictions.
"""
import collections
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import torch
import transformers

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "golden"))
import compare_tokenizers
from make_answer_scores import scores

LENGTH = 72
FAMILIES = {"Bert": "BertTokenizer", "Roberta": "RobertaTokenizer", "XLMRoberta": "XLMRobertaTokenizer",
            "DistilBert": "DistilBertTokenizer", "Albert": "AlbertTokenizer", "MPNet": "MPNetTokenizer",
            "Electra": "ElectraTokenizer", "DebertaV2": "DebertaV2Tokenizer",
            "ModernBert": "ModernBERT's as PreTrainedTokenizerFast"}
WORDS = " ".join(compare_tokenizers.CORPUS).split() + ["naïve", "e\u0301t\u00e9", "\u5317\u4eac", "½", "3,14", "(x)", "A.", "the"]


def questions(count, may_have_none):
    generator = random.Random(3)
    asked = []
    for index in range(count):
        words = [generator.choice(WORDS) for _ in range(generator.choice([4, 12, 40, 120]))]
        context = "".join(word + generator.choice([" ", " ", "  ", "\n"]) for word in words).strip()
        answers = []
        if not (may_have_none and index % 3 == 0):
            for _ in range(generator.choice([1, 1, 3])):
                first = generator.randrange(len(words))
                text = words[first]
                place = context.find(text)
                answers.append({"text": text, "answer_start": place})
        asked.append({"id": f"q{index}", "question": " ".join(generator.choice(WORDS) for _ in range(generator.choice([1, 2]))),
                      "context": context, "answers": answers})
    return asked


def squad(asked):
    paragraphs = [{"context": each["context"], "qas": [{"id": each["id"], "question": each["question"], "answers": each["answers"],
                                                        "is_impossible": not each["answers"]}]} for each in asked]
    return {"version": "v2.0", "data": [{"title": "t", "paragraphs": paragraphs}]}


def expected_answer(tokenizer, model, each, may_have_none):
    """run_qa.py's postprocess_qa_predictions; tokens of the question are no candidates here."""
    room = LENGTH - tokenizer.num_special_tokens_to_add(True) - len(tokenizer(each["question"], add_special_tokens=False)["input_ids"])
    encoded = tokenizer(each["question"], each["context"], truncation="only_second", max_length=LENGTH, stride=room // 2,
                        return_overflowing_tokens=True, return_offsets_mapping=True)
    null, candidates = None, []
    for index, ids in enumerate(encoded["input_ids"]):
        types = {"token_type_ids": torch.tensor([encoded["token_type_ids"][index]])} if "token_type_ids" in encoded else {}
        with torch.no_grad():
            output = model(input_ids=torch.tensor([ids]), **types)
        sequence = encoded.sequence_ids(index)
        offsets = [place if side == 1 else None for place, side in zip(encoded["offset_mapping"][index], sequence)]
        starts, ends = ([logit.item() if place or i == 0 else -1e9 for i, (logit, place) in enumerate(zip(logits[0], offsets))]
                        for logits in (output.start_logits, output.end_logits))
        score = starts[0] + ends[0]
        null = score if null is None else min(null, score)
        best = [sorted(range(len(ids)), key=lambda i: -logits[i])[:20] for logits in (starts, ends)]
        for start in best[0]:
            for end in best[1]:
                if not offsets[start] or not offsets[end] or end < start or end - start + 1 > 30:
                    continue
                candidates.append((starts[start] + ends[end], offsets[start][0], offsets[end][1]))
    if not candidates:
        return ""
    score, begin, end = max(candidates, key=lambda candidate: candidate[0])
    return "" if may_have_none and null - score > 0 else each["context"][begin:end]


def run(program, *arguments):
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"sharcs {' '.join(map(str, arguments))}: {done.stderr}")
    return done.stdout


def compare(program, family, folder):
    _, save = compare_tokenizers.CASES[FAMILIES[family]]
    model_folder = folder / family
    model_folder.mkdir()
    save(model_folder)
    (model_folder / "config.json").write_text(json.dumps({"model_type": getattr(transformers, family + "Config").model_type}))
    tokenizer = transformers.AutoTokenizer.from_pretrained(model_folder)
    compare_tokenizers.save_model(family, tokenizer, model_folder)
    torch.manual_seed(5)
    config = transformers.AutoConfig.from_pretrained(model_folder)
    config.num_labels = 2
    model = getattr(transformers, family + "ForQuestionAnswering")(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.add_((1.0 if "qa_outputs" in name or name.startswith("classifier") else 0.3) * torch.randn_like(parameter))
    model.save_pretrained(model_folder)
    path = model_folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"sharcs_max_length": LENGTH}))
    for may_have_none in (False, True):
        asked = questions(60, may_have_none)
        file = folder / "questions.json"
        file.write_text(json.dumps(squad(asked)))
        above = ["--no-answer-above", "0"] if may_have_none else []
        found = json.loads(run(program, "predict", "--model", model_folder, "--input", file, *above))
        counts = collections.Counter()
        for each in asked:
            expected = expected_answer(tokenizer, model, each, may_have_none)
            counts["windows"] += 1
            counts["none"] += not expected
            # Ours have no white space at their ends.
            if found[each["id"]] != expected.strip():
                return f"{family}: the answer to {each} is {found[each['id']]!r}; expected {expected!r}"
        measured = json.loads(run(program, "eval", "--model", model_folder, "--file", file, "--json", *above))
        truth = [scores(found[each["id"]], [answer["text"] for answer in each["answers"]])[may_have_none] for each in asked]
        for place, name in enumerate(("answer_exact_match", "answer_f1")):
            expected = sum(score[place] for score in truth) / len(truth)
            value = measured["full"][name]["value"]
            if not abs(expected - value) <= 1e-6:
                return f"{family}: {name} is {value}; expected {expected}"
        print(f"{family}, version {2 if may_have_none else 1}: {len(asked)} answers equal, {counts['none']} of them none")
    return None


def main():
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)  # the models are small
    with tempfile.TemporaryDirectory() as folder:
        problems = [compare(sys.argv[1], family, pathlib.Path(folder)) for family in sys.argv[2:] or FAMILIES]
    problems = [problem for problem in problems if problem]
    print("\n".join(problems))
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
