/* A run: what was sent and noted, and what was so at any moment. */

const ANSWER = 1, DELIVERED = 2, LOST = 4, HELD = 8, CONTROL = 16, LATE = 32;
const DOWN = 0, UP = 1, PAUSED = 2;
const FOLLOWER = 1, LEADER = 2;
const NOTE = 5, LIFE = 3, DISK = 8, FAULT = 9, SAID = 10; /* enum trace_kind */
const CELLS = 12;

/* Pieces of time → the same time in pieces that neither overlap nor touch, in order. */
function merge(pieces) {
    const all = [];
    for (const [from, until] of pieces.sort((a, b) => a[0] - b[0])) {
        const last = all[all.length - 1];
        if (last && from <= last[1]) last[1] = Math.max(last[1], until);
        else all.push([from, until]);
    }
    return all;
}

function isWithin(pieces, at) {
    let low = 0, high = pieces.length; /* the first that begins after it */
    while (low < high) {
        const middle = (low + high) >> 1;
        if (pieces[middle][0] <= at) low = middle + 1;
        else high = middle;
    }
    return low > 0 && pieces[low - 1][1] >= at;
}

class Run {
    constructor(side, words, columns) {
        this.side = side;
        this.words = words;
        this.c = columns;
        this.start = words.start;
        this.finish = Math.max(words.end, words.start + 1);
        this.facts = words.facts;
        this.readMessages();
        this.readActors();
        this.readReplicas();
        this.readLevels();
        this.isWhole = false; /* what is read behind the opening is not there yet */
        this.matched = null; /* places of messages that pass the filter; null: all */
    }

    async readFurther() {
        this.c.add(await unpack(take(this.side + '-further')));
        this.texts = this.c.get('texts');
        this.eventAt = this.c.get('e.at');
        this.isWhole = true;
    }

    /* Whether a record with one of the keys (with `not`: with none of them) was under way between client and broker when the message was
     * sent; what is no Produce passes. A trace does not have what is in messages. */
    keyTest(values, not) {
        const wanted = new Set(values.map(Number)), who = this.c.get('send.actor'), key = this.c.get('send.key');
        const at = this.c.get('send.at'), took = this.c.get('send.took'), ways = this.actors.map(() => []);
        for (let i = 0; i < who.length; i++)
            if (wanted.has(key[i]) !== not) ways[who[i]].push([at[i], took[i] < 0 ? Infinity : at[i] + took[i]]);
        const merged = ways.map(list => merge(list));
        return i => {
            const client = this.flags[i] & ANSWER ? this.to[i] : this.from[i];
            return this.apiName(i) !== 'Produce' || this.actors[client].kind !== 'client' || isWithin(merged[client], this.at[i]);
        };
    }

    readMessages() {
        const c = this.c, way = c.get('m.way');
        this.at = c.get('m.at');
        this.from = c.get('m.from');
        this.to = c.get('m.to');
        this.api = c.get('m.api');
        this.flags = c.get('m.flags');
        this.n = this.at.length;
        this.end = new Float64Array(this.n);
        const decisive = [];
        for (let i = 0; i < this.n; i++) {
            this.end[i] = way[i] < 0 ? Infinity : this.at[i] + way[i];
            if (this.flags[i] & (LOST | CONTROL | LATE)) decisive.push(i);
        }
        this.decisive = Uint32Array.from(decisive);
    }

    readActors() {
        const c = this.c, order = ['client', 'broker', 'controller'];
        this.actors = this.words.actors.map((a, index) => ({...a, index, lives: [], fences: [], reigns: []}));
        const who = c.get('life.actor'), at = c.get('life.at'), state = c.get('life.state');
        for (let i = 0; i < who.length; i++) this.actors[who[i]].lives.push({at: at[i], state: state[i]});
        const kind = c.get('turn.kind'), when = c.get('turn.at'), whom = c.get('turn.actor'), epoch = c.get('turn.n0');
        for (let i = 0; i < kind.length; i++) {
            const actor = this.actors[whom[i]], letter = String.fromCharCode(kind[i]);
            if (!actor) continue;
            if (letter === 'f' || letter === 'u') actor.fences.push({at: when[i], fenced: letter === 'f'});
            else actor.reigns.push({at: when[i], epoch: letter === 'c' ? epoch[i] : -1});
        }
        this.lanes = [...this.actors].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind) || a.index - b.index);
        this.ofNode = id => this.actors.find(a => a.id === id && id >= 0);
        const name = id => this.ofNode(id)?.name ?? 'node ' + id;
        this.names = list => list ? list.split(',').map(id => name(Number(id))).join(', ') : 'none';
    }

    readReplicas() {
        const c = this.c, rep = {};
        for (const name of ['partition', 'actor', 'steps', 'tenures', 'held', 'start']) rep[name] = c.get('rep.' + name);
        const ends = {steps: c.get('step.at').length, tenures: c.get('tenure.at').length, held: Infinity};
        this.partitions = this.words.partitions.map(name => ({name, replicas: [], changes: []}));
        for (let i = 0; i < rep.actor.length; i++) {
            const next = name => i + 1 < rep.actor.length ? rep[name][i + 1] : ends[name];
            this.partitions[rep.partition[i]].replicas.push({
                actor: rep.actor[i], start: rep.start[i],
                steps: [rep.steps[i], next('steps')], tenures: [rep.tenures[i], next('tenures')], held: [rep.held[i], next('held')],
            });
        }
        const lists = c.get('lists'), of = c.get('change.partition'), column = name => c.get('change.' + name);
        const at = column('at'), leader = column('leader'), epoch = column('epoch'), isr = column('isr'),
            elr = column('elr'), unclean = column('unclean'), replicas = column('replicas');
        for (let i = 0; i < of.length; i++)
            this.partitions[of[i]].changes.push({
                at: at[i], leader: leader[i], epoch: epoch[i], unclean: unclean[i] !== 0,
                isr: lists[isr[i]], elr: lists[elr[i]], replicas: lists[replicas[i]],
            });
    }

    /* Buckets of time, coarse to fine. */
    readLevels() {
        this.levels = [];
        for (let n = 256; this.c.has(`l${n}.bucket`); n *= 4) this.levels.push({n});
        const finest = this.levels[this.levels.length - 1].n;
        const width = Math.max(1, Math.floor((this.finish - this.start) / finest));
        for (const level of this.levels) level.width = width * (finest / level.n);
    }

    level(level) {
        if (level.bucket) return level;
        for (const name of ['bucket', 'actor', 'routine', 'control', 'lost', 'noted'])
            level[name] = this.c.get(`l${level.n}.${name}`);
        level.most = 1;
        for (let i = 0; i < level.bucket.length; i++)
            level.most = Math.max(level.most, level.routine[i] + level.control[i] + level.lost[i]);
        return level;
    }

    /* ---- what was so ---- */

    lifeAt(actor, at) {
        let state = DOWN;
        for (const life of this.actors[actor].lives) {
            if (life.at > at) break;
            state = life.state;
        }
        return state;
    }

    isFencedAt(actor, at) {
        let fenced = false;
        for (const fence of this.actors[actor].fences) {
            if (fence.at > at) break;
            fenced = fence.fenced;
        }
        return fenced;
    }

    changeAt(partition, at) {
        let found = null;
        for (const change of this.partitions[partition]?.changes ?? []) {
            if (change.at > at) break;
            found = change;
        }
        return found;
    }

    tenureAt(replica, at) {
        const i = lastAt(this.c.get('tenure.at'), at, ...replica.tenures);
        if (i < replica.tenures[0]) return {role: 0, epoch: -1};
        return {role: this.c.get('tenure.role')[i], epoch: this.c.get('tenure.epoch')[i]};
    }

    stepAt(replica, at) {
        const i = lastAt(this.c.get('step.at'), at, ...replica.steps);
        if (i < replica.steps[0]) return {end: 0, high: 0};
        return {end: this.c.get('step.end')[i], high: this.c.get('step.high')[i]};
    }

    /* Epochs of the records at these offsets, as this replica held them then; -1: none. */
    cellsAt(replica, at, first, n) {
        const cells = new Array(n).fill(-1), c = this.c;
        if (!this.isWhole) return cells;
        const base = c.get('held.base'), many = c.get('held.n'), epoch = c.get('held.epoch'), when = c.get('held.at'), gone = c.get('held.gone');
        const seen = new Array(n).fill(false);
        let left = n;
        for (let i = lastAt(when, at, replica.held[0], Math.min(replica.held[1], when.length)), tries = 0; i >= replica.held[0] && left && tries < 20000; i--, tries++) {
            if (gone[i] >= 0 && when[i] + gone[i] <= at) continue;
            for (let k = Math.max(first, base[i]); k < Math.min(first + n, base[i] + many[i]); k++) {
                if (seen[k - first]) continue;
                seen[k - first] = true;
                cells[k - first] = epoch[i];
                left--;
            }
        }
        return cells;
    }

    /* Where followers asked for more, by the leaders' notes: for each partition and follower. */
    fetchAt(partition, follower, at) {
        if (!this.isWhole) return null;
        if (!this.fetches) this.readFetches();
        const found = this.fetches.get(this.partitions[partition].name + '/' + follower);
        const i = found ? lastAt(found.at, at) : -1;
        return i < 0 ? null : {offset: found.offset[i], end: found.end[i], at: found.at[i]};
    }

    readFetches() {
        const c = this.c, kind = this.words.notes.findIndex(note => note[0] === 'fetch-position');
        const kinds = c.get('e.kind'), what = c.get('e.what'), a = c.get('e.a'),
            n = [c.get('e.n0'), c.get('e.n1'), c.get('e.n2')];
        this.fetches = new Map();
        for (let i = 0; i < kinds.length; i++) {
            if (kinds[i] !== NOTE || what[i] !== kind) continue;
            const key = this.texts[a[i]] + '/' + n[0][i];
            let of = this.fetches.get(key);
            if (!of) this.fetches.set(key, of = {at: [], offset: [], end: []});
            of.at.push(this.eventAt[i]);
            of.offset.push(n[1][i]);
            of.end.push(n[2][i]);
        }
    }

    /* What each replica holds: the frame at a moment. */
    frameAt(partition, at) {
        const p = this.partitions[partition], change = this.changeAt(partition, at);
        if (!p) return null;
        const list = text => (text || '').split(',').filter(x => x).map(Number);
        const isr = list(change?.isr), elr = list(change?.elr);
        const rows = p.replicas.filter(r => this.actors[r.actor].kind === 'broker').map(replica => {
            const actor = this.actors[replica.actor], life = this.lifeAt(actor.index, at);
            const tenure = this.tenureAt(replica, at), step = this.stepAt(replica, at);
            return {
                replica, actor, life, ...tenure, ...step, inSync: isr.includes(actor.id), inElr: elr.includes(actor.id),
                fenced: this.isFencedAt(actor.index, at),
                fetch: life === UP && tenure.role === FOLLOWER ? this.fetchAt(partition, actor.id, at) : null,
            };
        });
        const most = Math.max(0, ...rows.map(r => r.end)), near = rows.map(r => r.end).filter(end => end >= most - 1000);
        const least = Math.min(most, ...near), first = Math.max(0, most - least < CELLS - 4 ? most - CELLS : least - 4);
        for (const row of rows) row.cells = this.cellsAt(row.replica, at, first, CELLS);
        const leader = rows.find(r => r.actor.id === change?.leader);
        return {name: p.name, change, rows, first, leader};
    }

    /* ---- words ---- */

    apiName(i) {
        return this.words.apis[this.api[i]]?.name ?? (this.api[i] < 0 ? 'unknown bytes' : 'api ' + this.api[i]);
    }

    messageWords(i) {
        const kind = this.flags[i] & ANSWER ? 'answer' : 'request';
        const fate = this.flags[i] & LOST ? ', lost' : this.end[i] === Infinity ? ', on its way at the end'
            : this.flags[i] & LATE ? `, late: ${duration(this.end[i] - this.at[i])}` : '';
        return `${this.apiName(i)} ${kind}, ${this.actors[this.from[i]].name} to ${this.actors[this.to[i]].name}${fate}`;
    }

    isData(i) {
        const client = this.actors[this.flags[i] & ANSWER ? this.to[i] : this.from[i]].kind === 'client';
        return client && (this.api[i] === 0 || this.api[i] === 1);
    }

    noteWords(i) {
        const c = this.c, kind = c.get('e.kind')[i], what = c.get('e.what')[i];
        const a = this.texts[c.get('e.a')[i]], b = this.texts[c.get('e.b')[i]];
        if (kind === FAULT) return `fault: ${a} ${b}`;
        if (kind === SAID) return `${a}: ${b}`;
        if (kind === LIFE) return ['starts', 'crashes', 'loses power', 'ends', 'is paused', 'goes on'][what] + (a ? `: ${a}` : '');
        if (kind === DISK) return `disk operation ${c.get('e.n0')[i]} of ${a}` + (c.get('e.n3')[i] ? ` fails (${c.get('e.n3')[i]})` : '');
        const [spelling, fields] = this.words.notes[what] ?? ['note', ''];
        const numbers = fields.split(' ').slice(0, 6).filter(name => /^[a-z_]+$/.test(name))
            .map((name, k) => `${name} ${c.get('e.n' + k)[i]}`);
        return [spelling, a, b, spelling === 'message' ? '' : numbers.join(', ')].filter(x => x).join(' · ');
    }
}
