'use strict';
/* The page's data: columns of numbers, packed (visualize/columns.h says how), and the words beside them. */

const $ = id => document.getElementById(id);

/* Base64 and zlib → bytes. */
async function unpack(text) {
    let packed;
    if (Uint8Array.fromBase64) {
        packed = Uint8Array.fromBase64(text);
    } else {
        const plain = atob(text);
        packed = new Uint8Array(plain.length);
        for (let i = 0; i < plain.length; i++) packed[i] = plain.charCodeAt(i);
    }
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate'));
    return new Uint8Array(await new Response(stream).arrayBuffer());
}

/* What stands in an element of the page is needed once: its text is let go. */
function take(id) {
    const element = $(id), text = element.textContent;
    element.remove();
    return text;
}

class Columns {
    constructor(bytes) {
        this.places = new Map();
        this.read = new Map();
        this.add(bytes);
    }

    add(bytes) {
        const view = new DataView(bytes.buffer, bytes.byteOffset), names = new TextDecoder();
        for (let at = 0; at < bytes.length;) {
            const length = bytes[at], name = names.decode(bytes.subarray(at + 1, at + 1 + length));
            at += 1 + length;
            const kind = String.fromCharCode(bytes[at]), n = view.getUint32(at + 1), size = view.getUint32(at + 5);
            this.places.set(name, {bytes, kind, n, at: at + 9, end: at + 9 + size});
            at += 9 + size;
        }
    }

    has(name) {
        return this.places.has(name);
    }

    /* Read at the first use, and kept. */
    get(name) {
        let found = this.read.get(name);
        if (!found) {
            const place = this.places.get(name);
            found = place.kind === 'u' ? place.bytes.subarray(place.at, place.end)
                : place.kind === 't' ? readTexts(place)
                : readNumbers(place);
            this.read.set(name, found);
        }
        return found;
    }
}

/* Zigzag over LEB128. Numbers beyond 2^53 lose their last digits; no time and no offset is so large. */
function readNumbers(place) {
    const bytes = place.bytes, out = new Float64Array(place.n), steps = place.kind === 'd';
    let at = place.at, last = 0;
    for (let i = 0; i < place.n; i++) {
        let byte = bytes[at++], value = byte & 127;
        if (byte > 127) {
            let scale = 128;
            do {
                byte = bytes[at++];
                value += (byte & 127) * scale;
                scale *= 128;
            } while (byte > 127);
            value = value % 2 ? -(value + 1) / 2 : value / 2;
        } else {
            value = value & 1 ? -(value + 1) >> 1 : value >> 1;
        }
        out[i] = steps ? last += value : value;
    }
    return out;
}

function readTexts(place) {
    const bytes = place.bytes, out = new Array(place.n), decoder = new TextDecoder();
    for (let i = 0, at = place.at; i < place.n; i++) {
        let length = 0, shift = 0, byte;
        do {
            byte = bytes[at++];
            length |= (byte & 127) << shift;
            shift += 7;
        } while (byte > 127);
        out[i] = decoder.decode(bytes.subarray(at, at + length));
        at += length;
    }
    return out;
}

/* The last place in [from, to) whose value is at most this one, or from - 1. */
function lastAt(values, value, from = 0, to = values.length) {
    while (from < to) {
        const middle = (from + to) >> 1;
        if (values[middle] <= value) from = middle + 1;
        else to = middle;
    }
    return from - 1;
}

/* The first place whose value is at least this one, or the length. */
function firstAt(values, value, from = 0, to = values.length) {
    while (from < to) {
        const middle = (from + to) >> 1;
        if (values[middle] < value) from = middle + 1;
        else to = middle;
    }
    return from;
}

/* ---- words ---- */

const seconds = ns => (ns / 1e9).toFixed(3) + ' s';

function duration(ns) {
    const digits = v => v >= 100 ? v.toFixed(0) : v >= 10 ? v.toFixed(1) : v.toFixed(2);
    if (ns >= 1e9) return digits(ns / 1e9) + ' s';
    return ns >= 1e6 ? digits(ns / 1e6) + ' ms' : digits(ns / 1e3) + ' µs';
}

const grouped = new Intl.NumberFormat('en'); /* made once: it takes longer than a frame */
const count = n => grouped.format(n);

/* Text that stays the same costs no layout. */
function setText(id, text) {
    const element = $(id);
    if (element.textContent !== text) element.textContent = text;
}

/* "1.9s", "250ms" or "-0.1" → ns; NaN: it is no time. */
function parseTime(text) {
    const found = /^(-?[0-9]+(?:\.[0-9]+)?)(us|ms|s|m)?$/.exec(text.trim());
    if (!found) return NaN;
    return Math.round(Number(found[1]) * {us: 1e3, ms: 1e6, s: 1e9, m: 6e10}[found[2] || 's']);
}
