"use strict";

const review = JSON.parse(document.getElementById("review").textContent);
const storageKey = "dedupe-review:" + review.key;
const find = (id) => document.getElementById(id);
const nameOf = (pair) => JSON.stringify([pair.left, pair.right]);

let canKeep = true;
let answers = kept();
let place = Math.max(review.pairs.findIndex((pair) => !answers[nameOf(pair)]), 0);

/** Read the answers that this browser keeps, by the ids of the pair. */
function kept() {
  try {
    return JSON.parse(localStorage.getItem(storageKey)) || {};
  } catch {
    canKeep = false;
    return {};
  }
}

/** Keep the answer to the pair shown; what another tab answered meanwhile stays. */
function keep(decision) {
  const stored = canKeep ? kept() : answers;
  if (canKeep) answers = stored;
  const name = nameOf(review.pairs[place]);
  if (decision) answers[name] = decision;
  else delete answers[name];
  try {
    localStorage.setItem(storageKey, JSON.stringify(answers));
  } catch {
    canKeep = false;
  }
}

function element(kind, className, text) {
  const made = document.createElement(kind);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function valueOf(pieces) {
  const value = element("div", "value");
  for (const [text, differs] of pieces) {
    value.append(differs ? element("mark", "", text) : document.createTextNode(text));
  }
  return value;
}

function show() {
  const decided = review.pairs.filter((pair) => answers[nameOf(pair)]).length;
  const total = review.pairs.length;
  find("progress").value = decided;
  const count = decided === total ? "all decided: save them" : `${decided} decided`;
  find("done").textContent = `pair ${place + 1} of ${total}, ${count}`;
  find("lost").hidden = canKeep;
  const pair = review.pairs[place];
  const card = element("section", "card");
  const title = element("h2");
  if (pair.probability !== null) {
    title.append(element("span", "", "probability " + pair.probability.toFixed(3)));
    if (pair.reason) title.append(element("span", "dim", pair.reason));
  }
  card.append(title);
  for (const field of [{ name: "id", compared: true, mark: "", left: [[pair.shown[0], false]],
    right: [[pair.shown[1], false]] }, ...pair.fields]) {
    const row = element("div", "row" + (field.mark === "=" ? " equal" : ""));
    const name = (field.mark ? field.mark + " " : "") + field.name;
    row.append(element("div", "name" + (field.compared ? "" : " other"), name));
    row.append(valueOf(field.left), valueOf(field.right));
    card.append(row);
  }
  find("pair").replaceChildren(card);
  for (const button of document.querySelectorAll("[data-decision]")) {
    button.setAttribute("aria-pressed", String(button.dataset.decision === answers[nameOf(pair)]));
  }
  find("back").disabled = place === 0;
  find("next").disabled = place === total - 1;
  find("save").disabled = decided === 0;
}

function move(steps) {
  place = Math.min(Math.max(place + steps, 0), review.pairs.length - 1);
  show();
  scrollTo(0, 0);
}

/** Decide the pair shown and go on; the same decision again takes it back. */
function decide(decision) {
  const again = answers[nameOf(review.pairs[place])] === decision;
  keep(again ? "" : decision);
  if (again) show();
  else move(1);
}

/** Write the decisions about the pairs of this page as CSV. */
function csv() {
  const quoted = (text) => '"' + text.replaceAll('"', '""') + '"';
  const lines = ["left_id,right_id,decision"];
  for (const pair of review.pairs) {
    const decision = answers[nameOf(pair)];
    if (decision) lines.push([pair.left, pair.right, decision].map(quoted).join(","));
  }
  return lines.join("\n") + "\n";
}

function save() {
  const link = element("a");
  link.href = URL.createObjectURL(new Blob([csv()], { type: "text/csv" }));
  link.download = "decisions.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

const ofKey = { m: "match", d: "different", u: "unsure" };

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  const key = event.key.toLowerCase();
  if (key in ofKey) decide(ofKey[key]);
  else if (key === "arrowleft") move(-1);
  else if (key === "arrowright") move(1);
  else return;
  event.preventDefault();
});
addEventListener("storage", (event) => {
  if (event.key !== storageKey) return;
  answers = kept();
  show();
});
for (const button of document.querySelectorAll("[data-decision]")) {
  button.addEventListener("click", () => decide(button.dataset.decision));
}
find("back").addEventListener("click", () => move(-1));
find("next").addEventListener("click", () => move(1));
find("save").addEventListener("click", save);
find("progress").max = review.pairs.length;
show();
