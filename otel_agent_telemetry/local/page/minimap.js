// All of the trace in small, and the window that is seen: drag to see a part, drag an edge to widen it, double-click for all.

import { el } from "./dom.js";
import { duration } from "./format.js";

const EDGE_PX = 8;
const CLICK_PX = 4;

export function minimap(onWindow) {
  const canvas = el("canvas");
  const before = el("span", { class: "beside" });
  const after = el("span", { class: "beside" });
  const node = el("div", { class: "minimap", role: "img" }, canvas, before, after);
  let last = null;
  let drag = null;

  function draw(scale, spans, hue) {
    last = { scale, spans, hue };
    const { width, height } = sized(canvas, node);
    const context = canvas.getContext("2d");
    const colours = coloursOf(node);
    const thick = Math.max(1, Math.floor(height / Math.max(1, spans.length)) - 1);
    context.clearRect(0, 0, width, height);
    for (const [index, span] of spans.entries()) {
      const from = scale.overview(span.offset_ms) * width;
      const to = scale.overview(span.unfinished ? scale.end : span.offset_ms + span.duration_ms) * width;
      context.fillStyle = span.status === "error" ? colours.error : colours.hues[hue(span).hue];
      context.globalAlpha = span.repeats ? 0.35 : 1;
      context.fillRect(from, ((index + 0.15) / spans.length) * height, Math.max(1, to - from), Math.min(thick, height / 6));
    }
    mark(scale);
  }

  function mark(scale) {
    const { from, to, isWhole } = scale.window();
    const left = scale.overview(from);
    const right = scale.overview(to);
    before.style.width = `${100 * left}%`;
    after.style.width = `${100 * (1 - right)}%`;
    node.setAttribute("aria-label", isWhole ? `Overview, ${duration(scale.end)}` : `Overview, ${duration(scale.end)}; seen are ${duration(from)} to ${duration(to)}`);
  }

  function share(event) {
    const box = node.getBoundingClientRect();
    return (event.clientX - box.left) / box.width;
  }

  node.addEventListener("pointerdown", (event) => {
    if (!last || event.button) return;
    node.setPointerCapture(event.pointerId);
    const { from, to, isWhole } = last.scale.window();
    const at = share(event);
    const edge = EDGE_PX / node.clientWidth;
    const [left, right] = [last.scale.overview(from), last.scale.overview(to)];
    const opposite = isWhole ? null : Math.abs(at - left) < edge ? right : Math.abs(at - right) < edge ? left : null;
    drag = { from: opposite ?? at, at };
  });
  node.addEventListener("pointermove", (event) => {
    if (!drag || Math.abs(share(event) - drag.at) * node.clientWidth < CLICK_PX) return;
    const ends = [drag.from, share(event)].sort((a, b) => a - b).map(last.scale.overviewTime);
    onWindow(...ends);
  });
  for (const name of ["pointerup", "pointercancel"]) node.addEventListener(name, () => { drag = null; });
  node.addEventListener("dblclick", () => onWindow(null, null));

  const again = () => last && draw(last.scale, last.spans, last.hue);
  new ResizeObserver(again).observe(node);
  new MutationObserver(again).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  return { node, draw, mark };
}

function sized(canvas, node) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [Math.max(1, node.clientWidth), Math.max(1, node.clientHeight)];
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.getContext("2d").scale(ratio, ratio);
  return { width, height };
}

function coloursOf(node) {
  const style = getComputedStyle(node);
  const value = (name) => style.getPropertyValue(name).trim();
  return { error: value("--error"), hues: Array.from({ length: 9 }, (_, index) => value(`--hue-${index}`)) };
}
