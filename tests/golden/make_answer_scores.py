"""Writes answer_scores.jsonl: scores of answers as SQuAD's scripts, evaluate-v1.1.py and evaluate-v2.0.py, measure them.

    python make_answer_scores.py > answer_scores.jsonl

The functions are those of the scripts. They give the same scores as the copy of version 2.0 in transformers 4.46 for all of these
answers, and as torchmetrics 1.6, which has version 1.1, for all that have a word left once they are normalized: where neither
the answer nor the truth has one, torchmetrics says 1 and the script 0.
"""
import collections
import json
import random
import re
import string


def normalize_answer(s):
    def remove_articles(text):
        return re.sub(re.compile(r"\b(a|an|the)\b", re.UNICODE), " ", text)

    def white_space_fix(text):
        return " ".join(text.split())

    def remove_punc(text):
        exclude = set(string.punctuation)
        return "".join(ch for ch in text if ch not in exclude)

    return white_space_fix(remove_articles(remove_punc(s.lower())))


def f1_of_version_1(prediction, ground_truth):
    prediction_tokens = normalize_answer(prediction).split()
    ground_truth_tokens = normalize_answer(ground_truth).split()
    common = collections.Counter(prediction_tokens) & collections.Counter(ground_truth_tokens)
    num_same = sum(common.values())
    if num_same == 0:
        return 0
    precision = 1.0 * num_same / len(prediction_tokens)
    recall = 1.0 * num_same / len(ground_truth_tokens)
    return (2 * precision * recall) / (precision + recall)


def get_tokens(s):
    return normalize_answer(s).split() if s else []


def f1_of_version_2(a_gold, a_pred):
    gold_toks, pred_toks = get_tokens(a_gold), get_tokens(a_pred)
    common = collections.Counter(gold_toks) & collections.Counter(pred_toks)
    num_same = sum(common.values())
    if len(gold_toks) == 0 or len(pred_toks) == 0:
        return int(gold_toks == pred_toks)
    if num_same == 0:
        return 0
    precision = 1.0 * num_same / len(pred_toks)
    recall = 1.0 * num_same / len(gold_toks)
    return (2 * precision * recall) / (precision + recall)


def scores(prediction, truths):
    exact = lambda a, b: int(normalize_answer(a) == normalize_answer(b))
    version_1 = [max(exact(prediction, t) for t in truths), max(f1_of_version_1(prediction, t) for t in truths)] if truths else None
    golds = [t for t in truths if normalize_answer(t)] or [""]
    version_2 = [max(exact(t, prediction) for t in golds), max(f1_of_version_2(t, prediction) for t in golds)]
    return version_1, version_2


NASTY = ["", " ", "the", "The", "a an the", "A.", "\u2014", "the-end", "The end.", "theend", "an apple a day", "apple day",
         "U.S.A.", "usa", "USA", "1,000", "1000", "$1,000", "l'homme", "İstanbul", "istanbul", "ΟΔΟΣ", "οδος", "Straße", "STRASSE",
         "a\u0301", "e\u0301lan", "élan", "Élan", "the\u00a0end", "the\u2003end", "x\x1cy", "x y", "\u00a3a", "\u00a3 a", "a_b", "_a_", "the_",
         "北京", "北 京", "½ a", "a½", "the²", "no answer", "(the)", "“The” end", "\u200bthe", "the\u200b", "'a'", "a--b", "\ufeffa", "ß the ß",
         "Ⅷ the", "the\u0300", "ªa", "the the", "to be or not to be", "not to be", "be be be", "\t the\nend\r", "\x85a\x85b"]


def main():
    random.seed(5)
    words = ["the", "a", "an", "The", "cat", "cat.", "Cat", "sat,", "mat", "on", "-", "é", "1,5", "北京", "\u00a0", "AN", "_", "Σ", "s's"]
    text = lambda: random.choice(["", " ", "  "]).join([""] + [random.choice(words) + random.choice([" ", "", ". "]) for _ in range(random.randrange(6))])
    for index in range(1500):
        prediction = random.choice(NASTY) if index % 2 else text()
        truths = [random.choice([random.choice(NASTY), text(), prediction, prediction.upper(), prediction + " the"]) for _ in range(random.choice([0, 1, 1, 2, 3]))]
        version_1, version_2 = scores(prediction, truths)
        print(json.dumps({"answer": prediction, "truths": truths, "normal": normalize_answer(prediction), "v1": version_1, "v2": version_2}, ensure_ascii=False))


if __name__ == "__main__":
    main()
