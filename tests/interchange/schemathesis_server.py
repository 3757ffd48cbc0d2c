"""Schemathesis against a running server: requests made from docs/openapi.json, and all that comes back compared with it.

    build/interchange/bin/python tests/interchange/schemathesis_server.py build/release/sharcs

It tries each endpoint with requests that fit the file and requests that do not, with methods and fields that are not there, and checks
statuses, headers, content types and bodies. Every run sends the same requests; SCHEMATHESIS_SEED=7 asks for others,
and SCHEMATHESIS_EXAMPLES=1000 for more.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import urllib.request

MODEL = pathlib.Path(__file__).parent.parent / "compatibility" / "0.1.0" / "run"


def fill_in(document, models):
    """What follows from the model that is served, and so cannot stand in the file."""
    model = models["models"][0]
    layers = json.loads((MODEL / "config.json").read_text())["num_hidden_layers"]
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
    server = subprocess.Popen([program, "serve", MODEL, "--port", "0", "--json", "--threads", "1"], stdout=subprocess.PIPE)
    try:
        url = json.loads(server.stdout.readline())["url"]
        with tempfile.TemporaryDirectory() as folder:
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
