"""Curves over each parameter of a grid, as an SVG of small panels: the mean above, the p99 slowdown below."""
import math
from xml.sax.saxutils import escape

COLOURS = {
    "weighted": "#888888", "idle-weighted": "#b07aa1", "wrr": "#9c755f", "lowest": "#edc948", "power-of-two": "#59a14f",
    "basic-li": "#4e79a7", "least-load": "#e15759",
}
NAMES = {"period": "T, seconds", "agents": "agents", "servers": "servers", "load": "load", "kind": "requests, seconds apart"}
WIDTH, HEIGHT, LEFT, TOP, GAP, LEGEND = 210, 200, 60, 50, 28, 270
MOST = 20  # what is above is drawn at the edge


def level(value, most):
    return math.log(max(1, min(value, most))) / math.log(most)


def label(name, value):
    return "%g, %g%s" % (value[0], value[1], " ½" if value[2] else "") if name == "kind" else "%g" % value


def text(x, y, words, anchor="middle", more=""):
    return '<text x="%.1f" y="%.1f" text-anchor="%s"%s>%s</text>' % (x, y, anchor, more, escape(words))


def panel(x, y, name, values, curves, which, most, first):
    out = ['<rect x="%d" y="%d" width="%d" height="%d" fill="none" stroke="#ccc"/>' % (x, y, WIDTH, HEIGHT)]
    for tick in (1, 1.5, 2, 3, 5, 10, 20):
        if tick > most:
            break
        at = y + HEIGHT * (1 - level(tick, most))
        out.append('<path d="M%d %.1fh%d" stroke="#eee"/>' % (x, at, WIDTH))
        if first:
            out.append(text(x - 6, at + 4, "%g" % tick, "end"))
    places = [x + WIDTH * (i + 0.5) / len(values) for i in range(len(values))]
    for place, value in zip(places, values):
        out.append(text(place, y + HEIGHT + 14, label(name, value)))
    for policy, sections in curves.items():
        points = ["%.1f,%.1f" % (place, y + HEIGHT * (1 - level(value, most)))
                  for place, (_, value) in zip(places, sections[which][name])]
        out.append('<polyline points="%s" fill="none" stroke="%s" stroke-width="%s"/>'
                   % (" ".join(points), COLOURS[policy], 3 if policy == "least-load" else 1.5))
    return out


def draw(path, title, curves, titles):
    names = list(next(iter(curves.values()))[0])
    wide, high = LEFT + len(names) * (WIDTH + GAP) + LEGEND, TOP + 2 * (HEIGHT + 60)
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="11">' % (wide, high),
           '<rect width="%d" height="%d" fill="white"/>' % (wide, high),
           text(LEFT, 22, title + ", times what an omniscient dispatcher has", "start", ' font-size="15"')]
    for which, what in enumerate(("mean", "p99 slowdown")):
        y = TOP + which * (HEIGHT + 60)
        out.append(text(16, y + HEIGHT / 2, what, more=' transform="rotate(-90 16 %.1f)"' % (y + HEIGHT / 2)))
        worst = max(v for sections in curves.values() for values in sections[which].values() for _, v in values)
        for i, name in enumerate(names):
            x = LEFT + i * (WIDTH + GAP)
            values = [value for value, _ in next(iter(curves.values()))[which][name]]
            out += panel(x, y, name, values, curves, which, max(1.5, min(MOST, worst)), i == 0)
            out.append(text(x + WIDTH / 2, y + HEIGHT + 32, NAMES[name]))
    x = LEFT + len(names) * (WIDTH + GAP)
    for i, policy in enumerate(curves):
        out.append('<path d="M%d %dh20" stroke="%s" stroke-width="3"/>' % (x, TOP + 12 + 20 * i, COLOURS[policy]))
        out.append(text(x + 26, TOP + 16 + 20 * i, titles[policy].strip("*").replace("`", ""), "start"))
    with open(path, "w") as file:
        file.write("\n".join(out + ["</svg>\n"]))
