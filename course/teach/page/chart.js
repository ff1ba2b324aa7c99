// Lines over axes, drawn as SVG. For a handful of points that change while a slider moves; still pictures are made by
// matplotlib (course/teach/plots.py), in whose colors and shapes these are.

import { h } from "./view.js";

const COLORS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
const DASHES = ["", "7 4", "8 3 2 3", "2 3"];
const WIDTH = 480, HEIGHT = 250, LEFT = 52, RIGHT = 14, TOP = 30, BOTTOM = 46;

/**
 * A picture of lines: `x` and for each name in `lines` the heights above it; `xlim` and `ylim`, `xlabel` and `ylabel`,
 * `ticks` of the x axis; `log` for an x axis of powers; `level`, a dotted line; `said`, what it shows in words.
 */
export function chart({ x, lines, xlim, ylim, xlabel, ylabel, ticks, log = false, level, said, here }) {
  const scale = log ? Math.log : (value) => value;
  const [low, high] = (xlim ?? [x[0], x[x.length - 1]]).map(scale);
  const across = (value) => LEFT + ((scale(value) - low) / (high - low)) * (WIDTH - LEFT - RIGHT);
  const up = (value) => HEIGHT - BOTTOM - ((value - ylim[0]) / (ylim[1] - ylim[0])) * (HEIGHT - TOP - BOTTOM);
  const line = (x1, y1, x2, y2, more = {}) =>
    h("line", { x1, y1, x2, y2, stroke: "currentColor", "stroke-opacity": 0.35, ...more });
  const marks = steps(...ylim).map((value) => [
    line(LEFT, up(value), WIDTH - RIGHT, up(value), { "stroke-opacity": 0.15 }),
    h("text", { x: LEFT - 7, y: up(value) + 4, "text-anchor": "end" }, short(value)),
  ]);
  const below = (ticks ?? steps(...(xlim ?? [x[0], x[x.length - 1]]))).map((value) =>
    h("text", { x: across(value), y: HEIGHT - BOTTOM + 17, "text-anchor": "middle" }, short(value)),
  );
  const drawn = Object.entries(lines).map(([name, heights], number) => {
    const look = { fill: "none", stroke: COLORS[number % 6], "stroke-width": 2.2, "stroke-dasharray": DASHES[number % 4] };
    const points = heights.map((y, at) => [across(x[at]), up(y)]).filter(([, y]) => Number.isFinite(y));
    const few = points.length <= 12 ? points.map(([cx, cy]) => h("circle", { cx, cy, r: 3.5, fill: look.stroke })) : [];
    const key = LEFT + 8 + number * 190;
    return h("g", {}, h("polyline", { points: points.map((point) => point.join(",")).join(" "), ...look }), few,
      h("line", { x1: key, y1: 12, x2: key + 28, y2: 12, ...look }), h("text", { x: key + 34, y: 16 }, name));
  });
  return h("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": said, width: 640 }, marks, below,
    line(LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM),
    level == null ? null : line(LEFT, up(level), WIDTH - RIGHT, up(level), { "stroke-dasharray": "2 4", "stroke-opacity": 0.8 }),
    here == null ? null : line(across(here), TOP - 6, across(here), HEIGHT - BOTTOM, { "stroke-opacity": 0.8 }),
    drawn,
    h("text", { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 8, "text-anchor": "middle" }, xlabel),
    h("text", { transform: `translate(14 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)`, "text-anchor": "middle" }, ylabel));
}

/** About five round numbers between two. */
function steps(from, to) {
  const rough = (to - from) / 5, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((times) => times * power >= rough) * power, found = [];
  for (let value = Math.ceil(from / step - 1e-9) * step; value <= to + step * 1e-9; value += step) found.push(value);
  return found;
}

function short(value) {
  return String(Number(value.toFixed(2)));
}
