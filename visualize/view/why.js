/* What came before what: in a simulated run a machine acts only when something reaches it, so the cause of each message
 * is known exactly: the one whose arrival was handled at the same moment, or a timer. */

/* Places of messages that reached this machine, by arrival. */
function arrivals(run, actor) {
    run.arrived ??= new Map();
    let found = run.arrived.get(actor);
    if (!found) {
        const places = [];
        for (let i = 0; i < run.n; i++)
            if (run.to[i] === actor && run.flags[i] & DELIVERED) places.push(i);
        places.sort((a, b) => run.end[a] - run.end[b]);
        found = {places, at: Float64Array.from(places, i => run.end[i])};
        run.arrived.set(actor, found);
    }
    return found;
}

/* The message whose arrival let its sender send this one; -1: a timer, its disk or its own mind did. */
function causeOf(run, i) {
    const found = arrivals(run, run.from[i]), k = lastAt(found.at, run.at[i]);
    return k >= 0 && found.at[k] === run.at[i] ? found.places[k] : -1;
}

const WAY_MOST = 12;

/* From the message back to what set it off, the earliest first. */
function wayTo(run, i) {
    const way = [i];
    for (let k = causeOf(run, i); k >= 0 && way.length < WAY_MOST; k = causeOf(run, k)) way.unshift(k);
    return way;
}

/* The messages by which news of what this machine knew at one time could first reach another one by a later time: each
 * is sent by somebody who had heard. Empty: it is the same machine; null: no news can have come. */
function newsWay(run, from, fromNs, to, untilNs) {
    if (from === to) return [];
    const heard = new Map([[from, {at: fromNs, by: -1}]]);
    const first = firstAt(run.at, fromNs), last = lastAt(run.at, untilNs);
    const pending = []; /* that carry news, by arrival */
    const hear = until => {
        while (pending.length && run.end[pending[0]] <= until) {
            const i = pending.shift(), who = run.to[i];
            if (!heard.has(who)) heard.set(who, {at: run.end[i], by: i});
        }
    };
    for (let i = first; i <= last && !heard.has(to); i++) {
        hear(run.at[i]);
        const sender = heard.get(run.from[i]);
        if (!sender || sender.at > run.at[i] || !(run.flags[i] & DELIVERED) || run.end[i] > untilNs || heard.has(run.to[i])) continue;
        let k = pending.length;
        while (k > 0 && run.end[pending[k - 1]] > run.end[i]) k--;
        pending.splice(k, 0, i);
    }
    hear(untilNs);
    if (!heard.has(to)) return null;
    const way = [];
    for (let who = to; who !== from;) {
        const i = heard.get(who).by;
        way.unshift(i);
        who = run.from[i];
    }
    return way;
}

/* Of an anomaly: its causes, and between each and the next the messages that carried the news. */
function whyOf(run, fact) {
    const steps = [], messages = [];
    let before = null;
    for (const [at, actor, text] of fact.chain) {
        const way = before && actor >= 0 && before.actor >= 0 ? newsWay(run, before.actor, before.at, actor, at) : [];
        for (const i of way ?? []) {
            steps.push({message: i, at: run.at[i], actor: run.from[i], text: run.messageWords(i)});
            messages.push(i);
        }
        steps.push({message: -1, at, actor, text, bySilence: way === null && at > before.at});
        if (actor >= 0) before = {at, actor};
    }
    return {fact, steps, messages: new Set(messages), points: fact.chain.map(([at, actor]) => ({at, actor}))};
}

/* ---- two runs ---- */

/* The first message in which they differ, by who, to whom and what; when it was sent in each. */
function firstDifference(a, b) {
    const n = Math.max(a.n, b.n);
    for (let i = 0; i < n; i++) {
        const same = i < a.n && i < b.n && a.at[i] === b.at[i] && a.api[i] === b.api[i] && (a.flags[i] & ANSWER) === (b.flags[i] & ANSWER) &&
            a.actors[a.from[i]].name === b.actors[b.from[i]].name && a.actors[a.to[i]].name === b.actors[b.to[i]].name;
        if (same) continue;
        return {
            message: i,
            at: Math.min(i < a.n ? a.at[i] : Infinity, i < b.n ? b.at[i] : Infinity),
            words: [a, b].map(run => i < run.n ? `${seconds(run.at[i])} ${run.messageWords(i)}` : 'no more messages'),
        };
    }
    return null;
}
