"""Draws docs/headline.svg, accuracy against cost, from a recording: headline.py RECORDING [SHARCS] > docs/headline.svg

The recording of docs/experiments.md (MiniLM on SST-2) is runs/minilm/dev-and-test.json there. Curves are what `sharcs calibrate
--curve` says, by cross-validation.
"""

import json
import subprocess
import sys

BUDGETS = [0.17, 0.18, 0.2, 0.22, 0.25, 0.28, 0.3, 0.333, 0.37, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1]
CURVES = {"combined": ("combined", "#c26a00"), "exits": ("exits", "#2c8a43"), "cascade": ("cascade", "#4a63c0"), "router": ("router alone", "#a0398a")}
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 380, 66, 24, 44, 54
COSTS, SCORES = (0.1, 1.02), (0.82, 0.91)


def x(cost):
    return LEFT + (cost - COSTS[0]) / (COSTS[1] - COSTS[0]) * (WIDTH - LEFT - RIGHT)


def y(score):
    return TOP + (SCORES[1] - score) / (SCORES[1] - SCORES[0]) * (HEIGHT - TOP - BOTTOM)


def calibrated(sharcs, recording, *options):
    ran = subprocess.run([sharcs, "calibrate", "--recording", recording, "--dry-run", "--json", *options], stdout=subprocess.PIPE, check=True, text=True)
    return [(point["cost_fraction"], point["score"]["value"]) for point in json.loads(ran.stdout)["points"]]


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    recording, sharcs = sys.argv[1], (sys.argv + ["sharcs"])[2]
    with open(recording, encoding="utf-8") as file:
        points = json.load(file)["points"]
    fixed = {point["name"].removeprefix("fixed "): (point["cost_fraction"], point["score"]["value"]) for point in points if point["series"] == "fixed"}
    full = fixed["1"][1]

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="system-ui, sans-serif" font-size="13" role="img" '
           'aria-label="Accuracy against cost for four kinds of policy and for fixed answers">',
           "<style>.card { fill: #ffffff; stroke: #d5d9e2 } .t { fill: #1d2433 } .s { fill: #58627a; font-size: 12px } .g { stroke: #e3e6ed } .f { fill: #58627a } .full { stroke: #58627a; stroke-dasharray: 5 4 }",
           "@media (prefers-color-scheme: dark) { .card { fill: #1f2430; stroke: #3b4254 } .t { fill: #e8ebf2 } .s { fill: #a6b0c6 } .g { stroke: #343b4c } .f { fill: #a6b0c6 } .full { stroke: #a6b0c6 }"]
    light = {"#c26a00": "#f0a441", "#2c8a43": "#6cc483", "#4a63c0": "#8ea2f0", "#a0398a": "#e08acb"}
    out += [f".{name} {{ stroke: {light[colour]}; fill: {light[colour]} }}" for name, (_, colour) in CURVES.items()]
    out.append("}")
    # The colours of light pages stand first in the cascade.
    out.insert(2, " ".join(f".{name} {{ stroke: {colour}; fill: {colour} }}" for name, (_, colour) in CURVES.items()) + " polyline { fill: none !important; stroke-width: 2.4; stroke-linejoin: round } text { stroke: none !important }")
    out.append(f'</style>\n<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="10"/>')
    out.append(f'<text class="t" x="{LEFT}" y="26">MiniLM on SST-2, 2,693 sentences: accuracy against cost</text>')
    for score in (0.82, 0.84, 0.86, 0.88, 0.9):
        out.append(f'<line class="g" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(score):.1f}" y2="{y(score):.1f}"/><text class="s" x="{LEFT - 10}" y="{y(score) + 4:.1f}" text-anchor="end">{score:.2f}</text>')
    for cost in (0.2, 0.4, 0.6, 0.8, 1):
        out.append(f'<text class="s" x="{x(cost):.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{cost:g}</text>')
    out.append(f'<text class="s" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}" text-anchor="middle">cost: multiply-adds as a share of full width’s</text>')
    out.append(f'<line class="full" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(full):.1f}" y2="{y(full):.1f}"/><text class="s" x="{WIDTH - RIGHT}" y="{y(full) + 19:.1f}" text-anchor="end">full width, {full:.3f}</text>')
    for name, (cost, score) in fixed.items():
        below = 19 if score < full else -10
        label = "" if name == "1" else f'<text class="s" x="{x(cost):.1f}" y="{y(score) + below:.1f}" text-anchor="middle">all at {"width " if name[0] == "0" else ""}{name}</text>'
        out.append(f'<circle class="f" cx="{x(cost):.1f}" cy="{y(score):.1f}" r="4"/>{label}')
    for place, (name, (label, _)) in enumerate(reversed(CURVES.items())):
        curve = sorted(set(calibrated(sharcs, recording, "--policy", name, "--curve", ",".join(map(str, BUDGETS)))))
        out.append(f'<polyline class="{name}" points="{" ".join(f"{x(cost):.1f},{y(score):.1f}" for cost, score in curve)}"/>')
        out.append(f'<text class="{name}" x="{WIDTH - RIGHT - 110}" y="{HEIGHT - BOTTOM - 20 - 20 * place}">{label}</text>')
        out.append(f'<line class="{name}" x1="{WIDTH - RIGHT - 146}" x2="{WIDTH - RIGHT - 118}" y1="{HEIGHT - BOTTOM - 24.5 - 20 * place}" y2="{HEIGHT - BOTTOM - 24.5 - 20 * place}" stroke-width="2.4"/>')
    (cost, score), = calibrated(sharcs, recording, "--policy", "combined", "--max-drop", "0.5")
    out.append(f'<circle class="combined" cx="{x(cost):.1f}" cy="{y(score):.1f}" r="5.5"/><text class="combined" x="{x(cost):.1f}" y="{y(full) - 8:.1f}" text-anchor="end" font-weight="bold">{score:.3f} at {cost:.3f}</text>')
    out.append("</svg>")
    print("\n".join(out))


main()
