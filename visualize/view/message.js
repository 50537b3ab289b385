/* What the bytes of a message mean, by the schemas in the page; and where in the bytes each field stands. */

class Bytes {
    constructor(bytes, missing) {
        this.bytes = bytes;
        this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        this.at = 0;
        this.missing = missing; /* so many are not here: records that a broker sent from a file */
    }

    take(n) {
        if (n < 0 || this.at + n > this.bytes.length) throw new RangeError('the message ends here');
        this.at += n;
        return this.at - n;
    }

    int8() { return this.view.getInt8(this.take(1)); }
    uint8() { return this.view.getUint8(this.take(1)); }
    int16() { return this.view.getInt16(this.take(2)); }
    uint16() { return this.view.getUint16(this.take(2)); }
    int32() { return this.view.getInt32(this.take(4)); }
    uint32() { return this.view.getUint32(this.take(4)); }
    int64() { return this.view.getBigInt64(this.take(8)); }
    float64() { return this.view.getFloat64(this.take(8)); }

    uvarint() {
        let value = 0, scale = 1, byte;
        do {
            byte = this.uint8();
            value += (byte & 127) * scale;
            scale *= 128;
        } while (byte > 127 && scale < 2 ** 56);
        return value;
    }

    varint() {
        const value = this.uvarint();
        return value % 2 ? -(value + 1) / 2 : value / 2;
    }

    uuid() {
        const at = this.take(16), bytes = this.bytes.subarray(at, at + 16);
        return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
    }

    text(n) {
        const at = this.take(n);
        return new TextDecoder().decode(this.bytes.subarray(at, at + n));
    }
}

const IS_ARRAY = 1, MAY_BE_NULL = 2, IS_COMPACT = 4, IS_POINTER = 8;
const FIELDS_MOST = 600;

/* A row of what is shown: {depth, name, type, value, from, to}. */
class Reader {
    constructor(schemas, bytes, missing) {
        this.schemas = schemas;
        this.b = new Bytes(bytes, missing);
        this.rows = [];
    }

    row(depth, name, type, from, value) {
        if (this.rows.length < FIELDS_MOST) this.rows.push({depth, name, type, value, from, to: this.b.at});
        return this.rows.length - 1;
    }

    /* A row whose end is known only when what is in it was read. */
    group(depth, name, type, from, value, inner) {
        const at = this.row(depth, name, type, from, value);
        inner();
        if (this.rows[at]) this.rows[at].to = Math.max(this.rows[at].to, this.b.at);
    }

    struct(id, depth) {
        const schema = this.schemas[id];
        for (const field of schema.fields) this.field(field, depth);
        if (!schema.flexible) return;
        for (let n = this.b.uvarint(); n > 0; n--) {
            const tag = this.b.uvarint(), size = this.b.uvarint(), end = this.b.at + size;
            const field = schema.tagged.find(f => f[4] === tag);
            if (field) this.field(field, depth);
            else this.row(depth, `tag ${tag}`, 'bytes', (this.b.take(size), end - size), `${size} bytes`);
            if (this.b.at !== end) throw new RangeError('a tagged field ends elsewhere than it says');
        }
    }

    length(flags, isShort) {
        if (flags & IS_COMPACT) return this.b.uvarint() - 1;
        return isShort ? this.b.int16() : this.b.int32();
    }

    field([name, type, flags, item], depth) {
        const from = this.b.at;
        if (flags & IS_ARRAY) {
            const n = this.length(flags, false);
            if (n > this.b.bytes.length) throw new RangeError('an array is longer than the message');
            this.group(depth, name, `array of ${type}`, from, n < 0 ? 'null' : `${n} of them`, () => {
                for (let i = 0; i < n; i++) this.value(`[${i}]`, type, flags & ~MAY_BE_NULL, item, depth + 1);
            });
            return;
        }
        if (flags & IS_POINTER && flags & MAY_BE_NULL && this.b.int8() < 0) {
            this.row(depth, name, type, from, 'null');
            return;
        }
        this.value(name, type, flags, item, depth, from);
    }

    value(name, type, flags, item, depth, from = this.b.at) {
        if (type === 'struct') {
            this.group(depth, name, 'struct', from, '', () => this.struct(item, depth + 1));
        } else if (type === 'string') {
            const n = this.length(flags, true), text = n < 0 ? 'null' : JSON.stringify(this.b.text(n));
            this.row(depth, name, type, from, text);
        } else if (type === 'bytes' || type === 'records') {
            this.run(name, type, flags, depth, from);
        } else {
            const value = type === 'bool' ? this.b.int8() !== 0 : this.b[type]();
            this.row(depth, name, type, from, String(value));
        }
    }

    /* Bytes, and records, which are batches again. What was sent from a file is not here. */
    run(name, type, flags, depth, from) {
        const n = this.length(flags, false);
        if (type === 'records' && n > 0 && this.b.missing >= n) {
            this.b.missing -= n;
            this.row(depth, name, type, from, `${count(n)} bytes, sent from the log's file, which the trace does not keep`);
            return;
        }
        const start = this.b.at, here = Math.min(n, this.b.bytes.length - start);
        if (n <= 0) {
            this.row(depth, name, type, from, n < 0 ? 'null' : 'empty');
            return;
        }
        this.group(depth, name, type, from, `${count(n)} bytes`, () => {
            if (type === 'records') {
                try {
                    while (this.b.at - start < here) this.batch(depth + 1);
                } catch (error) {
                    this.b.at = start;
                }
            }
            this.b.at = start;
            this.b.take(n);
        });
    }

    batch(depth) {
        const b = this.b, from = b.at, base = b.int64(), size = b.int32(), end = b.at + size;
        this.group(depth, 'batch', 'record batch', from, `base offset ${base}`, () => {
            const plain = (name, type) => {
                const at = b.at, value = b[type]();
                this.row(depth + 1, name, type, at, String(value));
                return value;
            };
            plain('partitionLeaderEpoch', 'int32');
            plain('magic', 'int8');
            plain('crc', 'uint32');
            const attributes = plain('attributes', 'int16');
            plain('lastOffsetDelta', 'int32');
            plain('baseTimestamp', 'int64');
            plain('maxTimestamp', 'int64');
            plain('producerId', 'int64');
            plain('producerEpoch', 'int16');
            plain('baseSequence', 'int32');
            const records = plain('records', 'int32');
            const packed = ['none', 'gzip', 'snappy', 'lz4', 'zstd'][attributes & 7];
            if (attributes & 7) this.row(depth + 1, 'data', 'bytes', b.at, `${end - b.at} bytes, packed with ${packed}`);
            else for (let i = 0; i < Math.min(records, 50); i++) this.record(depth + 1, base);
            b.at = end;
        });
    }

    record(depth, base) {
        const b = this.b, from = b.at, end = b.varint() + b.at;
        b.int8();
        b.varint();
        const offset = base + BigInt(b.varint());
        const part = () => {
            const n = b.varint();
            return n < 0 ? 'null' : JSON.stringify(b.text(Math.min(n, 200)));
        };
        const key = part(), value = part();
        b.at = end;
        this.row(depth, `record ${offset}`, 'record', from, `${key}: ${value}`);
    }
}

/* What stands before and in a message. why: NULL, or why the rest could not be read. */
function readMessage(run, i, bytes, isCut, missing) {
    const isAnswer = (run.flags[i] & ANSWER) !== 0, api = run.words.apis[run.api[i]];
    const version = run.c.get('m.version')[i], found = api?.[version];
    const r = new Reader(run.words.schemas, bytes, missing);
    let why = null;
    try {
        const plain = (name, type) => {
            const at = r.b.at, value = r.b[type]();
            r.row(0, name, type, at, String(value));
        };
        plain('size', 'int32');
        if (!isAnswer) {
            plain('requestApiKey', 'int16');
            plain('requestApiVersion', 'int16');
        }
        plain('correlationId', 'int32');
        if (!isAnswer) r.field(['clientId', 'string', MAY_BE_NULL, null, null], 0);
        if (!found) return {rows: r.rows, why: 'This version is not known here.'};
        if (isAnswer ? found[3] === 1 : found[2] === 2) {
            const at = r.b.at;
            r.row(0, 'header tags', 'tags', at, String(r.b.uvarint()));
            r.rows[r.rows.length - 1].to = r.b.at;
        }
        r.struct(found[isAnswer ? 1 : 0], 0);
        if (r.b.at !== bytes.length && !isCut) why = `${bytes.length - r.b.at} bytes are left over.`;
    } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        why = isCut ? 'The page keeps only the beginning of long messages.' : `It could not be read on: ${error.message}.`;
    }
    for (const row of r.rows) row.to = Math.min(row.to, bytes.length); /* what the page does not keep */
    if (r.rows.length >= FIELDS_MOST) why = `Only the first ${FIELDS_MOST} fields are listed.`;
    return {rows: r.rows, why};
}
