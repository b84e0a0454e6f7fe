"use strict";
// Gives the Browser our colours, saved questions and settings, and opens it: with ?ring=…, ?account=…, or
// ?question=NAME&PARAMETER=… a question stands in its editor. What the user has changed stays as it is.
const ours = window.graphrisk; // setup.js

// A value is replaced if nobody set it, or if it still is what this page wrote the last time.
const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
const kept = (found, before, now) => (found === undefined || same(found, before) ? now : found);
const stored = (key) => JSON.parse(localStorage.getItem(key) ?? "null");
const store = (key, value) => localStorage.setItem(key, JSON.stringify(value));

function merged(found, before, now) {
  const result = { ...found };
  for (const [key, value] of Object.entries(now)) result[key] = kept(result[key], before[key], value);
  return result;
}

// The Browser's own folders and queries come without an id or with one that is not ours: they stay where they are.
function listed(found, before, now) {
  const byId = (list) => Object.fromEntries(list.map((each) => [each.id, each]));
  const mine = byId(now);
  const others = (found ?? []).filter((each) => !(each.id in mine));
  return [...others, ...Object.values(merged(byId((found ?? []).filter((each) => each.id in mine)), byId(before), mine))];
}

function setUp() {
  const before = stored("graphrisk.written") ?? { grass: {}, settings: ours.defaults, folders: [], documents: [] };
  store("neo4j.grass", merged(stored("neo4j.grass"), before.grass, ours.grass));
  store("neo4j.settings", merged(stored("neo4j.settings"), before.settings, ours.settings));
  store("neo4j.folders", listed(stored("neo4j.folders"), before.folders, ours.folders));
  store("neo4j.documents", listed(stored("neo4j.documents"), before.documents, ours.documents));
  store("graphrisk.written", ours);
}

const quoted = (text) => "'" + text.replace(/\\/g, "\\\\").replace(/'/g, "\\'") + "'";

function literal(name, given) {
  if (!ours.numbers.includes(name)) return quoted(given);
  return /^\d+$/.test(given) ? given : "null";
}

function query(given) {
  if (given.has("ring")) given = new URLSearchParams({ question: "ring_members", ringId: given.get("ring") });
  if (given.has("account")) given = new URLSearchParams({ question: "account_ring", accountId: given.get("account") });
  const text = ours.questions[given.get("question")];
  return text && text.replace(/\$(\w+)/g, (whole, name) => (given.has(name) ? literal(name, given.get(name)) : whole));
}

try {
  setUp();
  const asked = query(new URLSearchParams(location.search));
  location.replace("../" + (asked ? "?cmd=edit&arg=" + encodeURIComponent(asked) : ""));
} catch (error) {
  document.getElementById("said").textContent = "The Browser could not be set up: " + error.message;
}
