"""Compares what Python gets through the C interface and ctypes with Hugging Face's transformers.

    python compare_c_interface.py LIBRARY     LIBRARY: the shared library

A small random model and its tokenizer are saved by transformers; examples/classify.py reads them through sharcs.h and has to
give the same logits and the same mean vectors.
"""
import pathlib
import sys
import tempfile

import torch
import transformers

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "examples"))
import classify

TOLERANCE = 1e-4
TEXTS = ["a superb film", "it is not a dull story", "Größe und naïveté", "film"]
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "superb", "film", "it", "is", "not", "dull", "story", "und",
         "g", "##r", "##o", "##ß", "##e", "naivete"]


def main():
    transformers.logging.set_verbosity_error()
    torch.manual_seed(7)
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "vocab.txt").write_text("\n".join(WORDS) + "\n")
        tokenizer = transformers.BertTokenizer(vocab=str(pathlib.Path(folder) / "vocab.txt"))
        model = transformers.BertForSequenceClassification(transformers.BertConfig(
            vocab_size=len(WORDS), hidden_size=24, num_hidden_layers=3, num_attention_heads=4, intermediate_size=40,
            max_position_embeddings=40, id2label={0: "no", 1: "yes"}, label2id={"no": 0, "yes": 1},
            initializer_range=0.3)).eval()
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        classifier = classify.Classifier(sys.argv[1], folder)
        predictions, vectors = classifier.classify(TEXTS), classifier.embed(TEXTS)
        for text, prediction, vector in zip(TEXTS, predictions, vectors):
            with torch.no_grad():
                expected = model(**tokenizer(text, return_tensors="pt"), output_hidden_states=True)
            differences = [(torch.tensor(prediction["logits"]) - expected.logits[0]).abs().max().item(),
                           (torch.tensor(vector) - expected.hidden_states[-1][0].mean(0)).abs().max().item()]
            label = model.config.id2label[int(expected.logits[0].argmax())]
            print(f"{text}: {prediction['label']}, largest differences {differences[0]:.1e} and {differences[1]:.1e}")
            if not max(differences) <= TOLERANCE or prediction["label"] != label:
                sys.exit(f"{text}: {prediction} and {differences}; expected {label} and at most {TOLERANCE}")
        for text, said in (("", "a text is empty; expected a sentence"),):
            try:
                classifier.classify([text])
                sys.exit(f"the text {text!r} was classified; expected the error {said!r}")
            except RuntimeError as error:
                if str(error) != said:
                    sys.exit(f"the text {text!r} gave the error {str(error)!r}; expected {said!r}")


if __name__ == "__main__":
    main()
