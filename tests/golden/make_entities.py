"""Makes entities.json: scores of random tag sequences by the package seqeval (1.2.2), in its default mode.

    python make_entities.py > entities.json

Each entry has tags of one scheme, or of all mixed; of the sequences some are well formed and the others are any tags.
"""
import json
import random
import warnings

from seqeval.metrics import accuracy_score, f1_score, precision_score, recall_score
from seqeval.metrics.sequence_labeling import precision_recall_fscore_support, get_entities

warnings.filterwarnings("ignore")
SCHEMES = {"IOB": "BI", "IOBES": "BIES", "BILOU": "BILU", "mixed": "BIESLU"}
TYPES = [["PER"], ["PER", "LOC"], ["LOC", "ORG", "PER", "work-of-art"], ["x", "x-y", "_z", "Ä"]]


def well_formed(draw, scheme, types, length):
    tags = []
    while len(tags) < length:
        kind, size = draw.choice(types), draw.choice([1, 1, 2, 3])
        if draw.random() < 0.6:
            tags.append("O")
        elif scheme == "IOB":
            same = tags and tags[-1] != "O" and tags[-1][2:] == kind
            tags += [("B-" if same or draw.random() < 0.5 else "I-") + kind] + ["I-" + kind] * (size - 1)
        elif size == 1:
            tags.append(("S-" if "S" in SCHEMES[scheme] else "U-") + kind)
        else:
            tags += ["B-" + kind] + ["I-" + kind] * (size - 2) + [("E-" if "E" in SCHEMES[scheme] else "L-") + kind]
    return tags[:length]


def entry(draw):
    scheme, types = draw.choice(list(SCHEMES)), draw.choice(TYPES)
    names = sorted({"O"} | {prefix + "-" + kind for prefix in SCHEMES[scheme] for kind in types},
                   key=lambda name: name.encode())
    if draw.random() < 0.2:
        names = sorted(set(names) | {"B", "I", "E", "S"}, key=lambda name: name.encode())
    truth, predicted = [], []
    for _ in range(draw.randint(1, 12)):
        length = draw.randint(1, 15)
        nasty = draw.random() < 0.4
        tags = [draw.choice(names) for _ in range(length)] if nasty else well_formed(draw, scheme, types, length)
        truth.append(tags)
        predicted.append([draw.choice(names) if draw.random() < 0.25 else tag for tag in tags])
    support = {}
    for kind, _, _ in get_entities(truth):
        support[kind] = support.get(kind, 0) + 1
    numbers = lambda rows: [[names.index(tag) for tag in row] for row in rows]
    return dict(scheme=scheme, tags=names, truth=numbers(truth), predicted=numbers(predicted),
                f1=float(f1_score(truth, predicted)), precision=float(precision_score(truth, predicted)),
                recall=float(recall_score(truth, predicted)), accuracy=float(accuracy_score(truth, predicted)),
                support=support)


draw = random.Random(7)
print("[" + ",\n".join(json.dumps(entry(draw), ensure_ascii=False, separators=(",", ":")) for _ in range(150)) + "]")
