/* The page: its state, what changes it, and the address of a moment. */

const HELP = [
    ['← →', 'the message before, after; with Shift ten'],
    ['[ ]', 'the fault before, after'],
    ['a, A', 'the next thing that went wrong, the one before'],
    ['n, N', 'the next numbered sentence, the one before'],
    ['w', 'why: what led to what is selected'],
    ['r', "a request's answer, an answer's request"],
    ['d', 'where two runs part (gregor view RUN --with RUN)'],
    ['+ −', 'nearer, farther'],
    ['h l', 'a tenth to the left, to the right'],
    ['0', 'the whole run'],
    ['Home End', 'its beginning, its end'],
    ['p, P', 'the next partition, the one before'],
    ['1 … 9', 'hide a lane, show it again'],
    ['f or /', 'filter'],
    ['g', 'go to a time'],
    ['t', 'light, dark, as the system has it'],
    ['Esc', 'nothing is selected'],
    ['?', 'this list'],
];
const FILTER_KEYS = ['node', 'topic', 'p', 'api', 'kind', 't', 'why', 'key'], OF_MESSAGES = ['node', 'api', 'kind', 'key'];
const KINDS = ['control', 'data', 'routine', 'lost', 'late', 'held', 'request', 'answer'];

class Page {
    constructor(runs, difference) {
        this.runs = runs;
        this.run = runs[0];
        this.difference = difference;
        this.start = Math.min(...runs.map(r => r.start));
        this.finish = Math.max(...runs.map(r => r.finish));
        this.from = this.start;
        this.until = this.finish;
        this.cursor = Math.max(this.start, 0);
        this.partition = this.run.words.main;
        this.hidden = new Set();
        this.selected = null;
        this.why = null;
        this.filter = '';
        this.drawing = new Drawing($('timeline'));
        this.scrubber = new Scrubber($('scrubber'));
        this.isDue = this.isWhole = false;
        this.drawn = 0;
    }

    partitionOf(run) {
        return run === this.run ? this.partition : run.partitions.findIndex(p => p.name === this.run.partitions[this.partition]?.name);
    }

    /* ---- drawing ---- */

    due() {
        if (this.isDue) return;
        this.isDue = true;
        requestAnimationFrame(() => {
            this.isDue = false;
            this.draw();
        });
    }

    draw() {
        const width = $('timeline').clientWidth;
        if (!width) return;
        this.drawing.layout(this.runs, this.hidden);
        this.drawing.resize(width);
        this.drawing.draw(this);
        this.scrubber.draw(this.runs, this, this.drawing.colours);
        const hidden = this.drawing.hiddenMessages;
        setText('hidden', hidden ? `${count(hidden)} messages are in the bars only: come nearer to see each` : 'every message in this window is drawn');
        setText('now', seconds(this.cursor));
        this.drawn++;
    }

    /* Panels cost more than the picture: after the cursor has come to rest. */
    panelsDue() {
        clearTimeout(this.later);
        this.later = setTimeout(() => this.panels(), 60);
    }

    panels() {
        clearTimeout(this.later);
        if (!this.isWhole) return;
        const frames = this.runs.map(run => replicaPanel(run, this.partitionOf(run), Math.round(this.cursor)));
        $('frame').replaceChildren(...frames.flatMap((frame, k) => this.runs.length > 1 ? [make('h3', {}, `Run ${this.runs[k].side.toUpperCase()}`), frame] : [frame]));
        const s = this.selected, parts = [];
        if (this.difference && !s) parts.push(this.differencePanel());
        if (this.why) parts.push(whyPanel(this.why, this));
        if (s?.message !== undefined && !this.why?.fact) parts.push(messagePanel(s.run, s.message, this));
        if (s?.message !== undefined) parts.push(notesPanel(s.run, s.run.actors[s.run.from[s.message]], Math.round(this.cursor)));
        if (s?.actor) parts.push(notesPanel(s.run, s.actor, Math.round(this.cursor)));
        if (s?.fact && !this.why) parts.push(make('p', {}, make('strong', {}, `${s.fact.number}. `), s.fact.text), ...s.fact.chain.length ? [make('button', {click: () => this.showWhy()}, 'why (w)')] : []);
        if (!parts.length) parts.push(make('p', {class: 'dim'}, 'Choose a message, a number or a lane in the timeline, or go with the arrow keys.'));
        $('selected').replaceChildren(...parts);
        for (const item of $('story').querySelectorAll('li')) {
            const current = s?.fact && Number(item.dataset.number) === s.fact.number;
            item.classList.toggle('current', Boolean(current));
            if (current) this.reveal(item);
        }
        this.writeAddress();
    }

    /* Within its list; the page stays where it is. */
    reveal(item) {
        const list = item.parentElement, top = item.offsetTop - list.offsetTop;
        if (top < list.scrollTop) list.scrollTop = top;
        else if (top + item.offsetHeight > list.scrollTop + list.clientHeight) list.scrollTop = top + item.offsetHeight - list.clientHeight;
    }

    differencePanel() {
        const d = this.difference;
        return make('div', {}, make('p', {class: 'lead'}, make('strong', {}, 'Where they part: '), `${seconds(d.at)}, message ${count(d.message + 1)}`),
            make('ul', {}, ...d.words.map((words, k) => make('li', {}, `${this.runs[k].side.toUpperCase()}: ${words}`))));
    }

    say(words) {
        $('said').textContent = words;
    }

    /* ---- moving ---- */

    moveTo(at, keepWhy = true) {
        this.cursor = Math.min(Math.max(at, this.start), this.finish);
        const span = this.until - this.from;
        if (this.cursor < this.from || this.cursor > this.until) this.show(this.cursor - span / 2, this.cursor + span / 2);
        if (!keepWhy) this.why = null;
        this.due();
        this.panelsDue();
    }

    show(from, until) {
        const span = Math.min(Math.max(until - from, 2000), this.finish - this.start);
        from = Math.min(Math.max(from, this.start), this.finish - span);
        this.from = from;
        this.until = from + span;
        this.due();
        this.panelsDue();
    }

    zoom(factor, at = this.cursor) {
        this.show(at - (at - this.from) * factor, at + (this.until - at) * factor);
    }

    pan(part) {
        const by = (this.until - this.from) * part;
        this.show(this.from + by, this.until + by);
    }

    selectMessage(run, i, keepWhy = false) {
        this.selected = {run, message: i};
        if (!keepWhy) this.why = null;
        this.moveTo(run.at[i]);
        this.say(`${seconds(run.at[i])}: ${run.messageWords(i)}`);
    }

    selectFact(run, fact) {
        this.selected = {run, fact};
        this.why = null;
        this.moveTo(fact.at);
        this.say(`${fact.number}, ${seconds(fact.at)}: ${fact.text}`);
    }

    selectNothing() {
        this.selected = this.why = null;
        this.due();
        this.panelsDue();
    }

    /* The next message that is drawn; where bars stand for many, the next that decides. */
    step(by) {
        const run = this.selected?.run ?? this.run;
        const {isAll} = this.drawing.choose(run);
        const places = run.matched ?? (isAll ? null : run.decisive), n = places ? places.length : run.n;
        if (!n) return this.say('No message passes the filter.');
        let k = this.placeOf(run, places, n, by > 0);
        const s = this.selected;
        if (s?.run === run && s.message !== undefined && (places ? places[k] : k) === s.message) k += by;
        else if (by < 0) k += by + 1;
        else k += by - 1;
        k = Math.min(Math.max(k, 0), n - 1);
        this.selectMessage(run, places ? places[k] : k);
    }

    /* Of the selected message, or else of the first at or after the cursor (the last before it). */
    placeOf(run, places, n, isForward) {
        const s = this.selected, key = k => places ? places[k] : k;
        const wanted = s?.run === run && s.message !== undefined ? s.message : firstAt(run.at, this.cursor);
        let low = 0, high = n;
        while (low < high) {
            const middle = (low + high) >> 1;
            if (key(middle) < wanted) low = middle + 1;
            else high = middle;
        }
        if (low < n && key(low) === wanted) return low;
        return isForward ? Math.min(low, n - 1) : Math.max(low - 1, 0);
    }

    /* By time; those of one time by number. */
    stepFact(by, wanted, words) {
        const facts = this.run.facts.filter(wanted).sort((a, b) => a.at - b.at || a.number - b.number);
        const current = facts.indexOf(this.selected?.fact);
        let next;
        if (current >= 0) next = facts[current + by];
        else next = by > 0 ? facts.find(f => f.at > this.cursor) : facts.findLast(f => f.at < this.cursor);
        if (next) this.selectFact(this.run, next);
        else this.say(facts.length ? `No more ${words} this way.` : `There are no ${words}.`);
    }

    showWhy() {
        const s = this.selected;
        if (s?.message !== undefined) {
            const way = wayTo(s.run, s.message);
            this.why = {run: s.run, fact: null, messages: new Set(way), points: [],
                steps: way.map(i => ({message: i, at: s.run.at[i], text: s.run.messageWords(i)}))};
        } else {
            const told = f => f.chain.length > 0;
            const fact = s?.fact && told(s.fact) ? s.fact : this.run.facts.find(f => told(f) && f.at >= this.cursor) ?? this.run.facts.find(told);
            if (!fact) return this.say('Nothing that went wrong has a chain of causes here. Select a message to see what led to it.');
            this.why = {run: this.run, ...whyOf(this.run, fact)};
            this.selected = {run: this.run, fact};
            this.cursor = fact.at;
        }
        const times = this.why.steps.map(step => step.at), low = Math.min(...times), high = Math.max(...times), room = Math.max((high - low) * .1, 1e6);
        this.show(low - room, high + room);
        this.say(`${this.why.steps.length} steps: ${this.why.steps.map(step => step.text).join('; then ')}`);
    }

    toDifference() {
        if (!this.difference) return this.say(this.runs.length > 1 ? 'The two runs are the same.' : 'There is one run in this page.');
        const d = this.difference, span = Math.min(2e7, this.finish - this.start);
        this.selected = this.why = null;
        this.show(d.at - span / 2, d.at + span / 2);
        this.moveTo(d.at);
        this.say(`They part at ${seconds(d.at)}. ${d.words.map((w, k) => this.runs[k].side.toUpperCase() + ': ' + w).join('. ')}`);
    }

    toOther() {
        const s = this.selected;
        if (s?.message === undefined || !this.isWhole) return this.say('Select a message first.');
        const other = otherHalf(s.run, s.message);
        if (other >= 0) this.selectMessage(s.run, other);
        else this.say('It has no other half.');
    }

    choosePartition(by) {
        const n = this.run.partitions.length;
        if (!n) return;
        this.partition = (this.partition + by + n) % n;
        $('partition').value = this.partition;
        this.say(`partition ${this.run.partitions[this.partition].name}`);
        this.due();
        this.panelsDue();
    }

    toggleLane(k) {
        const lane = this.run.lanes[k];
        if (!lane) return;
        if (!this.hidden.delete(k)) this.hidden.add(k);
        this.say(`${lane.name} is ${this.hidden.has(k) ? 'hidden' : 'shown'}`);
        this.due();
    }

    /* ---- filter ---- */

    /* null, or what is wrong. */
    setFilter(text) {
        const terms = [];
        for (const word of text.trim().split(/\s+/).filter(Boolean)) {
            const found = /^(-?)([a-z]+):(.+)$/.exec(word);
            if (!found) return `"${word}" is no term: KEY:VALUE is, like node:b1`;
            const [, not, key, value] = found;
            if (!FILTER_KEYS.includes(key)) return `there is no key "${key}": ${FILTER_KEYS.join(', ')} are`;
            if (not && !OF_MESSAGES.includes(key)) return `${key}: cannot be left out; ${OF_MESSAGES.join(', ')} can`;
            const values = value.split(',');
            if (key === 'kind' && values.some(v => !KINDS.includes(v))) return `there is no kind "${value}": ${KINDS.join(', ')} are`;
            if (key === 'node' && values.some(v => !this.runs.some(r => r.actors.some(a => a.name === v)))) return `no machine is called ${value}`;
            terms.push({not: not === '-', key, values});
        }
        if (terms.some(t => t.key === 'key') && !this.isWhole) return 'key: when all of the run is read';
        const ranges = terms.filter(t => t.key === 't').map(t => t.values[0].split('..').map(parseTime));
        if (ranges.some(r => r.length !== 2 || r.some(isNaN) || r[0] >= r[1])) return 't: wants two times, like t:1.9s..2.4s';
        const topic = terms.find(t => t.key === 'topic'), p = terms.find(t => t.key === 'p');
        if (topic || p) {
            const wanted = this.run.partitions.findIndex(({name}) => {
                const dash = name.lastIndexOf('-');
                return (!topic || topic.values.includes(name.slice(0, dash))) && (!p || p.values.includes(name.slice(dash + 1)));
            });
            if (wanted < 0) return 'this run has no such partition';
            this.partition = wanted;
            $('partition').value = wanted;
        }
        if (ranges.length) this.show(...ranges[0]);
        const why = terms.find(t => t.key === 'why');
        if (why) {
            const fact = this.run.facts.find(f => f.number === Number(why.values[0]));
            if (!fact?.chain.length) return 'why: wants the number of a sentence that has causes';
            this.selected = {run: this.run, fact};
            this.showWhy();
        }
        const about = terms.filter(t => OF_MESSAGES.includes(t.key));
        for (const run of this.runs) run.matched = about.length ? this.match(run, about) : null;
        this.filter = text.trim();
        this.due();
        this.panelsDue();
        return null;
    }

    match(run, terms) {
        const tests = terms.map(({not, key, values}) => {
            const wanted = new Set(values.map(v => v.toLowerCase())), nodes = new Set(run.actors.filter(a => values.includes(a.name)).map(a => a.index));
            if (key === 'key') return run.keyTest(values, not);
            const test = key === 'node' ? i => nodes.has(run.from[i]) || nodes.has(run.to[i])
                : key === 'api' ? i => wanted.has(run.apiName(i).toLowerCase())
                : i => values.some(kind => this.isKind(run, i, kind));
            return i => test(i) !== not;
        });
        const found = [];
        for (let i = 0; i < run.n; i++) if (tests.every(test => test(i))) found.push(i);
        return Uint32Array.from(found);
    }

    isKind(run, i, kind) {
        const flags = run.flags[i], flag = {control: CONTROL, lost: LOST, late: LATE, held: HELD, answer: ANSWER}[kind];
        if (flag) return (flags & flag) !== 0;
        if (kind === 'request') return !(flags & ANSWER);
        return kind === 'data' ? run.isData(i) : !run.isData(i) && !(flags & CONTROL);
    }

    /* ---- the address of a moment ---- */

    writeAddress() {
        const parts = [`t=${(this.cursor / 1e9).toFixed(6)}`];
        if (this.from > this.start || this.until < this.finish) parts.push(`from=${(this.from / 1e9).toFixed(6)}`, `to=${(this.until / 1e9).toFixed(6)}`);
        if (this.partition !== this.run.words.main) parts.push(`p=${encodeURIComponent(this.run.partitions[this.partition].name)}`);
        if (this.selected?.message !== undefined && this.selected.run === this.run) parts.push(`m=${this.selected.message}`);
        if (this.selected?.fact) parts.push(`n=${this.selected.fact.number}`);
        if (this.why?.fact) parts.push('why');
        if (this.filter) parts.push(`f=${encodeURIComponent(this.filter)}`);
        const address = '#' + parts.join('&');
        if (location.hash !== address) history.replaceState(null, '', address);
    }

    readAddress() {
        const parts = new URLSearchParams(location.hash.slice(1)), time = name => Number(parts.get(name)) * 1e9;
        if (parts.has('f')) {
            $('filter').value = parts.get('f');
            this.filterChanged();
        }
        if (parts.has('p')) {
            const found = this.run.partitions.findIndex(p => p.name === parts.get('p'));
            if (found >= 0) this.partition = found;
        }
        if (parts.has('from') && parts.has('to')) this.show(time('from'), time('to'));
        const fact = parts.has('n') && this.run.facts.find(f => f.number === Number(parts.get('n')));
        if (fact) this.selected = {run: this.run, fact};
        const message = Number(parts.get('m'));
        if (parts.has('m') && message >= 0 && message < this.run.n) this.selected = {run: this.run, message};
        if (parts.has('why') && fact) this.showWhy();
        if (parts.has('t') && isFinite(time('t'))) this.moveTo(time('t'));
        $('partition').value = this.partition;
    }

    filterChanged() {
        const wrong = this.setFilter($('filter').value);
        $('filter').setAttribute('aria-invalid', wrong ? 'true' : 'false');
        $('filter-said').textContent = wrong ?? (this.run.matched ? `${count(this.run.matched.length)} of ${count(this.run.n)} messages` : '');
        this.due();
    }

    /* ---- keys, pointer ---- */

    key(event) {
        const typing = event.target.matches('input, select, textarea');
        if (event.key === 'Escape') {
            if (typing) event.target.blur();
            if ($('help').open) $('help').close();
            else this.selectNothing();
            return;
        }
        if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
        if (event.target.closest('.wide, .hex') && event.key.startsWith('Arrow')) return;
        const ten = event.shiftKey ? 10 : 1;
        const keys = {
            ArrowLeft: () => this.step(-ten), ArrowRight: () => this.step(ten),
            '[': () => this.stepFact(-1, f => f.tone === 'fault', 'faults'), ']': () => this.stepFact(1, f => f.tone === 'fault', 'faults'),
            a: () => this.stepFact(1, f => f.tone === 'bad', 'things that went wrong'), A: () => this.stepFact(-1, f => f.tone === 'bad', 'things that went wrong'),
            n: () => this.stepFact(1, () => true, 'sentences'), N: () => this.stepFact(-1, () => true, 'sentences'),
            w: () => this.showWhy(), r: () => this.toOther(), d: () => this.toDifference(),
            '+': () => this.zoom(.5), '=': () => this.zoom(.5), '-': () => this.zoom(2),
            h: () => this.pan(-.1), l: () => this.pan(.1),
            0: () => this.show(this.start, this.finish), Home: () => this.moveTo(this.start), End: () => this.moveTo(this.finish),
            p: () => this.choosePartition(1), P: () => this.choosePartition(-1),
            f: () => $('filter').focus(), '/': () => $('filter').focus(), g: () => $('time').focus(),
            t: () => this.theme(), '?': () => $('help').showModal(),
        };
        for (let k = 1; k <= 9; k++) keys[k] = () => this.toggleLane(k - 1);
        const act = keys[event.key];
        if (!act) return;
        event.preventDefault();
        act();
    }

    theme() {
        const root = document.documentElement, next = {'': 'light', light: 'dark', dark: ''}[root.dataset.theme ?? ''];
        if (next) root.dataset.theme = next;
        else delete root.dataset.theme;
        this.drawing.colours = colours();
        this.say(next ? `${next} colours` : "the system's colours");
        this.due();
    }

    pointer(canvas) {
        const pointers = new Map();
        let moved = 0, pinch = 0;
        const x = event => event.clientX - canvas.getBoundingClientRect().left, y = event => event.clientY - canvas.getBoundingClientRect().top;
        const apart = () => {
            const [a, b] = [...pointers.values()];
            return Math.abs(a - b);
        };
        canvas.addEventListener('pointerdown', event => {
            if (event.button) return;
            pointers.set(event.pointerId, x(event));
            canvas.setPointerCapture(event.pointerId);
            moved = 0;
            if (pointers.size === 2) pinch = apart();
        });
        canvas.addEventListener('pointermove', event => {
            if (!pointers.has(event.pointerId)) return;
            const by = x(event) - pointers.get(event.pointerId);
            pointers.set(event.pointerId, x(event));
            moved += Math.abs(by);
            if (pointers.size === 2) {
                const now = apart();
                if (pinch > 10 && now > 10) this.zoom(pinch / now, this.drawing.timeAt(x(event)));
                pinch = now;
            } else if (moved > 4) {
                this.pan(-by / (this.drawing.right - this.drawing.left));
            }
        });
        canvas.addEventListener('pointerup', event => {
            pointers.delete(event.pointerId);
            if (moved <= 4) this.click(x(event), y(event));
        });
        canvas.addEventListener('pointercancel', event => pointers.delete(event.pointerId));
        canvas.addEventListener('wheel', event => {
            if (event.ctrlKey || event.metaKey) this.zoom(Math.exp(event.deltaY / 300), this.drawing.timeAt(x(event)));
            else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) this.pan((event.deltaX || event.deltaY) / 800);
            else return;
            event.preventDefault();
        }, {passive: false});
        canvas.addEventListener('dblclick', event => this.zoom(.4, this.drawing.timeAt(x(event))));
    }

    click(x, y) {
        const hit = this.drawing.hit(x, y), found = this.drawing.laneAt(y);
        if (hit?.fact) this.selectFact(hit.run, hit.fact);
        else if (hit) this.selectMessage(hit.run, hit.message);
        else {
            this.selected = found ? {run: found.run, actor: found.lane.actor} : null;
            this.why = null;
            this.moveTo(this.drawing.timeAt(x));
            this.say(`${seconds(this.cursor)}` + (found ? `, ${found.lane.actor.name}` : ''));
        }
    }

    scrub(canvas) {
        const go = event => {
            const at = this.start + (event.clientX - canvas.getBoundingClientRect().left) / canvas.clientWidth * (this.finish - this.start);
            const span = this.until - this.from;
            this.cursor = Math.min(Math.max(at, this.start), this.finish);
            this.show(this.cursor - span / 2, this.cursor + span / 2);
        };
        canvas.addEventListener('pointerdown', event => {
            canvas.setPointerCapture(event.pointerId);
            go(event);
        });
        canvas.addEventListener('pointermove', event => event.buttons && go(event));
    }

    begin() {
        const words = this.run.words, act = (id, f) => $(id).addEventListener('click', f);
        document.title = `${words.name}, seed ${words.seed}`;
        $('name').textContent = words.name;
        $('seed').textContent = `seed ${words.seed}`;
        $('about').textContent = words.about;
        $('verdict').textContent = words.verdict.toUpperCase();
        $('verdict').className = words.verdict === 'pass' ? 'good' : 'bad';
        $('verdict').hidden = !words.verdict;
        $('counts').textContent = ['produced', 'acknowledged', 'unknown', 'failed', 'read back'].map((w, i) => `${w} ${count(words.counts[i])}`).join(' · ') + ` · ${count(this.run.n)} messages`;
        $('partition').replaceChildren(...this.run.partitions.map((p, i) => make('option', {value: i}, p.name)));
        $('partition').value = this.partition;
        $('partition').addEventListener('change', () => {
            this.partition = Number($('partition').value);
            this.due();
            this.panelsDue();
        });
        $('keys').replaceChildren(...HELP.map(([key, does]) => make('div', {}, make('dt', {}, key), make('dd', {}, does))));
        $('story').replaceChildren(...this.runs.flatMap(run => [this.runs.length > 1 && make('h3', {}, `Run ${run.side.toUpperCase()}`), storyPanel(run, this)].filter(Boolean)));
        $('timeline').setAttribute('aria-label', `Timeline of ${words.name}: ${this.run.lanes.map(a => a.name).join(', ')}. The story below tells what it shows; arrow keys go through the messages.`);
        act('fault-before', () => this.stepFact(-1, f => f.tone === 'fault', 'faults'));
        act('fault-after', () => this.stepFact(1, f => f.tone === 'fault', 'faults'));
        act('before', () => this.step(-1));
        act('after', () => this.step(1));
        act('anomaly', () => this.stepFact(1, f => f.tone === 'bad', 'things that went wrong'));
        act('why', () => this.showWhy());
        act('nearer', () => this.zoom(.5));
        act('farther', () => this.zoom(2));
        act('whole', () => this.show(this.start, this.finish));
        act('theme', () => this.theme());
        act('keys-button', () => $('help').showModal());
        act('close', () => $('help').close());
        $('difference').hidden = this.runs.length < 2;
        $('difference').textContent = this.difference ? 'where they part' : 'they are the same';
        act('difference', () => this.toDifference());
        $('filter').addEventListener('change', () => this.filterChanged());
        $('time').addEventListener('change', () => {
            const at = parseTime($('time').value);
            if (isNaN(at)) this.say(`"${$('time').value}" is no time: 2.5s is one`);
            else this.moveTo(at);
        });
        document.addEventListener('keydown', event => this.key(event));
        this.pointer($('timeline'));
        this.scrub($('scrubber'));
        new ResizeObserver(() => this.due()).observe($('timeline'));
        matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
            this.drawing.colours = colours();
            this.due();
        });
        window.addEventListener('hashchange', () => this.readAddress());
        this.readAddress();
        this.draw();
    }

    /* What was read behind the opening is there. */
    whole() {
        this.isWhole = true;
        if ($('filter').getAttribute('aria-invalid') === 'true') this.filterChanged();
        $('counts').textContent += `, ${count(this.run.eventAt.length)} notes`;
        this.panels();
    }
}

async function openPage() {
    const runs = [];
    for (const side of ['a', 'b']) {
        if (!$(side + '-data')) continue;
        const words = JSON.parse(take(side + '-words'));
        runs.push(new Run(side, words, new Columns(await unpack(take(side + '-data')))));
    }
    const page = new Page(runs, runs.length > 1 ? firstDifference(...runs) : null);
    $('opening').hidden = true;
    $('page').hidden = false;
    page.begin();
    window.gregor = page; /* for whoever looks at the page with the browser's own tools, and for its tests */
    document.documentElement.dataset.openMs = Math.round(performance.now());
    if (document.readyState === 'loading') await new Promise(done => document.addEventListener('DOMContentLoaded', done, {once: true}));
    await Promise.all(runs.map(run => run.readFurther()));
    page.whole();
    document.documentElement.dataset.wholeMs = Math.round(performance.now());
}

if (typeof DecompressionStream === 'undefined') $('opening').textContent = 'This browser is too old for the page: it wants one of 2023 or later.';
else openPage().catch(error => {
    $('opening').textContent = `The page is damaged: ${error.message}`;
    throw error;
});
