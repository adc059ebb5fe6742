#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Draws what the benchmark has measured, as SVG files.

    bench/run.sh --kernel --json result.json
    bench/plot.py result.json                  # into docs/performance/

Takes any number of JSON files of bench/run.sh and bench/kernel/run.sh; needs
nothing but Python 3.  What a file does not hold is not drawn.
"""
import argparse
import json
import math
import os
import sys
from html import escape

SUITE = "AES-128-GCM"
VERSION = "TLSv1.3"
FONT = "font-family=\"-apple-system,'Segoe UI','DejaVu Sans',sans-serif\""
INK, FAINT, GRID = "#24292f", "#57606a", "#d8dee4"
# Told apart by everybody (Okabe and Ito), ours the strongest.
BLUE, ORANGE, GREEN = "#0072b2", "#e69f00", "#009e73"
PURPLE, RED, SKY, GREY = "#cc79a7", "#d55e00", "#56b4e9", "#8c959f"

# Ways over the size of a call: name in the JSON, label, colour, dashes.
CURVES = [
    ("libktls", "libktls", BLUE, ""),
    ("libktls MORE", "libktls, KTLS_MORE", SKY, ""),
    ("SSL_write corked", "OpenSSL, corked", ORANGE, ""),
    ("SSL_read ahead", "OpenSSL, read-ahead", ORANGE, ""),
    ("SSL_write", "OpenSSL", RED, ""),
    ("SSL_read", "OpenSSL", RED, ""),
    ("limit", "limit: AEAD + copy + socket", GREY, "5 4"),
]
# Ways in the kernel's half: way, path, size (None: any), label, colour.
SEND_BARS = [
    ("sendfile", "kernel", 1048576, "sendfile(2), kernel TLS by hand", GREY),
    ("ktls_sendfile", "kernel", 1048576, "ktls_sendfile, kernel path", BLUE),
    ("SSL_sendfile", "kernel", 1048576, "SSL_sendfile, OpenSSL's kTLS",
     GREEN),
    ("ktls_sendfile", "userspace", 1048576, "ktls_sendfile, userspace path",
     SKY),
    ("pread+SSL_write", "kernel", None, "pread + SSL_write, OpenSSL's kTLS",
     ORANGE),
    ("pread+SSL_write", "userspace", None, "pread + SSL_write, userspace",
     RED),
]
RECEIVE_BARS = [
    ("recv", "kernel", 1048576, "recv(2), kernel TLS by hand", GREY),
    ("ktls_read", "kernel", 1048576, "ktls_read, kernel path", GREEN),
    ("ktls_read", "kernel no-pad", 1048576,
     "ktls_read, kernel path, KTLS_EXPECT_NO_PAD", BLUE),
    ("ktls_read", "userspace", 1048576, "ktls_read, userspace path", SKY),
    ("SSL_read", "kernel", None, "SSL_read, OpenSSL's kTLS", ORANGE),
    ("SSL_read", "userspace", None, "SSL_read, userspace", RED),
]
TITLES = {
    "send-file": "Sending a file: throughput by size of the call",
    "send-memory": "Sending from memory: throughput by size of the call",
    "receive": "Receiving: throughput by size of the call",
}


class Svg:
    """Text that grows, on a white sheet that is readable in any theme."""

    def __init__(self, width, height, title):
        self.width, self.height = width, height
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" '
            f'height="{height}" viewBox="0 0 {width} {height}" role="img" '
            f'aria-label="{escape(title)}" {FONT}>',
            f'<rect x="0.5" y="0.5" width="{width - 1}" '
            f'height="{height - 1}" rx="6" fill="#ffffff" '
            f'stroke="{GRID}"/>']
        self.text(24, 34, title, size=17, weight="600")

    def text(self, x, y, what, size=12, anchor="start", fill=INK,
             weight="400", turn=None):
        turned = f' transform="rotate({turn} {x} {y})"' if turn else ""
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" '
            f'text-anchor="{anchor}" fill="{fill}" '
            f'font-weight="{weight}"{turned}>{escape(what)}</text>')

    def line(self, x1, y1, x2, y2, stroke=GRID, width=1.0):
        self.parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" '
            f'y2="{y2:.1f}" stroke="{stroke}" stroke-width="{width}"/>')

    def rect(self, x, y, width, height, fill):
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
            f'height="{height:.1f}" fill="{fill}"/>')

    def path(self, points, stroke, dashes):
        at = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        self.parts.append(
            f'<polyline points="{at}" fill="none" stroke="{stroke}" '
            f'stroke-width="2.2" stroke-linejoin="round"{dashed}/>')

    def dot(self, x, y, fill):
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.6" '
                          f'fill="{fill}" stroke="#ffffff"/>')

    def write(self, path):
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(self.parts + ["</svg>", ""]))
        print(path)


def size_text(size):
    for unit, name in ((1 << 20, "MiB"), (1 << 10, "KiB")):
        if size >= unit:
            return f"{size / unit:g} {name}"
    return f"{size} B"


def ticks(top, at_most=6):
    """Round steps from 0 to at least top."""
    raw = top / at_most
    power = 10 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw)
    return [i * step for i in range(math.ceil(top / step - 1e-9) + 1)]


def y_axis(svg, box, marks, label):
    left, top, right, bottom = box
    for mark in marks:
        y = bottom - (bottom - top) * mark / marks[-1]
        svg.line(left, y, right, y, INK if mark == 0 else GRID)
        svg.text(left - 8, y + 4, f"{mark:,.10g}", anchor="end", fill=FAINT)
    svg.text(26, (top + bottom) / 2, label, anchor="middle", fill=FAINT,
             turn=-90)


def legend(svg, x, y, entries):
    for label, color, dashes in entries:
        svg.path([(x, y - 4), (x + 24, y - 4)], color, dashes)
        if not dashes:
            svg.dot(x + 12, y - 4, color)
        svg.text(x + 32, y, label)
        y += 22


def collect(lines, name):
    """{way: {size: (median, min, max)}} of the ways and of their peers."""
    found = {}
    for line in lines:
        if (line.get("name"), line.get("version"), line.get("suite")) != \
                (name, VERSION, SUITE) or not line.get("size"):
            continue
        for way, spread in ((line.get("way"), line),
                            (line.get("peer"), line.get("peer_value"))):
            if spread and "median" in spread:
                middle = spread["median"]
                found.setdefault(way, {})[line["size"]] = (
                    middle, spread.get("min", middle),
                    spread.get("max", middle))
    return found


def curves(result, name, note, path):
    found = collect(result.get("lines", []), name)
    shown = [c for c in CURVES if c[0] in found]
    sizes = sorted({size for c in shown for size in found[c[0]]})
    if len(sizes) < 2:
        return
    svg = Svg(860, 440, TITLES[name])
    box = left, top, right, bottom = 84, 62, 610, 360
    marks = ticks(max(v[2] for c in shown for v in found[c[0]].values())
                  / 1000)
    y_axis(svg, box, marks, "GB per CPU second of the measured side")

    def place(size, value):
        share = math.log2(size / sizes[0]) / math.log2(sizes[-1] / sizes[0])
        return (left + 14 + (right - left - 28) * share,
                bottom - (bottom - top) * value / 1000 / marks[-1])

    last = -100
    for size in sizes:
        x = place(size, 0)[0]
        svg.line(x, bottom, x, bottom + 5, FAINT)
        if x - last >= 46:
            svg.text(x, bottom + 20, size_text(size), anchor="middle",
                     fill=FAINT)
            last = x
    svg.text((left + right) / 2, bottom + 42, "bytes per call",
             anchor="middle", fill=FAINT)
    for way, _, color, dashes in reversed(shown):
        at = sorted(found[way].items())
        svg.path([place(size, v[0]) for size, v in at], color, dashes)
        for size, (middle, least, most) in at:
            x, y = place(size, middle)
            if not dashes:
                svg.line(x, place(size, least)[1], x, place(size, most)[1],
                         color, 1.2)
                svg.dot(x, y, color)
    legend(svg, right + 22, top + 14, [c[1:] for c in shown])
    svg.text(24, 426, note, size=11, fill=FAINT)
    svg.write(path)


def count_of(lines, kernel, name, bar):
    for line in lines:
        if line["kernel"] == kernel and line["name"] == name and \
                line["version"] == VERSION and line["suite"] == SUITE and \
                (line["way"], line["path"]) == bar[:2] and \
                bar[2] in (None, line["size"]):
            return line["median"]
    return None


def bars(result, name, wanted, title, note, path):
    lines = result.get("lines", [])
    kernels = sorted({line["kernel"] for line in lines if "kernel" in line},
                     key=lambda k: [int(n) for n in k.split(".")])
    shown = [bar for bar in wanted
             if any(count_of(lines, k, name, bar) for k in kernels)]
    counts = {(k, bar): count_of(lines, k, name, bar)
              for k in kernels for bar in shown}
    if not shown:
        return
    svg = Svg(860, 470, title)
    box = left, top, right, bottom = 84, 62, 836, 312
    y_axis(svg, box, ticks(max(c for c in counts.values() if c)),
           "instructions per byte")
    scale = (bottom - top) / ticks(max(c for c in counts.values() if c))[-1]
    group = (right - left) / len(kernels)
    width = min(44, (group - 28) / len(shown))
    for i, kernel in enumerate(kernels):
        present = [bar for bar in shown if counts[kernel, bar]]
        x = left + group * (i + 0.5) - width * len(present) / 2
        svg.text(left + group * (i + 0.5), bottom + 22, f"Linux {kernel}",
                 anchor="middle", weight="600")
        for bar in present:
            height = counts[kernel, bar] * scale
            svg.rect(x + 1.5, bottom - height, width - 3, height, bar[4])
            svg.text(x + width / 2, bottom - height - 5,
                     f"{counts[kernel, bar]:.2f}", size=10.5,
                     anchor="middle")
            x += width
    for i, bar in enumerate(shown):
        x, y = 84 + 380 * (i % 2), bottom + 58 + 24 * (i // 2)
        svg.rect(x, y - 11, 14, 14, bar[4])
        svg.text(x + 22, y, bar[3])
    svg.text(24, 456, note, size=11, fill=FAINT)
    svg.write(path)


def native_note(result):
    machine, versions = result.get("machine", {}), result.get("versions", {})
    openssl = " ".join(versions.get("openssl", "").split()[:2])
    said = [machine.get("cpu"), openssl, f"libktls {versions.get('libktls')}",
            f"{VERSION} {SUITE}", "loopback",
            f"median and range of {result.get('rounds')} rounds"]
    return ", ".join(s for s in said if s)


def kernel_note(result, size):
    versions = result.get("versions", {})
    openssl = " ".join(versions.get("openssl", "").split()[:2])
    return (f"Debian's stock kernels under QEMU, {openssl}, {VERSION} "
            f"{SUITE}; program and kernel together; {size}")


def draw(result, out):
    kernel = result.get("kernel")
    if isinstance(kernel, dict):
        draw(kernel, out)
    if any("kernel" in line for line in result.get("lines", [])):
        bars(result, "send-file", SEND_BARS,
             "Sending a file: instructions per byte by path",
             kernel_note(result, "1 MiB calls, pread and SSL_write 16 KiB"),
             os.path.join(out, "kernel-send.svg"))
        bars(result, "receive", RECEIVE_BARS,
             "Receiving: instructions per byte by path",
             kernel_note(result, "1 MiB calls, SSL_read 16 KiB"),
             os.path.join(out, "kernel-receive.svg"))
        return
    for name in TITLES:
        curves(result, name, native_note(result),
               os.path.join(out, f"{name}.svg"))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    top = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    parser.add_argument("--out", metavar="DIR",
                        default=os.path.join(top, "docs", "performance"))
    parser.add_argument("file", nargs="+", help="JSON of a benchmark")
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    for path in args.file:
        try:
            with open(path, encoding="utf-8") as file:
                draw(json.load(file), args.out)
        except (OSError, ValueError) as err:
            sys.exit(f"plot.py: {path}: {err}")


main()
