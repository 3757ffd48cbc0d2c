#!/usr/bin/env python3
"""Cuts the small token files and vocabularies of tests/golden out of the large ones.

    cut_tokens.py GOLDEN VOCABULARIES FOLDER

GOLDEN holds the large tokens_*.jsonl files, VOCABULARIES the folders bert-base-uncased and roberta-layout. README.md says what
is kept. A vocabulary keeps every entry that stands somewhere in a kept text, so that each choice between longer and
shorter entries, or between merges, comes out as with the whole vocabulary. The entries keep their order and are
numbered anew, and so are the ids in the token files.
"""

import json
import pathlib
import sys
import unicodedata

BERT_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ROBERTA_FIRST = ["<s>", "<pad>", "</s>", "<unk>"]
ROBERTA_LAST = ["<mask>"]
HAND_MADE = 91  # the first lines of each large file: one difficulty each
EVERY = 13  # and then every so many lines: sentences and random mixtures


def read_lines(file):
    return [json.loads(line) for line in file.read_text().split("\n") if line]


def write_lines(file, lines, new_id):
    with open(file, "w") as out:
        for line in lines:
            line = {**line, "ids": [new_id[i] for i in line["ids"]]}
            out.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")


def texts_of(lines):
    return [text for line in lines for text in (line["text"], line.get("pair", ""))]


def as_words_see_it(text):
    """The text as it may reach WordPiece: with and without case and accents, control characters taken out."""
    clean = "".join(c for c in text if c not in "\0\ufffd" and (c in "\t\n\r" or unicodedata.category(c)[0] != "C"))
    lower = unicodedata.normalize("NFD", "".join(c.lower() for c in clean))
    return [text, clean, clean.lower(), lower, "".join(c for c in lower if unicodedata.category(c) != "Mn")]


def byte_characters():
    """The character that byte-level BPE writes for each byte."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in printable]
    return {**{b: chr(b) for b in printable}, **{b: chr(256 + n) for n, b in enumerate(others)}}


def cut_bert(source, folder, texts):
    whole = (source / "vocab.txt").read_text().split("\n")
    seen = "\n".join(form for text in texts for form in as_words_see_it(text))
    kept = [i for i, token in enumerate(whole) if token and (token in BERT_SPECIAL or token.removeprefix("##") in seen)]
    new_id = {old: new for new, old in enumerate(kept)}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("".join(whole[i] + "\n" for i in kept))
    document = json.loads((source / "tokenizer.json").read_text())
    document["truncation"] = document["padding"] = None
    for token in document["added_tokens"]:
        token["id"] = new_id[token["id"]]
    for token in document["post_processor"]["special_tokens"].values():
        token["ids"] = [new_id[i] for i in token["ids"]]
    document["model"]["vocab"] = {whole[i]: new_id[i] for i in kept}
    (folder / "tokenizer.json").write_text(json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n")
    return new_id


def cut_roberta(source, folder, texts):
    whole = json.loads((source / "vocab.json").read_text())
    character = byte_characters()
    seen = "\n".join("".join(character[b] for b in (" " + text).encode()) for text in texts)
    version, *merges = (source / "merges.txt").read_text().strip("\n").split("\n")
    merges = [merge for merge in merges if merge.replace(" ", "") in seen]
    kept = {*ROBERTA_FIRST, *character.values(), *(merge.replace(" ", "") for merge in merges), *ROBERTA_LAST}
    tokens = [token for token in whole if token in kept]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "merges.txt").write_text("\n".join([version, *merges]) + "\n")
    vocabulary = {token: i for i, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False, separators=(",", ":")) + "\n")
    return {whole[token]: i for token, i in vocabulary.items()}


def main(golden, vocabularies, folder):
    names = ["tokens_bert_uncased", "tokens_bert_cased_rules", "tokens_roberta_layout", "tokens_bert_uncased_max16"]
    files = {name: read_lines(golden / f"{name}.jsonl") for name in names}
    for name in names[:3]:
        files[name] = files[name][:HAND_MADE] + files[name][HAND_MADE::EVERY]
    files[names[3]] = files[names[3]][::3]
    texts = [text for lines in files.values() for text in texts_of(lines)]
    bert = cut_bert(vocabularies / "bert-base-uncased", folder / "vocab" / "bert-base-uncased", texts)
    roberta = cut_roberta(vocabularies / "roberta-layout", folder / "vocab" / "roberta-layout", texts)
    for name, lines in files.items():
        write_lines(folder / f"{name}.jsonl", lines, roberta if "roberta" in name else bert)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*map(pathlib.Path, sys.argv[1:]))
