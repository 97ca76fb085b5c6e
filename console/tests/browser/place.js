// A place in which a server, its feeds and a console run, as real processes on free ports.

import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const PASSWORD = "correct horse battery";

const BINARY = process.env.ALLOT ?? new URL("../../../target/debug/allot", import.meta.url).pathname;
const FREE = "tcp://127.0.0.1:*";

/** A process, and the lines that it has printed. */
class Process {
  constructor(folder, args) {
    const env = { ...process.env, ALLOT_RUN_DIR: folder };
    this.child = spawn(BINARY, args, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
    this.output = "";
    this.waiting = [];
    this.errors = "";
    this.child.stdout.on("data", (text) => { this.output += text; this.look(); });
    this.child.stderr.on("data", (text) => { this.errors += text; });
    this.ended = new Promise((end) => this.child.on("exit", (code) => { this.code = code; end(code); this.look(); }));
  }

  look() {
    this.waiting = this.waiting.filter(({ pattern, found, lost }) => {
      const match = this.output.match(pattern);
      if (match) found(match);
      else if (this.code !== undefined) lost(new Error(`no ${pattern} in: ${this.output}${this.errors}`));
      else return true;
      return false;
    });
  }

  /** The first match in what it prints. */
  line(pattern) {
    return new Promise((found, lost) => { this.waiting.push({ pattern, found, lost }); this.look(); });
  }

  async stop(signal = "SIGINT") {
    if (this.code === undefined) this.child.kill(signal);
    return this.ended;
  }
}

export class Place {
  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), "allot-console-"));
    this.front = FREE;
    this.publish = FREE;
    this.listen = "127.0.0.1:0";
    this.others = [];
    this.run(["init", "data"]);
  }

  run(args, input = "") {
    const env = { ...process.env, ALLOT_RUN_DIR: this.folder };
    const done = spawnSync(BINARY, args, { cwd: this.folder, env, input, encoding: "utf8", maxBuffer: 64 << 20 });
    if (done.status !== 0) throw new Error(`allot ${args.join(" ")}: ${done.stderr}`);
    return done.stdout;
  }

  addUser(name, role, ...more) {
    this.run(["console", "user", "add", name, "--role", role, ...more], `${PASSWORD}\n`);
  }

  /** A server that keeps its ledger; started again it has the ports of before. */
  async serve(every = "200ms") {
    const ends = ["--front", this.front, "--publish", this.publish, "--report-every", every];
    this.server = new Process(this.folder, ["serve", "--data", "data", ...ends]);
    const [, front, publish] = await this.server.line(/front=(\S+) publish=(\S+)/);
    [this.front, this.publish] = [front, publish];
  }

  async console(...more) {
    const args = ["console", "--front", this.front, "--publish", this.publish, "--listen", this.listen, ...more];
    this.page = new Process(this.folder, args);
    const [, url, listen] = await this.page.line(/console=(http:\/\/([^/]+)\/)/);
    [this.url, this.listen] = [url, listen];
    return url;
  }

  /** Starts something else that ends with the place, and waits for a line of it. */
  async beside(args, pattern) {
    const process = new Process(this.folder, args);
    this.others.push(process);
    return process.line(pattern);
  }

  /** A desk with a quote server that has these prices; returns where its front door is. */
  async desk(prices) {
    writeFileSync(join(this.folder, "prices"), prices);
    const [, quotes] = await this.beside(
      ["desk", "quote-server", "--listen", "127.0.0.1:0", "--prices", "prices"], /quotes=(\S+)/);
    const ends = ["--front", FREE, "--publish", FREE, "--quotes", quotes];
    const [, front] = await this.beside(
      ["desk", "serve", "--data", "desk", "--new", ...ends], /front=(\S+)/);
    return front;
  }

  split(weights, seq) {
    this.run(["feed", "aum", "--front", this.front, "--source", "aum", "--first-seq", String(seq), "--count", "1", "--weights", weights]);
  }

  fills(source, count, ...more) {
    this.run(["feed", "fills", "--front", this.front, "--source", source, "--random", "--seed", "7", "--count", String(count), "--rate", "max", ...more]);
  }

  async close() {
    await this.page?.stop();
    for (const other of this.others) await other.stop("SIGKILL");
    await this.server?.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
