// The pages in a real browser, against a real server. Each test waits for what it wants to see.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { PASSWORD, Place } from "./place.js";

const OPERATORS = ["anna", "emma", "finn", "gina", "hugo", "ines", "jack", "kara", "lena", "mona"];
const PICTURES = process.env.PICTURES;
const place = new Place();
let browser;

before(async () => {
  // One for each test: a user may try to log in five times a minute.
  for (const name of OPERATORS) place.addUser(name, "operator");
  place.addUser("ben", "trader", "--account", "alpha");
  place.addUser("carl", "viewer");
  await place.serve();
  place.split("alpha=40,beta=35,gamma=25", 1);
  place.fills("fills-1", 400);
  await place.console();
  // The console has what is published while it runs.
  place.fills("fills-0", 100);
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
  });
});

after(async () => {
  await browser?.close();
  await place.close();
});

/** A page that fails its test when a script or a policy complains. */
async function open(options = {}) {
  const context = await browser.newContext({ baseURL: place.url, ...options });
  const page = await context.newPage();
  page.complaints = [];
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  page.on("console", (line) => {
    if (/Content.Security.Policy|Refused/.test(line.text())) page.complaints.push(line.text());
  });
  return page;
}

async function logIn(page, name, password = PASSWORD) {
  await page.goto("/login");
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
}

const of = (page, id) => page.getByTestId(id);
const report = async (page) => Number(await of(page, "report").textContent());

async function renewed(page) {
  const last = await report(page);
  await page.waitForFunction(
    (last) => Number(document.querySelector("[data-testid=report]").textContent) > last, last);
}

async function picture(page, name) {
  if (!PICTURES) return;
  mkdirSync(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, `${name}.png`) });
}

test("a wrong password says nothing of the name, and the right one leads to the page", async () => {
  const page = await open();
  await page.goto("/fills?ticker=AAPL");
  assert.match(page.url(), /\/login\?next=/);
  await page.getByLabel("Name").fill("nobody");
  await page.getByLabel("Password").fill("wrong wrong wrong");
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("alert").waitFor();
  await picture(page, "login");
  await page.getByLabel("Name").fill("anna");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Log in" }).click();
  await of(page, "fills").waitFor();
  assert.match(page.url(), /\/fills\?ticker=AAPL/);
  assert.deepEqual(page.complaints, []);
});

test("positions renew themselves, are found and sorted, and the back button goes back", async () => {
  const page = await open();
  await logIn(page, "emma");
  await of(page, "positions").waitFor();
  await renewed(page);
  await page.waitForFunction(() => document.body.dataset.stale === "false");
  await page.getByRole("searchbox", { name: "Account" }).fill("a");
  place.fills("fills-2", 50);
  await renewed(page);
  assert.equal(await page.getByRole("searchbox", { name: "Account" }).inputValue(), "a", "typing is not disturbed");
  await page.getByRole("searchbox", { name: "Account" }).fill("bet");
  await page.getByRole("button", { name: "Find" }).click();
  await page.locator("#row-beta").waitFor();
  assert.equal(await page.locator("tbody tr").count(), 1);
  await page.goBack();
  await page.locator("#row-alpha").waitFor();
  await page.getByRole("link", { name: "Value" }).click();
  await page.locator("th[aria-sort=descending]").waitFor();
  const values = await page.locator("tbody tr td:nth-child(3)").allTextContents();
  const numbers = values.map((text) => Number(text.replaceAll(",", "")));
  assert.deepEqual(numbers, [...numbers].sort((a, b) => b - a));
  assert.deepEqual(page.complaints, []);
});

test("fills come as they are divided", async () => {
  const page = await open();
  await logIn(page, "finn");
  await page.goto("/fills");
  await of(page, "fills").waitFor();
  place.fills("live-fills", 3);
  await page.getByText("live-fills/3").waitFor();
  await page.getByRole("searchbox", { name: "Source" }).fill("live");
  await page.getByRole("button", { name: "Find" }).click();
  await page.getByText("3 found of").waitFor();
  assert.equal(await page.locator("tbody tr").count(), 3);
  assert.deepEqual(page.complaints, []);
});

test("a split shows what it closes, counts once when it is sent twice, and stands in the history", async () => {
  const page = await open();
  await logIn(page, "gina");
  await page.goto("/splits");
  const draft = page.getByRole("textbox");
  await draft.fill("alpha 50\nbeta 49");
  await page.getByRole("button", { name: "Show what changes" }).click();
  assert.match(await of(page, "problem").textContent(), /100/);
  await page.getByRole("textbox").fill("alpha 50\nbeta 30\ndelta 20");
  await page.getByRole("button", { name: "Show what changes" }).click();
  assert.match(await of(page, "holders").textContent(), /gamma/);
  assert.match(await of(page, "summary").textContent(), /1 open, 1 close/);
  await picture(page, "preview");
  await page.getByRole("checkbox").check();
  // A double click sends the form twice.
  await of(page, "send").dblclick();
  assert.match(await of(page, "success").textContent(), /Split 2 is in force/);
  await page.reload();
  assert.match(await of(page, "success").textContent(), /Split 2 is in force/, "asks nothing again");
  await page.goBack();
  assert.match(await of(page, "success").textContent(), /Split 2 is in force/, "nothing to confirm");
  await page.goto("/splits");
  await page.waitForFunction(async () => {
    const text = await (await fetch("/splits")).text();
    return text.includes("delta 20") && text.includes('data-testid="split">2<');
  });
  await page.reload();
  await picture(page, "splits");
  assert.match(await of(page, "history").textContent(), /gamma 25/);
  await of(page, "history").getByRole("link", { name: "2", exact: true }).click();
  assert.match(await of(page, "weights").textContent(), /alpha.*50.*beta.*30.*delta.*20/s);
  assert.equal(await of(page, "count").textContent(), "3");
  assert.deepEqual(page.complaints, []);
  assert.equal((await page.goto("/splits/77")).status(), 404);
  const nowhere = await page.goto("/splits/preview");
  assert.equal(nowhere.status(), 405);
  assert.match(await nowhere.text(), /takes a form and shows no page/);
});

test("an open page of splits follows, and what somebody writes stays", async () => {
  const page = await open();
  await logIn(page, "lena");
  await page.goto("/splits");
  const draft = page.getByRole("textbox");
  await draft.fill("alpha 1");
  place.split("alpha=30,beta=30,delta=40", 2);
  await page.waitForFunction(() =>
    document.querySelector("[data-testid=history]")?.textContent.includes("delta 40"));
  assert.equal(await draft.inputValue(), "alpha 1");
  // A page that stays as it is renews its status.
  await page.goto("/sessions");
  await renewed(page);
  await renewed(page);
  assert.deepEqual(page.complaints, []);
});

test("nine pages of one browser share a stream, and go on when the one that holds it is closed", async () => {
  const first = await open();
  await logIn(first, "mona");
  await of(first, "positions").waitFor();
  const paths = ["/", "/fills", "/splits", "/tracking", "/health", "/account/alpha", "/splits/1", "/sessions"];
  const others = [];
  for (const path of paths) {
    const page = await first.context().newPage();
    await page.goto(path);
    others.push(page);
  }
  const all = [first, ...others];
  await Promise.all(all.map(renewed));
  // Whoever held it has gone: another one does.
  await first.close();
  await Promise.all(others.map(renewed));
});

test("a trader sees their own account and no other", async () => {
  const page = await open();
  await logIn(page, "ben");
  await of(page, "positions").waitFor();
  assert.equal(await page.locator("tbody tr").count(), 1);
  assert.equal((await page.goto("/account/beta")).status(), 403);
  assert.equal((await page.goto("/fills")).status(), 403);
  assert.equal((await page.goto("/splits/2")).status(), 403);
  assert.equal((await page.goto("/account/alpha")).status(), 200);
  await of(page, "holdings").waitFor();
  const other = await open();
  await logIn(other, "carl");
  await other.goto("/splits");
  assert.equal(await other.getByRole("textbox").count(), 0);
});

test("a page on another port can send no form here", async () => {
  const page = await open();
  await logIn(page, "hugo");
  const form = `<form id=f method=post action="${place.url}logout"></form><script>f.submit()</script>`;
  const evil = createServer((_, answer) => answer.setHeader("content-type", "text/html").end(form));
  await new Promise((done) => evil.listen(0, "127.0.0.1", done));
  const answered = page.waitForResponse((response) => response.url().endsWith("/logout"));
  await page.goto(`http://127.0.0.1:${evil.address().port}/`).catch(() => {});
  assert.equal((await answered).status(), 403);
  evil.close();
  await page.goto("/");
  await of(page, "positions").waitFor();
});

test("pages and forms work without JavaScript", async () => {
  const page = await open({ javaScriptEnabled: false });
  await logIn(page, "ines");
  for (const [path, id] of [["/", "positions"], ["/fills", "fills"], ["/account/alpha", "holdings"],
    ["/splits", "in-force"], ["/tracking", "worst"], ["/health", "checks"]]) {
    assert.equal((await page.goto(path)).status(), 200);
    await of(page, id).waitFor();
  }
  await page.goto("/splits");
  await page.getByRole("textbox").fill("alpha 50\nbeta 31\ndelta 19");
  await page.getByRole("button", { name: "Show what changes" }).click();
  await of(page, "send").click();
  assert.match(await of(page, "success").textContent(), /is in force/);
  await page.getByRole("button", { name: "Log out" }).click();
  await page.goto("/");
  assert.match(page.url(), /login/);
});

test("a killed server makes the page stale, and a restarted one fresh, with nothing lost", async () => {
  const page = await open();
  await logIn(page, "jack");
  await of(page, "positions").waitFor();
  const total = await of(page, "total").textContent();
  await place.server.stop("SIGKILL");
  await page.locator(".status.stale").waitFor();
  assert.match(await of(page, "reasons").textContent(), /Nothing was heard/);
  await picture(page, "stale");
  await place.serve();
  await page.locator(".status.fresh").waitFor();
  assert.equal(await of(page, "total").textContent(), total);
  await page.goto("/health");
  await page.getByText("restarts since the console began: 1").waitFor();
  assert.deepEqual(page.complaints, []);
});

test("a restarted console leads an open page to the log-in", async () => {
  const page = await open();
  await logIn(page, "kara");
  await of(page, "positions").waitFor();
  await place.page.stop("SIGKILL");
  await page.getByText("The console cannot be reached").waitFor();
  assert.equal(await page.getByRole("status").textContent(), "not renewed");
  await place.console();
  await page.waitForURL(/\/login/);
});

test("pictures of the pages", { skip: PICTURES ? false : "PICTURES names no folder" }, async () => {
  const looks = [
    ["light", { colorScheme: "light", viewport: { width: 1280, height: 800 } }],
    ["dark", { colorScheme: "dark", viewport: { width: 1280, height: 800 } }],
    ["phone", { colorScheme: "light", viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }],
  ];
  place.fills("picture", 300);
  for (const [look, options] of looks) {
    const page = await open(options);
    await logIn(page, "carl");
    for (const [name, path] of [["positions", "/"], ["fills", "/fills"], ["account", "/account/alpha"],
      ["splits", "/splits"], ["tracking", "/tracking"], ["health", "/health"]]) {
      await page.goto(path);
      await page.locator(".status.fresh").waitFor();
      await picture(page, `${name}-${look}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${name} scrolls sideways in ${look}`);
    }
  }
});
