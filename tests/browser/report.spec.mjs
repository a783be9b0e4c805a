// SPDX-License-Identifier: MIT
// report.spec.mjs REPORT.html...: opens reports in a real browser (CHROMIUM, else /usr/bin/chromium) and checks what must hold
// for each: no request but for the file, no console message, every section, no sideways scrolling, scripts on and off.
// Prints "ok NAME" or "not ok NAME: WHY", at the end "N passed, N failed".
import { chromium } from "playwright-core";
import { pathToFileURL } from "node:url";

const SECTIONS = ["verdict", "stack", "timeline", "drops", "packets", "latency", "cpus", "sockets", "conntrack", "ledger",
		  "config", "unseen", "recording"];
const files = process.argv.slice(2);
let passed = 0, failed = 0;

function check(name, ok, why) {
	if (ok)
		passed++;
	else
		failed++;
	console.log(ok ? `ok ${name}` : `not ok ${name}: ${why}`);
}

/* WCAG 2.1, 1.4.3: relative luminance of visible text against the nearest opaque background */
function contrastProblems() {
	const parse = (c) => {
		const m = c.match(/[\d.]+/g).map(Number);

		return c.startsWith("color(srgb") ? [m[0] * 255, m[1] * 255, m[2] * 255, m[3] ?? 1] : [m[0], m[1], m[2], m[3] ?? 1];
	};
	const lum = (c) => {
		const v = c.slice(0, 3).map((x) => (x /= 255) <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);

		return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2];
	};
	const over = (a, b) => [0, 1, 2].map((i) => a[i] * a[3] + b[i] * (1 - a[3])).concat(1);
	const background = (e) => {
		const stack = [];

		for (; e; e = e.parentElement) {
			stack.push(parse(getComputedStyle(e).backgroundColor));
			if (stack[stack.length - 1][3] === 1)
				break;
		}
		return stack.reverse().reduce((b, c) => over(c, b), [255, 255, 255, 1]);
	};
	const bad = new Set();

	for (const e of document.querySelectorAll("body *:not(svg *):not(script)")) {
		const own = Array.from(e.childNodes).some((n) => n.nodeType === 3 && n.textContent.trim());

		if (!own || !e.getClientRects().length)
			continue;
		const s = getComputedStyle(e), a = lum(parse(s.color)), b = lum(background(e));
		const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		const large = parseFloat(s.fontSize) >= 24 || (parseFloat(s.fontSize) >= 18.66 && Number(s.fontWeight) >= 700);

		if (ratio < (large ? 3 : 4.5))
			bad.add(`${e.tagName.toLowerCase()}.${e.className} ${ratio.toFixed(2)}`);
	}
	return Array.from(bad).slice(0, 5);
}

/* what a screen reader and a keyboard need */
function structureProblems() {
	const bad = [];

	if (document.documentElement.lang !== "en")
		bad.push("no language");
	for (const name of ["main", "nav", "header", "footer"])
		if (document.querySelectorAll(`body > ${name}`).length !== 1)
			bad.push(`not one ${name}`);
	if (document.querySelectorAll("h1").length !== 1)
		bad.push("not one h1");
	for (const t of document.querySelectorAll("table"))
		if (!t.caption || !t.caption.textContent)
			bad.push("a table without a caption");
	for (const th of document.querySelectorAll("th"))
		if (!th.scope)
			bad.push("a th without scope");
	for (const b of document.querySelectorAll(".scroll"))
		if (b.tabIndex !== 0 || !b.getAttribute("aria-label"))
			bad.push("a scrolling box that the keyboard cannot reach");
	const ids = Array.from(document.querySelectorAll("[id]")).map((e) => e.id);

	if (new Set(ids).size !== ids.length)
		bad.push("an id twice");
	for (const a of document.querySelectorAll("a"))
		if (!a.getAttribute("href").startsWith("#") || !document.getElementById(a.getAttribute("href").slice(1)))
			bad.push(`a link to ${a.getAttribute("href")}`);
	for (const e of document.querySelectorAll("[src], [onclick], [onerror], [onload], [style]"))
		bad.push(`${e.tagName} with src, handler or style`);
	if (document.querySelectorAll("script").length !== 2)
		bad.push("more scripts than ours");
	return Array.from(new Set(bad));
}

async function checkInteraction(page, name) {
	const rows = page.locator("#packet-list tr[data-p]");
	const all = await rows.count();

	if (all) {
		const flow = (await rows.first().locator("th").textContent()).trim();

		await page.fill("#packet-words", flow);
		const shown = await rows.evaluateAll((v) => v.filter((r) => !r.hidden).length);
		check(`${name} search`, shown >= 1 && shown <= all, `${shown} of ${all} rows shown for '${flow}'`);
		await page.fill("#packet-words", "no such word anywhere");
		const none = await rows.evaluateAll((v) => v.filter((r) => !r.hidden).length);
		check(`${name} search that finds nothing`, none === 0, `${none} rows shown`);
		await page.fill("#packet-words", "");
		await rows.last().locator("button").click();
		const title = await page.locator("#packet-view h4").textContent();
		check(`${name} packet opens`, title.startsWith("Packet "), title);
	}
	if (await page.locator("#timeline-picture").count()) {
		await page.locator("#timeline-picture").focus();
		await page.keyboard.press("ArrowRight");
		const text = await page.locator("#timeline-readout").textContent();
		check(`${name} timeline by keyboard`, / to \+/.test(text), text);
		const before = await page.locator("#timeline-picture .plot").first().getAttribute("viewBox");
		await page.keyboard.press("+");
		const zoomed = await page.locator("#timeline-picture .plot").first().getAttribute("viewBox");
		await page.keyboard.press("Escape");
		const after = await page.locator("#timeline-picture .plot").first().getAttribute("viewBox");
		const buckets = Number(before.split(" ")[2]);
		check(`${name} timeline zoom`, (zoomed !== before || buckets < 3) && after === before, `${before}, ${zoomed}, ${after}`);
	}
	const th = page.locator("#drops th .sort").first();

	if (await th.count()) {
		await th.click();
		const sorted = await page.locator("#drops tbody tr td:first-child").evaluateAll((v) => v.map((c) => Number(c.dataset.v)));
		check(`${name} sorting`, sorted.every((v, i) => !i || sorted[i - 1] >= v), sorted.slice(0, 9).join(" "));
	}
}

async function checkReport(browser, url, label, width, scheme, scripts) {
	const name = `${label} ${width} px ${scheme} scripts ${scripts ? "on" : "off"}`;
	const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: scheme, javaScriptEnabled: scripts });
	const page = await context.newPage();
	const requests = [], messages = [];

	page.on("request", (r) => requests.push(r.url()));
	page.on("console", (m) => messages.push(m.text()));
	page.on("pageerror", (e) => messages.push(e.message));
	page.on("dialog", (d) => { messages.push("dialog: " + d.message()); d.dismiss(); });
	await page.goto(url);
	await page.waitForTimeout(100);
	for (const id of SECTIONS)
		if (!await page.locator(`section#${id} h2`).count())
			messages.push(`section ${id} is missing`);
	/* folded parts take part in everything */
	const details = page.locator("details:not([open]) > summary");

	for (let n = await details.count(); n > 0; n--)
		if (await details.first().isVisible())
			await details.first().click();
		else
			break;
	if (scripts)
		await checkInteraction(page, name);
	const size = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
	check(`${name} width`, size[0] <= size[1], `the page is ${size[0]} px wide in ${size[1]}`);
	const structure = await page.evaluate(structureProblems);
	check(`${name} structure`, !structure.length, structure.join("; "));
	const contrast = await page.evaluate(contrastProblems);
	check(`${name} contrast`, !contrast.length, contrast.join("; "));
	const foreign = requests.filter((r) => r !== url && !r.startsWith("data:"));
	check(`${name} requests`, !foreign.length, foreign.join(" "));
	check(`${name} silent`, !messages.length, messages.join("; "));
	await context.close();
}

if (!files.length) {
	console.error("usage: node report.spec.mjs REPORT.html...");
	process.exit(2);
}
const browser = await chromium.launch({
	executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
	args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

for (const file of files) {
	const label = file.split("/").pop();

	for (const width of [360, 1600])
		for (const scheme of ["light", "dark"])
			for (const scripts of [true, false])
				await checkReport(browser, pathToFileURL(file).href, label, width, scheme, scripts);
}
await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
