// The page of a control: asks for state and story once a second, and sends what is typed or pressed.
"use strict";

const $ = (id) => document.getElementById(id);
let lines = 0, paused = false, over = false;

async function ask(method, path, body) {
  const answer = await fetch(path, {method, body});
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.error);
  return said;
}

function say(text, wrong) {
  $("answer").textContent = text;
  $("answer").className = wrong ? "wrong" : "";
}

async function act(method, path, body) {
  try {
    const said = await ask(method, path, body);
    say((said.story || []).map((l) => l.text).join("\n") || "done");
    await look();
    return said;
  } catch (e) {
    say(over ? "the run has ended" : e.message, true);
  }
}

function step(words) {
  return act("POST", "faults", words);
}

function element(tag, content, attributes) {
  const e = Object.assign(document.createElement(tag), attributes);
  e.append(...[content].flat());
  return e;
}

// On it stands the verb alone; who hears it, hears of whom.
function button(verb, whom) {
  return element("button", verb, {type: "button", ariaLabel: `${verb} ${whom}`, onclick: () => step(`${verb} ${whom}`)});
}

// Rows are made anew only when they say something else: a button keeps the focus that it has.
function table(id, head, rows) {
  const text = JSON.stringify(rows.map((r) => r.map((c) => (c instanceof Node || Array.isArray(c) ? [c].flat().map((n) => n.ariaLabel ?? n.textContent) : c))));
  if ($(id).dataset.text === text) return;
  $(id).dataset.text = text;
  $(id).replaceChildren(
    element("thead", element("tr", head.map((h) => element("th", h, {scope: "col"})))),
    element("tbody", rows.map((r) => element("tr", r.map((c) => element("td", c instanceof Node || Array.isArray(c) ? c : String(c)))))));
}

function showState(s) {
  paused = s.is_paused;
  $("time").textContent = `${(s.now_ms / 1000).toFixed(1)} s · controller ${s.controller.id < 0 ? "none" : "b" + s.controller.id} · ` +
    (paused ? "time stands still" : `speed ${s.speed}`);
  $("pause").textContent = paused ? "Go on" : "Pause";
  if (document.activeElement !== $("speed")) $("speed").value = String(s.speed);
  table("nodes", ["node", "state", "serves", "do"], s.nodes.map((n) => [
    n.name, n.state, n.is_broker ? (n.serves ? "yes" : "no") : "",
    n.state === "up" ? ["crash", "power", "pause"].map((v) => button(v, n.name))
      : [button(n.state === "paused" ? "resume" : "restart", n.name)]]));
  table("partitions", ["partition", "leader", "epoch", "ISR", "high watermark", "log ends"],
    s.partitions.filter((p) => !p.topic.startsWith("__") || p.high_watermark > 0).map((p) => [
      p.name, p.leader < 0 ? "nobody" : "b" + p.leader, p.leader_epoch, p.isr.join(" ") + (p.isr.length < p.replicas.length ? ` of ${p.replicas.join(" ")}` : ""),
      p.high_watermark, p.replicas.map((r) => `b${r}: ${p.log_ends[r]}`).join(", ")]));
  table("groups", ["name", "kind", "state", "", "coordinator"], [
    ...s.groups.map((g) => [g.group, "group", g.state, `generation ${g.generation}, ${g.members} members`, g.coordinator]),
    ...s.transactions.map((t) => [t.transactional_id, "transactions", t.state, `producer ${t.producer_id}, epoch ${t.producer_epoch}`, t.coordinator])]);
  table("clients", ["client", "user", "broker"], s.connections.map((c) => [c.client_id ?? "(has not said)", c.principal ?? "", "b" + c.broker]));
}

function showFaults(all) {
  const text = JSON.stringify(all.map((f) => f.name));
  if ($("faults").dataset.text === text) return;
  $("faults").dataset.text = text;
  $("faults").replaceChildren(...all.map((f) => element("li", [`${f.name}: ${f.step} `, element("button", "end", {type: "button", ariaLabel: `end ${f.name}`, onclick: () => act("DELETE", `faults/${f.name}`)})])));
}

async function look() {
  showState(await ask("GET", "state"));
  showFaults((await ask("GET", "faults")).faults);
  const told = await ask("GET", `story?from=${lines}`);
  const list = $("story"), atEnd = list.scrollTop + list.clientHeight >= list.scrollHeight - 4;
  list.append(...told.story.map((l) => element("li", [element("time", (l.at_ms / 1000).toFixed(3) + " s"), " " + l.text])));
  lines = told.lines;
  if (atEnd) list.scrollTop = list.scrollHeight;
}

// Not by its address: a browser does not ask twice for the same.
async function draw() {
  const answer = await fetch("timeline.svg");
  if (answer.ok) $("timeline").src = "data:image/svg+xml," + encodeURIComponent(await answer.text());
  else say((await answer.json()).error, true);
}

async function lookOn() {
  if (over) return;
  try {
    await look();
  } catch (e) {
    $("time").textContent = "gregor play does not answer any more";
  }
  setTimeout(lookOn, 1000);
}

$("step").onsubmit = (e) => {
  e.preventDefault();
  step($("words").value);
  $("words").select();
};
let presets = [];
ask("GET", "presets").then((said) => {
  presets = said.presets;
  $("preset").append(...presets.map((p) => element("option", p.name)));
});
$("preset").onchange = () => {
  const chosen = presets.find((p) => p.name === $("preset").value);
  $("about").textContent = chosen ? `${chosen.about} It finds: ${chosen.finds}` : "";
  $("begin").disabled = !chosen;
};
$("begin").onclick = () => step(`preset ${$("preset").value}`);
$("pause").onclick = () => act("POST", "time", JSON.stringify({pause: !paused}));
$("advance").onclick = () => act("POST", "time", JSON.stringify({advance: "5s"}));
$("speed").onchange = () => act("POST", "time", JSON.stringify({speed: $("speed").value === "max" ? "max" : Number($("speed").value)}));
$("heal").onclick = () => act("DELETE", "faults");
$("draw").onclick = draw;
setInterval(() => $("follow").checked && !over && draw(), 5000);
// When it is answered nobody is there any more who could be looked at.
$("finish").onclick = async () => {
  over = true;
  say("heals, converges, judges …");
  try {
    const said = await ask("POST", "finish");
    say([`verdict: ${said.report.verdict}`, ...said.report.reasons, said.folder].join("\n"));
  } catch (e) {
    say(e.message, true);
  }
  document.querySelectorAll("button, input, select").forEach((e) => (e.disabled = true));
};
draw();
lookOn();
