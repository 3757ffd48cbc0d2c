"""Runs the commands of a page of docs, and compares what they print: run_page.py PAGE SCRATCH PROGRAM [START]

A block ```sh is run, in one shell for the whole page, with PROGRAM's folder in the PATH, in a folder in SCRATCH that is empty, or
a copy of START. A block
without a language after it is what it has to print: each line has to be there, in order. Numbers may differ, and so may what a
line has in place of "…"; a line "…" stands for any lines. A block behind `<!-- not run by the test -->` is left out.
"""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys

MARK = "<!-- not run by the test -->"


def blocks_of(page):
    """(commands, line, expected lines) for each block of commands that is run."""
    found, fence, skip = [], None, False
    for number, line in enumerate(page.read_text(encoding="utf-8").split("\n"), 1):
        if fence is None and line.startswith("```"):
            fence = (line[3:], number, [])
        elif fence is not None and line == "```":
            language, start, lines = fence
            if language == "sh":
                if not skip:
                    found.append(("\n".join(lines), start, None))
                skip = False
            elif language == "" and found and found[-1][2] is None:
                found[-1] = (*found[-1][:2], lines)
            fence = None
        elif fence is not None:
            fence[2].append(line)
        elif line == MARK:
            skip = True
    return found


def masked(line):
    """A line with what differs from machine to machine taken out: numbers, units, spaces, which answer was kept."""
    line = re.sub(r"exit [0-9]+", "0", line)
    line = re.sub(r"[-−]?[0-9][0-9.,]*(?:e-?[0-9]+)?( (?:ms|µs|s|KB|MB)\b)?", "#", line)
    return re.sub(r"\s+", " ", line).strip()


def missing_line(expected, printed):
    """The first expected line that was not printed behind those before it; None when all were."""
    lines = [masked(line) for line in printed.split("\n")]
    at = 0
    for line in expected:
        if not line.strip() or line == "…":
            continue
        pattern = re.compile(".*".join(re.escape(part.strip()) for part in masked(line).split("…")))
        while at < len(lines) and not pattern.fullmatch(lines[at]):
            at += 1
        if at == len(lines):
            return line
        at += 1
    return None


def main():
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    page, scratch, program = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]).resolve()
    blocks = blocks_of(page)
    if not blocks:
        sys.exit(f"{page}: there are no commands")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    if len(sys.argv) == 5:
        shutil.copytree(sys.argv[4], scratch / "folder")
    else:
        (scratch / "folder").mkdir()
    # The port of the page may be taken.
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    script = []
    for index, (commands, line, _) in enumerate(blocks):
        output = (scratch / f"{index}.txt").resolve()
        commands = commands.replace("8080", port)
        # What a block leaves running has to have said that it runs.
        settled = f"\nfor try in $(seq 100); do [ -s '{output}' ] && break; sleep 0.1; done" if commands.endswith("&") else ""
        script.append(f"echo '{page.name}:{line}' >&2\n{{ {commands}\n}} >'{output}'{settled}")
    environment = os.environ | {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}
    with open(scratch / "errors.txt", "w") as errors:
        shell = subprocess.Popen(["bash", "-e", "-c", "\n".join(script)], cwd=scratch / "folder", env=environment, stderr=errors, start_new_session=True)
        returned = shell.wait()
    try:
        os.killpg(shell.pid, signal.SIGTERM)  # what the page left running
    except ProcessLookupError:
        pass
    if returned:
        last = (scratch / "errors.txt").read_text(encoding="utf-8").split("\n")[-20:]
        sys.exit(f"{page}: the shell ended with {returned}:\n" + "\n".join(last))
    failed = False
    for index, (_, line, expected) in enumerate(blocks):
        printed = (scratch / f"{index}.txt").read_text(encoding="utf-8").replace(port, "8080")
        missing = missing_line(expected or [], printed)
        if missing is not None:
            failed = True
            print(f"{page}:{line}: the page says that this prints\n  {missing}\nIt printed\n{printed}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
