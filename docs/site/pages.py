"""Makes the pages of the site from docs/: pages.py REPOSITORY PROGRAM OUTPUT

Copies docs/, with docs/site/index.md, CHANGELOG.md and SECURITY.md. Links from there to other files of the repository become
links to pages that show these files. Three pages are made: commands.md from the program's --help, http-api.md from
docs/openapi.json, headers.md from the public headers.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

GENERATED = ("docs/commands.md", "docs/http-api.md", "docs/headers.md")
ALONE = ("index.md", "tutorial.md", "faq.md")  # pages without others beside them in the navigation
LANGUAGES = {".yml": "yaml", ".cpp": "cpp", ".hpp": "cpp", ".h": "c", ".c": "c", ".py": "python", ".sh": "sh", ".json": "json", ".cmake": "cmake", ".md": "markdown"}


def fail(message):
    sys.exit(f"docs/site/pages.py: {message}")


def outside_of_blocks(text, change):
    """The text with `change` applied to what is not in a block of code."""
    parts = re.split(r"(^ *```.*?^ *```[^\n]*$)", text, flags=re.MULTILINE | re.DOTALL)
    return "".join(part if i % 2 else change(part) for i, part in enumerate(parts))


def in_numbered_items(text):
    """The text with numbered lists as Python-Markdown wants them, where GitHub is content with less: what belongs to an item stands
    four columns in, and behind an item of several paragraphs there is an empty line."""
    lines, inside, paragraphs = [], False, False
    for line in text.split("\n"):
        begins = bool(re.match(r"[0-9]\. ", line))
        if begins and paragraphs and lines[-1]:
            lines.append("")
        inside = begins or inside and (not line or line.startswith("   "))
        paragraphs = inside and not begins and (paragraphs or not line)
        lines.append(" " + line if inside and line.startswith("   ") else line)
    return "\n".join(lines)


class Site:
    def __init__(self, repository, output):
        self.repository = repository
        self.output = output
        self.renamed = {"CHANGELOG.md": "changelog.md", "SECURITY.md": "security.md", "README.md": "index.md"}
        self.shown = {}  # files and folders of the repository that have a page, and its name

    def add(self, source, name):
        """A page of the repository, its links led to the site's pages."""
        text = (self.repository / source).read_text(encoding="utf-8")
        text = in_numbered_items(text)
        links = re.compile(r"(\]\()([^)\s]+)(\))")
        text = outside_of_blocks(text, lambda part: links.sub(lambda link: link[1] + self.target(source, link[2]) + link[3], part))
        self.write(name, "---\nhide: [navigation]\n---\n" + text if name in ALONE else text)

    def target(self, source, link):
        """Where a link of a page leads on the site."""
        if re.match(r"[a-z]+:", link) or link.startswith("#"):
            return link
        path, _, anchor = link.partition("#")
        file = os.path.normpath(os.path.join(os.path.dirname(source), path))
        if not (self.repository / file).exists() and file not in GENERATED:
            fail(f"{source}: there is no {file}, to which the page links")
        anchor = "#" + anchor if anchor else ""
        if file in self.renamed:
            return self.renamed[file] + anchor
        if file.startswith("docs/") and not file.startswith("docs/site/"):
            return file[len("docs/"):] + anchor
        return self.show(file)

    def show(self, file):
        """A page that shows a file, or the list of the files in a folder."""
        name = "source/" + file + ".md"
        if file not in self.shown:
            self.shown[file] = name
            path = self.repository / file
            if path.is_dir():
                listed = subprocess.run(["git", "-C", self.repository, "ls-files", "-z", "--", file], stdout=subprocess.PIPE, check=True, text=True).stdout
                depth = "../" * (name.count("/"))
                lines = []
                for inner in sorted(filter(None, listed.split("\0"))):
                    text = (self.repository / inner).suffix in LANGUAGES or inner.endswith("CMakeLists.txt")
                    short = inner[len(file) + 1:]
                    lines.append(f"- [`{short}`]({depth}{self.show(inner)})" if text and "/" not in short else f"- `{short}`")
                body = "\n".join(lines)
            else:
                language = LANGUAGES.get(path.suffix, "text")
                body = f"````{language}\n{path.read_text(encoding='utf-8').rstrip()}\n````"
            self.write(name, f"---\nsearch:\n  exclude: true\n---\n# {file}\n\n{body}\n")
        return name

    def write(self, name, text):
        path = self.output / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def cell(text):
    """Plain text as a cell of a table."""
    return re.sub(r"([|<>\[\]*_`\\])", r"\\\1", text)


def commands_page(program):
    """What `--help` says, a section for each command and a table for each group of its options."""

    def help_of(*arguments):
        ran = subprocess.run([program, *arguments, "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if ran.returncode:
            fail(f"{program} {' '.join(arguments)} --help: {ran.stderr}")
        return ran.stdout.rstrip().split("\n")

    def rows(lines):
        """The two columns of a list; what stands further right goes on with the row before."""
        table = []
        for line in lines:
            entry = re.match(r"  (\S.*?)(?:  +(\S.*))?$", line)
            if entry and not line.startswith("   "):
                table.append([entry[1], entry[2] or ""])
            elif table:
                table[-1][1] = (table[-1][1] + " " + line.strip()).strip()
        return table

    names = [name for name, _ in rows(help_of()[help_of().index("Subcommands:") + 1:])]
    page = ["# Commands", "", "`sharcs COMMAND --help` prints what stands here. In square brackets: what counts where the option is absent. The settings of a",
            "training, which are flags of `sharcs train`, too, have [a page](options.md). All commands end with", "[these exit codes](training.md#the-output-folder).", ""]
    for name in names:
        lines = help_of(name)
        usage = next(i for i, line in enumerate(lines) if line.startswith("Usage: "))
        page += [f"## {name}", "", cell(" ".join(lines[:usage])), "", "```sh", lines[usage][len("Usage: "):], "```", ""]
        groups, group = [], None
        for line in lines[usage + 1:]:
            if re.match(r"\S.*:$", line):
                group = (line[:-1], [])
                groups.append(group)
            elif group and line:
                group[1].append(line)
        for title, content in groups:
            page += [f"**{title}**", ""]
            if title == "Examples":
                page += ["```sh", *(line[2:] for line in content), "```", ""]
                continue
            page += ['<div class="options" markdown>', "", "| option | meaning |", "|---|---|"]
            for option, meaning in rows(content):
                option = re.sub(r"\{false\} ?", "", option).replace(",--", "`, `--").replace(",-", "`, `-")
                page.append(f"| `{option}` | {cell(meaning)} |")
            page += ["", "</div>", ""]
    return "\n".join(page)


def http_page(description):
    """docs/openapi.json for readers."""
    schemas = description["components"]["schemas"]

    def kind(schema):
        if "$ref" in schema:
            name = schema["$ref"].rsplit("/", 1)[1]
            return f"[{name}](#{name.lower()})"
        if "oneOf" in schema or "anyOf" in schema:
            return " or ".join(kind(each) for each in schema.get("oneOf") or schema["anyOf"])
        if schema.get("type") == "array":
            return "list of " + kind(schema.get("items", {}))
        if "enum" in schema:
            return ", ".join(f"`{value}`" for value in schema["enum"])
        text = schema.get("type", "any value")
        if isinstance(text, list):
            text = " or ".join(text)
        if "minimum" in schema and "maximum" in schema:
            text += f" from {schema['minimum']} to {schema['maximum']}"
        elif "minimum" in schema:
            text += f" ≥ {schema['minimum']}"
        return text

    def body_of(content):
        (media, body), = content.items()
        schema = body.get("schema", {})
        return kind(schema) if "$ref" in schema else f"`{media}`"

    page = ["# HTTP", "", description["info"]["description"] + " [The server](server.md) explains how to use it; the same in machine-readable form: [openapi.json](openapi.json).", ""]
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            page += [f"## {method.upper()} {path}", "", operation["summary"] + ". " + operation.get("description", ""), ""]
            if "requestBody" in operation:
                content = operation["requestBody"]["content"]
                page += [f"The body is a {body_of(content)}.", ""]
                example = content["application/json"].get("example")
                if example:
                    page += ["```json", json.dumps(example, ensure_ascii=False), "```", ""]
            page += ["| status | body | when |", "|---|---|---|"]
            for status, response in operation["responses"].items():
                body = body_of(response["content"]) if response.get("content") else ""
                headers = "".join(f" `{name}`: {header['description']}" for name, header in response.get("headers", {}).items())
                page.append(f"| {status} | {body} | {cell(response['description'])}{headers} |")
            page.append("")
    for name, schema in schemas.items():
        page += [f"## {name}", ""]
        if "description" in schema:
            page += [schema["description"], ""]
        for each in schema.get("oneOf") or schema.get("anyOf") or [schema]:
            if "properties" not in each:
                page += [f"Either a {kind(each)}, or:" if each is not schema else kind(each), ""]
                continue
            page += ["| field | type | meaning |", "|---|---|---|"]
            for field, value in each["properties"].items():
                needed = "" if field in each.get("required", []) else ", optional"
                page.append(f"| `{field}` | {kind(value)}{needed} | {cell(value.get('description', ''))} |")
            page.append("")
    return "\n".join(page)


def headers_page(folder):
    """A line for each public header, with the page that Doxygen made of it."""
    page = ["# C++ and C", "", "A page for each public header. Begin with `classifier.hpp`, which loads a model and classifies texts; [Into your",
            "program](cpp.md) shows how. `sharcs.hpp` includes all of them, `sharcs.h` is for C. [All classes](api/annotated.html), [all",
            "functions](api/namespacemembers_func.html).", "", '<div class="options" markdown>', "", "| header | declares |", "|---|---|"]
    first = ["classifier.hpp", "engine.hpp", "policy.hpp"]
    for header in sorted(folder.iterdir(), key=lambda path: (first.index(path.name) if path.name in first else len(first), path.name)):
        text = header.read_text(encoding="utf-8")
        names = re.findall(r"^(?:class|struct|enum class)(?: \[\[[^\]]*\]\])* (\w+)[^;\n]*\{", text, flags=re.MULTILINE)
        if header.suffix == ".h":
            names = re.findall(r"^SHARCS_API .*?(sharcs_\w+)\(", text, flags=re.MULTILINE)
        link = "api/" + header.name.replace("_", "__").replace(".", "_8") + ".html"
        page.append(f"| [`{header.name}`]({link}) | {', '.join(f'`{name}`' for name in names) or 'all of them'} |")
    return "\n".join([*page, "", "</div>", ""])


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    repository, program, output = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2], pathlib.Path(sys.argv[3])
    site = Site(repository, output)
    for file in sorted((repository / "docs").iterdir()):
        if file.suffix == ".md":
            site.add("docs/" + file.name, file.name)
        elif file.is_file():
            shutil.copy(file, output / file.name)
    site.add("docs/site/index.md", "index.md")
    site.add("CHANGELOG.md", "changelog.md")
    site.add("SECURITY.md", "security.md")
    for link in re.findall(r"\]\(([^)\s]+)\)", (repository / "README.md").read_text(encoding="utf-8")):
        site.target("README.md", link)  # no page of the site, but its links are looked at
    site.write("commands.md", commands_page(program))
    site.write("http-api.md", http_page(json.loads((repository / "docs/openapi.json").read_text(encoding="utf-8"))))
    site.write("headers.md", headers_page(repository / "include/sharcs"))
    shutil.copytree(repository / "docs/site/assets", output / "assets")


main()
