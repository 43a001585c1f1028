// The server's answers, and word of what changes there.

let token = new URLSearchParams(location.hash.slice(1)).get("token") || sessionStorage.getItem("token");
if (location.hash.includes("token=")) {
  sessionStorage.setItem("token", token);
  history.replaceState(null, "", location.pathname + location.search);
}

function headers() {
  return token ? { Authorization: `Bearer ${token}` } : {};
}

export async function ask(path, parameters = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value) query.append(name, value);
  const answer = await fetch(`/api/${path}?${query}`, { headers: headers() });
  if (answer.ok) return answer.json();
  const refusal = await answer.json().catch(() => ({}));
  throw Object.assign(new Error(refusal.message || `the server answered ${answer.status}`), { status: answer.status });
}

export async function tell(path, value) {
  const answer = await fetch(`/api/${path}`, { method: "POST", headers: { ...headers(), "Content-Type": "application/json" }, body: JSON.stringify(value) });
  if (answer.ok) return answer.json();
  const refusal = await answer.json().catch(() => ({}));
  throw new Error(refusal.message || `the server answered ${answer.status}`);
}

// Server-sent events read by hand, because an EventSource cannot send the token.
export async function follow(onChange, onState) {
  for (;;) {
    try {
      const answer = await fetch("/api/live", { headers: headers() });
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
      onState(true);
      await readEvents(answer.body.getReader(), onChange);
    } catch (error) {
      console.debug("live updates ended", error);
    }
    onState(false);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

async function readEvents(reader, onChange) {
  const decoder = new TextDecoder();
  let pending = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    pending += decoder.decode(value, { stream: true });
    const events = pending.split("\n\n");
    pending = events.pop();
    if (events.some((event) => event.startsWith("event: change"))) onChange();
  }
}
