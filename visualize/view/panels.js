/* What stands beside the timeline: the replicas at the cursor, what is selected, the story. Elements are made one by one
 * and text is set as text, so nothing that a run says can become a part of the page. */

function make(tag, attributes = {}, ...inner) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
        if (name === 'click') element.addEventListener('click', value);
        else if (name === 'on') for (const [event, f] of Object.entries(value)) element.addEventListener(event, f);
        else if (value === true) element.setAttribute(name, '');
        else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
    }
    element.append(...inner.filter(x => x !== null && x !== undefined && x !== false));
    return element;
}

/* ---- replicas ---- */

function replicaState(row) {
    if (row.life === DOWN) return 'down';
    if (row.life === PAUSED) return 'paused';
    return row.role === LEADER ? (row.isLeader ? 'leader' : 'old leader') : row.role === FOLLOWER ? 'follower' : 'up';
}

function replicaCell(row, offset, epoch, leader) {
    if (epoch < 0) return make('td', {class: 'none'}, offset < row.end ? '…' : '');
    const open = offset >= row.high;
    const its = leader && leader !== row && row.role !== LEADER ? leader.cells[offset - leader.first] : epoch;
    const parted = leader && leader !== row && its !== epoch && epoch < leader.epoch && its >= 0 || (its === -1 && epoch < (leader?.epoch ?? 0) && offset >= (leader?.end ?? 0));
    return make('td', {class: `cell e${epoch % 6}` + (open ? ' open' : '') + (parted ? ' parted' : ''),
        title: `offset ${offset}, epoch ${epoch}${open ? ', not committed as far as it knows' : ''}${parted ? ', which the leader has not' : ''}`},
        make('span', {}, open ? `(${offset})` : String(offset)), make('small', {}, `e${epoch}${parted ? ' ≠' : ''}`));
}

function replicaPanel(run, partition, at) {
    const frame = run.frameAt(partition, at);
    if (!frame) return make('p', {}, 'No partition was made yet.');
    const change = frame.change, words = change
        ? `leader ${run.ofNode(change.leader)?.name ?? 'none'} (epoch ${change.epoch}), in sync: ${run.names(change.isr)}` + (change.elr ? `, eligible: ${run.names(change.elr)}` : '')
        : 'not made yet';
    for (const row of frame.rows) {
        row.isLeader = row === frame.leader;
        row.first = frame.first;
    }
    const head = make('tr', {}, ...['replica', 'state', 'in sync', 'high watermark', 'log end'].map(name => make('th', {scope: 'col'}, name)),
        ...frame.rows.length ? Array.from({length: CELLS}, (_, k) => make('th', {scope: 'col', class: 'offset'}, String(frame.first + k))) : [],
        make('th', {scope: 'col'}, 'asks for'));
    const rows = frame.rows.map(row => make('tr', {class: replicaState(row).replace(' ', '-')},
        make('th', {scope: 'row'}, row.actor.name),
        make('td', {class: 'state'}, replicaState(row) + (row.life === UP && row.epoch >= 0 && row.role ? `, epoch ${row.epoch}` : '') + (row.fenced ? ', fenced' : '')),
        make('td', {}, row.inSync ? 'ISR' : row.inElr ? 'ELR' : 'no'),
        make('td', {class: 'number'}, `▲ ${count(row.high)}`),
        make('td', {class: 'number'}, `△ ${count(row.end)}`),
        ...row.cells.map((epoch, k) => replicaCell(row, frame.first + k, epoch, frame.leader)),
        make('td', {class: 'number'}, row.fetch ? `${count(row.fetch.offset)}` + (frame.leader ? `, behind by ${count(Math.max(0, frame.leader.end - row.fetch.offset))}` : '') : '')));
    return make('div', {},
        make('p', {class: 'lead'}, make('strong', {}, frame.name), ` at ${seconds(at)}: ${words}`),
        make('div', {class: 'wide', tabindex: 0, role: 'group', 'aria-label': 'what each replica holds'}, make('table', {class: 'replicas'}, make('thead', {}, head), make('tbody', {}, ...rows))));
}

/* ---- a message ---- */

function hexTable(bytes, mark) {
    const most = Math.min(bytes.length, 2048), cells = [], text = [];
    const box = make('div', {class: 'hex', tabindex: 0, role: 'group', 'aria-label': `${bytes.length} bytes, in hexadecimal`});
    for (let i = 0; i < most; i++) {
        const cell = make('span', {}, bytes[i].toString(16).padStart(2, '0'));
        cell.title = `byte ${i}: ${bytes[i]}` + (bytes[i] > 32 && bytes[i] < 127 ? ` ${String.fromCharCode(bytes[i])}` : '');
        cell.addEventListener('click', () => mark(i));
        cells.push(cell);
        text.push(cell);
    }
    box.append(...text);
    if (most < bytes.length) box.append(make('em', {}, ` … ${bytes.length - most} more`));
    return {box, cells};
}

/* Fields and bytes point at each other. */
function fieldsAndBytes(rows, bytes) {
    const items = [];
    let marked = -1;
    const show = (k, scroll) => {
        items[marked]?.classList.remove('marked');
        for (const cell of hex.cells) cell.className = '';
        marked = k;
        if (k < 0) return;
        items[k].classList.add('marked');
        for (let i = rows[k].from; i < Math.min(rows[k].to, hex.cells.length); i++) hex.cells[i].className = 'marked';
        if (scroll) items[k].parentElement.scrollTop = items[k].offsetTop - items[k].parentElement.offsetTop - 40;
    };
    const hex = hexTable(bytes, i => {
        let best = -1; /* the smallest field that has the byte */
        for (const [k, row] of rows.entries())
            if (row.from <= i && i < row.to && (best < 0 || row.to - row.from <= rows[best].to - rows[best].from)) best = k;
        show(best, true);
    });
    for (const [k, row] of rows.entries()) {
        items.push(make('li', {tabindex: 0, class: `d${Math.min(row.depth, 8)}`, on: {focus: () => show(k), pointerenter: () => show(k), click: () => show(k)}},
            make('b', {}, row.name), ' ', make('i', {}, row.type), row.value === '' ? '' : make('code', {}, row.value)));
    }
    return make('div', {class: 'both'}, make('ul', {class: 'fields', 'aria-label': 'fields'}, ...items), hex.box);
}

async function bytesOf(run, i) {
    const c = run.c, from = c.get('m.kept_at')[i], n = c.get('m.kept_n')[i], size = 256 << 10;
    if (!n) return null;
    const out = new Uint8Array(n);
    for (let block = Math.floor(from / size); block * size < from + n; block++) {
        run.blocks ??= new Map();
        if (!run.blocks.has(block)) {
            const element = $(`${run.side}-bytes${block}`);
            if (!element) return null;
            run.blocks.set(block, unpack(element.textContent));
        }
        const bytes = await run.blocks.get(block), low = Math.max(from, block * size), high = Math.min(from + n, (block + 1) * size);
        out.set(bytes.subarray(low - block * size, high - block * size), low - from);
    }
    return out;
}

/* The answer to a request, or the request of an answer; -1: none. */
function otherHalf(run, i) {
    const correlation = run.c.get('m.correlation'), conn = run.c.get('m.conn'), step = run.flags[i] & ANSWER ? -1 : 1;
    for (let k = i + step; k >= 0 && k < run.n; k += step) {
        if (Math.abs(run.at[k] - run.at[i]) > 120e9) break;
        if (correlation[k] === correlation[i] && conn[k] === conn[i] && run.from[k] === run.to[i] && run.to[k] === run.from[i] &&
            (run.flags[k] & ANSWER) !== (run.flags[i] & ANSWER)) return k;
    }
    return -1;
}

function messagePanel(run, i, act) {
    const other = otherHalf(run, i), cause = causeOf(run, i), isAnswer = run.flags[i] & ANSWER;
    const link = (k, words) => make('button', {click: () => act.selectMessage(run, k)}, words);
    const fate = run.flags[i] & LOST ? 'lost' : run.end[i] === Infinity ? 'on its way when the run ended' : `arrived ${seconds(run.end[i])}, after ${duration(run.end[i] - run.at[i])}`;
    const body = make('div', {}, make('p', {}, 'Reading …'));
    bytesOf(run, i).then(bytes => {
        if (!bytes) {
            body.replaceChildren(make('p', {class: 'dim'}, run.words.no_bytes || 'The page does not keep the bytes of this message.'));
            return;
        }
        const truth = run.c.get('m.bytes')[i], length = run.c.get('m.length')[i], isCut = bytes.length < length;
        const {rows, why} = readMessage(run, i, bytes, isCut, Math.max(0, truth - length));
        body.replaceChildren(...[fieldsAndBytes(rows, bytes), why && make('p', {class: 'dim'}, why),
            truth > length && make('p', {class: 'dim'}, `${count(truth - length)} more bytes were sent from a log's file.`)].filter(Boolean));
    });
    return make('div', {},
        make('p', {class: 'lead'}, make('strong', {}, `${run.apiName(i)} ${isAnswer ? 'answer' : 'request'}`), ` version ${run.c.get('m.version')[i]}, ${run.actors[run.from[i]].name} → ${run.actors[run.to[i]].name}`),
        make('p', {}, `sent ${seconds(run.at[i])}, ${fate}; ${count(run.c.get('m.bytes')[i])} bytes, correlation ${run.c.get('m.correlation')[i]}` + (run.flags[i] & HELD ? '; it was held back by a fault' : '')),
        make('p', {class: 'buttons'},
            other >= 0 && link(other, isAnswer ? 'its request (r)' : 'its answer (r)'),
            cause >= 0 ? link(cause, `caused by: ${run.apiName(cause)} from ${run.actors[run.from[cause]].name}`) : make('span', {class: 'dim'}, 'no message caused it: a timer, or a disk'),
            cause >= 0 && make('button', {click: () => act.why()}, 'why (w)')),
        body);
}

/* ---- why, notes ---- */

function whyPanel(why, act) {
    let letter = 0;
    return make('div', {},
        make('p', {class: 'lead'}, make('strong', {}, why.fact ? `Why ${why.fact.number}` : 'What led to it'), why.fact ? `: ${why.fact.text}` : ''),
        make('ol', {class: 'why'}, ...why.steps.map(step => make('li', {class: step.message >= 0 ? 'message' : 'cause'},
            make('button', {click: () => step.message >= 0 ? act.selectMessage(why.run, step.message, true) : act.moveTo(step.at)},
                why.fact && step.message < 0 && make('i', {}, String.fromCharCode(97 + letter++)),
                make('time', {}, seconds(step.at)), make('span', {}, step.text + (step.bySilence ? ' (no message told of the step before: silence did)' : '')))))),
        why.fact && make('p', {class: 'dim'}, 'Between causes on different machines: the messages by which the news could arrive first.'));
}

function notesPanel(run, actor, at) {
    const c = run.c, who = c.get('e.actor'), rows = [];
    for (let i = lastAt(run.eventAt, at), tries = 0; i >= 0 && rows.length < 12 && tries < 50000; i--, tries++)
        if (who[i] === actor.index) rows.unshift(i);
    return make('details', {open: true}, make('summary', {}, `What ${actor.name} noted up to ${seconds(at)}`),
        make('ol', {class: 'notes'}, ...rows.map(i => make('li', {}, make('b', {}, seconds(run.eventAt[i])), ' ', run.noteWords(i)))),
        rows.length === 0 && make('p', {class: 'dim'}, 'Nothing yet.'));
}

/* ---- the story ---- */

function storyPanel(run, act) {
    return make('ol', {class: 'story'}, ...run.facts.map(fact => make('li', {'data-number': fact.number, class: fact.tone},
        make('button', {click: () => act.selectFact(run, fact)},
            make('b', {}, String(fact.number)), make('time', {}, seconds(fact.at)), make('span', {}, fact.text + (fact.chain.length ? ' (w: why)' : ''))))));
}
