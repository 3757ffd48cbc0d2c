"""Compares the tokens that sharcs puts in the place of masks with those of transformers' fill-mask pipeline.

    python compare_masks.py SHARCS     SHARCS: the program

Small random models are saved by transformers, a BERT with WordPieces and a RoBERTa with a byte-level BPE. The program reads
the folder and has to give the same tokens with the same probabilities, for texts of one mask and of several.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
import transformers

TOLERANCE = 1e-5
TOP = 4
SIZES = dict(hidden_size=24, num_hidden_layers=3, num_attention_heads=4, intermediate_size=40)
TEXTS = ["the film is a {0} .", "{0} film and the {0} are a mess", "a gem{0}", "the{0} film {0}{0} is the film"]


def bert(folder):
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "film", "is", "a", ".", "and", "are", "mess", "gem", "##s"]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")
    tokenizer = transformers.BertTokenizer(str(folder / "vocab.txt"))
    return tokenizer, transformers.BertForMaskedLM(
        transformers.BertConfig(**SIZES, vocab_size=len(words), max_position_embeddings=40))


def roberta(folder):
    from tokenizers import ByteLevelBPETokenizer

    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator([text.format("") for text in TEXTS] * 3, vocab_size=300, min_frequency=1,
                                special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    trained.save_model(str(folder))
    tokenizer = transformers.RobertaTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))
    return tokenizer, transformers.RobertaForMaskedLM(
        transformers.RobertaConfig(**SIZES, vocab_size=len(tokenizer), max_position_embeddings=42, pad_token_id=1))


def problem_of(make, program, folder):
    torch.manual_seed(3)
    folder = folder / make.__name__
    (folder / "made").mkdir(parents=True)
    tokenizer, model = make(folder / "made")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    model.eval().save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    # As it is read again: what sharcs reads, too.
    pipeline = transformers.pipeline("fill-mask", model=str(folder / "model"), top_k=TOP)
    texts = [text.format(pipeline.tokenizer.mask_token) for text in TEXTS]
    command = [program, "predict", "--model", folder / "model", "--json", "--top", str(TOP)]
    for text in texts:
        command += ["--text", text]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    for text, line in zip(texts, map(json.loads, lines), strict=True):
        expected = pipeline(text)
        expected = expected if isinstance(expected[0], list) else [expected]
        for ours, theirs in zip(line["masks"], expected, strict=True):
            if [entry["id"] for entry in ours] != [entry["token"] for entry in theirs]:
                return f"{make.__name__}, {text}: {ours}; expected {theirs}"
            difference = max(abs(a["probability"] - b["score"]) for a, b in zip(ours, theirs, strict=True))
            print(f"{make.__name__}, {text}: probabilities differ by {difference:.1e}")
            if not difference <= TOLERANCE:
                return f"{make.__name__}, {text}: probabilities differ by {difference:.1e}; expected at most {TOLERANCE}"
    return None


def main():
    transformers.logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as folder:
        problems = [problem_of(make, sys.argv[1], pathlib.Path(folder)) for make in (bert, roberta)]
    problems = [problem for problem in problems if problem]
    print("\n".join(problems))
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
