// Which spans of a tree are rows: branches that are closed hide what is below them, a filter hides what it does not want.

export function branches() {
  const closed = new Set();
  let spans = [];
  let sizes = [];

  function set(given) {
    spans = given;
    sizes = countsBelow(given);
  }

  function rows(isWanted) {
    const kept = isWanted ? withAncestors(spans, isWanted) : null;
    const visible = [];
    let hiddenBelow = Infinity;
    for (const [index, span] of spans.entries()) {
      if (span.depth > hiddenBelow || (kept && !kept.has(index))) continue;
      hiddenBelow = closed.has(span.span_id) ? span.depth : Infinity;
      visible.push(index);
    }
    return visible;
  }

  function toggle(id, wanted = !closed.has(id)) {
    if (wanted) closed.add(id);
    else closed.delete(id);
  }

  function all(isClosed) {
    closed.clear();
    if (isClosed) for (const [index, span] of spans.entries()) if (sizes[index]) closed.add(span.span_id);
  }

  // Opens what is above a span, so that it is a row.
  function openTo(id) {
    let at = spans.findIndex((span) => span.span_id === id);
    for (let depth = spans[at]?.depth; at > 0 && depth > 0; at--) {
      if (spans[at - 1].depth >= depth) continue;
      depth = spans[at - 1].depth;
      closed.delete(spans[at - 1].span_id);
    }
  }

  return { set, rows, toggle, all, openTo, isClosed: (id) => closed.has(id), below: (index) => sizes[index] };
}

function countsBelow(spans) {
  const sizes = new Array(spans.length).fill(0);
  const open = [];
  for (let index = 0; index <= spans.length; index++) {
    const depth = spans[index]?.depth ?? 0;
    while (open.length > depth) {
      const above = open.pop();
      sizes[above] = index - above - 1;
    }
    open.push(index);
  }
  return sizes;
}

function withAncestors(spans, isWanted) {
  const kept = new Set();
  const path = [];
  for (const [index, span] of spans.entries()) {
    path.length = span.depth;
    path.push(index);
    if (!isWanted(span)) continue;
    for (let level = span.depth; level >= 0 && !kept.has(path[level]); level--) kept.add(path[level]);
  }
  return kept;
}
