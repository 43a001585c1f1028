// Elements, always with text and never with HTML: what a span says is shown, not interpreted.

export function el(tag, properties = {}, ...children) {
  const node = tag === "svg" || SVG.has(tag) ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.setAttribute("class", value);
    else if (name in node && typeof value === "boolean") node[name] = value;
    else node.setAttribute(name, String(value));
  }
  append(node, children);
  return node;
}

const SVG = new Set(["rect", "line", "text", "title", "g", "polyline", "circle"]);

export function append(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : String(child));
  }
}

export function replace(node, ...children) {
  node.textContent = "";
  append(node, children);
}

export function link(parameters, ...children) {
  return el("a", { href: address(parameters) }, ...children);
}

export function address(parameters) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value) query.append(name, value);
  return `?${query}`;
}

// Words with what stands between backticks as code.
export function withCode(text) {
  return text.split("`").map((part, index) => (index % 2 ? el("code", {}, part) : part));
}

export function say(text) {
  const message = document.getElementById("message");
  message.hidden = !text;
  message.textContent = text || "";
}

// Stands where an answer will be, until it is there.
export function awaited() {
  return el("p", { class: "quiet" }, "Loading…");
}

// Of questions that overlap only the last one's answer counts: begin() says whether it is still the last.
export function turns() {
  let last = 0;
  return function begin() {
    last += 1;
    const mine = last;
    return () => mine === last;
  };
}
