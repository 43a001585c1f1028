// Figures as people read them; the same words as on the command line.

export function duration(milliseconds) {
  if (milliseconds < 1000) return `${milliseconds.toFixed(1)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(2)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m${pad(Math.floor(seconds % 60))}s`;
  return `${Math.floor(minutes / 60)}h${pad(minutes % 60)}m`;
}

export function dollars(usd, isEstimate, unpriced = 0) {
  if (usd === null) return "";
  return `${isEstimate ? "~" : ""}${unpriced ? "≥" : ""}$${usd < 1 ? usd.toFixed(4) : usd.toFixed(2)}`;
}

export function amount(number) {
  return number === null ? "" : number.toLocaleString("en-US");
}

export function moment(iso) {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return iso;
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())} ${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
}

// The zones of those times, which change with the seasons; of now where there is none.
export function zone(moments = []) {
  const names = moments.map((iso) => new Date(iso)).filter((date) => !Number.isNaN(date.getTime())).map(zoneAt);
  return [...new Set(names.length ? names : [zoneAt(new Date())])].join(", ");
}

const named = new Intl.DateTimeFormat("en-US", { timeZoneName: "short" });

function zoneAt(date) {
  return named.formatToParts(date).find((part) => part.type === "timeZoneName").value;
}

// A time that stands alone, with its zone.
export function momentInZone(iso) {
  return `${moment(iso)} ${zone([iso])}`;
}

export function shown(value) {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

function pad(number) {
  return String(number).padStart(2, "0");
}

export function plural(number, word) {
  return number === 1 ? word : `${word}s`;
}
