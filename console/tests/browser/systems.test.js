// The pages of a desk, of signals and of a mesh in a real browser, against the real processes.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { findings } from "./accessible.js";
import { PASSWORD, Place } from "./place.js";

const PICTURES = process.env.PICTURES;
const place = new Place();
let browser;

before(async () => {
  for (const name of ["ben", "eva", "finn", "gina", "hugo", "ines", "jan", "kim", "lea"]) place.addUser(name, "trader");
  place.addUser("carl", "viewer");
  await place.serve();
  const desk = await place.desk("ABC,10.00\nXYZ,2.50\n");
  const trader = `ipc://${join(place.folder, "trader")}`;
  await place.beside(["signals", "trader", "--listen", trader, "--period", "1s"], /listening/);
  const generator = `ipc://${join(place.folder, "generator")}`;
  await place.beside(
    ["signals", "generator", "--name", "G1", "--listen", generator, "--period", "1s"], /listening/);
  const strategy = ["signals", "strategy", "--trader", trader, "--period", "1s"];
  await place.beside([...strategy, "--name", "X", "--signals", generator], /X/);
  const away = `ipc://${join(place.folder, "away")}`;
  await place.beside([...strategy, "--name", "Y", "--signals", away], /Y/);
  const [first, second] = ["a", "b"].map((name) => `ipc://${join(place.folder, name)}`);
  await place.beside(["mesh", "peer-a", "--listen", first], /started/);
  await place.beside(["mesh", "peer-b", "--listen", second, "--connect", first], /started/);
  await place.console("--desk", desk, "--desk-logs", "desk/logs", "--signals", trader, "--mesh", first);
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
async function open(name, { clock, ...options } = {}) {
  const context = await browser.newContext({ baseURL: place.url, ...options });
  const page = await context.newPage();
  if (clock) await page.clock.install();
  page.complaints = [];
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  page.on("console", (line) => {
    if (/Content.Security.Policy|Refused/.test(line.text())) page.complaints.push(line.text());
  });
  await page.goto("/login");
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Log in" }).click();
  return page;
}

const of = (page, id) => page.getByTestId(id);

async function add(page, amount) {
  await of(page, "add-amount").fill(amount);
  await page.getByRole("button", { name: "Add money" }).click();
  await of(page, "told").waitFor();
}

async function trade(page, button, symbol, amount) {
  await of(page, "symbol").fill(symbol);
  await of(page, "amount").fill(amount);
  await of(page, button).click();
  await of(page, "told").waitFor();
}

async function picture(page, name) {
  if (!PICTURES) return;
  mkdirSync(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });
}

test("a trader buys while the seconds count down, sells, and downloads the log", async () => {
  const page = await open("ben");
  assert.match(page.url(), /\/desk$/, "a trader without accounts trades");
  await add(page, "1000.00");
  await trade(page, "quote", "ABC", "");
  assert.match(await of(page, "told").textContent(), /ABC costs 10\.00/);
  assert.equal(await of(page, "symbol").inputValue(), "ABC");
  await trade(page, "buy", "ABC", "105");
  const left = page.getByTestId("pending").locator("[data-until-ms]");
  const first = parseInt(await left.textContent());
  assert.ok(first <= 60, `${first}`);
  await page.waitForFunction(
    (first) => parseInt(document.querySelector("[data-testid=pending] [data-until-ms]").textContent) < first,
    first);
  await page.getByRole("button", { name: "Commit" }).click();
  assert.match(await of(page, "told").textContent(), /The purchase is done: 10 ABC/);
  await trade(page, "sell", "ABC", "20");
  await page.getByTestId("pending").getByRole("button", { name: "Cancel" }).click();
  assert.match(await of(page, "told").textContent(), /The sale is cancelled/);
  const arriving = page.waitForEvent("download");
  await of(page, "log").click();
  const download = await arriving;
  assert.equal(download.suggestedFilename(), "console-ben.xml");
  assert.match(readFileSync(await download.path(), "utf8"), /COMMIT_BUY/);
  assert.deepEqual(page.complaints, []);
});

test("a double click counts once, and a reload sends nothing anew", async () => {
  const page = await open("eva");
  await of(page, "add-amount").fill("100.00");
  await page.getByRole("button", { name: "Add money" }).dblclick();
  await of(page, "told").waitFor();
  await page.waitForURL(/done=/);
  assert.equal(await of(page, "cash").textContent(), "100.00");
  await page.reload();
  assert.equal(await of(page, "cash").textContent(), "100.00", "asks nothing again");
  await page.goto("/desk");
  assert.equal(await of(page, "cash").textContent(), "100.00");
  assert.deepEqual(page.complaints, []);
});

test("a trigger that fires renews the open page, and leaves alone what is being typed", async () => {
  const page = await open("finn");
  const other = await open("finn");
  await add(page, "1000.00");
  await page.getByTestId("set-symbol").fill("XYZ");
  await page.getByTestId("set-amount").fill("100");
  await page.getByRole("button", { name: "Set amount to buy" }).click();
  await of(page, "triggers").waitFor();
  await other.goto("/desk");
  await of(other, "symbol").fill("ABC");
  const price = page.getByLabel("Trigger price of buy XYZ");
  await price.fill("3");
  await page.getByRole("button", { name: "Set trigger" }).click();
  await other.getByText("trigger bought").waitFor();
  assert.equal(await of(other, "symbol").inputValue(), "ABC");
  assert.equal(await of(other, "reserved").textContent(), "0.00");
  assert.deepEqual([...page.complaints, ...other.complaints], []);
});

test("why a command was not sent stays on the page while it renews itself", async () => {
  const page = await open("kim");
  await add(page, "100");
  await of(page, "symbol").fill("ABC");
  await of(page, "amount").fill("1,000");
  const renewed = page.waitForResponse((one) => one.url().endsWith("/desk") && one.request().method() === "GET");
  await of(page, "buy").click();
  // The live stream begins with what may have changed, so the account is asked for.
  await renewed;
  await page.evaluate(() => new Promise((done) => {
    document.addEventListener("htmx:afterSettle", done, { once: true });
    window.htmx.trigger("#live", "allot:renew");
  }));
  assert.match(await of(page, "told").innerText(), /not a plain decimal/);
  assert.deepEqual(page.complaints, []);
});

test("an order that expires, and a session that ends, renew the open page of the desk", async () => {
  const page = await open("lea", { clock: true });
  await add(page, "100");
  await trade(page, "buy", "ABC", "50");
  await of(page, "pending").waitFor();
  await page.waitForFunction(() => document.body.dataset.offline === "false");
  // The clock of the page alone goes on; the desk says that the order is still there.
  const asked = page.waitForRequest((one) => new URL(one.url()).pathname === "/desk" && one.method() === "GET");
  await page.clock.fastForward(61_000);
  await asked;
  const other = await open("lea");
  await other.goto("/sessions");
  await other.getByLabel("Your password").fill(PASSWORD);
  await other.getByRole("button", { name: "Log out all others" }).click();
  await page.waitForURL(/\/login/);
});

test("two users are apart", async () => {
  const gina = await open("gina");
  const hugo = await open("hugo");
  await add(gina, "77.00");
  await hugo.goto("/desk");
  assert.equal(await of(hugo, "cash").textContent(), "0.00");
  assert.equal((await hugo.goto("/signals")).status(), 403);
  const carl = await open("carl");
  assert.equal((await carl.goto("/desk")).status(), 403);
});

test("the desk works without JavaScript", async () => {
  const page = await open("ines", { javaScriptEnabled: false });
  await add(page, "1000.00");
  await trade(page, "buy", "ABC", "50");
  await page.getByRole("button", { name: "Commit" }).click();
  assert.match(await of(page, "shares").textContent(), /ABC/);
  await page.getByTestId("set-symbol").fill("ABC");
  await page.getByTestId("set-amount").fill("20");
  await page.getByRole("button", { name: "Set amount to sell" }).click();
  await page.getByLabel("Trigger price of sell ABC").fill("20");
  await page.getByRole("button", { name: "Set trigger" }).click();
  assert.match(await of(page, "triggers").textContent(), /≥ 20\.00/);
});

test("signals and mesh show what runs, with reasons, and renew themselves", async () => {
  const page = await open("carl");
  await page.goto("/signals");
  await of(page, "components").waitFor();
  await page.getByText("G1").waitFor();
  assert.equal(await of(page, "trader").textContent(), "error");
  await page.goto("/mesh");
  await of(page, "members").waitFor();
  assert.match(await of(page, "members").textContent(), /peer-b/);
  assert.equal(await of(page, "phase").textContent(), "running");
  const up = page.locator("dt", { hasText: "Up for" }).locator("+ dd");
  const before = await up.textContent();
  await page.waitForFunction(
    (before) => [...document.querySelectorAll("dt")].find((dt) => dt.textContent === "Up for")
      .nextElementSibling.textContent !== before, before);
  assert.deepEqual(page.complaints, []);
});

test("pages that hear of nothing take the live stream from no other", async () => {
  const signals = await open("carl");
  await signals.goto("/signals");
  await of(signals, "components").waitFor();
  const mesh = await signals.context().newPage();
  await mesh.goto("/mesh");
  await of(mesh, "members").waitFor();
  const health = await signals.context().newPage();
  let heard = 0;
  health.on("request", (request) => { heard += request.headers()["hx-request"] === "true" ? 1 : 0; });
  await health.goto("/health");
  await health.waitForFunction(() => document.body.dataset.offline === "false");
  while (heard < 2) await health.waitForRequest((request) => request.headers()["hx-request"] === "true");
  for (const page of [signals, mesh]) assert.ok(await page.locator(".offline").isHidden());
});

for (const colorScheme of ["light", "dark"]) {
  test(`axe-core finds nothing, ${colorScheme}`, async () => {
    const jan = await open("jan", { colorScheme });
    await add(jan, "1000.00");
    await trade(jan, "buy", "ABC", "50");
    assert.deepEqual(await findings(jan), [], "an order that is pending");
    await jan.getByRole("button", { name: "Commit" }).click();
    await jan.getByTestId("set-symbol").fill("ABC");
    await jan.getByTestId("set-amount").fill("20");
    await jan.getByRole("button", { name: "Set amount to sell" }).click();
    await jan.getByLabel("Trigger price of sell ABC").waitFor();
    assert.deepEqual(await findings(jan), [], "shares, and an amount that is set");
    const carl = await open("carl", { colorScheme });
    for (const [path, part] of [["/signals", "components"], ["/mesh", "members"]]) {
      await carl.goto(path);
      await of(carl, part).waitFor();
      assert.deepEqual(await findings(carl), [], path);
    }
  });
}

test("pictures of the pages", { skip: PICTURES ? false : "PICTURES names no folder" }, async () => {
  const looks = [
    ["light", { colorScheme: "light", viewport: { width: 1280, height: 800 } }],
    ["dark", { colorScheme: "dark", viewport: { width: 1280, height: 800 } }],
    ["phone", { colorScheme: "light", viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }],
  ];
  for (const [look, options] of looks) {
    const ben = await open("ben", options);
    await add(ben, "10.00");
    await trade(ben, "buy", "ABC", "20");
    const carl = await open("carl", options);
    for (const [page, name] of [[ben, "desk"], [carl, "signals"], [carl, "mesh"]]) {
      if (name !== "desk") await page.goto(`/${name}`);
      await picture(page, `${name}-${look}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${name} scrolls sideways in ${look}`);
    }
  }
});
