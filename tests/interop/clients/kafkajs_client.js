// kafkajs alone, in transactions and in groups; the same words as aiokafka_client.py.
const { Kafka, logLevel } = require('kafkajs');

const [bootstrap, what, ...rest] = process.argv.slice(2);
const { SASL_MECHANISM, SASL_USERNAME, SASL_PASSWORD } = process.env;
const sasl = SASL_MECHANISM ? { mechanism: SASL_MECHANISM.toLowerCase(), username: SASL_USERNAME, password: SASL_PASSWORD } : undefined;
const kafka = new Kafka({ clientId: what, brokers: bootstrap.split(','), logLevel: logLevel.ERROR, sasl,
  retry: { maxRetryTime: 2000, retries: 20 } });

async function producer(name) {
  const p = kafka.producer({ transactionalId: name, maxInFlightRequests: 1, idempotent: true, transactionTimeout: 30000 });
  await p.connect();
  return p;
}

// One after the other. At once (all together): it may give one the sequence number of another whose answer was lost, and the broker
// takes it for a retry.
async function send(topic, first, last, atOnce) {
  const p = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  const waiting = [];
  await p.connect();
  for (let i = Number(first); i < Number(last); i++) {
    const sent = p.send({ topic, acks: -1, messages: [{ key: `k${i}`, value: `v${i}` }] })
      .then(() => console.log(`ok ${i}`), (e) => console.log(`error ${i} ${e}`));
    if (atOnce) waiting.push(sent);
    else await sent;
    await new Promise((done) => setTimeout(done, 10));
  }
  await Promise.all(waiting);
  await p.disconnect();
}

async function write(topic, name, end, ...values) {
  const p = await producer(name);
  const t = await p.transaction();
  for (const value of values) await t.send({ topic, messages: [{ value, partition: 0 }] });
  if (end === 'hang') {
    console.log('ready');
    await new Promise((done) => setTimeout(done, 600000));
  }
  await (end === 'commit' ? t.commit() : t.abort());
  await p.disconnect();
}

async function copy(source, target, groupId, name, count) {
  let p = await producer(name);
  const c = kafka.consumer({ groupId, readUncommitted: false, sessionTimeout: 10000, heartbeatInterval: 1000 });
  const admin = kafka.admin();
  await admin.connect();
  await c.connect();
  await c.subscribe({ topics: [source], fromBeginning: true });
  let done = 0;
  await new Promise((finished, failed) => {
    c.on(c.events.CRASH, (e) => failed(e.payload.error));
    c.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: async ({ batch, resolveOffset, heartbeat }) => {
        for (let i = 0; i < batch.messages.length && done < Number(count); i += 5) {
          const rows = batch.messages.slice(i, i + 5);
          const t = await p.transaction();
          try {
            await t.send({ topic: target, messages: rows.map((m) => ({ value: m.value, partition: 0 })) });
            const offset = (BigInt(rows[rows.length - 1].offset) + 1n).toString();
            await t.sendOffsets({ consumerGroupId: groupId,
              topics: [{ topic: batch.topic, partitions: [{ partition: batch.partition, offset }] }] });
            await t.commit();
          } catch (e) {
            // What became of a commit is not known: a new producer ends the transaction, and goes on where the group is.
            console.error(e);
            await p.disconnect();
            p = await producer(name);
            await (await p.transaction()).abort(); // only this asks for the id anew, and waits until what was under way has ended
            const [found] = await admin.fetchOffsets({ groupId, topics: [batch.topic] });
            const { offset } = found.partitions[batch.partition];
            c.seek({ topic: batch.topic, partition: batch.partition, offset: offset === '-1' ? '0' : offset });
            return;
          }
          resolveOffset(rows[rows.length - 1].offset);
          await heartbeat();
          done = Number(rows[rows.length - 1].offset) + 1;
        }
        if (done >= Number(count)) finished();
      },
    }).catch(failed);
  });
  await c.disconnect();
  await admin.disconnect();
  await p.disconnect();
}

async function member(topic, groupId) {
  const c = kafka.consumer({ groupId, sessionTimeout: 10000, heartbeatInterval: 1000 });
  await c.connect();
  await c.subscribe({ topics: [topic], fromBeginning: true });
  await new Promise((finished, failed) => {
    c.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: async ({ batch, resolveOffset, heartbeat }) => {
        const rows = batch.messages.map((m) => `${batch.partition} ${m.offset}`);
        for (const row of rows) console.log(`got ${row}`);
        const offset = (BigInt(batch.lastOffset()) + 1n).toString();
        await c.commitOffsets([{ topic: batch.topic, partition: batch.partition, offset }]);
        for (const row of rows) console.log(`done ${row}`);
        resolveOffset(batch.lastOffset());
        await heartbeat();
      },
    }).catch(failed);
  });
}

({ send, write, copy, member })[what](...rest).then(() => process.exit(0), (e) => {
  console.error(e);
  process.exit(1);
});
