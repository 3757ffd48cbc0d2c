"""Schemathesis against a running server: requests made from docs/openapi.json, and all that comes back compared with it.

    build/interchange/bin/python tests/interchange/schemathesis_server.py build/release/sharcs

It tries each endpoint with requests that fit the file and requests that do not, with methods and fields that are not there, and checks
statuses, headers, content types and bodies. Every run sends the same requests; SCHEMATHESIS_SEED=7 asks for others,
and SCHEMATHESIS_EXAMPLES=1000 for more.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import urllib.request

import transformers

MODEL = pathlib.Path(__file__).parent.parent / "compatibility" / "0.1.0" / "run"


def save_plain(architecture, folder):
    """A random encoder of this class of transformers, with the tokenizer of MODEL."""
    config = json.loads((MODEL / "config.json").read_text())
    sizes = {name: config[name] for name in ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads",
                                             "intermediate_size", "max_position_embeddings", "pad_token_id")}
    getattr(transformers, architecture)(transformers.BertConfig(num_labels=2, **sizes)).save_pretrained(folder)
    for file in ("vocab.txt", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(MODEL / file, folder)


def fill_in(document, models):
    """What follows from the models that are served, and so cannot stand in the file."""
    model, words, answers, masks = models["models"]
    layers = json.loads((MODEL / "config.json").read_text())["num_hidden_layers"]
    for name, plain in (("TagRequest", words), ("AnswerRequest", answers), ("FillRequest", masks)):
        schema = document["components"]["schemas"][name]
        schema["properties"]["model"]["enum"] = [plain["name"]]
        schema["properties"]["policy"]["enum"] = ["model", "fixed:1"]
        del schema["properties"]["budget"]  # they have none
        schema["required"].append("model")
    # At the beginning, so that it is read, as long as the text is.
    document["components"]["schemas"]["FillRequest"]["properties"]["inputs"]["items"]["pattern"] = r"^\[MASK\]"
    for name in ("ClassifyRequest", "EmbedRequest"):
        properties = document["components"]["schemas"][name]["properties"]
        properties["model"]["enum"] = [model["name"]]
        if "layer" in properties:
            properties["layer"]["maximum"] = layers
        if "policy" in properties:
            properties["policy"]["enum"] = ["model", "router", "cascade:0.9", "exits", "combined:0.9,0.8", "fixed:0.25", "cap:0.25"]
            properties["budget"]["minimum"] = min(model["budgets"])


def load(url):
    with urllib.request.urlopen(url, timeout=60) as response:
        return json.load(response)


def main(program):
    try:
        import schemathesis  # noqa: F401
    except ImportError:
        print("skipped: there is no schemathesis; sh tests/interchange/make_venv.sh installs it")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        plain = {"words": "TokenClassification", "answers": "QuestionAnswering", "masks": "MaskedLM"}
        folders = [pathlib.Path(folder) / name for name in plain]
        for to, kind in zip(folders, plain.values()):
            save_plain("BertFor" + kind, to)
        command = [program, "serve", MODEL, *folders, "--port", "0", "--json", "--threads", "1"]
        server = subprocess.Popen(command, stdout=subprocess.PIPE)
        try:
            url = json.loads(server.stdout.readline())["url"]
            document = load(url + "/openapi.json")
            fill_in(document, load(url + "/v1/models"))
            file = pathlib.Path(folder) / "openapi.json"
            file.write_text(json.dumps(document))
            command = [pathlib.Path(sys.executable).parent / "schemathesis", "run", file, "--url", url, "--checks", "all"]
            seed = os.environ.get("SCHEMATHESIS_SEED")
            command += ["--seed", seed] if seed else ["--generation-deterministic"]
            command += ["--max-examples", os.environ.get("SCHEMATHESIS_EXAMPLES", "150")]
            result = subprocess.run(command, cwd=folder, env=dict(os.environ, NO_COLOR="1")).returncode
            if load(url + "/health")["status"] != "ok":
                return 1
        finally:
            server.terminate()
            ended = server.wait(60)
    return result or ended


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
