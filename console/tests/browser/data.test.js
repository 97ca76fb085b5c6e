// What Perspective opens, and how a browser bears a large table.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import perspective from "@perspective-dev/client";
import { chromium } from "playwright-core";
import { findings } from "./accessible.js";
import { Place } from "./place.js";

const ACCOUNTS = 200;
const TICKERS = 500;
const UPDATES = 100;
const place = new Place();
let browser;

before(async () => {
  await place.serve("100ms");
  const weights = Array.from({ length: ACCOUNTS }, (_, at) => `account${String(at).padStart(3, "0")}=0.5`);
  place.split(weights.join(","), 1);
  const tickers = Array.from({ length: TICKERS }, (_, at) => `T${String(at).padStart(3, "0")}`).join(",");
  place.fills("fills-1", 4_000, "--tickers", tickers);
  await place.console("--open");
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
  });
});

after(async () => {
  await browser?.close();
  await place.close();
});

test("Perspective opens the positions", async () => {
  const page = await browser.newPage();
  // A server without optimisation takes a slow machine long for this table.
  page.setDefaultTimeout(300_000);
  await page.goto(place.url);
  await page.locator(".status.fresh").waitFor();
  const report = JSON.parse(place.run(["positions", "--publish", place.publish, "--once", "--format", "json"]));
  const answer = await fetch(new URL("positions.arrow", place.url));
  assert.equal(answer.status, 200);
  const table = await perspective.table(await answer.arrayBuffer());
  const held = Object.values(report.accounts).flatMap(({ positions }) => Object.values(positions));
  assert.equal(await table.size(), held.length);
  const view = await table.view({ columns: ["quantity", "value"], group_by: ["account"] });
  const [total] = await view.to_json({ start_row: 0, end_row: 1 });
  assert.equal(total.quantity, held.reduce((sum, { quantity }) => sum + quantity, 0));
  const value = Number(report.total_value);
  assert.ok(Math.abs(total.value - value) < 1e-6 * value, `${total.value} ${value}`);
  await view.delete();
  await table.delete();
  await page.close();
});

test("axe-core finds nothing in a table of many pages", async () => {
  for (const colorScheme of ["light", "dark"]) {
    const page = await browser.newPage({ colorScheme });
    page.setDefaultTimeout(300_000);
    await page.goto(place.url);
    // Ten reports a second of such a table may be more than a server without optimisation makes:
    // then they are as old as the page says.
    await page.getByTestId("positions").waitFor();
    await page.getByLabel("Tickers").getByRole("link", { name: "after ›" }).waitFor();
    assert.deepEqual(await findings(page), [], colorScheme);
    await page.close();
  }
});

test("200 accounts by 500 tickers are renewed ten times a second", async (t) => {
  const page = await browser.newPage();
  // A server without optimisation takes a slow machine long for this table.
  page.setDefaultTimeout(300_000);
  await page.addInitScript(() => {
    globalThis.longTasks = [];
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) globalThis.longTasks.push(duration);
    }).observe({ type: "longtask", buffered: true });
    globalThis.swaps = 0;
    globalThis.most = { records: 0, nodes: 0, replaced: 0 };
    let records = 0;
    const count = (list) => {
      records += list.length;
      globalThis.most.replaced += list.filter(({ target, type }) => type === "childList" && target.closest?.("tbody")).length;
    };
    // What is touched between two renewals is touched in one task.
    document.addEventListener("DOMContentLoaded", () => {
      const observer = new MutationObserver(count);
      observer.observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
      document.addEventListener("htmx:beforeSwap", () => { count(observer.takeRecords()); records = 0; });
      document.addEventListener("htmx:afterSwap", () => {
        count(observer.takeRecords());
        const { most } = globalThis;
        most.records = Math.max(most.records, records);
        most.nodes = Math.max(most.nodes, document.getElementById("live").querySelectorAll("*").length);
      });
    });
    document.addEventListener("htmx:afterSettle", () => { globalThis.swaps += 1; });
  });
  await page.goto(place.url);
  await page.getByTestId("positions").waitFor();
  const report = () => page.evaluate(() => Number(document.querySelector("[data-testid=report]").textContent));
  const first = await report();
  await page.evaluate(() => {
    globalThis.longTasks.length = 0;
    Object.assign(globalThis.most, { records: 0, replaced: 0 });
  });
  await page.waitForFunction((last) => Number(document.querySelector("[data-testid=report]").textContent) >= last, first + UPDATES, { timeout: 300_000 });
  const measured = await page.evaluate(() => ({ long: globalThis.longTasks, swaps: globalThis.swaps, most: globalThis.most }));
  assert.ok(measured.swaps > 0, "the page was renewed");
  // What one task does is bounded, however many accounts and tickers there are: a page has 50 rows
  // of 19 cells. Nothing happens meanwhile, so only what says how new the data is is touched.
  const { records, nodes, replaced } = measured.most;
  assert.ok(nodes > 50 * 19 && nodes < 50 * 19 * 3, `${nodes} nodes`);
  assert.equal(replaced, 0, "no row and no cell is replaced");
  assert.ok(records < 50, `${records} touched`);
  // A figure and no bound: how long a task takes depends on what else the machine does.
  const longest = Math.max(0, ...measured.long);
  const line = `${UPDATES} reports, ${measured.swaps} renewals, ${measured.long.length} tasks over 50 ms, the longest ${longest} ms; at most ${records} of ${nodes} nodes touched in one`;
  t.diagnostic(line);
  if (process.env.PICTURES) writeFileSync(join(process.env.PICTURES, "long-tasks.txt"), `${line}\n`);
  await page.close();
});
