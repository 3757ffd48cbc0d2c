"""Compares tokenizers with Hugging Face's transformers, both ways, for each class that its models have there.

    python compare_tokenizers.py ANSWER     ANSWER: the program of answer.cpp

A small tokenizer is trained and saved by transformers beside a small model. sharcs reads the folder and has to give the
same ids, token types and logits for single texts, for pairs and for texts whose words are given, and the same windows of
a question's context, with the places of their tokens in it. It saves both again; transformers reads that folder as
the same class, with the same special tokens and length, and has to give the same once more.
"""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import sentencepiece
import tokenizers
import torch
import transformers
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AddedToken

TOLERANCE = 1e-4
SIZES = dict(hidden_size=24, num_hidden_layers=3, num_attention_heads=4, intermediate_size=40,
             max_position_embeddings=130, num_labels=3)
DISTILBERT = dict(dim=24, n_layers=3, n_heads=4, hidden_dim=40, max_position_embeddings=130, num_labels=3)
CORPUS = ["The film was superb, the plot is dull.", "A gem; a mess, not a joy!", "Élan vital: naïve café, “quoted”",
          "it's we'll don't 100 % 3,14 1990s", "Straße groß ÜBER İstanbul", "北京 is a city 東京", "don't  look  back",
          "l'homme n'est pas là ; où ça ?", "the the the film film plot", "<s> is a tag and [MASK] too"] * 20
TEXTS = ["", " ", "The film was superb", "  Leading and  double   spaces ", "tab\tand\nline", "Élan VITAL naïve CAFÉ",
         "北京 3,14 100%", "İstanbul groß ﬁne ½ ①", "<ent>name</ent> of <ent>", "a <mask> b [MASK] c", "<s>x</s> [SEP]y",
         "``quoted'' text", "it's we'll", "a   b     c       d", "x |||EMAIL_ADDRESS||| <|endoftext|>y", "e\u0301 A\u0308", "▁under score", "zzz qqq ☃ \U0001F600", "the <pad> film",
         "a\u00a0b\u3000c", "x [CLS]", "The Film <ENT> <ent>"]
PAIRS = [("The film was superb", "A gem"), ("a  b", ""), ("", "the plot"), ("<ent>film", "Élan <mask> x"),
         ("北京", "it's  dull ")]
WORDS = [["The", "film", "was", "superb"], ["Élan", "VITAL", ",", "naïve", "CAFÉ"], ["it's", "we'll", "don't", "100%"],
         ["a", "<mask>", "[MASK]", "<ent>name</ent>"], ["", "film", " ", "two words", " lead"], ["北京", "3,14", "\u200b", "☃"],
         ["zzzqqq"] * 60, [","], ["e\u0301", "A\u0308", "▁under", "ﬁne"]]


QUESTIONS = [{"question": "What is a gem?", "context": context, "length": 40}
             for context in (" ".join(TEXTS), " ".join(CORPUS[:10]), "It.", "  the film\n\n was  superb ")]


def word_piece_vocabulary(specials):
    tokenizer = tokenizers.Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=260, special_tokens=specials)
    tokenizer.train_from_iterator(CORPUS + [text.lower() for text in CORPUS], trainer)
    return dict(sorted(tokenizer.get_vocab().items(), key=lambda item: item[1]))


def byte_level_bpe():
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(CORPUS, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return dict(vocab=model["vocab"], merges=[tuple(merge) for merge in model["merges"]])


def sentence_piece(folder, name, **settings):
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS), model_prefix=str(folder / "spm"), vocab_size=150, hard_vocab_limit=False,
        minloglevel=2, **settings)
    (folder / "spm.model").rename(folder / name)
    (folder / "spm.vocab").unlink()


def fairseq_piece(folder):
    sentence_piece(folder, "sentencepiece.bpe.model")


def albert_piece(folder):
    sentence_piece(folder, "spiece.model", pad_id=0, unk_id=1, bos_id=-1, eos_id=-1,
                   control_symbols="[CLS],[SEP],[MASK]", user_defined_symbols="(,)")


def deberta_piece(folder):
    sentence_piece(folder, "spm.model", pad_id=0, bos_id=1, eos_id=2, unk_id=3, pad_piece="[PAD]", bos_piece="[CLS]",
                   eos_piece="[SEP]", unk_piece="[UNK]")


BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
MPNET = ["<s>", "<pad>", "</s>", "<unk>", "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
EXTRA = dict(additional_special_tokens=["<ent>", AddedToken("</ent>", lstrip=True)])


def bert(folder, cls="BertTokenizer", **settings):
    getattr(transformers, cls)(vocab=word_piece_vocabulary(BERT), model_max_length=128, **settings).save_pretrained(folder)


def mpnet(folder):
    vocabulary = word_piece_vocabulary(MPNET)
    vocabulary["<mask>"] = len(vocabulary)
    transformers.MPNetTokenizer(vocab=vocabulary, model_max_length=128, **EXTRA).save_pretrained(folder)


def roberta(folder, **settings):
    transformers.RobertaTokenizer(**byte_level_bpe(), model_max_length=128, **settings).save_pretrained(folder)


def from_piece(cls, make, keep_only_piece, **settings):
    """A SentencePiece class: what it saves, or SentencePiece's file with a configuration alone."""
    def save(folder):
        make(folder)
        tokenizer = getattr(transformers, cls).from_pretrained(folder, model_max_length=128, **settings)
        tokenizer.save_pretrained(folder)
        if keep_only_piece:
            (folder / "tokenizer.json").unlink()
        else:
            for file in folder.glob("*.model"):
                file.unlink()
    return save


def without_class(folder):
    bert(folder)
    (folder / "tokenizer_config.json").unlink()


def against_lower_case(folder):
    """tokenizer.json says one thing and tokenizer_config.json the other."""
    bert(folder, do_lower_case=True)
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"do_lower_case": False}))


def slow_files(folder):
    """vocab.txt, special_tokens_map.json and added_tokens.json, as transformers of 2020 saved them."""
    vocabulary = word_piece_vocabulary(BERT)
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    (folder / "added_tokens.json").write_text(json.dumps({"<ent>": len(vocabulary), "film": vocabulary["film"],
                                                          "</ent>": len(vocabulary) + 1}))
    (folder / "special_tokens_map.json").write_text(json.dumps(
        {"cls_token": "[CLS]", "mask_token": {"content": "[MASK]", "lstrip": True, "rstrip": False, "single_word": False,
                                              "normalized": False}, "additional_special_tokens": ["<ent>"]}))
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": true, "model_max_length": 128}')


def as_written(scheme, **normalizer):
    """A tokenizer.json like those that transformers 4 made of SentencePiece's files, and the class that reads it as it is."""
    def save(folder):
        fairseq_piece(folder)
        slow = transformers.XLMRobertaTokenizer.from_pretrained(folder)
        backend = slow.backend_tokenizer
        charsmap = backend.normalizer
        backend.normalizer = normalizers.Sequence(
            [charsmap, normalizers.Strip(left=normalizer.get("left", False), right=True),
             normalizers.Replace(tokenizers.Regex(" {2,}"), "▁")])
        backend.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme=scheme)
        backend.decoder = decoders.Metaspace(replacement="▁", prepend_scheme=scheme)
        transformers.PreTrainedTokenizerFast(
            tokenizer_object=backend, cls_token="<s>", sep_token="</s>", unk_token="<unk>", pad_token="<pad>",
            mask_token="<mask>", model_max_length=128, **EXTRA).save_pretrained(folder)
        (folder / "sentencepiece.bpe.model").unlink()
    return save


def bert_as_written(folder):
    """token_type_ids are asked for by name."""
    bert(folder)
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_input_names": ["input_ids", "token_type_ids", "attention_mask"]}))


def modern_bert(folder, **settings):
    """As the published ModernBERT's: byte-level BPE after NFC, and runs of spaces that are added tokens."""
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=["|||IP_ADDRESS|||", "<|padding|>"],
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.add_special_tokens(["<|endoftext|>"])
    tokenizer.add_tokens([AddedToken(" " * count, normalized=True) for count in range(24, 1, -1)] +
                         [AddedToken("|||EMAIL_ADDRESS|||", normalized=True)])
    tokenizer.add_special_tokens(["[UNK]", "[CLS]", "[SEP]", "[PAD]", AddedToken("[MASK]", lstrip=True, special=True)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")])
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, cls_token="[CLS]", sep_token="[SEP]", unk_token="[UNK]", pad_token="[PAD]",
        mask_token="[MASK]", model_max_length=128, model_input_names=["input_ids", "attention_mask"], **settings).save_pretrained(folder)


CASES = {
    "BertTokenizer": ("Bert", bert),
    "BertTokenizer with special tokens": ("Bert", lambda folder: bert(folder, **EXTRA)),
    "BertTokenizer, cased": ("Bert", lambda folder: bert(folder, do_lower_case=False, tokenize_chinese_chars=False)),
    "BertTokenizer, accents kept": ("Bert", lambda folder: bert(folder, strip_accents=False)),
    "BertTokenizer without tokenizer_config.json": ("Bert", without_class),
    "BertTokenizer, do_lower_case against tokenizer.json": ("Bert", against_lower_case),
    "BertTokenizer of vocab.txt and added_tokens.json": ("Bert", slow_files),
    "BERT's as PreTrainedTokenizerFast": ("Bert", bert_as_written),
    "ElectraTokenizer": ("Electra", lambda folder: bert(folder, "ElectraTokenizer", **EXTRA)),
    "DistilBertTokenizer": ("DistilBert", lambda folder: bert(folder, "DistilBertTokenizer", **EXTRA)),
    "MPNetTokenizer": ("MPNet", mpnet),
    "RobertaTokenizer": ("Roberta", lambda folder: roberta(folder, **EXTRA)),
    "RobertaTokenizer with a space before": ("Roberta", lambda folder: roberta(folder, add_prefix_space=True)),
    "XLMRobertaTokenizer": ("XLMRoberta", from_piece("XLMRobertaTokenizer", fairseq_piece, False, **EXTRA)),
    "XLMRobertaTokenizer of sentencepiece.bpe.model": ("XLMRoberta", from_piece("XLMRobertaTokenizer", fairseq_piece, True)),
    "CamembertTokenizer": ("Camembert", from_piece("CamembertTokenizer", fairseq_piece, False)),
    "CamembertTokenizer of sentencepiece.bpe.model": ("Camembert", from_piece("CamembertTokenizer", fairseq_piece, True)),
    "AlbertTokenizer": ("Albert", from_piece("AlbertTokenizer", albert_piece, False, **EXTRA)),
    "AlbertTokenizer, cased, accents kept": ("Albert", from_piece("AlbertTokenizer", albert_piece, False, do_lower_case=False,
                                                                  keep_accents=True)),
    "AlbertTokenizer of spiece.model": ("Albert", from_piece("AlbertTokenizer", albert_piece, True)),
    "DebertaV2Tokenizer": ("DebertaV2", from_piece("DebertaV2Tokenizer", deberta_piece, False, **EXTRA)),
    "DebertaV2Tokenizer, lower case, cut at punctuation": ("DebertaV2", from_piece(
        "DebertaV2Tokenizer", deberta_piece, False, do_lower_case=True, split_by_punct=True, add_prefix_space=False)),
    "DebertaV2Tokenizer of spm.model": ("DebertaV2", from_piece("DebertaV2Tokenizer", deberta_piece, True)),
    "ModernBERT's as PreTrainedTokenizerFast": ("ModernBert", modern_bert),
    "ModernBERT's with special tokens": ("ModernBert", lambda folder: modern_bert(folder, **EXTRA)),
    "XLM-R's as written, a space before all": ("XLMRoberta", as_written("always")),
    "XLM-R's as written, a space before the first": ("XLMRoberta", as_written("first")),
    "XLM-R's as written, stripped, no space before": ("XLMRoberta", as_written("never", left=True)),
}


def save_model(name, tokenizer, folder):
    settings = dict(DISTILBERT if name == "DistilBert" else SIZES)
    if name in ("Albert", "Electra"):
        settings["embedding_size"] = 12
    if name == "DebertaV2":
        settings |= {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "share_att_key": True,
                     "norm_rel_ebd": "layer_norm", "position_biased_input": False, "position_buckets": 8,
                     "max_relative_positions": -1, "type_vocab_size": 0}
    if name == "ModernBert":
        settings |= {"local_attention": 16, "classifier_pooling": "mean",
                     **{f"{kind}_token_id": tokenizer.convert_tokens_to_ids(token) for kind, token in
                        (("cls", "[CLS]"), ("sep", "[SEP]"), ("bos", "[CLS]"), ("eos", "[SEP]"))}}
    if name in ("Roberta", "XLMRoberta", "Camembert"):
        settings["type_vocab_size"] = 1
    config = getattr(transformers, name + "Config")(vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id, **settings)
    torch.manual_seed(7)
    model = getattr(transformers, name + "ForSequenceClassification")(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    model.save_pretrained(folder)


def answers_of(folder, inputs):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    answers = []
    for item in inputs:
        split = "words" in item
        text = (item["text"], item["pair"]) if "pair" in item else item["words"] if split else item["text"]
        # As a list, so that "" counts as a text.
        encoded = tokenizer([text], is_split_into_words=split, truncation=True, max_length=100, return_tensors="pt")
        with torch.no_grad():
            logits = model(**encoded).logits[0].tolist()
        ids = encoded["input_ids"][0].tolist()
        answers.append({"ids": ids, "logits": logits,
                        "words": [-1 if word is None else word for word in encoded.word_ids(0)] if split else [],
                        "types": encoded["token_type_ids"][0].tolist() if "token_type_ids" in encoded else None})
    return tokenizer, answers


def difference(expected, found, inputs, what):
    for item, one, other in zip(inputs, expected, found):
        for part in ("ids", "types", "words"):
            if one[part] is not None and one[part] != other[part]:
                return f"{what}: {part} of {item} are {other[part]}; expected {one[part]}"
        distance = max(abs(a - b) for a, b in zip(one["logits"], other["logits"]))
        if not distance <= TOLERANCE:
            return f"{what}: logits of {item} differ by {distance:.1e}; expected at most {TOLERANCE}"
    return None


def windows_of(tokenizer, item):
    """As transformers' run_qa.py: the context is cut, and windows overlap by half of what they have of it."""
    room = item["length"] - tokenizer.num_special_tokens_to_add(True) - len(
        tokenizer(item["question"], add_special_tokens=False)["input_ids"])
    encoded = tokenizer(item["question"], item["context"], truncation="only_second", max_length=item["length"],
                        stride=room // 2, return_overflowing_tokens=True, return_offsets_mapping=True)
    windows = []
    for index, ids in enumerate(encoded["input_ids"]):
        places = []
        for place, sequence in zip(encoded["offset_mapping"][index], encoded.sequence_ids(index)):
            begin, end = place if sequence == 1 else (0, 0)
            while begin < end and item["context"][begin].isspace():
                begin += 1
            while begin < end and item["context"][end - 1].isspace():
                end -= 1
            places.append((begin, end) if begin < end else None)
        windows.append({"ids": ids, "types": encoded["token_type_ids"][index] if "token_type_ids" in encoded else None,
                        "ranges": places})
    return windows


def difference_of_windows(expected, found, item, what):
    if len(expected) != len(found):
        return f"{what}: {len(found)} windows of {item}; expected {len(expected)}"
    context = item["context"].encode()
    for number, (one, other) in enumerate(zip(expected, found)):
        places = [(len(context[:begin].decode()), len(context[:end].decode())) if begin < end else None
                  for begin, end in other["ranges"]]
        for part, theirs, ours in (("ids", one["ids"], other["ids"]), ("types", one["types"], other["types"]),
                                   ("places", one["ranges"], places)):
            if theirs is not None and theirs != ours:
                where = [(i, a, b) for i, (a, b) in enumerate(zip(theirs, ours)) if a != b][:5]
                return f"{what}: window {number} of {item['context'][:40]!r} has other {part}: (token, expected, found) {where}"
    return None


def compare(what, model, save, answer, folder):
    theirs, ours = folder / "theirs", folder / "ours"
    for path in (theirs, ours):
        shutil.rmtree(path, ignore_errors=True)
    theirs.mkdir()
    save(theirs)
    config = {"model_type": getattr(transformers, model + "Config").model_type}
    (theirs / "config.json").write_text(json.dumps(config))
    save_model(model, transformers.AutoTokenizer.from_pretrained(theirs), theirs)
    inputs = [{"text": text} for text in TEXTS] + [{"text": text, "pair": pair} for text, pair in PAIRS]
    if model != "Roberta" or "space before" in what:  # else given words are refused
        inputs += [{"words": words} for words in WORDS]
    (folder / "inputs.json").write_text(json.dumps(inputs + QUESTIONS))
    run = subprocess.run([answer, theirs, folder / "inputs.json", ours], capture_output=True, text=True)
    if run.returncode != 0:
        return f"{what}: {run.stderr.strip()}"
    found = json.loads(run.stdout)
    tokenizer, expected = answers_of(theirs, inputs)
    again, read_again = answers_of(ours, inputs)
    problem = difference(expected, found["encoded"], inputs, what) or difference(
        expected, read_again, inputs, what + ", saved by us")
    for item, windows in zip(QUESTIONS, found["windows"]):
        problem = problem or difference_of_windows(windows_of(tokenizer, item), windows, item, what)
    if problem:
        return problem
    if type(again) is not type(tokenizer):
        return f"{what}: our folder is read as {type(again).__name__}; expected {type(tokenizer).__name__}"
    # Where their folder does not say, ours has the model's.
    if again.model_max_length != min(tokenizer.model_max_length, SIZES["max_position_embeddings"]):
        return f"{what}: model_max_length became {again.model_max_length}; expected {tokenizer.model_max_length}"
    if again.special_tokens_map != tokenizer.special_tokens_map:
        return f"{what}: special tokens became {again.special_tokens_map}; expected {tokenizer.special_tokens_map}"
    if sorted(map(str, again.all_special_tokens)) != sorted(map(str, tokenizer.all_special_tokens)):
        return f"{what}: special tokens became {again.all_special_tokens}; expected {tokenizer.all_special_tokens}"
    print(f"{what}: equal")
    return None


def main():
    transformers.logging.set_verbosity_error()
    chosen = sys.argv[2:] or list(CASES)
    with tempfile.TemporaryDirectory() as folder:
        problems = [compare(name, *CASES[name], sys.argv[1], pathlib.Path(folder)) for name in chosen]
    problems = [problem for problem in problems if problem]
    print("\n".join(problems))
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
