// Steps of time, none left out, and their words.

const MOST_STEPS = 1500;
const DAY = 86400000;

// Every step from the first to the last start, in milliseconds since the epoch; the latest where they are too many.
export function everyStep(starts, length) {
  const times = starts.map((start) => Date.parse(start));
  if (!times.length) return [];
  const last = Math.max(...times);
  const first = Math.max(Math.min(...times), last - (MOST_STEPS - 1) * length);
  const all = [];
  for (let time = first; time <= last; time += length) all.push(time);
  return all;
}

export function utcWords(time, length) {
  const text = new Date(time).toISOString();
  return length >= DAY ? text.slice(0, 10) : `${text.slice(0, 10)} ${text.slice(11, 16)} UTC`;
}

export function utcShort(time, length) {
  const text = new Date(time).toISOString();
  return length >= DAY ? text.slice(5, 10) : text.slice(5, 16).replace("T", " ");
}

export function localShort(time, length) {
  const date = new Date(time);
  const two = (number) => String(number).padStart(2, "0");
  const day = `${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}`;
  if (length >= DAY) return day;
  return length < 60000 ? `${clock}:${two(date.getSeconds())}` : `${day} ${clock}`;
}

export const SINCE = { "": "any time", "1h": "1 hour", "24h": "1 day", "7d": "7 days", "30d": "30 days" };
