// A client of zeromq.js; `interop.py` says what it has to do.
import readline from "node:readline/promises";
import * as zmq from "zeromq";

const [role, front, publish, key] = process.argv.slice(2);
const source = `js-${role}`;

const open = (Kind, endpoint, key) => {
  const options = { linger: 0, heartbeatInterval: 200, heartbeatTimeout: 30000 };
  options.heartbeatTimeToLive = 60000;
  options.receiveTimeout = 60000;
  if (key && key !== "-") {
    const own = zmq.curveKeyPair();
    options.curveServerKey = key;
    options.curvePublicKey = own.publicKey;
    options.curveSecretKey = own.secretKey;
  }
  const one = new Kind(options);
  one.connect(endpoint);
  return one;
};

const fill = (seq) =>
  JSON.stringify({ type: "fill", source, seq, ticker: "AAPL", price: "187.23", quantity: 100 });

const check = (holds, what) => {
  if (!holds) throw new Error(JSON.stringify(what));
};

const replies = async (client, count) => {
  const seen = [];
  while (seen.length < count) {
    const [body] = await client.receive();
    const lines = body.toString().split("\n").filter((line) => line !== "");
    seen.push(...lines.map((line) => JSON.parse(line)));
  }
  check(seen.length === count, [seen.length, count]);
  return seen;
};

const pause = async () => {
  console.log("ready");
  const lines = readline.createInterface({ input: process.stdin });
  await lines.question("");
  lines.close();
};

const dealer = async () => {
  const client = open(zmq.Dealer, front, key);
  for (let seq = 1; seq < 4; seq += 1) await client.send(fill(seq));
  const many = Array.from({ length: 5000 }, (_, at) => fill(4 + at));
  await client.send(many.join("\n"));
  const seen = await replies(client, 5003);
  check(new Set(seen.map((one) => one.seq)).size === 5003, "every number once");
  await client.send(Array(1000).fill("x"));
  check((await replies(client, 1))[0].type === "rejected", "many frames");
  await pause();
  await client.send(fill(1));
  check((await replies(client, 1))[0].seq === 1, "after the restart");
};

const req = async () => {
  for (const begin of [1, 101]) {
    const client = open(zmq.Request, front, key);
    for (let seq = begin; seq < begin + 20; seq += 1) {
      await client.send(fill(seq));
      check((await replies(client, 1))[0].seq === seq, seq);
    }
    if (begin === 1) await pause();
  }
};

const hear = async (feed, client, first) => {
  const families = new Set();
  let seq = first;
  while (families.size < 3) {
    if (!families.has("fills")) await client.send(fill(seq++));
    const [topic, number, body] = await feed.receive();
    check(number.length === 8, "eight bytes");
    JSON.parse(body.toString());
    families.add(topic.toString().split(":")[0]);
  }
};

const sub = async (Kind) => {
  const feed = open(Kind, publish);
  for (const topic of ["positions:json", "fills:json:AAPL:", "heartbeat:"]) {
    if (Kind === zmq.Subscriber) feed.subscribe(topic);
    else await feed.send("\x01" + topic);
  }
  const client = open(zmq.Dealer, front, key);
  await hear(feed, client, 1);
  await pause();
  await hear(feed, client, 1000000);
};

const roles = { dealer, req, sub: () => sub(zmq.Subscriber), xsub: () => sub(zmq.XSubscriber) };
await roles[role]();
process.exit(0);
