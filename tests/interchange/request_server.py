"""Sends requests that are made from /openapi.json to a running server, and compares what comes with what the file says.

    python3 tests/interchange/request_server.py http://127.0.0.1:8080 [COUNT]

Each endpoint is asked for a model that the server has for it. A request that fits the schema gets 200; one that does not gets 400, 404 or 413; nothing gets a status that the file does not have,
and every error says what was found. Needs nothing but Python.
"""

import json
import random
import sys
import urllib.error
import urllib.request

WORDS = ["a gem", "the film was superb", "mess", "é", "\U0001f600", "a" * 3000, "x\ty", "<b>", "0"]


class Maker:
    """Values that fit a schema, and values that do not."""

    def __init__(self, document, draw):
        self.document, self.draw = document, draw

    def resolve(self, schema):
        while "$ref" in schema:
            place = self.document
            for part in schema["$ref"].split("/")[1:]:
                place = place[part]
            schema = place
        return schema

    def good(self, schema):
        schema = self.resolve(schema)
        if "oneOf" in schema:
            return self.good(self.draw.choice(schema["oneOf"]))
        if "enum" in schema:
            return self.draw.choice(schema["enum"])
        kind = schema["type"]
        if kind == "object":
            names = [name for name in schema["properties"] if name in schema["required"] or self.draw.random() < 0.5]
            return {name: self.good(schema["properties"][name]) for name in names}
        if kind == "array":
            return [self.good(schema["items"]) for _ in range(self.draw.randint(schema.get("minItems", 0), 4))]
        if kind == "string":
            return self.draw.choice(WORDS)
        if kind == "integer":
            return self.draw.randint(schema.get("minimum", 0), 3)
        if kind == "number":
            return self.draw.uniform(schema.get("minimum", -10), schema.get("maximum", 10))
        return self.draw.random() < 0.5  # boolean

    def bad(self, schema):
        """A value of another type, or an object with one member of another type, or one too many."""
        schema = self.resolve(schema)
        if schema.get("type") == "object" and self.draw.random() < 0.8:
            value = self.good(schema)
            name = self.draw.choice(list(schema["properties"]))
            if self.draw.random() < 0.3:
                value["not_" + name] = 1
            else:
                value[name] = self.bad(schema["properties"][name])
            return value
        if schema.get("type") == "array" and self.draw.random() < 0.5:
            return [self.good(schema["items"]), self.bad(schema["items"])]
        fits = {"string": str, "array": list, "boolean": bool, "number": (int, float), "integer": int, "object": dict}
        kinds = [each["type"] for each in schema.get("oneOf", [schema])]
        others = [None, True, [], {}, "", -1, 1.5, [[]], {"": {}}, 10**30]
        while True:
            value = self.draw.choice(others)
            same = any(isinstance(value, fits[kind]) and isinstance(value, bool) <= (kind == "boolean") for kind in kinds)
            if not same or value == "" and schema.get("minLength"):
                return value


def ask(url, body):
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def check(condition, *said):
    if not condition:
        sys.exit("wrong: " + " ".join(str(each)[:400] for each in said))


def main(base, count):
    with urllib.request.urlopen(base + "/openapi.json", timeout=60) as response:
        document = json.load(response)
    with urllib.request.urlopen(base + "/v1/models", timeout=60) as response:
        models = json.load(response)["models"]
    maker = Maker(document, random.Random(1))
    seen = {}
    for path, methods in document["paths"].items():
        if "post" not in methods:
            continue
        model = next(each for each in models if each["endpoint"] == path or path == "/v1/embed")
        schema = methods["post"]["requestBody"]["content"]["application/json"]["schema"]
        documented = set(methods["post"]["responses"])
        for _ in range(count):
            # What the schema cannot say: which models, policies and budgets there are, that two exclude each other, and how a mask
            # is spelled.
            good = maker.good(schema) | {"model": model["name"]}
            if path == "/v1/fill":
                good["inputs"] = ["[MASK] " + text for text in good["inputs"]]
            for name, value in (("policy", "router"), ("layer", 0)):
                if name in good:
                    good[name] = value
            if "policy" in good or not model["budgets"]:
                good.pop("budget", None)
            elif "budget" in good:
                good["budget"] = model["budgets"][0]
            status, answer = ask(base + path, good)
            check(status == 200, path, good, status, answer)
            results = answer.get("predictions", answer.get("embeddings"))
            check(len(results) == len(good["inputs"]), path, good, answer)
            bad = maker.bad(schema)
            status, answer = ask(base + path, bad)
            check(status in (400, 404, 413) and str(status) in documented, path, bad, status, answer)
            check(answer["error"]["status"] == status and answer["error"]["message"], path, bad, answer)
            seen[path, status] = seen.get((path, status), 0) + 1
    print(2 * count * len({path for path, _ in seen}), "requests; refused:", seen)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 300)
