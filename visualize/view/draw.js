/* The timeline and the strip over it, on canvas. Lanes from top to bottom: clients, brokers, controllers; time from left to
 * right, linear. What is too much to be drawn one by one is drawn as bars: how many in a bucket of time. */

const ONE_BY_ONE = 1500; /* messages */
const LABELS_MOST = 40, DECISIVE_MOST = 60;
const HEIGHT = {client: 34, broker: 82, controller: 40};
const BAND = 16, STRIP = 30, BARS = 18;
const TOP = 22, NUMBERS = 26, TITLE = 18;

const NAME_FONT = 'bold 12px system-ui, sans-serif';

const shortName = actor => actor.name.length > 14 ? actor.name.slice(0, 8) + '…' + actor.name.slice(-5) : actor.name;

function colours() {
    const style = getComputedStyle(document.documentElement), found = {};
    for (const name of ['paper', 'ink', 'dim', 'grid', 'lane', 'leader', 'follower', 'idle', 'down', 'paused', 'control', 'uncommitted', 'high',
        'sent', 'read', 'alarm', 'lost', 'on-colour', 'a-control', 'a-data', 'a-read', 'a-routine', 'bars', 'cursor'])
        found[name] = style.getPropertyValue('--' + name).trim();
    return found;
}

class Drawing {
    constructor(canvas) {
        this.canvas = canvas;
        this.g = canvas.getContext('2d', {alpha: false});
        this.colours = colours();
        this.widths = new Map(); /* of words, by themselves */
    }

    /* Lanes that are shown, with their places; the height of all. */
    layout(runs, hidden) {
        const key = [...hidden].sort().join();
        if (this.laidOut === key) return;
        this.laidOut = key;
        let y = TOP;
        this.sections = runs.map((run, k) => {
            const section = {run, numbers: y + (runs.length > 1 ? TITLE : 0), lanes: []};
            section.title = runs.length > 1 ? y : -1;
            y = section.numbers + NUMBERS;
            for (const [i, actor] of run.lanes.entries()) {
                if (hidden.has(i)) continue;
                section.lanes.push({actor, y, height: HEIGHT[actor.kind], mid: y + 4 + BAND / 2});
                y += HEIGHT[actor.kind];
            }
            section.bottom = y;
            section.byActor = new Map(section.lanes.map(lane => [lane.actor.index, lane]));
            y += k + 1 < runs.length ? 10 : 0;
            return section;
        });
        this.height = y + 4;
        this.g.font = NAME_FONT;
        this.names = Math.max(...runs.flatMap(run => run.lanes.map(actor => this.g.measureText(shortName(actor)).width)));
    }

    resize(width) {
        const scale = window.devicePixelRatio || 1;
        if (this.width !== width || this.drawnHeight !== this.height || this.scale !== scale) {
            this.width = width;
            this.drawnHeight = this.height;
            this.scale = scale;
            this.canvas.width = Math.round(width * scale);
            this.canvas.height = Math.round(this.height * scale);
            this.canvas.style.height = this.height + 'px';
        }
        this.g.setTransform(scale, 0, 0, scale, 0, 0);
        this.left = Math.ceil(Math.min(Math.max(this.names + 12, width < 600 ? 44 : 96), width / 3));
        this.right = width - 8;
    }

    x(at) {
        return this.left + (at - this.from) * (this.right - this.left) / (this.until - this.from);
    }

    /* Of words in a band: there are few, and they come again in each frame. */
    widthOf(words) {
        let width = this.widths.get(words);
        if (width === undefined) this.widths.set(words, width = this.g.measureText(words).width);
        return width;
    }

    timeAt(x) {
        return this.from + (x - this.left) * (this.until - this.from) / (this.right - this.left);
    }

    draw(view) {
        const g = this.g, c = this.colours;
        this.from = view.from;
        this.until = view.until;
        this.view = view;
        this.hits = [];
        this.labels = [];
        this.hiddenMessages = 0;
        g.fillStyle = c.paper;
        g.fillRect(0, 0, this.width, this.height);
        g.font = '11px system-ui, sans-serif';
        g.textBaseline = 'middle';
        this.axis();
        for (const section of this.sections) this.section(section);
        this.cursor();
    }

    axis() {
        const g = this.g, c = this.colours, span = this.until - this.from;
        const rough = span / Math.max(2, (this.right - this.left) / 90), power = 10 ** Math.floor(Math.log10(rough));
        const tick = power * [1, 2, 5, 10].find(k => power * k >= rough);
        const digits = Math.max(0, Math.min(6, 9 - Math.floor(Math.log10(tick) + 1e-9)));
        g.strokeStyle = c.grid;
        g.fillStyle = c.dim;
        g.textAlign = 'center';
        g.beginPath();
        for (let at = Math.ceil(this.from / tick) * tick; at <= this.until; at += tick) {
            const x = Math.round(this.x(at)) + .5;
            g.moveTo(x, TOP - 4);
            g.lineTo(x, this.height);
            g.fillText((at / 1e9).toFixed(digits) + ' s', Math.min(Math.max(x, this.left + 14), this.right - 16), 9);
        }
        g.stroke();
    }

    section(section) {
        const g = this.g, c = this.colours, run = section.run;
        if (section.title >= 0) {
            g.fillStyle = c.ink;
            g.textAlign = 'left';
            g.font = 'bold 12px system-ui, sans-serif';
            g.fillText(`${run.side.toUpperCase()}: ${run.words.name}, seed ${run.words.seed}`, 6, section.title + 9);
            g.font = '11px system-ui, sans-serif';
        }
        const partition = this.view.partitionOf(run), {chosen, isAll} = this.choose(run);
        this.isAll = isAll;
        for (const lane of section.lanes) this.lane(run, lane, partition);
        this.clip(section, () => {
            this.messages(run, section, chosen);
            this.facts(run, section);
            if (this.view.why?.run === run) this.way(run, section, this.view.why);
        });
    }

    clip(section, inner) {
        const g = this.g;
        g.save();
        g.beginPath();
        g.rect(this.left, section.numbers, this.right - this.left, section.bottom - section.numbers);
        g.clip();
        inner();
        g.restore();
    }

    lane(run, lane, partition) {
        const g = this.g, c = this.colours;
        g.strokeStyle = c.lane;
        g.beginPath();
        g.moveTo(0, lane.y + .5);
        g.lineTo(this.width, lane.y + .5);
        g.stroke();
        g.fillStyle = c.ink;
        g.textAlign = 'left';
        g.font = NAME_FONT;
        g.fillText(shortName(lane.actor), 6, lane.mid);
        g.font = '11px system-ui, sans-serif';
        g.save();
        g.beginPath();
        g.rect(this.left, lane.y, this.right - this.left, lane.height);
        g.clip();
        this.band(run, lane, partition);
        if (lane.actor.kind === 'broker') this.strip(run, lane, partition);
        if (lane.actor.kind === 'client') this.ends(run, lane);
        if (!this.isAll) this.bars(run, lane);
        g.restore();
    }

    /* ---- bands ---- */

    /* Moments at which the state of a machine changes. */
    turns(run, actor, replica) {
        const times = [...actor.lives, ...actor.fences, ...actor.reigns].map(turn => turn.at);
        if (replica) {
            const at = run.c.get('tenure.at');
            for (let i = replica.tenures[0]; i < replica.tenures[1]; i++) times.push(at[i]);
        }
        return times.sort((a, b) => a - b);
    }

    stateAt(run, actor, replica, at) {
        const life = run.lifeAt(actor.index, at), fenced = actor.kind === 'broker' && run.isFencedAt(actor.index, at);
        if (!actor.lives.length || at < actor.lives[0].at) return {look: 'none', words: '', fenced: false};
        if (life === DOWN) return {look: 'down', words: 'down', fenced: false};
        if (life === PAUSED) return {look: 'paused', words: 'paused', fenced};
        if (actor.kind === 'controller') {
            let epoch = -1;
            for (const reign of actor.reigns) if (reign.at <= at) epoch = reign.epoch;
            for (const end of actor.lives) if (end.at <= at && end.state === DOWN && actor.reigns.every(r => r.at < end.at || r.at > at)) epoch = -1;
            return epoch < 0 ? {look: 'idle', words: '', fenced} : {look: 'control', words: `active · epoch ${epoch}`, fenced};
        }
        const tenure = replica ? run.tenureAt(replica, at) : {role: 0};
        if (tenure.role === LEADER) return {look: 'leader', words: `leader · epoch ${tenure.epoch}`, fenced};
        if (tenure.role === FOLLOWER) return {look: 'follower', words: `follower, epoch ${tenure.epoch}`, fenced};
        return {look: 'idle', words: '', fenced};
    }

    band(run, lane, partition) {
        const actor = lane.actor, replica = run.partitions[partition]?.replicas.find(r => r.actor === actor.index);
        const times = this.turns(run, actor, replica).filter(at => at > this.from && at < this.until);
        let from = this.from, state = this.stateAt(run, actor, replica, from);
        for (const at of [...times, this.until]) {
            const next = this.stateAt(run, actor, replica, at);
            if (at < this.until && next.look === state.look && next.words === state.words && next.fenced === state.fenced) continue;
            if (at > from) this.piece(lane, state, this.x(from), this.x(at));
            from = at;
            state = next;
        }
    }

    piece(lane, state, x0, x1) {
        const g = this.g, c = this.colours, y = lane.y + 4, width = Math.max(x1 - x0, 1);
        if (state.look === 'none') return;
        if (lane.actor.kind === 'client' && state.look === 'idle') {
            g.strokeStyle = c.lane;
            g.strokeRect(x0, lane.mid, width, 0);
            return;
        }
        g.fillStyle = c[state.look];
        g.fillRect(x0, y, width, BAND);
        if (state.look === 'follower') {
            g.strokeStyle = c.leader;
            g.lineWidth = 1;
            g.strokeRect(x0 + .5, y + .5, width - 1, BAND - 1);
        }
        if (state.look === 'leader' && width > 6) {
            g.strokeStyle = c['on-colour'];
            g.strokeRect(x0 + 2.5, y + 2.5, width - 5, BAND - 5);
        }
        if (state.look === 'down' || state.fenced) this.hatch(x0, y, width, state.look === 'down');
        const words = state.words + (state.fenced ? (state.words ? ', fenced' : 'fenced') : '');
        if (!words || width < 24) return;
        const wide = this.widthOf(words), left = Math.max(x0, this.left) + 6;
        if (wide + 12 > width || left + wide > x1) return;
        if (state.look === 'down' || state.fenced) {
            g.fillStyle = c[state.look];
            g.fillRect(left - 2, y + 1, wide + 4, BAND - 2);
        }
        g.fillStyle = state.look === 'leader' || state.look === 'paused' ? c['on-colour'] : state.look === 'control' ? '#111' : c.ink;
        g.textAlign = 'left';
        g.fillText(words, left, lane.mid + .5);
    }

    /* Crosses for what is down, strokes for what is fenced. */
    hatch(x0, y, width, isDown) {
        const g = this.g, end = Math.min(x0 + width, this.right);
        g.save();
        g.beginPath();
        g.rect(x0, y, width, BAND);
        g.clip();
        g.strokeStyle = isDown ? this.colours.dim : this.colours.lost;
        g.lineWidth = isDown ? 1 : 2;
        g.beginPath();
        for (let x = Math.max(x0, this.left) - BAND; x < end; x += isDown ? 12 : 8) {
            if (isDown) {
                g.moveTo(x + 6, y + 5), g.lineTo(x + 12, y + 11);
                g.moveTo(x + 12, y + 5), g.lineTo(x + 6, y + 11);
            } else {
                g.moveTo(x, y + BAND), g.lineTo(x + BAND, y);
            }
        }
        g.stroke();
        g.lineWidth = 1;
        g.restore();
    }

    /* ---- log end and high watermark ---- */

    strip(run, lane, partition) {
        const replicas = run.partitions[partition]?.replicas ?? [], replica = replicas.find(r => r.actor === lane.actor.index);
        if (!replica || replica.steps[1] === replica.steps[0]) return;
        const g = this.g, c = this.colours, bottom = lane.y + 4 + BAND + 4 + STRIP;
        let low = Infinity, most = 0;
        for (const other of replicas) {
            if (other.steps[1] === other.steps[0]) continue;
            most = Math.max(most, run.stepAt(other, this.until).end);
            if (lastAt(run.c.get('step.at'), this.until, ...other.steps) >= other.steps[0]) low = Math.min(low, run.stepAt(other, this.from).high);
        }
        if (!isFinite(low)) return;
        const y = offset => bottom - (offset - low) * STRIP / Math.max(1, most - low);
        const at = run.c.get('step.at'), end = run.c.get('step.end'), high = run.c.get('step.high'), [first, last] = replica.steps;
        const n = Math.floor(this.right - this.left) + 1, ends = new Float64Array(n), highs = new Float64Array(n);
        for (let k = 0, i = first - 1; k < n; k++) {
            const until = this.timeAt(this.left + k);
            /* Mostly the next pixel has the same step, or the one behind it; else it is searched for. */
            if (i + 1 < last && at[i + 1] <= until) i = i + 2 >= last || at[i + 2] > until ? i + 1 : lastAt(at, until, i + 1, last);
            ends[k] = y(Math.max(i < first ? 0 : end[i], low));
            highs[k] = y(Math.max(i < first ? 0 : high[i], low));
        }
        g.fillStyle = c.uncommitted;
        for (let k = 0, from = 0; k < n; k = from) {
            for (from = k + 1; from < n && ends[from] === ends[k] && highs[from] === highs[k];) from++;
            if (highs[k] - ends[k] > .5) g.fillRect(this.left + k, ends[k], from - k, Math.max(3, highs[k] - ends[k]));
        }
        this.stairs(ends, c.ink, []);
        this.stairs(highs, c.high, [4, 2]);
    }

    stairs(values, colour, dash) {
        const g = this.g;
        g.strokeStyle = colour;
        g.setLineDash(dash);
        g.beginPath();
        g.moveTo(this.left, values[0]);
        for (let i = 1; i < values.length; i++) {
            if (values[i] === values[i - 1] && i + 1 < values.length) continue;
            g.lineTo(this.left + i, values[i - 1]);
            g.lineTo(this.left + i, values[i]);
        }
        g.stroke();
        g.setLineDash([]);
    }

    /* ---- clients: how sends ended that did not end well ---- */

    ends(run, lane) {
        const g = this.g, c = this.colours, bad = run.badCalls ??= this.collectBad(run);
        g.strokeStyle = c.lost;
        g.lineWidth = 2;
        let before = -100;
        for (const call of bad) {
            if (call.actor !== lane.actor.index || call.at < this.from || call.at > this.until) continue;
            const x = this.x(call.at), y = lane.mid;
            if (x - before < 4) continue;
            before = x;
            g.beginPath();
            if (call.unknown) {
                g.arc(x, y, 4, 0, 7);
            } else {
                g.moveTo(x - 3, y - 3), g.lineTo(x + 3, y + 3);
                g.moveTo(x + 3, y - 3), g.lineTo(x - 3, y + 3);
            }
            g.stroke();
        }
        g.lineWidth = 1;
    }

    collectBad(run) {
        const c = run.c, actor = c.get('call.actor'), invoked = c.get('call.invoked'), took = c.get('call.took'), unknown = c.get('call.unknown');
        const bad = Array.from(actor, (a, i) => ({actor: a, at: took[i] < 0 ? run.finish : invoked[i] + took[i], unknown: unknown[i] === 1}));
        return bad.sort((a, b) => a.at - b.at);
    }

    /* ---- how much ---- */

    /* The finest level whose buckets are at least three pixels wide. */
    levelFor(run) {
        const scale = (this.right - this.left) / (this.until - this.from);
        let best = run.levels[0];
        for (const level of run.levels) if (level.width * scale >= 3) best = level;
        return run.level(best);
    }

    bars(run, lane) {
        const g = this.g, c = this.colours, level = this.levelFor(run), bottom = lane.y + lane.height - 2;
        const first = Math.floor((this.from - run.start) / level.width), last = Math.ceil((this.until - run.start) / level.width);
        const width = Math.max(1, level.width * (this.right - this.left) / (this.until - this.from) - 1);
        const height = n => n && 2 + (BARS - 4) * Math.log2(1 + n) / Math.log2(1 + level.most);
        const colour = {routine: c.bars, control: c.control, lost: c.lost}, index = lane.actor.index;
        for (let i = firstAt(level.bucket, first); i < level.bucket.length && level.bucket[i] <= last; i++) {
            if (level.actor[i] !== index) continue;
            const x = this.x(run.start + level.bucket[i] * level.width);
            const all = height(level.routine[i] + level.control[i] + level.lost[i]);
            if (all) {
                g.fillStyle = colour.routine;
                g.fillRect(x, bottom - all, width, all);
            }
            for (const kind of ['control', 'lost']) {
                if (!level[kind][i]) continue;
                g.fillStyle = colour[kind];
                g.fillRect(x, bottom - (kind === 'lost' ? 4 : 2), Math.max(width, 2), kind === 'lost' ? 4 : 2);
            }
        }
    }

    /* ---- messages ---- */

    /* Places of those to draw: all in the window, or, of too many, those that decide, spread over it. */
    choose(run) {
        /* Window and filter decide alone. */
        const all = run.matched, n = all ? all.length : run.n, at = k => run.at[all ? all[k] : k];
        const search = time => { /* the first at or after it */
            let low = 0, high = n;
            while (low < high) {
                const middle = (low + high) >> 1;
                if (at(middle) < time) low = middle + 1;
                else high = middle;
            }
            return low;
        };
        const slack = Math.min((this.until - this.from) / 2, 1e8), first = search(this.from - slack), last = search(this.until);
        this.inView = last - first;
        if (last - first <= ONE_BY_ONE) {
            const chosen = [];
            for (let k = first; k < last; k++) chosen.push(all ? all[k] : k);
            return {chosen, isAll: true};
        }
        if (all) {
            const chosen = [], every = Math.ceil((last - first) / 400);
            for (let k = first; k < last; k += every) chosen.push(all[k]);
            this.hiddenMessages += last - first - chosen.length;
            return {chosen, isAll: false};
        }
        const times = run.decisiveAt ??= Float64Array.from(run.decisive, i => run.at[i]);
        const a = firstAt(times, this.from - slack), b = firstAt(times, this.until), many = b - a, chosen = [];
        for (let k = 0; k < Math.min(many, DECISIVE_MOST); k++)
            chosen.push(run.decisive[a + Math.floor(k * many / Math.min(many, DECISIVE_MOST))]);
        this.hiddenMessages += last - first - chosen.length;
        return {chosen, isAll: false};
    }

    kindOf(run, i) {
        if (run.flags[i] & LOST) return 'lost';
        if (run.flags[i] & CONTROL) return 'control';
        if (!run.isData(i)) return 'routine';
        return run.api[i] === 0 ? 'data' : 'read';
    }

    messages(run, section, chosen) {
        const g = this.g, why = this.view.why?.run === run ? this.view.why : null;
        g.globalAlpha = why ? .25 : 1;
        const ordered = {routine: [], read: [], data: [], control: [], lost: []};
        for (const i of chosen) ordered[this.kindOf(run, i)].push(i);
        for (const kind of Object.keys(ordered)) this.arrows(run, section, ordered[kind], kind);
        g.globalAlpha = 1;
        const selected = this.view.selected;
        if (selected?.run === run && selected.message !== undefined)
            this.arrows(run, section, [selected.message], this.kindOf(run, selected.message), 3);
    }

    line(run, section, i) {
        const from = section.byActor.get(run.from[i]), to = section.byActor.get(run.to[i]);
        if (!from || !to) return null;
        const lost = (run.flags[i] & LOST) !== 0, end = run.end[i] === Infinity ? run.at[i] : run.end[i];
        const down = to.y > from.y, x0 = this.x(run.at[i]);
        const y0 = from.mid + (down ? 8 : -8) * (from === to ? 0 : 1), y1 = to.mid + (down ? -8 : 8);
        if (lost) return {x0, y0, x1: x0 + 6, y1: y0 + (y1 - y0) * .35};
        return {x0, y0, x1: this.x(end), y1};
    }

    arrows(run, section, places, kind, width = 1) {
        if (!places.length) return;
        const g = this.g, c = this.colours, heads = [], selected = width > 1;
        const colour = {routine: c['a-routine'], read: c['a-read'], data: c['a-data'], control: c['a-control'], lost: c.lost}[kind];
        g.strokeStyle = g.fillStyle = colour;
        g.lineWidth = selected ? width : kind === 'control' || kind === 'lost' ? 1.5 : 1;
        g.setLineDash(kind === 'lost' ? [3, 2] : kind === 'read' ? [6, 2] : []);
        g.beginPath();
        for (const i of places) {
            const line = this.line(run, section, i);
            if (!line || line.x1 < this.left - 50 || line.x0 > this.right) continue;
            g.moveTo(line.x0, line.y0);
            g.lineTo(line.x1, line.y1);
            heads.push(line);
            this.hits.push({run, message: i, ...line});
            if ((kind === 'control' || kind === 'lost' || selected) && !(run.flags[i] & ANSWER && !selected)) this.label(run, i, line);
        }
        g.stroke();
        g.setLineDash([]);
        for (const line of heads) this.head(line, kind);
        g.lineWidth = 1;
    }

    head(line, kind) {
        const g = this.g, {x1: x, y1: y} = line;
        if (kind === 'lost') {
            g.lineWidth = 2;
            g.beginPath();
            g.moveTo(x - 3, y - 3), g.lineTo(x + 3, y + 3);
            g.moveTo(x + 3, y - 3), g.lineTo(x - 3, y + 3);
            g.stroke();
            return;
        }
        if (kind === 'routine' && this.inView > 300) return;
        const angle = Math.atan2(line.y1 - line.y0, line.x1 - line.x0), size = kind === 'control' ? 6 : 5;
        g.beginPath();
        g.moveTo(x, y);
        g.lineTo(x - size * Math.cos(angle - .4), y - size * Math.sin(angle - .4));
        g.lineTo(x - size * Math.cos(angle + .4), y - size * Math.sin(angle + .4));
        g.closePath();
        if (kind === 'control') g.fill();
        else g.stroke();
    }

    /* Where no other label is. */
    label(run, i, line) {
        if (this.labels.length >= LABELS_MOST) return;
        const g = this.g, text = run.apiName(i) + (run.flags[i] & LOST ? ' lost' : ''), width = g.measureText(text).width;
        const box = {x: line.x0 + 5, y: line.y0 + (line.y1 > line.y0 ? 12 : -12), width, height: 12};
        const meets = this.labels.some(o => box.x < o.x + o.width + 4 && o.x < box.x + width + 4 && Math.abs(o.y - box.y) < 13);
        if (meets || box.x + width > this.right || box.x < this.left) return;
        this.labels.push({...box, text});
        g.save();
        g.setLineDash([]);
        g.lineWidth = 3;
        g.strokeStyle = this.colours.paper;
        g.textAlign = 'left';
        g.strokeText(text, box.x, box.y);
        g.fillText(text, box.x, box.y);
        g.restore();
    }

    /* ---- numbered moments, and what led to one ---- */

    facts(run, section) {
        const g = this.g, c = this.colours, y = section.numbers + 13;
        let right = -100;
        const shown = run.facts.filter(f => f.at >= this.from && f.at <= this.until).sort((a, b) => a.at - b.at);
        const level = [1, 2, 3, 4].find(weight => shown.filter(f => f.weight >= weight).length <= 40) ?? 4;
        g.textAlign = 'center';
        g.font = 'bold 10px system-ui, sans-serif';
        for (const fact of shown) {
            if (fact.weight < level) continue;
            const x = this.x(fact.at), at = Math.max(x, right + 19);
            if (at > x + 90 || at > this.right - 8) continue;
            right = at;
            const bad = fact.tone === 'bad', fault = fact.tone === 'fault', selected = this.view.selected?.fact === fact;
            g.strokeStyle = bad ? c.lost : c.dim;
            g.setLineDash(fault || bad ? [1, 3] : []);
            g.beginPath();
            g.moveTo(at, y + 8);
            g.lineTo(x, section.numbers + NUMBERS);
            if (fault || bad || selected) g.lineTo(x, section.bottom);
            g.stroke();
            g.setLineDash([]);
            g.beginPath();
            if (bad) g.rect(at - 9, y - 9, 18, 18);
            else g.arc(at, y, 9, 0, 7);
            g.fillStyle = bad ? c.alarm : fault ? c.ink : c.paper;
            g.fill();
            g.strokeStyle = selected ? c.cursor : bad ? c.alarm : c.ink;
            g.lineWidth = selected ? 3 : 1;
            g.stroke();
            g.lineWidth = 1;
            g.fillStyle = bad ? c['on-colour'] : fault ? c.paper : c.ink;
            g.fillText(fact.number, at, y + .5);
            this.hits.push({run, fact, x0: at - 9, x1: at + 9, y0: y, y1: y, near: 10});
        }
        g.font = '11px system-ui, sans-serif';
    }

    way(run, section, why) {
        const g = this.g, c = this.colours;
        for (const i of why.messages) this.arrows(run, section, [i], this.kindOf(run, i), 3);
        g.strokeStyle = c.lost;
        g.lineWidth = 2;
        for (const [k, point] of why.points.entries()) {
            const lane = section.byActor.get(point.actor);
            if (!lane) continue;
            const x = this.x(point.at);
            g.beginPath();
            g.arc(x, lane.mid, 10, 0, 7);
            g.fillStyle = c.paper;
            g.fill();
            g.stroke();
            g.fillStyle = c.ink;
            g.textAlign = 'center';
            g.fillText(String.fromCharCode(97 + k), x, lane.mid + .5);
        }
        g.lineWidth = 1;
    }

    cursor() {
        const g = this.g, x = Math.round(this.x(this.view.cursor)) + .5;
        if (this.view.difference) this.mark(this.view.difference.at, 'they part here');
        if (x < this.left || x > this.right) return;
        g.strokeStyle = this.colours.cursor;
        g.lineWidth = 2;
        g.beginPath();
        g.moveTo(x, TOP - 6);
        g.lineTo(x, this.height);
        g.stroke();
        g.lineWidth = 1;
    }

    mark(at, words) {
        const g = this.g, x = this.x(at);
        if (x < this.left || x > this.right) return;
        g.strokeStyle = this.colours.lost;
        g.setLineDash([8, 3, 2, 3]);
        g.beginPath();
        g.moveTo(x, TOP);
        g.lineTo(x, this.height);
        g.stroke();
        g.setLineDash([]);
        g.fillStyle = this.colours.lost;
        g.textAlign = x > this.right - 90 ? 'right' : 'left';
        g.fillText(words, x + (x > this.right - 90 ? -4 : 4), TOP + 6);
    }

    /* What lies under a point: a message or a number. */
    hit(x, y) {
        let best = null, least = 7;
        for (const hit of this.hits) {
            const dx = hit.x1 - hit.x0, dy = hit.y1 - hit.y0, length = dx * dx + dy * dy;
            const k = length ? Math.max(0, Math.min(1, ((x - hit.x0) * dx + (y - hit.y0) * dy) / length)) : 0;
            const away = Math.hypot(x - hit.x0 - k * dx, y - hit.y0 - k * dy) - (hit.near ? hit.near - 6 : 0);
            if (away >= least) continue;
            least = away;
            best = hit;
        }
        return best;
    }

    laneAt(y) {
        for (const section of this.sections)
            for (const lane of section.lanes) if (y >= lane.y && y < lane.y + lane.height) return {run: section.run, lane};
        return null;
    }
}

/* The whole run in one strip: how much happened, faults, what went wrong, and the part that is shown below. Only this
 * part changes from one picture to the next. */
class Scrubber {
    constructor(canvas) {
        this.canvas = canvas;
        this.base = document.createElement('canvas');
    }

    draw(runs, view, c) {
        const scale = window.devicePixelRatio || 1, width = this.canvas.clientWidth, height = 44;
        if (this.width !== width || this.scale !== scale || this.colours !== c) {
            Object.assign(this, {width, scale, colours: c});
            for (const canvas of [this.base, this.canvas]) {
                canvas.width = Math.round(width * scale);
                canvas.height = Math.round(height * scale);
            }
            this.drawBase(runs[0], view, height);
        }
        const g = this.canvas.getContext('2d'), x = at => (at - view.start) * width / (view.finish - view.start);
        g.setTransform(1, 0, 0, 1, 0, 0);
        g.drawImage(this.base, 0, 0);
        g.setTransform(scale, 0, 0, scale, 0, 0);
        g.fillStyle = g.strokeStyle = c.cursor;
        g.globalAlpha = .18;
        g.fillRect(x(view.from), 0, Math.max(2, x(view.until) - x(view.from)), height);
        g.globalAlpha = 1;
        g.lineWidth = 2;
        g.strokeRect(x(view.from) + 1, 1, Math.max(2, x(view.until) - x(view.from) - 2), height - 2);
        g.fillRect(x(view.cursor) - 1, 0, 2, height);
    }

    drawBase(run, view, height) {
        const g = this.base.getContext('2d'), c = this.colours, x = at => (at - view.start) * this.width / (view.finish - view.start);
        g.setTransform(this.scale, 0, 0, this.scale, 0, 0);
        g.fillStyle = c.idle;
        g.fillRect(0, 0, this.width, height);
        const level = run.level(run.levels[0]), sums = new Float64Array(level.n);
        for (let i = 0; i < level.bucket.length; i++) sums[level.bucket[i]] += level.routine[i] + level.control[i] + level.lost[i];
        const most = Math.max(1, ...sums), wide = Math.max(1, x(run.start + level.width) - x(run.start));
        g.fillStyle = c.bars;
        for (let i = 0; i < level.n; i++)
            if (sums[i]) g.fillRect(x(run.start + i * level.width), height - 22 * sums[i] / most, wide, 22);
        for (const fact of run.facts) {
            if (fact.tone !== 'fault' && fact.tone !== 'bad') continue;
            g.fillStyle = fact.tone === 'bad' ? c.alarm : c.ink;
            if (fact.tone === 'bad') g.fillRect(x(fact.at) - 3, 2, 6, 10);
            else g.fillRect(x(fact.at) - 1, 2, 2, 10);
        }
    }
}
