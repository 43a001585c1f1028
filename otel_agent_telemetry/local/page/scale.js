// From time to place: the window that is seen, and idle gaps folded. Times are milliseconds after the trace began.

const SHORTEST_GAP_MS = 1000;
const GAP_SHARE = 1 / 50;
const FOLD_SHARE = 0.03;
const FOLDS_SHARE = 0.3;
const NARROWEST = 1e-6;
const WAITING = new Set(["session", "task", "workflow", "agent"]);

export function makeScale(spans, foldsGaps) {
  const end = lastEnd(spans) || 1;  // what took no time at all stands at the start of a millisecond
  const gaps = foldsGaps ? idleGaps(spans, end) : [];
  const busy = end - gaps.reduce((sum, gap) => sum + gap.to - gap.from, 0);
  const size = gaps.length ? busy * Math.min(FOLD_SHARE, FOLDS_SHARE / gaps.length) : 0;
  let from = 0;
  let to = end;

  // Places without the window: milliseconds, of which a folded gap has few.
  function place(ms) {
    let result = ms;
    for (const gap of gaps) {
      if (ms <= gap.from) break;
      const inside = Math.min(ms, gap.to) - gap.from;
      result -= inside * (1 - size / (gap.to - gap.from));
    }
    return result;
  }

  function time(wanted) {
    let at = 0;
    let result = 0;
    for (const gap of gaps) {
      const before = gap.from - result;
      if (wanted <= at + before) break;
      at += before;
      if (wanted <= at + size) return gap.from + ((wanted - at) / size) * (gap.to - gap.from);
      at += size;
      result = gap.to;
    }
    return result + wanted - at;
  }

  const fraction = (ms) => (place(ms) - place(from)) / (place(to) - place(from));
  const timeAt = (share) => time(place(from) + share * (place(to) - place(from)));

  function show(first, last) {
    const whole = place(end);
    const width = Math.min(whole, Math.max(whole * NARROWEST, place(last) - place(first)));
    const begin = Math.min(Math.max(0, place(first)), whole - width);
    from = begin <= 0 ? 0 : time(begin);
    to = begin + width >= whole ? end : time(begin + width);
  }

  function zoom(factor, share = 0.5) {
    const width = (place(to) - place(from)) * factor;
    const at = place(from) + share * (place(to) - place(from));
    shift(at - share * width, width);
  }

  // A window of that width, moved inside where it would stand out.
  function shift(begin, width) {
    const whole = place(end);
    const fitting = Math.min(width, whole);
    const first = Math.min(Math.max(0, begin), whole - fitting);
    show(time(first), time(first + fitting));
  }

  function pan(share) {
    const width = place(to) - place(from);
    shift(place(from) + share * width, width);
  }

  return {
    gaps, end, fraction, timeAt, show, zoom, pan,
    overview: (ms) => place(ms) / place(end),
    overviewTime: (share) => time(Math.min(1, Math.max(0, share)) * place(end)),
    msPerShare: () => place(to) - place(from),
    window: () => ({ from, to, isWhole: from <= 0 && to >= end }),
  };
}

export function lastEnd(spans) {
  let most = 0;
  for (const span of spans) most = Math.max(most, span.offset_ms + span.duration_ms);
  return most;
}

// When only what waits for others runs, for longer than a second and a fiftieth of all the rest.
function idleGaps(spans, end) {
  const waits = waiting(spans);
  const busy = spans.filter((_, index) => !waits[index]).map((span) => [span.offset_ms, span.unfinished ? end : span.offset_ms + span.duration_ms]);
  busy.sort((a, b) => a[0] - b[0]);
  const idle = [];
  let until = 0;
  for (const [from, to] of busy) {
    if (from > until) idle.push({ from: until, to: from });
    until = Math.max(until, to);
  }
  if (until < end) idle.push({ from: until, to: end });
  const rest = end - idle.reduce((sum, gap) => sum + gap.to - gap.from, 0);
  if (!rest) return [];  // nothing would be left
  const shortest = Math.max(SHORTEST_GAP_MS, rest * GAP_SHARE);
  return idle.filter((gap) => gap.to - gap.from > shortest);
}

// Sessions, tasks, workflows and agents that have something below them, and all that such a one is below of.
function waiting(spans) {
  const waits = new Array(spans.length).fill(false);
  const path = [];
  for (const [index, span] of spans.entries()) {
    path.length = span.depth;
    if (WAITING.has(span.kind)) for (let level = path.length - 1; level >= 0 && !waits[path[level]]; level--) waits[path[level]] = true;
    waits[index] = WAITING.has(span.kind) && spans[index + 1]?.depth > span.depth;
    path.push(index);
  }
  return waits;
}
