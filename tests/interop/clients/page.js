/* What a browser makes of a page that gregor view wrote:
 *
 *     page.js CHROMIUM CHECK FILE [FILE]
 *
 * Prints a note, or says on standard error what does not hold, and ends with 1. */
'use strict';
const {chromium} = require('playwright-core');
const {pathToFileURL} = require('url');

const address = file => pathToFileURL(file).href;

function expect(holds, why) {
    if (!holds) throw new Error(why);
}

/* Opens it; whatever is fetched, refused or thrown is a failure. prepare: what is to be done with the page before. */
async function open(context, file, hash = '', prepare = () => {}) {
    const page = await context.newPage(), wrong = [];
    await prepare(page);
    page.on('console', message => ['error', 'warning'].includes(message.type()) && wrong.push(message.text()));
    page.on('pageerror', error => wrong.push(error.message));
    page.on('request', request => request.url().startsWith(address(file)) || wrong.push(`it asked for ${request.url()}`));
    await page.goto(address(file) + hash);
    await page.waitForFunction(() => document.documentElement.dataset.wholeMs);
    page.wrong = wrong;
    return page;
}

const settled = page => page.evaluate(() => new Promise(done => setTimeout(() => requestAnimationFrame(done), 150)));

async function press(page, ...keys) {
    for (const key of keys) await page.keyboard.press(key);
    await settled(page);
    return page.textContent('#said');
}

const CHECKS = {
    async opens(context, file) {
        const page = await open(context, file);
        expect(await page.isVisible('#timeline'), 'there is no timeline');
        expect(await page.locator('#story li').count() > 5, 'there is no story');
        expect(await page.locator('.replicas tbody tr').count() === 3, 'there are no three replicas');
        const painted = await page.evaluate(() => {
            const canvas = document.getElementById('timeline'), bytes = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
            return new Set(new Uint32Array(bytes.buffer)).size;
        });
        expect(painted > 20, `the timeline has ${painted} colours`);
        expect(page.wrong.length === 0, page.wrong.join('; '));
        return `${await page.textContent('#counts')}; open after ${await page.evaluate(() => document.documentElement.dataset.openMs)} ms`;
    },

    /* Machines are called as they are called; and what cannot be left out is not taken for its opposite. */
    async filters(context, file) {
        const page = await open(context, file);
        const set = words => page.evaluate(words => {
            const g = window.gregor, wrong = g.setFilter(words);
            return {wrong, n: g.run.matched ? g.run.matched.length : g.run.n, all: g.run.n, from: g.from};
        }, words);
        const shop = await set('node:Shop'), others = await set('-node:Shop');
        expect(!shop.wrong && shop.n > 100, `node:Shop: ${shop.wrong ?? shop.n}`);
        expect(shop.n + others.n === shop.all, `${shop.n} and ${others.n} are not ${shop.all}`);
        const before = await set('');
        for (const words of ['-t:1s..2s', '-topic:orders', '-p:0', '-why:1']) {
            const {wrong, from} = await set(words);
            expect(wrong?.includes('left out') && from === before.from, `${words}: ${wrong}`);
        }
        expect(page.wrong.length === 0, page.wrong.join('; '));
        return `${shop.n} of ${shop.all}`;
    },

    /* A field for each byte of every message; no byte is left over. */
    async reads(context, file) {
        const page = await open(context, file);
        const found = await page.evaluate(async () => {
            const run = window.gregor.run, bad = [], kinds = new Set();
            for (let i = 0; i < run.n; i++) {
                const bytes = await bytesOf(run, i), length = run.c.get('m.length')[i];
                if (!bytes) {
                    bad.push(`${run.messageWords(i)}: no bytes`);
                    continue;
                }
                const isCut = bytes.length < length, {rows, why} = readMessage(run, i, bytes, isCut, run.c.get('m.bytes')[i] - length);
                kinds.add(`${run.apiName(i)} ${run.c.get('m.version')[i]} ${run.flags[i] & 1}`);
                if (why && !isCut) bad.push(`${run.messageWords(i)}: ${why}`);
                const inside = rows.every(row => row.from <= row.to && row.to <= bytes.length);
                if (!inside) bad.push(`${run.messageWords(i)}: a field lies outside`);
            }
            return {n: run.n, bad, kinds: kinds.size};
        });
        expect(found.kinds > 20, `only ${found.kinds} kinds of messages`);
        expect(found.bad.length === 0, `${found.bad.length} of ${found.n} messages are not understood: ${found.bad.slice(0, 3).join('; ')}`);
        return `${found.n} messages of ${found.kinds} kinds`;
    },

    async passing(context, file) {
        const page = await open(context, file);
        const passing = async terms => {
            await page.fill('#filter', terms);
            await press(page, 'Enter', 'Escape');
            return page.evaluate(() => window.gregor.run.matched.length);
        };
        const all = await passing('api:Produce'), of = await passing('api:Produce key:1,2,3'), rest = await passing('api:Produce -key:1,2,3');
        expect(of > 0 && of < all && rest > 0 && of + rest >= all, `of ${all} Produce messages ${of} have keys 1 to 3 under way, and ${rest} others`);
        return `${of} of ${all} Produce messages`;
    },

    async keys(context, file) {
        const page = await open(context, file);
        expect(/crashes/.test(await press(page, ']')), 'the first fault is no crash');
        const message = await press(page, 'ArrowRight');
        expect(/(request|answer), \S+ to \S+/.test(message), `no message is told: ${message}`);
        expect(await page.locator('.fields li').count() > 4, 'its fields are not shown');
        const now = async () => parseFloat(await page.textContent('#now')), at = await now();
        await press(page, 'Shift+ArrowRight');
        expect(await now() >= at, 'ten further is before');
        await page.fill('#filter', 'api:AlterPartition kind:request');
        await press(page, 'Enter', 'Escape');
        const filtered = await press(page, 'ArrowRight');
        expect(/AlterPartition request/.test(filtered), `the filter lets through: ${filtered}`);
        expect(/AlterPartition answer/.test(await press(page, 'r')), 'its answer is not found');
        expect(/steps: /.test(await press(page, 'w')), 'nothing led to it');
        await page.fill('#filter', 'api:');
        await page.keyboard.press('Enter');
        expect(/is no term/.test(await page.textContent('#filter-said')), 'a wrong filter is not told');
        await page.fill('#filter', '');
        await press(page, 'Enter', 'Escape');
        const before = await page.evaluate(() => window.gregor.drawing.height);
        await press(page, '1');
        expect(await page.evaluate(() => window.gregor.drawing.height) < before, 'a lane is not hidden');
        await press(page, '1', '+', '+', 'l', 'h', '0', 'End', 'Home', 'p', 'P', 't', 't', 't', 'n', 'N');
        await press(page, '?');
        expect(await page.isVisible('#help'), 'the keys are not listed');
        await press(page, 'Escape');
        expect(!await page.isVisible('#help'), 'the list stays');
        expect(page.wrong.length === 0, page.wrong.join('; '));
    },

    /* A field and its bytes point at each other. */
    async bytes(context, file) {
        const page = await open(context, file);
        await press(page, ']', 'ArrowRight');
        const field = page.locator('.fields li', {hasText: 'correlationId'});
        await field.focus();
        expect(await page.locator('.hex span.marked').count() === 4, 'a correlation id has four bytes');
        await page.locator('.hex span').nth(1).click();
        expect(/^size/.test(await page.textContent('.fields li.marked')), 'the first bytes are the size');
    },

    async why(context, file) {
        const page = await open(context, file);
        const said = await press(page, 'a', 'w');
        for (const words of ['is acknowledged at offset', 'crashes', 'cuts it off']) expect(said.includes(words), `"${words}" is no step of: ${said}`);
        expect(await page.locator('.why .cause').count() >= 5, 'there are fewer causes');
        expect(await page.locator('.why .message').count() >= 1, 'no message carried the news');
    },

    async address(context, file) {
        const page = await open(context, file);
        await press(page, ']', '+', '+', '+', '+', '+', 'ArrowRight', 'ArrowRight');
        const hash = await page.evaluate(() => location.hash), state = () => {
            const g = window.gregor;
            return [g.selected.message, Math.round(g.cursor / 1e3), Math.round(g.from / 1e3), Math.round(g.until / 1e3)].join();
        };
        const other = await open(context, file, hash);
        const [a, b] = [await page.evaluate(state), await other.evaluate(state)];
        expect(a === b, `${hash} leads to ${b}, not ${a}`);
    },

    /* At both widths, in both themes: nothing sticks out, and text stands out of what is behind it. */
    async looks(context, file) {
        const page = await open(context, file);
        await press(page, ']', 'ArrowRight');
        for (const width of [1280, 390])
            for (const colorScheme of ['light', 'dark']) {
                await page.setViewportSize({width, height: 844});
                await page.emulateMedia({colorScheme, reducedMotion: 'reduce'});
                await settled(page);
                const found = await page.evaluate(() => {
                    const style = getComputedStyle(document.documentElement);
                    const light = name => {
                        let hex = style.getPropertyValue(name).trim().slice(1);
                        if (hex.length === 3) hex = [...hex].map(c => c + c).join('');
                        const [r, g, b] = [0, 2, 4].map(i => parseInt(hex.slice(i, i + 2), 16) / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
                        return .2126 * r + .7152 * g + .0722 * b;
                    };
                    const contrast = (a, b) => {
                        const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
                        return (x + .05) / (y + .05);
                    };
                    const pairs = [['--ink', '--paper'], ['--dim', '--paper'], ['--dim', '--panel'], ['--ink', '--follower'], ['--ink', '--down'], ['--on-colour', '--leader'],
                        ['--on-colour', '--alarm'], ['--on-colour', '--good'], ['--lost', '--paper'], ['--a-control', '--paper'], ['--a-data', '--paper'], ['--a-read', '--paper']];
                    const moves = [...document.querySelectorAll('*')].filter(e => getComputedStyle(e).scrollBehavior !== 'auto').length;
                    return {wide: document.documentElement.scrollWidth, moves, pale: pairs.filter(([a, b]) => contrast(a, b) < 4.5).map(p => p.join(' on ')),
                        animations: document.getAnimations().length};
                });
                expect(found.wide <= width, `at ${width} pixels the page is ${found.wide} wide`);
                expect(found.pale.length === 0, `too little contrast (${colorScheme}): ${found.pale.join(', ')}`);
                expect(found.animations + found.moves === 0, 'something moves');
            }
        const unnamed = await page.evaluate(() => [...document.querySelectorAll('button, input, select, canvas')]
            .filter(e => !e.textContent.trim() && !e.getAttribute('aria-label') && !e.closest('label')).length);
        expect(unnamed === 0, `${unnamed} controls have no name`);
    },

    /* A large run: within two seconds it is drawn and whole, and a frame of a scroll takes less than a sixtieth of one, at every
     * nearness and both widths. Counted is what the page's thread computes: other work on the machine changes only what is told. */
    async fast(context, file) {
        const told = [];
        let devtools;
        const page = await open(context, file, '', async empty => {
            devtools = await context.newCDPSession(empty);
            await devtools.send('Performance.enable');
        });
        const busy = async () => (await devtools.send('Performance.getMetrics')).metrics.find(m => m.name === 'ThreadTime').value * 1e3;
        const opening = await busy(), {openMs, wholeMs} = await page.evaluate(() => ({...document.documentElement.dataset}));
        expect(opening > 50, `it opens after ${opening} ms of computing: that is not measured`);
        expect(opening < 2000, `it opens after ${Math.round(opening)} ms of computing`);
        for (const width of [1280, 390]) {
            await page.setViewportSize({width, height: 844});
            for (const part of [1, .1, .01, .001, .0001]) {
                await page.evaluate(part => {
                    const g = window.gregor, span = (g.finish - g.start) * part, middle = (g.start + g.finish) / 3;
                    g.show(middle - span / 2, middle + span / 2);
                }, part);
                await settled(page);
                const start = await busy(), frames = await page.evaluate(() => new Promise(done => {
                    const g = window.gregor, drawn = g.drawn;
                    let i = 0;
                    const next = () => {
                        if (i++ === 60) return done(g.drawn - drawn);
                        $('timeline').dispatchEvent(new WheelEvent('wheel', {deltaX: i % 30 < 15 ? 16 : -16, bubbles: true, cancelable: true}));
                        requestAnimationFrame(next);
                    };
                    requestAnimationFrame(next);
                }));
                const each = (await busy() - start) / frames;
                expect(frames >= 55, `${frames} of 60 frames were drawn`);
                expect(each < 16, `a frame takes ${each.toFixed(1)} ms of computing, with ${part} of the run in ${width} pixels`);
                told.push(each);
            }
        }
        return `${await page.textContent('#counts')}; whole after ${Math.round(opening)} ms of computing (drawn ${openMs}, whole ${wholeMs} ms on the clock), a frame ${Math.min(...told).toFixed(1)} to ${Math.max(...told).toFixed(1)} ms`;
    },

    async compares(context, file) {
        const page = await open(context, file);
        const said = await press(page, 'd');
        expect(/^They part at -?[0-9.]+ s\. A: .* B: /.test(said), `where they part is not told: ${said}`);
        expect(await page.locator('#story .story').count() === 2, 'there are no two stories');
    },
};

async function main([path, check, file]) {
    const browser = await chromium.launch({executablePath: path, args: ['--no-sandbox']});
    try {
        const context = await browser.newContext({viewport: {width: 1280, height: 900}, offline: true});
        context.setDefaultTimeout(60000);
        return await CHECKS[check](context, file);
    } finally {
        await browser.close();
    }
}

main(process.argv.slice(2)).then(note => note && console.log(note), error => {
    console.error(error.message);
    process.exitCode = 1;
});
