#!/usr/bin/env python3
"""Draws the figures in bench/results as SVG: python3 bench/plot.py. Needs only Python's standard library."""

import json
import math
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
COLOURS = ["#4269d0", "#e08a00", "#d0323a", "#3a9d5d", "#8a5cc2", "#9c6b4e", "#2b8fa6"]
WIDTH, HEIGHT = 720, 360
LEFT, RIGHT, TOP, BOTTOM = 60, 130, 40, 50


class Plot:
    """A drawing with a title, to which marks are added."""

    def __init__(self, title, unit):
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            'font-family="system-ui, sans-serif" font-size="12">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        ]
        self.text(LEFT, 22, title, size=15)
        self.text(LEFT, TOP - 4, unit, colour="#666")

    def text(self, x, y, text, anchor="start", colour="#222", size=12):
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" font-size="{size}">{text}</text>'
        )

    def add(self, part):
        self.parts.append(part)

    def scale(self, greatest):
        """Draws the vertical scale from 0, and returns the function from a value to its place."""
        step = 10 ** math.floor(math.log10(greatest))
        step = next(step * factor for factor in (0.2, 0.25, 0.5, 1, 2) if greatest / (step * factor) <= 6)
        top = step * math.ceil(greatest / step)

        def place(value):
            return HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM - 8)

        for n in range(round(top / step) + 1):
            y = place(n * step)
            self.add(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
            self.text(LEFT - 8, y + 4, f"{n * step:g}", anchor="end", colour="#666")
        return place

    def write(self, name):
        (RESULTS / name).write_text("\n".join([*self.parts, "</svg>", ""]))
        print(RESULTS / name)


def median(figures):
    return sorted(figures)[len(figures) // 2]


def compare(figures):
    plot = Plot("CPU time of one operation", "milliseconds")
    bars = [
        (scenario["name"], *(median([cost["cpu_ms"] for cost in scenario[side]]) for side in ("server", "floor")))
        for scenario in figures["scenarios"]
    ]
    place = plot.scale(max(server for _, server, _ in bars))
    step = (WIDTH - RIGHT - LEFT) / len(bars)
    for n, (name, server, floor) in enumerate(bars):
        x = LEFT + step * n
        for k, value in enumerate((server, floor)):
            y = place(value)
            plot.add(
                f'<rect x="{x + step * (0.15 + 0.36 * k):.1f}" y="{y:.1f}" width="{step * 0.34:.1f}" '
                f'height="{place(0) - y:.1f}" fill="{COLOURS[k]}"/>'
            )
        plot.text(x + step / 2, HEIGHT - BOTTOM + 18, name, anchor="middle", size=11)
        plot.text(x + step / 2, place(server) - 5, f"{server / floor:.1f} ×", anchor="middle", colour="#666")
    for k, name in enumerate(("sms-login", "floor")):
        plot.add(f'<rect x="{WIDTH - RIGHT + 16}" y="{TOP + 22 * k}" width="12" height="12" fill="{COLOURS[k]}"/>')
        plot.text(WIDTH - RIGHT + 34, TOP + 11 + 22 * k, name)
    plot.write("compare.svg")


def growth(points, what, figure, title, name):
    """Draws a line for each scenario. Numbers are on a logarithmic scale."""
    plot = Plot(title, "milliseconds")
    place = plot.scale(max(point[figure] for point in points))
    numbers = sorted({point["at"] for point in points})
    span = max(math.log10(numbers[-1]) - math.log10(numbers[0]), 0.1)

    def across(number):
        return LEFT + 20 + (math.log10(number) - math.log10(numbers[0])) / span * (WIDTH - RIGHT - LEFT - 40)

    for number in numbers:
        plot.text(across(number), HEIGHT - BOTTOM + 18, f"{number:,}", anchor="middle", colour="#666")
    plot.text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, what, anchor="middle", colour="#666")

    scenarios = list(dict.fromkeys(point["scenario"] for point in points))
    ends = []
    for n, scenario in enumerate(scenarios):
        of_scenario = sorted((point for point in points if point["scenario"] == scenario), key=lambda point: point["at"])
        corners = [(across(point["at"]), place(point[figure])) for point in of_scenario]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
        plot.add(f'<polyline points="{path}" fill="none" stroke="{COLOURS[n]}" stroke-width="2"/>')
        for x, y in corners:
            plot.add(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{COLOURS[n]}"/>')
        ends.append([corners[-1][1], scenario, COLOURS[n]])

    # Labels that would overlap move down.
    lowest = -math.inf
    for end in sorted(ends):
        lowest = max(end[0], lowest + 14)
        plot.text(WIDTH - RIGHT + 2, lowest + 4, end[1], colour=end[2])
    plot.write(name)


def main():
    if (path := RESULTS / "compare.json").exists():
        compare(json.loads(path.read_text()))
    if (path := RESULTS / "growth.json").exists():
        figures = json.loads(path.read_text())
        growth(figures["by_users"], "users in the database", "cpu_ms", "CPU time of one operation", "users.svg")
        growth(figures["by_connections"], "connections", "cpu_ms", "CPU time of one operation", "connections.svg")
        growth(
            figures["by_connections"], "connections", "p99_ms", "99 of 100 answers come within", "connections-p99.svg"
        )


main()
